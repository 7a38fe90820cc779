"""Stage 5 as an asset: the fold over the days, and the tail that a change in the past republishes.

Belongs here: ``stages`` and ``stage_transitions``; where a fold starts. Does not belong here: the ladder
(``core.ladder``).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import stages as core
from mqa_platform.core.qualification import moments
from mqa_platform.core.window import ONE_DAY, Window

TABLES = ["stages", "stage_transitions"]


def days_to_fold(step: Step, window: Window) -> tuple[list[date], date | None, date]:
    """The days to fold, the published day whose state they start from, and the first day of all."""
    published = step.session.days("stages")
    first = min(window.lo, step.session.reopened("stages") or window.lo)
    days = sorted(set(window.days()) | {d for d in published if d >= first})
    earlier = [d for d in published if d < days[0]]
    return days, (earlier[-1] if earlier else None), (earlier or days)[0]


def stages(step: Step, window: Window) -> Outcome:
    """Folds the window and every published day after it, and publishes them in one transaction."""
    days, start_from, first_day = days_to_fold(step, window)
    span = Window(days[0], days[-1] + ONE_DAY)
    calendar = step.session.constant("calendar", pa.table({"day": pa.array(days, pa.date32())}))
    crm = core.Crm(
        *(step.table(t) for t in ("crm_accounts", "crm_opportunities", "crm_activities"))
    )
    accounts, scores = step.table("accounts"), step.table("scores")
    scores = scores.filter((scores["score_date"] >= span.lo) & (scores["score_date"] < span.hi))
    facts = core.facts(accounts, scores, crm, calendar, step.policy)
    start = core.before(step.table("stages"), start_from, step.policy) if start_from else None
    lines = core.stage_lines(facts, start, step.policy, first_day, step.session.apply)
    moves = step.session.keep(lines.filter(lines["kind"] == "move"))
    when = moments(moves, scores, step.table("touchpoints"), step.policy, step.session.apply)
    published = step.publish(
        span,
        {
            "stages": core.stages(lines, accounts, step.policy, step.version),
            "stage_transitions": core.stage_transitions(lines, when, step.policy, step.version),
        },
        days=days,
        settles="stages",
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
