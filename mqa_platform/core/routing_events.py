"""What happens to handoffs, in the order in which it counts: entries, new owners, departures, orders.

Belongs here: events out of facts, departures, orders to reassign and missed SLAs. Does not belong here: what
an event does (``routing_fold``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mqa_platform.core.desk import Desk, monday
from mqa_platform.core.experiments import Drawn
from mqa_platform.core.named_reps import Account, Deal
from mqa_platform.core.routing_facts import ASKED, DEAL, ENTRY, OWNER
from mqa_platform.core.routing_steps import Answer
from mqa_platform.core.territories import place

LEAVES, CHANGES_OWNER, IS_ORDERED, RETURNS, UNTOUCHED, ENTERS, ASKS = range(7)
Row = Mapping[str, Any]


@dataclass
class Held:
    """One handoff while the events go by; ``owners`` are (rep, from which day, why)."""

    facts: Row
    account: Account
    rules: str
    owners: list[tuple[str, date, str]] = field(default_factory=list)
    rule: str = ""
    cause: tuple[str, str] | None = None
    over_capacity: bool = False
    steps: list[tuple[int, Answer]] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)
    lent: tuple[str, str] | None = None
    drawn: Drawn | None = None

    @property
    def rep_id(self) -> str:
        """Who has it now."""
        return self.owners[-1][0]

    @property
    def is_held_out(self) -> bool:
        """Whether it was drawn to be kept from sales, and nobody of the account has asked to be called."""
        return self.drawn is not None and self.drawn.is_held_out and len(self.owners) == 1

    def is_open(self, day: date) -> bool:
        """Whether it is there, and sales holds it, on a day."""
        over = self.facts["over_on"]
        return bool(self.facts["created_on"] <= day and (over is None or day < over))


@dataclass(frozen=True, order=True)
class Event:
    """Something that happens, in the order in which it counts."""

    week: date
    moment: datetime
    place: int
    key: str
    day: date = field(compare=False)
    what: Any = field(compare=False)


def events(facts: Iterable[Row], desk: Desk, sla_moves: Iterable[Row]) -> Iterator[Event]:
    """Every event, in no order.

    Args:
        facts: rows of ``routing_facts.facts``.
        desk: for departures and orders.
        sla_moves: (handoff_id, rep_id, reassigned_on) of handoffs that nobody touched in time.
    """
    facts = list(facts)
    deals: dict[str, list[Deal]] = defaultdict(list)
    for row in facts:
        if row["kind"] == DEAL:
            deals[row["handoff_id"]].append(_deal(row))
    for row in facts:
        if row["kind"] == ENTRY:
            day = row["created_on"]
            moment = _aware(row["qualified_at"]) or midnight(day)
            held = Held(row, _account(row, deals[row["handoff_id"]]), row["rules"])
            yield Event(monday(day), moment, ENTERS, row["handoff_id"], day, held)
        elif row["kind"] == OWNER:
            yield _move(row["on_day"], CHANGES_OWNER, row["handoff_id"], row)
        elif row["kind"] == ASKED:
            yield _move(row["on_day"], ASKS, row["handoff_id"], row)
    for user, day in desk.departures():
        yield _move(day, LEAVES, user, user)
    yield from _of_orders(desk)
    for row in sla_moves:
        yield _move(row["reassigned_on"], UNTOUCHED, row["handoff_id"], row)


def _of_orders(desk: Desk) -> Iterator[Event]:
    for order in desk.orders:
        at = _aware(order.at)
        key = f"{at.isoformat() if at else ''} {order.order_id}"
        yield _move(order.starts_on, IS_ORDERED, key, order, _takes_effect(at, order.starts_on))
        back = None if order.ends_on is None else desk.back_on(order.from_rep, order.ends_on)
        if back is not None:
            yield _move(back, RETURNS, key, order)


def _move(day: date, where: int, key: str, what: Any, moment: datetime | None = None) -> Event:
    return Event(monday(day), moment or midnight(day), where, key, day, what)


def _takes_effect(entered: datetime | None, day: date) -> datetime:
    """When an order holds on its first day: when it was entered, or at its end where that was later.

    Who enters it afterwards has seen what came on that day, and means it too.
    """
    if entered is None or entered.date() < day:
        return midnight(day)
    last = midnight(day) + timedelta(days=1, microseconds=-1)
    return min(entered, last)


def midnight(day: date) -> datetime:
    """The beginning of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def _aware(moment: datetime | None) -> datetime | None:
    """A moment with its zone: one engine of three gives timestamps without it."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _deal(row: Row) -> Deal:
    return Deal(
        row["rep_id"], row["deal"], bool(row["is_open"]), row["closed_on"], row["on_day"],
        bool(row["is_owner"]),
    )  # fmt: skip


def _account(row: Row, deals: list[Deal]) -> Account:
    where = place(row["country"], row["region"], row["postal_code"], row["employees"])
    return Account(
        row["account_id"], row["tier"] or "programmatic", row["owner_id"], row["industry"], where,
        tuple(deals),
    )  # fmt: skip
