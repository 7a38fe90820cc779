"""Which events of a clock somebody is told of, whom, and once each.

Belongs here: the intents of reminders and escalations. Does not belong here: the events (``sla_events``), what
is said (``messages``), or sending (``destinations``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match

_WAITING: Final = ("open", "backlog")
_KIND: Final = {
    "reminder": "reminder",
    "breach": "escalation",
    "escalation": "escalation",
    "unaccepted": "escalation",
    "reassignment": "escalation",
}


def sla_intents(events: ir.Table, handoffs: ir.Table, since: datetime, now: datetime) -> ir.Table:
    """What the clocks of a span of time set off and nobody has answered yet, a row a message.

    A breach is not told where the escalation of the same moment is. A reminder goes to whoever has the
    handoff now, everything else to whom the event names.

    Args:
        events: ``sla_events``.
        handoffs: as published.
        since: events up to it are too old to be told.
        now: events after it have not come to pass.

    Returns:
        subject (the key without its channel), kind, event, handoff_id, account_id, motion, rep_id (whom it
        is for), at.
    """
    e = told_events(events, since, now).select(e_id="handoff_id", event="kind", told="told", at="at")
    h = handoffs.filter(
        handoffs["status"].isin(list(_WAITING))
        & handoffs["first_touch_at"].isnull()
        & (handoffs["sla_state"] != "stopped")
    )
    t = e.join(h, [("e_id", "handoff_id")])
    reminds = t["event"] == "reminder"
    return t.select(
        "event",
        "handoff_id",
        "account_id",
        "motion",
        "at",
        subject=t["handoff_id"] + ibis.literal(":") + t["event"],
        kind=first_match([(reminds, ibis.literal("reminder"))], ibis.literal("escalation")),
        rep_id=ibis.ifelse(reminds, t["rep_id"], t["told"]),
    )


def told_events(events: ir.Table, since: datetime, now: datetime) -> ir.Table:
    """The events of a span of time that somebody is told of, each with the loudest of its moment only."""
    moment = "timestamp('UTC')"
    after = events["at"] > ibis.literal(since, moment)
    near = after & (events["at"] <= ibis.literal(now, moment))
    e = events.filter(near & events["kind"].isin(list(_KIND)))
    louder = events.filter(events["kind"] == "escalation").select(l_id="handoff_id", l_at="at")
    e = e.left_join(louder, [("handoff_id", "l_id"), ("at", "l_at")])
    doubled = (e["kind"] == "breach") & e["l_id"].notnull()
    return e.filter(~doubled).drop("l_id", "l_at")
