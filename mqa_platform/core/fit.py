"""Fit: the ICP as a gate and a grade of every version of an account.

Belongs here: whether a criterion is met, the gate, the grade and its range. Does not belong here: which
accounts there are (``accounts``).
"""

from __future__ import annotations

import re

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, joined
from mqa_platform.policy.icp import Criterion
from mqa_platform.policy.models import Policy

_TEXT = ("industry", "country")


def _met(t: ir.Table, criterion: Criterion) -> ir.BooleanValue:
    """Whether a criterion is met; null when the field is missing."""
    value = t[criterion.field]
    if criterion.field in _TEXT:
        value = value.nullif("")
        return ibis.ifelse(
            value.isnull(),
            ibis.null("boolean"),
            value.lower().isin([w.lower() for w in criterion.any_of]),
        )
    if criterion.field == "technologies":
        value = value.nullif("")
        words = "|".join(re.escape(w.lower()) for w in criterion.any_of)
        return ibis.ifelse(
            value.isnull(), ibis.null("boolean"), value.lower().re_search(f"(^|;)({words})(;|$)")
        )
    number = value.cast("float64")
    low = (
        number >= float(criterion.minimum) if criterion.minimum is not None else ibis.literal(True)
    )
    high = (
        number <= float(criterion.maximum) if criterion.maximum is not None else ibis.literal(True)
    )
    return ibis.ifelse(number.isnull(), ibis.null("boolean"), low & high)


def _gate_view(met: ir.BooleanValue, criterion: Criterion) -> ir.BooleanValue:
    """What the gate makes of a criterion: a missing field passes, fails or stays unknown by policy."""
    if criterion.on_missing == "unknown":
        return met
    return met.fill_null(criterion.on_missing == "pass")


def _listed(cases: list[tuple[ir.BooleanValue, str]]) -> ir.StringValue:
    """The names whose condition holds, in order, separated by semicolons; empty text for none."""
    if not cases:
        return ibis.literal("")
    pieces = [ibis.ifelse(c.fill_null(False), f"{name};", "") for c, name in cases]
    return joined("", pieces).re_replace(r";$", "")


def with_fit(t: ir.Table, policy: Policy) -> ir.Table:
    """Adds fit_gate, failed_criteria, missing_fields, fit_score, fit_low, fit_high and fit_grade.

    ``fit_score = 100 × Σ weight of met ÷ Σ weight of known``; low and high count the unknown as
    missed and as met. An ICP without criteria passes everyone at 100.
    """
    criteria = policy.icp.criteria
    if not criteria:
        full = ibis.literal(100.0)
        return t.mutate(
            fit_gate=ibis.literal("pass"),
            failed_criteria=ibis.literal(""),
            missing_fields=ibis.literal(""),
            fit_score=full,
            fit_low=full,
            fit_high=full,
            fit_grade=ibis.literal("A"),
        )
    t = t.mutate(**{f"met_{n}": _met(t, c) for n, c in criteria.items()})
    gate = {n: _gate_view(t[f"met_{n}"], c) for n, c in criteria.items()}
    required = [n for n, c in criteria.items() if c.required]
    failed = [(~gate[n], n) for n in required]
    unknown = [gate[n].isnull() for n in required]
    total = float(sum(c.weight for c in criteria.values()))

    def weighed(condition: str) -> ir.FloatingValue:
        parts = [
            ibis.ifelse(
                t[f"met_{n}"].fill_null(False) if condition == "met" else t[f"met_{n}"].notnull(),
                float(c.weight),
                0.0,
            )
            for n, c in criteria.items()
        ]
        out = parts[0]
        for part in parts[1:]:
            out = out + part
        return out

    met, known = weighed("met"), weighed("known")
    score = met * 100.0 / known.nullif(0.0)
    icp = policy.icp
    return t.mutate(
        fit_gate=first_match(
            [(c.fill_null(False), ibis.literal("fail")) for c, _ in failed]
            + [(c, ibis.literal("unknown")) for c in unknown],
            ibis.literal("pass"),
        ),
        failed_criteria=_listed(failed),
        missing_fields=_listed([(t[f"met_{n}"].isnull(), c.field) for n, c in criteria.items()]),
        fit_score=score,
        fit_low=met * 100.0 / total,
        fit_high=(met + total - known) * 100.0 / total,
        fit_grade=first_match(
            [
                ((score >= limit).fill_null(False), ibis.literal(grade))
                for grade, limit in (("A", icp.grade_a), ("B", icp.grade_b), ("C", icp.grade_c))
            ],
            ibis.literal("D"),
        ),
    ).drop(*[f"met_{n}" for n in criteria])
