"""The sales team: reps with territories and capacity, and who owns which account.

Belongs here: users and ownership at the start. Does not belong here: changes of owner over time
(``crm_accounts``) and what reps do (``outcomes``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import OWN_DOMAIN, MarketConfig
from mqa_platform.market.streams import Ints, stream
from mqa_platform.market.world import Accounts

_REGIONS = (
    ("Americas", ("United States",), "America/New_York"),
    ("Americas", ("Canada", "Brazil"), "America/Toronto"),
    ("EMEA", ("United Kingdom", "Netherlands"), "Europe/London"),
    ("EMEA", ("Germany", "France"), "Europe/Berlin"),
    ("APAC", ("Australia", "India", "Japan"), "Asia/Kolkata"),
)


@dataclass(frozen=True)
class Rep:
    """One user of the CRM; the band is inclusive, ``None`` means open."""

    user_id: str
    name: str
    email: str
    is_active: bool
    team: str
    countries: tuple[str, ...]
    employees_min: int | None
    employees_max: int | None
    capacity_per_week: int
    time_zone: str


@dataclass(frozen=True)
class SalesTeam:
    """The reps (the last one is inactive) and each account's owner, -1 for none."""

    reps: tuple[Rep, ...]
    owner: Ints


def build_sales_team(config: MarketConfig, accounts: Accounts) -> SalesTeam:
    """One active rep per 150 accounts, six at least; countries × headcount partition the world."""
    rng = stream(config, "reps")
    active = max(6, len(accounts) // 150)
    members = _share_out(accounts, active)
    reps: list[Rep] = []
    for region, count in enumerate(members):
        team, countries, zone = _REGIONS[region]
        inside = np.isin(accounts.country, [words.COUNTRIES.index(c) for c in countries])
        sizes = accounts.employees[inside] if inside.any() else accounts.employees
        cuts = np.unique(np.quantile(sizes, np.arange(1, count) / count).astype(int))
        lows = [None, *(int(c) for c in cuts)]
        highs = [*(int(c) - 1 for c in cuts), None]
        for low, high in zip(lows, highs, strict=True):
            capacity = int(rng.integers(5, 13))
            reps.append(_rep(len(reps), True, team, countries, low, high, capacity, zone))
    reps.append(_rep(len(reps), False, "Americas", (), None, None, 8, "America/New_York"))
    return SalesTeam(tuple(reps), _owners(rng, accounts, reps))


def _share_out(accounts: Accounts, active: int) -> list[int]:
    """Reps per region: one each, then always where a rep has the most accounts."""
    weight = [
        np.isin(accounts.country, [words.COUNTRIES.index(c) for c in countries]).sum()
        for _, countries, _ in _REGIONS
    ]
    members = [1] * len(_REGIONS)
    for _ in range(active - len(members)):
        busiest = max(range(len(members)), key=lambda r: weight[r] / members[r])
        members[busiest] += 1
    return members


def _rep(
    number: int,
    is_active: bool,
    team: str,
    countries: tuple[str, ...],
    low: int | None,
    high: int | None,
    capacity: int,
    zone: str,
) -> Rep:
    """A rep with a name of their own."""
    first = words.FIRST_NAMES[number * 11 % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[(number * 7 + number // len(words.FIRST_NAMES)) % len(words.LAST_NAMES)]
    email = f"{first}.{last}.{number}@{OWN_DOMAIN}".lower()
    user_id = f"0055f{number:010d}"
    return Rep(
        user_id, f"{first} {last}", email, is_active, team, countries, low, high, capacity, zone
    )


def territory_of(accounts: Accounts, reps: tuple[Rep, ...] | list[Rep]) -> Ints:
    """The rep whose territory holds each account; every account has exactly one."""
    held = np.full(len(accounts), -1, dtype=np.int64)
    for number, rep in enumerate(reps):
        lands = [words.COUNTRIES.index(c) for c in rep.countries]
        low, high = rep.employees_min or 0, rep.employees_max or 10**12
        mine = (accounts.employees >= low) & (accounts.employees <= high)
        held[np.isin(accounts.country, lands) & mine] = number
    return held


def _owners(rng: np.random.Generator, accounts: Accounts, reps: list[Rep]) -> Ints:
    """Most targets and customers are named accounts; some still belong to the rep who left."""
    chance = np.where(accounts.is_target | (accounts.relationship == 1), 0.88, 0.3)
    owner = np.where(rng.random(len(accounts)) < chance, territory_of(accounts, reps), -1)
    left = (owner >= 0) & (rng.random(len(accounts)) < 0.05)
    owner = np.where(left, len(reps) - 1, owner)
    return np.where(accounts.in_crm, owner, -1)
