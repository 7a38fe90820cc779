"""Stage 5 as an asset: the fold over the days, and the tail that a change in the past republishes.

Belongs here: ``stages``, ``stage_transitions`` and ``overrides``; where a fold starts. Does not belong here: the ladder
(``core.ladder``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import stages as core
from mqa_platform.core.accounts import in_motion
from mqa_platform.core.answers import answers
from mqa_platform.core.history import Span, backlog_days
from mqa_platform.core.overrides import Beside, in_effect, overrides, suppressions
from mqa_platform.core.qualification import moments
from mqa_platform.core.subtrees import (
    Subtrees,
    relations,
    subtree_scores,
    subtree_touchpoints,
)
from mqa_platform.core.window import ONE_DAY, Window

TABLES = ["stages", "stage_transitions", "overrides"]


def days_to_fold(
    step: Step, window: Window, asked: date | None = None
) -> tuple[list[date], date | None, date]:
    """The days to fold, the published day whose state they start from, and the first day of all.

    Args:
        step: its published stages.
        window: the days of the run.
        asked: the first day that was asked for.
    """
    published = step.session.days("stages")
    first = min(window.lo, asked or window.lo)
    days = sorted(set(window.days()) | {d for d in published if d >= first})
    earlier = [d for d in published if d < days[0]]
    return days, (earlier[-1] if earlier else None), (earlier or days)[0]


@dataclass(frozen=True)
class _Fold:
    """What every motion's fold of one run has in common."""

    span: Window
    days: list[date]
    calendar: ir.Table
    crm: core.Crm
    beside: Beside
    subtrees: Subtrees | None
    start_from: date | None
    first_day: date


def _prepared(step: Step, window: Window, asked: date | None) -> tuple[list[date], _Fold, ir.Table]:
    """The days to fold, what the motions have in common, and the overrides as they were entered."""
    days, start_from, first_day = days_to_fold(step, window, asked)
    crm = core.Crm(
        *(step.table(t) for t in ("crm_accounts", "crm_opportunities", "crm_activities"))
    )
    told = step.session.keep(overrides(step.table("landed_overrides")))
    effective = step.session.keep(in_effect(told))
    held = step.session.keep(suppressions(step.table("accounts"), effective))
    calendar = step.session.constant("calendar", pa.table({"day": pa.array(days, pa.date32())}))
    whole = Window(days[0], days[-1] + ONE_DAY)
    beside = Beside(held, effective)
    shared = _Fold(whole, days, calendar, crm, beside, _subtrees(step, days), start_from, first_day)
    return days, shared, told


def _subtrees(step: Step, days: list[date]) -> Subtrees | None:
    """The trees of accounts with the touchpoints that count on the days; None where nobody has a parent."""
    hierarchy = step.table("account_hierarchy")
    known = step.session.keep(relations(hierarchy, step.session.apply))
    if not step.session.rows(known.limit(1)):
        return None
    t = step.table("touchpoints")
    lookback = max(p.signals.lookback_days for p in step.policies.versions().values())
    oldest = days[0] - timedelta(days=lookback)
    t = t.filter((t["touchpoint_date"] > oldest) & (t["touchpoint_date"] <= days[-1]))
    return Subtrees(known, step.session.keep(subtree_touchpoints(t, known)))


def _answers(
    step: Step, fold: _Fold, spans: list[Span], accounts: ir.Table, touchpoints: ir.Table
) -> ir.Table:
    """The days on which the owner touched an account; each policy says by what somebody asks for a call."""
    found = []
    for s in spans:
        asks = [name for name, signal in s.policy.signals.signals.items() if signal.hand_raise]
        a = answers(fold.crm.activities, step.table("crm_users"), accounts, touchpoints, asks)
        found.append(a.filter((a["day"] >= s.window.lo) & (a["day"] < s.window.hi)))
    return reduce(ir.Table.union, found)


def _folded(step: Step, motion: str, spans: list[Span], fold: _Fold) -> tuple[ir.Table, ir.Table]:
    """Stages and transitions of one motion."""
    accounts = in_motion(step.table("accounts"), step.table("account_fit"), motion)
    days = Window(spans[0].window.lo, spans[-1].window.hi)
    scores = step.table("scores")
    scores = scores.filter(
        (scores["motion"] == motion)
        & (scores["score_date"] >= days.lo)
        & (scores["score_date"] < days.hi)
    )
    touchpoints, above = step.table("touchpoints"), None
    if fold.subtrees is not None:
        above = fold.subtrees.relations
        touchpoints = fold.subtrees.judged_by(touchpoints)
        given = (scores, fold.subtrees, accounts, spans, fold.days, step.session.apply)
        scores = step.session.keep(subtree_scores(*given))
    calendar = fold.calendar
    calendar = calendar.filter((calendar["day"] >= days.lo) & (calendar["day"] < days.hi))
    answered = step.session.keep(_answers(step, fold, spans, accounts, touchpoints))
    facts = core.facts(accounts, scores, fold.crm, calendar, motion, fold.beside, above, answered)
    start = None
    if fold.start_from:
        start = core.before(step.table("stages"), fold.start_from, motion)
    folded = [d for d in fold.days if days.contains(d)]
    felt = backlog_days(step.policies.promotion_days(motion), folded, fold.start_from)
    backlog = {fold.first_day, *felt}
    lines = core.stage_lines(facts, start, spans, backlog, step.session.apply, above)
    moves = step.session.keep(lines.filter(lines["kind"] == "move"))
    when = [
        moments(
            moves.filter((moves["day"] >= s.window.lo) & (moves["day"] < s.window.hi)),
            scores,
            touchpoints,
            s.policy,
            step.session.apply,
        )
        for s in spans
    ]
    return (
        core.stages(lines, fold.beside.suppressions, motion, spans),
        core.stage_transitions(lines, reduce(ir.Table.union, when), motion, spans),
    )


def stages(step: Step, window: Window) -> Outcome:
    """Folds the window and every published day after it, and publishes them in one transaction."""
    asked = step.session.reopened("stages")
    days, fold, told = _prepared(step, window, asked)
    found = [
        _folded(step, motion, spans, fold)
        for motion in step.policies.motions
        if (spans := step.policies.spans(fold.span, motion))
    ]
    states, moves = zip(*found, strict=True)
    published = step.publish(
        fold.span,
        {
            "stages": reduce(ir.Table.union, states),
            "stage_transitions": reduce(ir.Table.union, moves),
            "overrides": told,
        },
        days=days,
        settles="stages",
        # What was asked of days before the first published one is answered too.
        from_day=min(days[0], asked or days[0]),
    )
    t = step.table("stage_transitions")
    t = t.filter((t["changed_on"] >= window.lo) & (t["changed_on"] < window.hi))
    moved = t.group_by("changed_on", "to_stage").aggregate(n=t.count())
    by_day: dict[date, dict[str, Any]] = {d: {"entered_mqa": 0} for d in window.days()}
    for r in step.session.rows(moved):
        by_day[r["changed_on"]][f"entered_{r['to_stage']}"] = r["n"]
    total = sum(d["entered_mqa"] for d in by_day.values())
    return Outcome(published, {"days_folded": len(days), "entered_mqa": total}, by_day)


def asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset over the given daily partitions."""

    @dg.multi_asset(
        specs=[spec("stages", partitions)],
        check_specs=check_specs("stages", *TABLES),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        name="stages",
    )
    def _stages(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        yield from run_step(context, platform, {"stages": TABLES}, ASSET_OF, stages)

    return _stages
