"""When each entry to engaged or mqa was first known: what late data changed too late for anybody to act.

Belongs here: which entries are new to the tables, and how late they came. Does not belong here: the entries
themselves (``stages``), or what was done about them (``decisions``).

The table is a log: an entry that a later run takes back stays, and one that moves is another entry.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import identifier

WATCHED: Final = ("engaged", "mqa")


def last_look(known: ir.Table) -> ir.Table:
    """(at): when the log was last written; one row, null before the first time."""
    return known.aggregate(at=known["known_at"].max())


def unknown_entries(transitions: ir.Table, known: ir.Table) -> ir.Table:
    """The entries that the log does not have."""
    t = transitions.filter(transitions["to_stage"].isin(list(WATCHED)))
    day = (
        t["changed_on"].year() * 10_000 + t["changed_on"].month() * 100 + t["changed_on"].day()
    ).cast("int64")
    t = t.select(
        "account_id",
        "motion",
        "to_stage",
        "episode",
        "changed_on",
        entry_id=identifier(t["account_id"], t["motion"], t["to_stage"], day.cast("string")),
    )
    t = t.group_by("entry_id", "account_id", "motion", "to_stage", "changed_on").aggregate(
        episode=t["episode"].max()
    )
    return t.anti_join(known.select("entry_id"), "entry_id")


def known_entries(
    new: ir.Table,
    arrived: ir.Table,
    since: datetime | None,
    last_day: date,
    at: datetime,
    lookback_days: int,
) -> ir.Table:
    """The new entries with when they were known; ``late_touchpoints`` is 0 where nothing was late.

    An entry is late when touchpoints within its look-back landed since the log was last written, and its
    day had been published when they did. The newest published day is still open.

    Args:
        new: of ``unknown_entries``, kept.
        arrived: of ``drift.arrivals``.
        since: when the log was last written; None before the first time, when nothing is late.
        last_day: the last published day now.
        at: the moment of the run.
        lookback_days: how far back a score looks.
    """
    if since is None:
        t = new.mutate(late_touchpoints=ibis.literal(0, type="int64"))
    else:
        a = arrived.filter(arrived["landed_at"] > ibis.literal(since, type="timestamp('UTC')"))
        a = a.select("touchpoint_date", "published_from", "published_to", late_account="account_id")
        late = new.select("entry_id", "account_id", "changed_on")
        late = late.join(a, late["account_id"] == a["late_account"])
        # The batch knows what was published: the log has no row of a run in which nobody entered.
        late = late.filter(
            (late["published_from"] <= late["changed_on"])
            & (late["changed_on"] < late["published_to"])
        )
        forgotten = late["touchpoint_date"] + ibis.interval(days=lookback_days)
        late = late.filter(
            (late["touchpoint_date"] <= late["changed_on"]) & (late["changed_on"] < forgotten)
        )
        counts = late.group_by(late_entry="entry_id").aggregate(n=late.count())
        t = new.left_join(counts, new["entry_id"] == counts["late_entry"])
        t = t.mutate(late_touchpoints=t["n"].fill_null(0))
    return t.select(
        "entry_id",
        "account_id",
        "motion",
        "to_stage",
        "episode",
        "changed_on",
        "late_touchpoints",
        known_on=ibis.literal(last_day),
        known_at=ibis.literal(at, type="timestamp('UTC')"),
    )
