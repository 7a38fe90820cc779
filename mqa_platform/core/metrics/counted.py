"""What every metric counted: one row a metric and thing that it counts, with the account behind it.

Belongs here: the rows of ``metric_accounts``, from the definitions. Does not belong here: the figures made of
them (``summaries``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, none_of_type, one_of
from mqa_platform.core.metrics.definitions import DIMENSIONS, Metric
from mqa_platform.core.metrics.register import METRICS
from mqa_platform.policy.models import Policy

NUMERATOR, DENOMINATOR, CENSORED = "numerator", "denominator", "censored"


def metric_accounts(
    facts: Mapping[str, ir.Table],
    policy: Policy,
    only: Collection[str] | None = None,
    spent_in: Collection[str] = (),
) -> ir.Table:
    """One row a metric and thing counted; a numerator counts below the line as well.

    The figures of ``conversion_metrics`` are computed from these rows and from nothing else that has an
    account, so what a figure counts is found by its metric, cohort and dimension.

    Args:
        facts: the rows of each kind of facts that a definition names; a kind without a table has no metrics.
        policy: the windows.
        only: names of metrics; None: all.
        spent_in: the months whose spend is known, as 2026-01.
    """
    made = [
        _rows(m, facts[m.facts], policy, spent_in)
        for m in METRICS.values()
        if m.facts in facts and (only is None or m.name in only)
    ]
    return ibis.union(*made)


def _rows(metric: Metric, facts: ir.Table, policy: Policy, spent_in: Collection[str]) -> ir.Table:
    """The rows of one metric."""
    c = metric.count(facts, policy)
    amount = none_of_type("float64") if c.amount is None else c.amount.cast("float64")
    hit, below = c.numerator.fill_null(False), c.denominator.fill_null(False)
    if metric.of_spend:
        # Spend of some months over what all of them brought would flatter.
        known = one_of(facts["cohort"], spent_in)
        hit, below = hit & known, below & known
    role = first_match(
        [(hit, ibis.literal(NUMERATOR)), (below, ibis.literal(DENOMINATOR))],
        ibis.literal(CENSORED),
    )
    t = facts.mutate(_role=role, _amount=amount)
    t = t if c.applies is None else t.filter(c.applies.fill_null(False))

    def own(column: str) -> ir.Value:
        """The metric's column of a dimension, null where it has none."""
        name = metric.columns.get(column, column)
        has = column in metric.dimensions or column in ("motion", "cohort")
        return t[name] if has and name in t.columns else none_of_type("string")

    made = t.select(
        metric=ibis.literal(metric.name),
        subject_id=t["subject_id"],
        cohort=own("cohort"),
        account_id=t["account_id"],
        motion=own("motion"),
        episode=t["episode"] if "episode" in t.columns else none_of_type("int64"),
        counted_as=t["_role"],
        amount=t["_amount"],
        **{d: own(d) for d in DIMENSIONS if d != "motion"},
    )
    # Rows of a union must agree on what may be null.
    return made.cast({c: kind.copy(nullable=True) for c, kind in made.schema().items()})
