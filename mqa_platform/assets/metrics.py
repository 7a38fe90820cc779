"""The metrics as tables: what was counted, the figures, origins, attribution and the forecast.

Belongs here: which tables they are read from, and as of when. Does not belong here: what any of them is
(``core.metrics``), or publishing them (``conversions``).
"""

from datetime import date
from typing import Any

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.assets.routing import last_day
from mqa_platform.core.calendars import calendars_kernel, landed_calendars
from mqa_platform.core.metrics import tables
from mqa_platform.core.metrics.facts import Ground
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.reps import active_reps, spend_by_month
from mqa_platform.core.missed_deals import Seen

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
    ground = _ground(step, outcomes)
    scores, touchpoints = step.table("scores"), step.table("touchpoints")
    seen = Seen(entered, scores, ground.receipts, ground.stages, ground.fit, touchpoints)
    opportunities, held = step.table("crm_opportunities"), beside(step, last_day(step))
    keep, apply = step.session.keep, step.session.apply
    return tables.metric_tables(ground, seen, opportunities, step.policy, held, keep, apply)


def beside(step: Step, as_of: date) -> Beside:
    """Spend, reps and days that figures are held against."""
    since = step.policy.program.history_starts_on
    reps = active_reps(step.session.rows(step.table("capacity")), since, as_of)
    return Beside(since, as_of, _spend(step)[0], reps)


def left_out(step: Step) -> dict[str, Any]:
    """What the figures could not use, as facts of the run."""
    _, others = _spend(step)
    return {"spend_in_other_currencies": ", ".join(others)} if others else {}


def _spend(step: Step) -> tuple[dict[str, float], list[str]]:
    told = step.table("campaign_spend").select("spend_date", "amount", "currency")
    return spend_by_month(step.session.rows(told), step.policy.program.currency)


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
