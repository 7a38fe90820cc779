"""Stage 4 as an asset: scores and their receipts for the days, and the people behind them.

Belongs here: ``scores``, ``score_receipts`` and ``people``; which days late data re-opens. Does not belong
here: the arithmetic (``core``).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import scores as core
from mqa_platform.core.people import people
from mqa_platform.core.window import ONE_DAY, Window

TABLES = ["scores", "score_receipts", "people"]


def days_to_score(step: Step, window: Window) -> list[date]:
    """The window, and every published day whose look-back holds a touchpoint that changed."""
    days = set(window.days())
    reopened = step.session.reopened("scores")
    if reopened is not None:
        last_change = max(step.session.days("touchpoints"), default=window.hi)
        until = last_change + timedelta(days=step.policy.signals.lookback_days)
        days |= {d for d in step.session.days("scores") if min(reopened, window.lo) <= d < until}
    return sorted(days)


def scores(step: Step, window: Window) -> Outcome:
    """Publishes the scores of the days; whoever reads them is asked again where they changed."""
    days = days_to_score(step, window)
    span = Window(days[0], days[-1] + ONE_DAY)
    touchpoints, accounts = step.table("touchpoints"), step.table("accounts")
    lines = core.score_lines(touchpoints, step.policy, days, step.session.apply)
    as_of = max(days[-1], *step.session.days("scores"), window.lo)
    published = step.publish(
        span,
        {
            "scores": core.scores(
                lines, accounts, step.policy, step.version, step.table("source_health")
            ),
            "score_receipts": core.score_receipts(lines, accounts, step.policy),
            "people": people(
                touchpoints, step.table("crm_contacts"), step.policy, as_of, step.session.apply
            ),
        },
        days=days,
        reopens=("stages",),
        settles="scores",
    )
    s = step.table("scores")
    s = s.filter((s["score_date"] >= window.lo) & (s["score_date"] < window.hi))
    above = s.group_by("score_date").aggregate(n=(s["engagement_score"] >= s["threshold"]).sum())
    by_day = {
        r["score_date"]: {"above_threshold": int(r["n"] or 0)} for r in step.session.rows(above)
    }
    return Outcome(published, {"days_scored": len(days), "policy_version": step.version}, by_day)


def asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset over the given daily partitions."""

    @dg.multi_asset(
        specs=[spec("scores", partitions)],
        check_specs=check_specs("scores", *TABLES),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        name="scores",
    )
    def _scores(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        yield from run_step(context, platform, {"scores": TABLES}, ASSET_OF, scores)

    return _scores
