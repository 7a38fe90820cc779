"""The metrics as tables: what was counted, the figures, origins, attribution and the forecast.

Belongs here: which tables they are read from, and as of when. Does not belong here: what any of them is
(``core.metrics``, ``core.origins``, ``core.attribution``, ``core.forecast``), or publishing them (``conversions``).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.assets.routing import last_day
from mqa_platform.core.attribution import attribution_kernel, last_touches
from mqa_platform.core.calendars import calendars_kernel, landed_calendars
from mqa_platform.core.conversion_paths import paths_kernel, paths_with_outcome
from mqa_platform.core.deal_touches import touches_before
from mqa_platform.core.forecast import pipeline_forecast
from mqa_platform.core.metrics.counted import metric_accounts
from mqa_platform.core.metrics.facts import Ground, deals, episodes
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.reach import coverage, engaged
from mqa_platform.core.metrics.reps import active_reps, spend_by_month
from mqa_platform.core.metrics.summaries import conversion_metrics
from mqa_platform.core.missed_deals import Seen
from mqa_platform.core.origins import opportunity_origin
from mqa_platform.core.rejections import rejection_reasons

METRIC_TABLES = (
    "opportunity_origin", "attribution", "conversion_paths", "metric_accounts", "conversion_metrics",
    "pipeline_forecast", "rejection_reasons",
)  # fmt: skip


def metric_tables(step: Step, entered: ir.Table, outcomes: ir.Table) -> dict[str, ir.Table]:
    """The tables of ``METRIC_TABLES``, as of the last published day.

    Args:
        step: of the asset.
        entered: every entry to mqa.
        outcomes: rows of ``conversions``, kept.
    """
    keep, apply, policy = step.session.keep, step.session.apply, step.policy
    as_of = last_day(step)
    end = datetime.combine(as_of + timedelta(days=1), time(), UTC)
    ground = _ground(step, outcomes)
    seen = Seen(
        entered, step.table("scores"), ground.receipts, ground.stages, ground.fit, step.table("touchpoints")
    )  # fmt: skip
    origins = keep(opportunity_origin(seen, step.table("crm_opportunities"), policy, end))
    touches = keep(touches_before(origins, seen.touchpoints, policy))
    credits = keep(apply(attribution_kernel(policy), touches, "shard"))
    paths = apply(paths_kernel(), touches, "shard")
    start = policy.program.history_starts_on
    of_deals = keep(deals(origins, last_touches(credits), ground, start))
    of_episodes = keep(episodes(ground, of_deals, policy, end, apply))
    facts = {
        "episode": of_episodes,
        "deal": of_deals,
        "engaged": keep(engaged(ground, of_episodes)),
        "coverage": keep(coverage(ground)),
    }
    counted = keep(metric_accounts(facts, policy))
    return {
        "opportunity_origin": origins,
        "attribution": credits,
        "conversion_paths": paths_with_outcome(paths, origins),
        "metric_accounts": counted,
        "conversion_metrics": conversion_metrics(counted, policy, beside(step, as_of), apply),
        "pipeline_forecast": pipeline_forecast(of_episodes, policy, apply),
        "rejection_reasons": rejection_reasons(of_episodes, ground.receipts, apply),
    }


def beside(step: Step, as_of: date) -> Beside:
    """Spend, reps and days that figures are held against."""
    since = step.policy.program.history_starts_on
    spend, _ = _spend(step)
    return Beside(
        since, as_of, spend, active_reps(step.session.rows(step.table("capacity")), since, as_of)
    )


def _spend(step: Step) -> tuple[Mapping[str, float], list[str]]:
    told = step.table("campaign_spend").select("spend_date", "amount", "currency")
    return spend_by_month(step.session.rows(told), step.policy.program.currency)


def left_out(step: Step) -> dict[str, Any]:
    """What the figures could not use, as facts of the run."""
    _, others = _spend(step)
    return {"spend_in_other_currencies": ", ".join(others)} if others else {}


def _ground(step: Step, outcomes: ir.Table) -> Ground:
    told = landed_calendars(step.table("capacity"), step.table("absences"), step.policy)
    calendars = step.session.apply(calendars_kernel(step.policy.sla), told, "shard")
    return Ground(
        conversions=outcomes,
        handoffs=step.table("handoffs"),
        receipts=step.table("score_receipts"),
        transitions=step.table("stage_transitions"),
        stages=step.table("stages"),
        fit=step.table("account_fit"),
        accounts=step.table("accounts"),
        capacity=step.table("capacity"),
        calendars=step.session.keep(calendars),
    )
