"""The clocks of handoffs as tables: what runs when, who is told, and how often the SLA is kept.

Belongs here: which tables the clocks are read from, and as of when. Does not belong here: the clocks
(``core.clocks``), or publishing them, which ``handoffs`` does with everything else about a handoff.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import reduce

import ibis.expr.types as ir

from mqa_platform.assets.by_policy import by_policy
from mqa_platform.assets.platform import Step
from mqa_platform.core.calendar_problems import calendar_problems
from mqa_platform.core.calendars import calendars_kernel, landed_calendars
from mqa_platform.core.clocks import Clockwork, with_clocks
from mqa_platform.core.compliance import sla_compliance
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.follow_up import follow_up
from mqa_platform.core.outbox import told_of
from mqa_platform.core.plays import plays_of
from mqa_platform.core.sla_events import sla_events, sla_moves
from mqa_platform.core.worklist import ageing_handoffs, worklist

# What ``clock_tables`` gives.
CLOCK_TABLES = (
    "worklist", "sla_events", "sla_compliance", "ageing_handoffs", "follow_up", "calendar_problems",
)  # fmt: skip


@dataclass(frozen=True)
class Clocked:
    """Handoffs with their clocks, what was taken away, and what both were read from."""

    handoffs: ir.Table
    moves: ir.Table
    calendars: ir.Table
    as_of: datetime


def known_until(step: Step) -> datetime:
    """The moment as of which a clock is read: the end of the last published day.

    Of a day that is not over, the last landing: what nobody has told yet is no broken promise. Both come
    from the tables and not from the run, so a rerun reads the same clocks.
    """
    days = step.session.days("stages")
    last = days[-1] if days else step.policy.program.history_starts_on
    end = datetime.combine(last + timedelta(days=1), time(), UTC)
    ledger = step.table("landed_batches")
    told = step.session.rows(ledger.aggregate(at=ledger["landed_at"].max()))[0]["at"]
    return min(end, told) if told is not None else end


def clocked(step: Step, made: ir.Table, owners: ir.Table) -> Clocked:
    """The clocks of released handoffs, each under the policy of its entry.

    Args:
        step: of the asset.
        made: handoffs with ``released_on``, kept.
        owners: who had a handoff from which day to which; without what a clock takes away.
    """
    as_of = known_until(step)
    told = landed_calendars(step.table("capacity"), step.table("absences"), step.policy)
    calendars = step.session.apply(calendars_kernel(step.policy.sla), told, "shard")
    work = Clockwork(
        step.session.keep(calendars),
        owners,
        step.table("crm_activities"),
        step.table("stage_transitions"),
        told_of(step.table("deliveries"), made),
        step.table("stages"),
    )
    parts = [
        (with_clocks(some, work, policy, as_of, step.session.apply), policy)
        for some, policy in by_policy(step, made)
    ]
    moves = [sla_moves(part, policy) for part, policy in parts]
    found = step.session.keep(reduce(stacked, [part for part, _ in parts]))
    return Clocked(found, step.session.keep(reduce(stacked, moves)), work.calendars, as_of)


def clock_tables(step: Step, made: ir.Table, read: Clocked) -> dict[str, ir.Table]:
    """The tables of ``CLOCK_TABLES`` of finished handoffs: routed, clocked and with their plays."""
    accounts, activities = step.table("accounts"), step.table("crm_activities")
    stages = step.table("stages")
    last = max(step.session.days("stages"), default=None)
    parts = list(by_policy(step, made))
    plays = reduce(stacked, [plays_of(some, policy) for some, policy in parts])
    return {
        "worklist": worklist(made, accounts, stages, last),
        "sla_events": reduce(stacked, [sla_events(some, policy) for some, policy in parts]),
        "sla_compliance": sla_compliance(made, step.session.apply),
        "ageing_handoffs": ageing_handoffs(made, accounts, stages, last),
        "follow_up": follow_up(made, plays, activities, read.as_of),
        "calendar_problems": calendar_problems(
            read.calendars,
            made,
            step.policy,
            last or step.policy.program.history_starts_on,
            step.session.apply,
        ),
    }
