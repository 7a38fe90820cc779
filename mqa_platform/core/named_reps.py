"""Which reps each rule of the routing order names for an account, the nearest first.

Belongs here: the five rules. Does not belong here: who of those that are named can take the account
(``routing_steps``), or who the reps are (``desk``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from mqa_platform.core.desk import Desk, Rep, folded
from mqa_platform.core.territories import Atlas, Place
from mqa_platform.policy.routing import RouteStep


@dataclass(frozen=True)
class Deal:
    """A user who knows the account from an opportunity, as of the day of the handoff."""

    user_id: str
    deal: str
    is_open: bool
    closed_on: date | None
    made_on: date
    is_owner: bool


@dataclass(frozen=True)
class Account:
    """What routing knows of the account of one handoff."""

    account_id: str
    tier: str
    owner_id: str | None
    industry: str | None
    where: Place
    deals: tuple[Deal, ...] = ()


@dataclass(frozen=True)
class Asked:
    """The account, the day, and who is out of the question; ``counts`` is false for backlog."""

    account: Account
    day: date
    counts: bool = True
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """What the rules read of the sales desk: the reps, and the named regions."""

    desk: Desk
    atlas: Atlas


# Groups of users, the nearest first and equals together; why there are none.
Groups = tuple[list[list[str]], str]
DETAIL: Final = {
    "account_without_owner": "the CRM names no owner",
    "account_without_country": "the account has no country",
    "account_without_industry": "the account has no industry",
}


def _owner(known: Known, step: RouteStep, asked: Asked) -> Groups:
    owner = asked.account.owner_id
    allowed = (
        owner and (not step.users or owner in step.users) and _in_team(known, step, owner, asked)
    )
    if not allowed:
        return [], "account_without_owner" if not owner else "owner_of_another_team"
    return [[owner or ""]], ""


def _deal_people(known: Known, step: RouteStep, asked: Asked) -> Groups:
    """Each in a place of his own: open before closed, newest first, its owner before its team."""
    deals = [
        d
        for d in asked.account.deals
        if d.is_open
        or (d.closed_on is not None and (asked.day - d.closed_on).days <= step.closed_within_days)
    ]
    deals.sort(
        key=lambda d: (
            not d.is_open,
            -(d.made_on if d.is_open or d.closed_on is None else d.closed_on).toordinal(),
            d.deal,
            not d.is_owner,
            d.user_id,
        )
    )
    users = dict.fromkeys(d.user_id for d in deals)
    found = [[u] for u in users if not step.users or u in step.users]
    found = [group for group in found if _in_team(known, step, group[0], asked)]
    return found, "no_opportunity"


def _specialists(known: Known, step: RouteStep, asked: Asked) -> Groups:
    industry = folded(asked.account.industry)
    if not industry:
        return [], "account_without_industry"
    reps = _reps_of(known, step, asked.day)
    if step.industries:
        if industry not in {folded(word) for word in step.industries}:
            return [], "other_industry"
        return [_ids(reps, step)], "no_specialist"
    return [[r.user_id for r in reps if industry in r.industries]], "no_specialist"


def _territory(known: Known, step: RouteStep, asked: Asked) -> Groups:
    where = asked.account.where
    by_reach: dict[int, list[str]] = {}
    for rep in _reps_of(known, step, asked.day):
        reach = known.atlas.reach(rep.territory, where)
        if reach is not None:
            by_reach.setdefault(reach, []).append(rep.user_id)
    reason = "account_without_country" if where.country is None else "no_territory"
    return [by_reach[reach] for reach in sorted(by_reach, reverse=True)], reason


def _team(known: Known, step: RouteStep, asked: Asked) -> Groups:
    return [_ids(_reps_of(known, step, asked.day), step)], "nobody_in_the_team"


NAMED: Final[dict[str, Callable[[Known, RouteStep, Asked], Groups]]] = {
    "named_owner": _owner,
    "opportunity_team": _deal_people,
    "vertical_specialist": _specialists,
    "territory": _territory,
    "round_robin": _team,
}


def _reps_of(known: Known, step: RouteStep, day: date) -> list[Rep]:
    """The reps that a step may name: its users, and of them its team; without either all reps."""
    team = folded(step.team)
    if step.users:
        found = [r for u in dict.fromkeys(step.users) if (r := known.desk.rep(u, day))]
    else:
        found = known.desk.everyone(day)
    return [r for r in found if not team or r.team == team]


def _ids(reps: Sequence[Rep], step: RouteStep) -> list[str]:
    """The reps, and users of the step that nobody knows: they are told, and get nothing."""
    known = {r.user_id for r in reps}
    strangers = [] if step.team else [u for u in dict.fromkeys(step.users) if u not in known]
    return [*(r.user_id for r in reps), *strangers]


def _in_team(known: Known, step: RouteStep, user: str, asked: Asked) -> bool:
    if not step.team:
        return True
    rep = known.desk.rep(user, asked.day)
    return rep is not None and rep.team == folded(step.team)
