"""Which events of a clock somebody is told of, whom, and once each.

Belongs here: the intents of reminders and escalations. Does not belong here: the events (``sla_events``), what
is said (``messages``), or sending (``destinations``).
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import first_match, newest_first
from mqa_platform.core.sla_events import manager_of
from mqa_platform.policy.models import Policy

_MOMENT: Final = "timestamp('UTC')"
_EXACT: Final = "timestamp('UTC', 6)"
_WAITING: Final = ("open", "backlog")
_KIND: Final = {
    "reminder": "reminder",
    "breach": "escalation",
    "escalation": "escalation",
    "unaccepted": "escalation",
    "reassignment": "escalation",
}


def sla_intents(
    events: ir.Table, handoffs: ir.Table, policy: Policy, since: datetime, now: datetime
) -> ir.Table:
    """What the clocks of a span of time set off and nobody has answered yet, a row a message.

    A breach is not told where the escalation of the same moment is. A reminder goes to whoever has the
    handoff now, everything else to whom the event names. A clock that has run out since the tables were made
    is told of as well: its moment stands in the handoff.

    Args:
        events: ``sla_events``.
        handoffs: as published.
        policy: all motions.
        since: events up to it are too old to be told.
        now: events after it have not come to pass.

    Returns:
        subject (the key without its channel), kind, event, handoff_id, account_id, motion, rep_id (whom it
        is for), at.
    """
    waiting = handoffs.filter(
        handoffs["status"].isin(list(_WAITING))
        & handoffs["first_touch_at"].isnull()
        & (handoffs["sla_state"] != "stopped")
    )
    e = told_events(events, since, now)
    e = e.select(e_id="handoff_id", event="kind", told="told", moment="at")
    t = waiting.join(e, [("handoff_id", "e_id")])
    reader = ibis.ifelse(t["event"] == "reminder", t["rep_id"], t["told"])
    parts = [_intents(t, t["event"], reader, t["moment"])]
    due = waiting.filter(waiting["sla_state"] == "running")
    parts.append(_passed(due, "reminder", due["rep_id"], due["remind_at"], since, now))
    for each in policy.motions():
        mine = due.filter(due["motion"] == each.program.motion)
        manager = manager_of(mine, each)
        parts.append(_passed(mine, "escalation", manager, mine["escalate_at"], since, now))
    found = reduce(stacked, parts)
    return newest_first(found, ["subject"], [found["at"], found["rep_id"]])


def _passed(
    t: ir.Table, event: str, reader: ir.Value, at: ir.Value, since: datetime, now: datetime
) -> ir.Table:
    told = _intents(t, ibis.literal(event), reader, at)
    after = told["at"] > ibis.literal(since, _MOMENT)
    return told.filter(after & (told["at"] <= ibis.literal(now, _MOMENT)))


def _intents(t: ir.Table, event: ir.Value, reader: ir.Value, at: ir.Value) -> ir.Table:
    reminds = event == "reminder"
    return t.select(
        "handoff_id",
        "account_id",
        "motion",
        event=event.cast("string"),
        at=at.cast(_EXACT),
        subject=t["handoff_id"] + ibis.literal(":") + event,
        kind=first_match([(reminds, ibis.literal("reminder"))], ibis.literal("escalation")),
        rep_id=reader.cast("string"),
    )


def told_events(events: ir.Table, since: datetime, now: datetime) -> ir.Table:
    """The events of a span of time that somebody is told of, each with the loudest of its moment only."""
    after = events["at"] > ibis.literal(since, _MOMENT)
    near = after & (events["at"] <= ibis.literal(now, _MOMENT))
    e = events.filter(near & events["kind"].isin(list(_KIND)))
    louder = events.filter(events["kind"] == "escalation").select(l_id="handoff_id", l_at="at")
    e = e.left_join(louder, [("handoff_id", "l_id"), ("at", "l_at")])
    doubled = (e["kind"] == "breach") & e["l_id"].notnull()
    return e.filter(~doubled).drop("l_id", "l_at")
