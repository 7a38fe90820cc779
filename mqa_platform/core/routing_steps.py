"""What one step of the routing order finds for an account: the reps it names, and who of them gets it.

Belongs here: who of the named reps can take the account, who stands in, and the draw. Does not belong here:
whom a rule names (``named_reps``), or the order of the steps (``routing_fold``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import md5
from typing import Final

from mqa_platform.core.desk import (
    AWAY,
    FULL,
    INACTIVE,
    NO_CAPACITY,
    THERE,
    UNKNOWN,
    Book,
    Desk,
    monday,
)
from mqa_platform.core.named_reps import DETAIL, NAMED, Asked, Known
from mqa_platform.core.territories import Atlas
from mqa_platform.policy.routing import RouteStep, Routing

FIRED, PASSED, TIED, NOT_REACHED = "fired", "passed_over", "tied", "not_reached"
_DIGITS: Final = 13


@dataclass(frozen=True)
class Answer:
    """What a step found: who gets the account, or why nobody of those it names does.

    ``candidates`` counts the users it named.
    """

    number: int
    step: RouteStep
    outcome: str
    candidates: int = 0
    reason: str = ""
    detail: str = ""
    rep_id: str | None = None


@dataclass
class Rules:
    """One policy's steps at one desk, with what was given so far."""

    routing: Routing
    desk: Desk
    book: Book
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        """The named regions, read once."""
        self.known = Known(self.desk, Atlas(self.routing.regions))

    def ask(self, number: int, step: RouteStep, asked: Asked) -> Answer:
        """What one step finds."""
        if step.tiers and asked.account.tier not in step.tiers:
            return Answer(number, step, PASSED, reason="other_tier", detail=asked.account.tier)
        groups, reason = NAMED[step.rule](self.known, step, asked)
        groups = [[u for u in group if u not in asked.without] for group in groups]
        named = list(dict.fromkeys(u for group in groups for u in group))
        if not named:
            return Answer(number, step, PASSED, reason=reason, detail=DETAIL.get(reason, ""))
        for group in groups:
            takers = self._takers(step, group, asked) or self._covers(step, group, asked)
            if len(takers) > 1 and step.shared == "refuse":
                told = ", ".join(t[0] for t in takers)
                return Answer(number, step, TIED, len(named), "tied", f"{told} hold it equally")
            chosen = _drawn(asked.account.account_id, takers, is_lot=step.rule == "round_robin")
            if chosen is not None:
                user, away = chosen
                why = f"stands in for {away}" if away else ""
                return Answer(number, step, FIRED, len(named), "", why, user)
        return self._nobody(number, step, named, asked)

    def _takers(self, step: RouteStep, group: Sequence[str], asked: Asked) -> list[_Taker]:
        """Who of a group is there and has room: (user, '', weight)."""
        return [
            (user, "", self._weight(user, asked.day))
            for user in group
            if self._state(asked, user, keeps=step.keeps_over_capacity) == THERE
        ]

    def _covers(self, step: RouteStep, group: Sequence[str], asked: Asked) -> list[_Taker]:
        """Who stands in for those of a group that are away, one level deep."""
        if not step.cover:
            return []
        found: dict[str, _Taker] = {}
        for user in group:
            if self.desk.presence(user, asked.day) != AWAY:
                continue
            absence = self.desk.absence(user, asked.day)
            cover = absence.cover_id if absence else None
            if cover is None or cover in asked.without or cover in found:
                continue
            # An owner's account is not his own yet: he stands in as far as he has room.
            if self._state(asked, cover, keeps=step.over_capacity == "keep") == THERE:
                found[cover] = (cover, user, self._weight(cover, asked.day))
        return list(found.values())

    def _state(self, asked: Asked, user: str, *, keeps: bool) -> str:
        present = self.desk.presence(user, asked.day)
        if present != THERE or keeps:
            return present
        if not asked.counts:
            return NO_CAPACITY if self.capacity(user, asked.day) == 0 else THERE
        if not self.is_full(user, asked.day):
            return THERE
        return FULL if self.capacity(user, asked.day) else NO_CAPACITY

    def is_full(self, user: str, day: date) -> bool:
        """Whether a rep has had his capacity of the week of a day; a capacity of 0 is full at once."""
        limit = self.capacity(user, day)
        return limit is not None and self.book.given[user, monday(day)] >= limit

    def capacity(self, user: str, day: date) -> int | None:
        """How many accounts a week a rep can take; None is no limit."""
        rep = self.desk.rep(user, day)
        if rep is None or rep.capacity is None:
            return self.routing.capacity_per_week
        return rep.capacity

    def _weight(self, user: str, day: date) -> float:
        rep = self.desk.rep(user, day)
        return 1.0 if rep is None else rep.weight

    def _nobody(self, number: int, step: RouteStep, named: list[str], asked: Asked) -> Answer:
        """Why nobody of those a step names gets the account: the reason nearest to having been one."""
        keeps = step.keeps_over_capacity
        states = {user: self._state(asked, user, keeps=keeps) for user in named}
        for state in (FULL, NO_CAPACITY, AWAY, INACTIVE, UNKNOWN):
            mine = sorted(u for u, s in states.items() if s == state)
            if mine:
                detail = f"{', '.join(mine[:3])}{' and others' if len(mine) > 3 else ''}"
                return Answer(number, step, PASSED, len(named), state, detail)
        return Answer(number, step, PASSED, len(named), "no_share", "the weight of all is 0")


_Taker = tuple[str, str, float]


def _drawn(account_id: str, takers: list[_Taker], *, is_lot: bool) -> tuple[str, str] | None:
    """Who of those that can take it does: a share of the accounts by weight, the same ones every time.

    Each pair of account and rep has a number of its own; the largest wins. So a rep who leaves, comes or is
    full moves no account between two others. A weight of 0 takes part in no draw.
    """
    if len(takers) == 1 and not is_lot:
        return takers[0][:2]
    lots = [
        (-weight / math.log(fraction(account_id, user)), user, away)
        for user, away, weight in takers
        if weight > 0
    ]
    return max(lots)[1:] if lots else None


def fraction(*words: str) -> float:
    """A number of (0, 1), one for each row of words, equal on every machine."""
    digest = md5("|".join(words).encode(), usedforsecurity=False).hexdigest()
    return (int(digest[:_DIGITS], 16) + 0.5) / 16.0**_DIGITS
