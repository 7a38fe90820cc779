"""The sales desk on any day: which reps there are, who is away, who stands in, and how full each week is.

Belongs here: looking up a rep as of a day, and counting what was given. Does not belong here: the rules
that name reps (``routing_steps``), or where the tables come from (``capacity``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from mqa_platform.core import countries
from mqa_platform.core.territories import Territory, words

# How a rep stands towards an account on a day.
THERE, FULL, NO_CAPACITY, AWAY, INACTIVE, UNKNOWN = (
    "there", "full", "no_capacity", "away", "inactive", "unknown_user",
)  # fmt: skip
Row = Mapping[str, Any]
_FAR: Final = date(9999, 1, 1)


@dataclass(frozen=True)
class Rep:
    """One rep as of some days; ``capacity`` None is not known, ``is_active`` None: not in the CRM."""

    user_id: str
    valid_from: date
    valid_to: date | None
    is_active: bool | None
    is_listed: bool
    capacity: int | None
    weight: float
    team: str
    industries: frozenset[str]
    territory: Territory


@dataclass(frozen=True)
class Absence:
    """Days on which a rep is away, the end excluded, and who stands in."""

    starts_on: date
    ends_on: date
    cover_id: str | None


@dataclass(frozen=True)
class Order:
    """Somebody's word that handoffs go to another rep; ``to_rep`` None is by the rules."""

    order_id: str
    from_rep: str
    to_rep: str | None
    handoff_id: str | None
    starts_on: date
    ends_on: date | None
    at: Any


@dataclass(frozen=True)
class DeskTables:
    """The rows of ``capacity``, ``absences`` and ``reassignments``."""

    capacity: Sequence[Row]
    absences: Sequence[Row] = ()
    reassignments: Sequence[Row] = ()


class Desk:
    """Everybody on any day."""

    def __init__(self, tables: DeskTables) -> None:
        self._versions: dict[str, list[Rep]] = defaultdict(list)
        for row in sorted(tables.capacity, key=lambda r: (r["user_id"], r["valid_from"])):
            self._versions[row["user_id"]].append(_rep(row))
        self._starts = {u: [r.valid_from for r in each] for u, each in self._versions.items()}
        self.orders = sorted(
            (_order(row) for row in tables.reassignments), key=lambda o: (o.at, o.order_id)
        )
        self._absences: dict[str, list[Absence]] = defaultdict(list)
        for rep_id, absence in (*_away(tables.absences), *_covered(self.orders)):
            self._absences[rep_id].append(absence)
        self._days: dict[date, list[Rep]] = {}
        # Asked for every rep of a draw, and the same all day.
        self._present: dict[tuple[str, date], str] = {}

    def __contains__(self, user_id: str) -> bool:
        """Whether the CRM has, or ever had, this user."""
        return any(r.is_active is not None for r in self._versions.get(user_id, ()))

    def rep(self, user_id: str, day: date) -> Rep | None:
        """A rep as of a day; None where nothing is known of him by then."""
        at = bisect_right(self._starts.get(user_id, []), day)
        if not at:
            return None
        found = self._versions[user_id][at - 1]
        return found if found.valid_to is None or day < found.valid_to else None

    def everyone(self, day: date) -> list[Rep]:
        """All reps of a day in the order of their ids.

        Who stands in reps.csv is a rep; where nobody does, every user of the CRM is.
        """
        if day not in self._days:
            found = [r for u in sorted(self._versions) if (r := self.rep(u, day)) is not None]
            listed = [r for r in found if r.is_listed]
            self._days[day] = listed or found
        return self._days[day]

    def absence(self, user_id: str, day: date) -> Absence | None:
        """The absence of a rep on a day; of several one with somebody who stands in, then the longest."""
        mine = [a for a in self._absences.get(user_id, ()) if a.starts_on <= day < a.ends_on]
        return min(
            mine,
            key=lambda a: (a.cover_id is None, -a.ends_on.toordinal(), a.cover_id or ""),
            default=None,
        )

    def back_on(self, user_id: str, day: date) -> date | None:
        """The first day from a day on on which a rep is not away; None where no end is known."""
        while (absence := self.absence(user_id, day)) is not None:
            day = absence.ends_on
        return day if day < _FAR else None

    def presence(self, user_id: str, day: date) -> str:
        """How a rep stands on a day, whatever he has got already."""
        key = user_id, day
        if key not in self._present:
            self._present[key] = self._presence(user_id, day)
        return self._present[key]

    def _presence(self, user_id: str, day: date) -> str:
        rep = self.rep(user_id, day)
        if rep is None or rep.is_active is None:
            return UNKNOWN
        if not rep.is_active:
            return INACTIVE
        return AWAY if self.absence(user_id, day) else THERE

    def departures(self, user_id: str | None = None) -> list[tuple[str, date]]:
        """(user, day) on which the CRM first says that somebody, or one user, is active no more."""
        users = sorted(self._versions) if user_id is None else [user_id]
        found = []
        for user in users:
            versions = self._versions.get(user, [])
            for before, after in zip(versions, versions[1:], strict=False):
                if before.is_active and after.is_active is False:
                    found.append((user, after.valid_from))
        return found


class Book:
    """What each rep was given in each week; a week begins on Monday."""

    def __init__(self) -> None:
        self.given: Counter[tuple[str, date]] = Counter()

    def give(self, user_id: str, day: date) -> None:
        """Count one account given to a rep on a day."""
        self.given[user_id, monday(day)] += 1


def monday(day: date) -> date:
    """The first day of the ISO week of a day."""
    return day - timedelta(days=day.weekday())


def folded(text: str | None) -> str:
    """A name as it is compared; nothing is ''."""
    return countries.folded(text or "")


def _rep(row: Row) -> Rep:
    weight = row.get("weight")
    return Rep(
        row["user_id"],
        row["valid_from"],
        row.get("valid_to"),
        row.get("is_active"),
        bool(row.get("is_listed")),
        row.get("capacity_per_week"),
        1.0 if weight is None else float(weight),
        folded(row.get("team")),
        frozenset(folded(word) for word in words(row.get("industries"))),
        Territory(
            words(row.get("regions")),
            words(row.get("postal_prefixes")),
            row.get("employees_min"),
            row.get("employees_max"),
        ),
    )


def _order(row: Row) -> Order:
    return Order(
        row["reassignment_id"], row["from_rep"], row.get("to_rep"), row.get("handoff_id"),
        row["starts_on"], row.get("ends_on"), row["at"],
    )  # fmt: skip


def _away(rows: Iterable[Row]) -> Iterable[tuple[str, Absence]]:
    for row in rows:
        ends_on = row.get("ends_on") or _FAR
        yield row["rep_id"], Absence(row["starts_on"], ends_on, row.get("cover_id"))


def _covered(orders: Iterable[Order]) -> Iterable[tuple[str, Absence]]:
    """Who gives all he has for some days is given nothing on them: it is an absence with a stand-in."""
    for order in orders:
        if order.ends_on is not None and order.handoff_id is None:
            yield order.from_rep, Absence(order.starts_on, order.ends_on, order.to_rep)
