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
    """What arrived late, and which entries to mqa would have come earlier had it come in time.

    ``arrivals`` are by source, day of landing and day of the event; ``entries`` the handoffs whose
    episode begins earlier, as computed now, than the day on which it was known.

    Args:
        home: the installation.
        first: leaves out what landed before this day.
        last: leaves out what landed after this day.
    """
    with open_marts(home) as marts:
        t = marts.table("late_arrivals")
        d, now = marts.table("decisions"), marts.table("decision_drift")
        d = d.select("rep_id", of_decision="decision_id", decided_on=d["decided_at"].date())
        e = now.filter((now["kind"] == "handoff") & now["qualified_now"].notnull())
        e = e.filter((e["qualified_now"] < e["known_on"]) | (e["late_inputs"] > 0))
        e = e.join(d, e["decision_id"] == d["of_decision"])
        if first is not None:
            t, e = t.filter(t["landed_on"] >= first), e.filter(e["decided_on"] >= first)
        if last is not None:
            t, e = t.filter(t["landed_on"] <= last), e.filter(e["decided_on"] <= last)
        arrivals = marts.rows(t.order_by("source", "landed_on", "signal_date", "outcome"))
        entries = marts.rows(e.order_by("account_id", "motion", "episode"))
    moved = [row for row in entries if row["qualified_now"] < row["known_on"]]
    return {
        "arrivals": arrivals,
        "signals": sum(row["signals"] for row in arrivals),
        "beyond_horizon": sum(r["signals"] for r in arrivals if r["outcome"] == "beyond_horizon"),
        "entries": [
            {
                "account_id": row["account_id"],
                "motion": row["motion"],
                "episode": row["episode"],
                "stage": "mqa",
                "known_on": row["known_on"],
                "in_time": row["qualified_now"],
                "days_late": (row["known_on"] - row["qualified_now"]).days,
                "rep_id": row["rep_id"],
            }
            for row in moved
        ],
    }
