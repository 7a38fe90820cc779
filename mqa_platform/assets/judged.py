"""The published tables as accounts are judged by them: a parent by everything that its subtree did.

Belongs here: which scores and receipts handoffs and decisions read. Does not belong here: the trees
(``core.subtrees``), or the published scores, which are everybody's own.
"""

from datetime import date, timedelta
from functools import reduce

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.core.accounts import in_motion
from mqa_platform.core.decisions import Tables
from mqa_platform.core.scores import score_lines, score_receipts, scores
from mqa_platform.core.subtrees import Subtrees, parents, relations, subtree_touchpoints
from mqa_platform.core.window import Window

_TABLES = ("account_fit", "scores", "score_receipts", "stages", "touchpoints")


def judged(step: Step, *acted_on: ir.Table) -> Tables:
    """What is published, and of parents the scores and receipts of their subtrees on the days acted on.

    Args:
        step: its published scores and stages.
        acted_on: (account_id, day) of handoffs and decisions.
    """
    known = Tables(*map(step.table, _TABLES))
    keep = step.session.keep
    tree = keep(relations(step.table("account_hierarchy"), step.session.apply))
    if not step.session.rows(tree.limit(1)):
        return known
    every = subtree_touchpoints(known.touchpoints, tree)
    touchpoints = Subtrees(tree, every).judged_by(known.touchpoints)
    told = [t.select("account_id", "day").cast({"day": "date"}) for t in acted_on]
    wanted = keep(reduce(ir.Table.union, told).semi_join(parents(tree), "account_id").distinct())
    published = set(step.session.days("scores"))
    days = {row["day"] for row in step.session.rows(wanted.select("day").distinct())}
    days &= published
    if not days:
        return Tables(
            known.account_fit, known.scores, known.score_receipts, known.stages, touchpoints
        )
    every = _remembered(every.semi_join(wanted, "account_id"), step, days)
    mine, lines = _of_subtrees(step, keep(every), sorted(days))
    own = known.scores.anti_join(wanted, "account_id")
    receipts = known.score_receipts.anti_join(wanted, "account_id")
    return Tables(
        known.account_fit, _both(own, mine), _both(receipts, lines), known.stages, touchpoints
    )


def _remembered(touchpoints: ir.Table, step: Step, days: set[date]) -> ir.Table:
    """The touchpoints that a score of the days can see."""
    lookback = max(p.signals.lookback_days for p in step.policies.versions().values())
    t = touchpoints
    oldest = min(days) - timedelta(days=lookback)
    return t.filter((t["touchpoint_date"] > oldest) & (t["touchpoint_date"] <= max(days)))


def _of_subtrees(step: Step, touchpoints: ir.Table, days: list[date]) -> tuple[ir.Table, ir.Table]:
    """Scores and receipts of the days, in every motion, each day under the policy in force on it."""
    found = []
    for motion in step.policies.motions:
        accounts = in_motion(step.table("accounts"), step.table("account_fit"), motion)
        for span in step.policies.spans(Window.of(days[0], days[-1]), motion):
            its = [d for d in days if span.window.contains(d)]
            if its:
                lines = score_lines(touchpoints, span.policy, its, step.session.apply)
                told = scores(lines, accounts, span.policy, span.version)
                found.append((told, score_receipts(lines, accounts, span.policy)))
    mine, receipts = zip(*found, strict=True)
    return reduce(ir.Table.union, mine), reduce(ir.Table.union, receipts)


def _both(own: ir.Table, subtrees: ir.Table) -> ir.Table:
    kinds = {c: own.schema()[c].copy(nullable=True) for c in own.columns}
    return own.cast(kinds).union(subtrees.select(*own.columns).cast(kinds))
