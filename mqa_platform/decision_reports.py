"""What was decided, as it was known: of an account, and as of a day or moment.

Belongs here: reading the decisions that had been made by then, and what today's tables say of them. Does
not belong here: making decisions (``core.decisions``) or the screen (``cli_decisions``).

A report as of a moment is the same whenever it is asked for: decisions are never rewritten, and those made
later are left out. Only an erasure takes a person out of them.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mqa_platform.home import Home
from mqa_platform.marts import Marts, open_marts


def moment(text: str) -> datetime:
    """The first moment after a day or a moment that a person wrote, in UTC.

    Raises:
        ValueError: it is neither.
    """
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
    told = datetime.fromisoformat(text)
    return (told if told.tzinfo else told.replace(tzinfo=UTC)) + timedelta(microseconds=1)


def decisions(
    home: Home, account: str | None = None, before: datetime | None = None
) -> list[dict[str, Any]]:
    """Every decision made before a moment, oldest first; ``known`` as it was written down.

    Raises:
        MartError: no such account, or nothing has been published.
    """
    with open_marts(home) as marts:
        t = marts.table("decisions")
        if before is not None:
            t = t.filter(t["decided_at"] < before)
        if account is not None:
            t = t.filter(t["account_id"] == _account(marts, account))
        rows = marts.rows(t.order_by("decided_at", "decision_id"))
    return [{**row, "known": json.loads(row["known"])} for row in rows]


def drift(home: Home, account: str | None = None) -> list[dict[str, Any]]:
    """The decisions that today's tables say otherwise of, and why; the oldest first."""
    with open_marts(home) as marts:
        t = marts.table("decision_drift")
        t = t.filter(t["drifted"])
        if account is not None:
            t = t.filter(t["account_id"] == _account(marts, account))
        return marts.rows(t.order_by("decided_at", "decision_id"))


def _account(marts: Marts, wanted: str) -> str:
    return str(marts.account(wanted, marts.last_day())["account_id"])


def late(home: Home, first: date | None = None, last: date | None = None) -> dict[str, Any]:
    """What arrived late, and which entries to engaged and mqa came later than they would have.

    ``arrivals`` are by source, day of landing and day of the event. ``entries`` have the day on which the
    account entered as computed now (``in_time``), the day on which it entered as far as was known, and the
    days between.

    Args:
        home: the installation.
        first: leaves out what landed, or was first known, before this day.
        last: leaves out what landed, or was first known, after this day.
    """
    with open_marts(home) as marts:
        t, e = marts.table("late_arrivals"), marts.table("known_entries")
        every = marts.rows(e.order_by("account_id", "motion", "changed_on", "to_stage"))
        if first is not None:
            t = t.filter(t["landed_on"] >= first)
        if last is not None:
            t = t.filter(t["landed_on"] <= last)
        arrivals = marts.rows(t.order_by("source", "landed_on", "signal_date", "outcome"))
    asked = [
        row
        for row in every
        if row["late_touchpoints"]
        and (first is None or row["known_at"].date() >= first)
        and (last is None or row["known_at"].date() <= last)
    ]
    return {
        "arrivals": arrivals,
        "signals": sum(row["signals"] for row in arrivals),
        "beyond_horizon": sum(r["signals"] for r in arrivals if r["outcome"] == "beyond_horizon"),
        "entries": [_entry(row, every) for row in asked],
    }


def _entry(row: dict[str, Any], every: list[dict[str, Any]]) -> dict[str, Any]:
    """A late entry: it moved from a later day that was known, or was not known of at all."""
    same = ("account_id", "motion", "to_stage", "episode")
    former = [
        other["changed_on"]
        for other in every
        if all(other[c] == row[c] for c in same)
        and other["known_at"] < row["known_at"]
        and other["changed_on"] > row["changed_on"]
    ]
    entered = min(former, default=row["known_on"])
    return {
        **{c: row[c] for c in same},
        "in_time": row["changed_on"],
        "entered": entered,
        "days_late": (entered - row["changed_on"]).days,
        "late_touchpoints": row["late_touchpoints"],
    }
