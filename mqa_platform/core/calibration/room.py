"""How many accounts the reps can take in each of the coming weeks.

Belongs here: capacity less absences and open work, a rep and week. Does not belong here: who the reps are
(``capacity``), what fills the room (``curve``), or the bell that rings when it is full (``routing``).

A rep's week holds ``capacity_per_week``, in proportion to the days of it that he works and is not away; where
somebody stands in for him, that somebody's room does not grow by it. Handoffs that wait for a first answer
are work of the first weeks: they fill the room before anything new does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir

from mqa_platform.core.experiments import HOLDOUT
from mqa_platform.core.routing_fold import NAMELESS

_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_USUAL = frozenset(range(5))


@dataclass(frozen=True)
class RepWeek:
    """One rep in one week: what the week would hold, what is away, what open work takes, what is left."""

    rep_id: str
    team: str | None
    week_from: date
    capacity: float
    absent: float
    open_work: float

    @property
    def room(self) -> float:
        """New accounts the rep can take in the week."""
        return max(0.0, self.capacity - self.absent - self.open_work)


def room(
    reps: Iterable[Mapping[str, Any]],
    absences: Iterable[Mapping[str, Any]],
    open_handoffs: Mapping[str, int],
    as_of: date,
    weeks: int,
) -> list[RepWeek]:
    """One row a rep and week of the ``weeks`` that follow a day.

    Args:
        reps: versions of ``capacity``; the one in force on the first day of a week counts. Reps who are not
            active, and those without a capacity, have no rows.
        absences: of ``absences``; ``ends_on`` is the first day back, null while nobody knows.
        open_handoffs: by rep, what nobody has answered yet.
        as_of: the day before the first week.
        weeks: how many.
    """
    by_rep: dict[str, list[Mapping[str, Any]]] = {}
    for version in reps:
        by_rep.setdefault(version["user_id"], []).append(version)
    away: dict[str, list[Mapping[str, Any]]] = {}
    for absence in absences:
        away.setdefault(absence["rep_id"], []).append(absence)
    found: list[RepWeek] = []
    for rep_id in sorted(by_rep):
        waiting = float(open_handoffs.get(rep_id, 0))
        for number in range(weeks):
            first = as_of + timedelta(days=1 + 7 * number)
            held = _in_force(by_rep[rep_id], first)
            if held is None:
                continue
            capacity = float(held["capacity_per_week"])
            worked = _workdays(held.get("workdays"))
            days = [
                d for d in (first + timedelta(days=n) for n in range(7)) if d.weekday() in worked
            ]
            gone = sum(1 for d in days if any(_is_away(a, d) for a in away.get(rep_id, ())))
            absent = capacity * gone / len(days)
            taken = min(waiting, capacity - absent)
            waiting -= taken
            found.append(RepWeek(rep_id, held.get("team"), first, capacity, absent, taken))
    return found


def _in_force(versions: list[Mapping[str, Any]], day: date) -> Mapping[str, Any] | None:
    for v in versions:
        held = v["valid_from"] <= day and (v["valid_to"] is None or day < v["valid_to"])
        if held and v.get("is_active") is not False and v["capacity_per_week"] is not None:
            return v
    return None


def _workdays(written: str | None) -> frozenset[int]:
    """The days of the week that a rep works; Monday to Friday where nothing is written that is understood."""
    named = {w.strip().lower()[:3] for w in (written or "").split(";")}
    return frozenset(n for n, name in enumerate(_NAMES) if name in named) or _USUAL


def _is_away(absence: Mapping[str, Any], day: date) -> bool:
    ends = absence["ends_on"]
    return bool(absence["starts_on"] <= day and (ends is None or day < ends))


def fills_room(handoffs: ir.Table) -> ir.BooleanValue:
    """Whether a handoff is work of a rep: no play of marketing, and not held out unless somebody asked for it."""
    rule = handoffs["route_rule"].fill_null("")
    return (rule != NAMELESS) & ((rule != HOLDOUT) | handoffs["reassigned_on"].notnull())


def weekly_room(rows: Iterable[RepWeek], weeks: int) -> float:
    """New accounts a week that all reps together can take, on average over the weeks."""
    return sum(r.room for r in rows) / weeks if weeks else 0.0
