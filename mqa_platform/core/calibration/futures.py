"""What became of an account after a day, as far as it was known on another.

Belongs here: deals and the spells in which sales held an account, and the label of a day. Does not belong here: what
was seen of the account up to the day (``observed``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

WON, NONE = 1.0, 0.0


@dataclass(frozen=True)
class Deal:
    """An opportunity: the day it was created, the day it was closed if it is, and whether it was won."""

    created: date
    closed: date | None
    won: bool

    def is_open(self, day: date) -> bool:
        """Whether it was open at the end of a day."""
        return self.created <= day and (self.closed is None or self.closed > day)


@dataclass(frozen=True)
class Futures:
    """Deals and spells of being held by account, as known on ``as_of``.

    Attributes:
        deals: in the order of creation.
        held: (first day, first day no more or null) in which a handoff stood open.
        as_of: what happened later is not known.
        customers: whether customers are asked as well; not so for new business.
    """

    deals: Mapping[str, tuple[Deal, ...]]
    held: Mapping[str, tuple[tuple[date, date | None], ...]]
    as_of: date
    customers: bool = False

    def label(self, account: str, day: date, horizon: int) -> float | None:
        """1 when a deal that was created in the ``horizon`` days after the day was won, 0 when none was.

        Null while the horizon has not passed or a deal of it is open, so that nobody can say; and where
        the account had an open deal on the day already, or was a customer, so that there is nothing to ask.
        """
        mine = self.deals.get(account, ())
        last = day + timedelta(days=horizon)
        if last > self.as_of:
            return None
        if any(d.is_open(day) for d in mine):
            return None
        if not self.customers and any(d.won and d.created <= day for d in mine):
            return None
        following = [d for d in mine if day < d.created <= last]
        closed = [d for d in following if d.closed is not None and d.closed <= self.as_of]
        if any(d.won for d in closed):
            return WON
        return NONE if len(closed) == len(following) else None

    def won_after(self, account: str, day: date) -> date | None:
        """When the account's first deal after a day was created that was won, as far as is known."""
        for d in self.deals.get(account, ()):
            if d.won and d.created > day and d.closed is not None and d.closed <= self.as_of:
                return d.created
        return None

    def is_held(self, account: str, day: date) -> bool:
        """Whether a handoff stood open from an earlier day: what the buyer does then may be an answer to a rep.

        The day of entry itself is the last one on which all that was seen came before sales was told.
        """
        return any(
            first < day and (end is None or end > day) for first, end in self.held.get(account, ())
        )


def futures(
    deals: Iterable[Mapping[str, Any]],
    handoffs: Iterable[Mapping[str, Any]],
    as_of: date,
    customers: bool = False,
) -> Futures:
    """The futures out of rows.

    Args:
        deals: account_id, created_at, is_closed, is_won, closed_at of each opportunity.
        handoffs: account_id, created_on, over_on, ended_on.
        as_of: the last day that is known.
        customers: whether customers are asked as well.
    """
    by_account: dict[str, list[Deal]] = {}
    for d in deals:
        created = d["created_at"].date()
        if d["account_id"] is None or created > as_of:
            continue
        closed = d["closed_at"].date() if d["is_closed"] and d["closed_at"] else None
        # A deal that is closed without a day was closed before anybody looked.
        closed = created if d["is_closed"] and closed is None else closed
        by_account.setdefault(d["account_id"], []).append(
            Deal(created, closed, bool(d["is_won"] and d["is_closed"]))
        )
    held: dict[str, list[tuple[date, date | None]]] = {}
    for h in handoffs:
        ends = [x for x in (h["over_on"], h["ended_on"]) if x is not None]
        held.setdefault(h["account_id"], []).append((h["created_on"], max(ends) if ends else None))
    return Futures(
        {a: tuple(sorted(ds, key=lambda d: (d.created, d.closed or date.max, d.won)))
         for a, ds in by_account.items()},
        {a: tuple(hs) for a, hs in held.items()},
        as_of,
        customers,
    )  # fmt: skip
