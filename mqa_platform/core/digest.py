"""The digest: one message a reader and day with everything that is no message of its own.

Belongs here: which lines a reader gets. Does not belong here: their words (``messages``), what was held back
and why (``outbox``), or when it is sent (``destinations``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import first_match, newest_first
from mqa_platform.core.sla_messages import told_events

# A reader works from one digest to the next.
_AHEAD: Final = timedelta(hours=24)
LINE: Final = (
    "rep_id",
    "section",
    "handoff_id",
    "account_id",
    "name",
    "tier",
    "at",
    "reason",
    "rank",
)


def digest_lines(
    worklist: ir.Table,
    sla_events: ir.Table,
    handoffs: ir.Table,
    accounts: ir.Table,
    held: ir.Table,
    now: datetime,
) -> ir.Table:
    """What each reader is told in the digest of a moment.

    Args:
        worklist: as published.
        sla_events: as published.
        handoffs: as published.
        accounts: their versions; the current one gives the name.
        held: handoff_id, kind (handoff, update) and reason of what was not sent for itself.
        now: the moment of the digest.

    Returns:
        ``LINE``: rep_id (whom it is for), section (due: within a day, or over; told: what clocks of the last
        day set off; held: waits for its turn; news: an update that is no message), handoff_id, account_id,
        name, tier, at, reason, rank (order in its section).
    """
    parts = [
        _due(worklist, now),
        _told(sla_events, handoffs, now),
        _held(held, handoffs),
    ]
    t = reduce(stacked, parts)
    current = accounts.filter(accounts["valid_to"].isnull())
    named = newest_first(current, ["account_id"], [current["valid_from"].desc(), current["name"]])
    named = named.select("name", named="account_id")
    t = t.left_join(named, [("account_id", "named")])
    return t.select(*LINE)


def digest_intents(lines: ir.Table, now: datetime) -> ir.Table:
    """(subject, kind, rep_id): one digest a reader that has a line, and UTC day."""
    day = ibis.literal(f":{now:%Y-%m-%d}")
    t = lines.select("rep_id").distinct()
    return t.select(
        "rep_id",
        subject=ibis.literal("digest:") + t["rep_id"] + day,
        kind=ibis.literal("digest"),
    )


def _due(worklist: ir.Table, now: datetime) -> ir.Table:
    w = worklist
    soon = w["due_at"] <= ibis.literal(now + _AHEAD, "timestamp('UTC')")
    waits = w["first_touch_at"].isnull() & w["sla_state"].isin(["running", "breached"])
    w = w.filter(soon & waits)
    return _lines(w, "due", w["due_at"], w["sla_state"], w["rank"])


def _told(events: ir.Table, handoffs: ir.Table, now: datetime) -> ir.Table:
    e = told_events(events, now - _AHEAD, now)
    # A reminder is for the rep, who finds the handoff among what is due.
    e = e.filter(e["kind"] != "reminder").select("told", "at", e_id="handoff_id", event="kind")
    h = handoffs.select("handoff_id", "account_id", "tier")
    t = e.join(h, [("e_id", "handoff_id")])
    t = t.mutate(rep_id=t["told"])
    return _lines(t, "told", t["at"], t["event"], ibis.literal(0))


def _held(held: ir.Table, handoffs: ir.Table) -> ir.Table:
    h = handoffs.select("handoff_id", "account_id", "tier", "rep_id", "qualified_at", "created_on")
    k = held.select("kind", "reason", k_id="handoff_id").distinct()
    t = k.join(h, [("k_id", "handoff_id")])
    section = first_match([(t["kind"] == "update", ibis.literal("news"))], ibis.literal("held"))
    return _lines(t, section, t["qualified_at"], t["reason"], ibis.literal(0))


def _lines(
    t: ir.Table, section: str | ir.StringValue, at: ir.Value, reason: ir.Value, rank: ir.Value
) -> ir.Table:
    named = ibis.literal(section) if isinstance(section, str) else section
    told = t.select(
        "rep_id",
        "handoff_id",
        "account_id",
        "tier",
        section=named,
        at=at.cast("timestamp('UTC', 6)"),
        reason=reason.cast("string"),
        rank=rank.cast("int64"),
    )
    # Cast, because a union takes no column that may be null in one table only.
    return told.cast({c: kind.copy(nullable=True) for c, kind in told.schema().items()})
