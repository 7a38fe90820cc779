"""The sales desk: the records of what sales does, and the rules that keep them possible.

Belongs here: outcome records, and logging them inside the market's time on records that exist.
Does not belong here: which outcomes happen (``outcomes``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mqa_platform.market.config import DAY, HOUR, MarketConfig
from mqa_platform.market.people import People
from mqa_platform.market.reps import SalesTeam, territory_of
from mqa_platform.market.streams import Ints, stream
from mqa_platform.market.world import Accounts


@dataclass(frozen=True)
class Opportunity:
    """One deal; ``closed_at`` is None while open at the market's end; times in microseconds."""

    number: int
    account: int
    episode: int
    rep: int
    created_at: int
    closed_at: int | None
    is_won: bool
    loss_reason: str
    amount: int
    term_months: int


@dataclass(frozen=True)
class Activity:
    """A call, mail, social touch or meeting by a rep; ``person`` -1 when no contact is known."""

    kind: str
    account: int
    person: int
    rep: int
    at: int
    is_held: bool = True
    is_bulk: bool = False


@dataclass(frozen=True)
class Change:
    """A new value of one field of an account's CRM record."""

    account: int
    at: int
    field: str
    value: str


@dataclass
class Outcomes:
    """Everything sales did; ``adopted`` maps accounts without a CRM record to when they got one."""

    opportunities: list[Opportunity] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    adopted: dict[int, int] = field(default_factory=dict)


class Desk:
    """Draws outcomes episode by episode and keeps them inside the market's time."""

    def __init__(
        self, config: MarketConfig, accounts: Accounts, people: People, team: SalesTeam
    ) -> None:
        self.config, self.accounts, self.people, self.team = config, accounts, people, team
        self.rng = stream(config, "outcomes")
        self.territory = territory_of(accounts, team.reps)
        self.out = Outcomes()

    def at(self, day: float) -> int:
        """An instant in the afternoon of a day."""
        return (
            self.config.start
            + int(day) * DAY
            + int(self.rng.integers(8 * 60, 18 * 60)) * HOUR // 60
        )

    def rep(self, account: int) -> int:
        """The owner if active, else the territory's rep."""
        owner = int(self.team.owner[account])
        active = owner >= 0 and self.team.reps[owner].is_active
        return owner if active else int(self.territory[account])

    def contact(self, account: int, members: Ints) -> int:
        """A CRM contact, from the active committee if it has one."""
        known = members[self.people.is_contact[members]]
        if not len(known):
            first = int(self.people.first[account])
            everyone = np.arange(first, first + int(self.people.count[account]))
            known = everyone[self.people.is_contact[everyone]]
        return int(self.rng.choice(known)) if len(known) else -1

    def touch(self, kind: str, account: int, person: int, day: float, is_held: bool = True) -> None:
        """Log an activity if it falls inside the market."""
        at = self.at(day)
        if self.config.start <= at < self.config.end:
            self.out.activities.append(
                Activity(kind, account, person, self.rep(account), at, is_held)
            )

    def adopt(self, account: int, at: int) -> None:
        """Make the CRM record now, if the CRM does not have one by then."""
        missing = not self.accounts.in_crm[account] or self.accounts.created[account] > at
        if missing and self.config.start <= at < self.config.end:
            self.out.adopted[account] = min(at, self.out.adopted.get(account, at))

    def recorded(self, account: int) -> int:
        """When the CRM record was made; after the market's end for accounts it never has."""
        made = (
            int(self.accounts.created[account])
            if self.accounts.in_crm[account]
            else self.config.end
        )
        return self.out.adopted.get(account, made)

    def change(self, account: int, at: int, name: str, value: str) -> None:
        """Log a change of the record if it falls inside the market."""
        if self.config.start <= at < self.config.end:
            self.out.changes.append(Change(account, at, name, value))

    def status(self, account: int, at: int, status: str, reason: str = "") -> None:
        """Set the sales status and its reason."""
        self.change(account, at, "sales_status", status)
        self.change(account, at, "sales_status_reason", reason)
