"""The accounts as they truly are: firmographics, hierarchy, domains, offices, relationship, fit.

Belongs here: what exists whether or not anyone knows it. Does not belong here: what the CRM says
about it (``crm_accounts``), who works there (``people``), or what they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import COMPETITORS, DAY, HOUR, MarketConfig
from mqa_platform.market.streams import Bools, Floats, Ints, stream

PROSPECT, CUSTOMER, FORMER, COMPETITOR, PARTNER = range(5)
RELATIONSHIPS = ("Prospect", "Customer", "Former Customer", "Competitor", "Partner")
OFFICE_SPACE = 45 << 24
"""Offices lie in 45.0.0.0/8, one /24 slot each, so no two companies share an address."""

_ONSETS, _VOWELS, _CODAS = "bcdfgklmnprstvz", "aeiou", "nrsxlm"
_OPEN = [c + v for c in _ONSETS for v in _VOWELS]
_CLOSED = [s + c for s in _OPEN for c in _CODAS]


@dataclass(frozen=True)
class Accounts:
    """Column per fact, row per account; -1 means none in ``parent`` and ``office_start``.

    ``created`` is the moment the CRM record was made (microseconds), also for accounts the CRM
    does not have. ``activity`` is the background visits a day. ``office_size`` counts addresses.
    """

    name: list[str]
    domain: list[str]
    aliases: list[list[str]]
    industry: Ints
    country: Ints
    employees: Ints
    revenue: Ints
    growth: Floats
    technologies: list[str]
    relationship: Ints
    parent: Ints
    is_fit: Bools
    is_target: Bools
    in_crm: Bools
    created: Ints
    office_start: Ints
    office_size: Ints
    activity: Floats

    def __len__(self) -> int:
        """Number of accounts."""
        return len(self.name)


def build_accounts(config: MarketConfig) -> Accounts:
    """Draw the accounts. All shares are chosen; see the comments beside the ones that matter."""
    rng, n = stream(config, "accounts"), config.accounts
    industry = rng.choice(len(words.INDUSTRIES), n, p=words.INDUSTRY_SHARES)
    country = rng.choice(len(words.COUNTRIES), n, p=words.COUNTRY_SHARES)
    employees = np.clip(np.exp(rng.normal(6.2, 1.9, n)), 5, 250_000).astype(np.int64)
    relationship = rng.choice(5, n, p=(0.845, 0.08, 0.03, 0.015, 0.03))
    in_crm = rng.random(n) < 0.9
    relationship[~in_crm] = PROSPECT
    relationship[: len(COMPETITORS)], in_crm[: len(COMPETITORS)] = COMPETITOR, True
    is_fit = (
        (industry < words.FIT_INDUSTRIES) & (country < words.FIT_COUNTRIES) & (employees >= 100)
    )
    wanted = np.where(is_fit, 0.66, 0.16) * np.isin(relationship, (PROSPECT, FORMER, CUSTOMER))
    is_target = in_crm & (rng.random(n) < wanted)
    revenue = (employees * np.exp(rng.normal(12.1, 0.5, n)) / 1000).astype(np.int64) * 1000
    parent = _parents(rng, employees, in_crm)
    names, domains, aliases = _names(rng, n, country, parent)
    # Five in a hundred records are made while the market runs: no earlier day may see them.
    during = (rng.random(n) < 0.05) & (relationship == PROSPECT)
    age = np.where(during, -rng.random(n) * config.days, rng.integers(30, 1500, n))
    created = config.start - (age * DAY).astype(np.int64) + rng.integers(7, 18, n) * HOUR
    created = np.where(during, np.clip(created, config.start, config.end - HOUR), created)
    has_office = rng.random(n) < 0.6
    size = 1 << rng.integers(4, 9, n)
    activity = rng.gamma(0.7, 1.0, n) * np.where(relationship == CUSTOMER, 0.16, 0.10)
    return Accounts(
        name=names,
        domain=domains,
        aliases=aliases,
        industry=industry,
        country=country,
        employees=employees,
        revenue=revenue,
        growth=np.round(rng.normal(12, 15, n), 1),
        technologies=_technologies(rng, n),
        relationship=relationship,
        parent=parent,
        is_fit=is_fit,
        is_target=is_target,
        in_crm=in_crm,
        created=created // 1_000_000 * 1_000_000,
        office_start=_slots(rng, n, has_office),
        office_size=size,
        activity=activity,
    )


def _slots(rng: np.random.Generator, n: int, has_office: Bools) -> Ints:
    """Slots for the accounts that have an office only: 60,000 of 100,000 fit into one /8."""
    slots = np.full(n, -1, dtype=np.int64)
    having = np.flatnonzero(has_office)
    slots[having] = OFFICE_SPACE + rng.permutation(65_536)[: len(having)] * 256
    return slots


def _parents(rng: np.random.Generator, employees: Ints, in_crm: Bools) -> Ints:
    """A tenth of the companies belong to one of the largest; two levels, never a cycle."""
    n = len(employees)
    large = np.argsort(-employees, kind="stable")[: max(4, n // 40)]
    large = large[in_crm[large] & (large >= len(COMPETITORS))]
    parent = np.full(n, -1, dtype=np.int64)
    child = rng.random(n) < 0.1
    child[large] = False
    child[: len(COMPETITORS)] = False
    parent[child] = rng.choice(large, int(child.sum()))
    return parent


def _names(
    rng: np.random.Generator, n: int, country: Ints, parent: Ints
) -> tuple[list[str], list[str], list[list[str]]]:
    """Names that are unique words, a domain each, and up to two alias domains for a fifth."""
    picks = rng.choice(len(_OPEN) ** 2 * len(_CLOSED), n, replace=False)
    second, third = np.divmod(picks // len(_CLOSED), len(_OPEN))
    last = picks % len(_CLOSED)
    stems = [
        _OPEN[a] + _OPEN[b] + _CLOSED[c]
        for a, b, c in zip(second.tolist(), third.tolist(), last.tolist(), strict=True)
    ]
    kind = rng.integers(0, len(words.COMPANY_WORDS), n).tolist()
    dot_com, extra = (rng.random(n) < 0.7).tolist(), rng.random(n).tolist()
    takes_parents_name = (rng.random(n) < 0.4).tolist()
    names, domains, aliases, taken = [], [], [], set[str]()
    for i, (stem, land, above) in enumerate(
        zip(stems, country.tolist(), parent.tolist(), strict=True)
    ):
        name = f"{stem.capitalize()} {words.COMPANY_WORDS[kind[i]]} {words.LEGAL_FORMS[land]}"
        domain = f"{stem}.com" if dot_com[i] else f"{stem}.{words.COUNTRY_SUFFIXES[land]}"
        family = f"{stems[above]}-{words.COUNTRY_CODES[land]}.com" if above >= 0 else ""
        if family and takes_parents_name[i] and family not in taken:
            name = f"{stems[above].capitalize()} {words.COUNTRIES[land]} {words.LEGAL_FORMS[land]}"
            domain = family
        if i < len(COMPETITORS):
            name, domain = COMPETITORS[i]
        taken.add(domain)
        names.append(name)
        domains.append(domain)
        own = domain.partition(".")[0]
        other = [f"{own}-group.com", f"{own}.io"] if i >= len(COMPETITORS) else []
        aliases.append(other if extra[i] < 0.05 else other[:1] if extra[i] < 0.2 else [])
    return names, domains, aliases


def _technologies(rng: np.random.Generator, n: int) -> list[str]:
    """One to five technologies an account, joined by semicolons."""
    order = np.argsort(rng.random((n, len(words.TECHNOLOGIES))), axis=1)
    counts = rng.integers(1, 6, n)
    return [
        ";".join(words.TECHNOLOGIES[t] for t in row[:k])
        for row, k in zip(order.tolist(), counts.tolist(), strict=True)
    ]


def pool(prefix: int, bits: int) -> tuple[int, int]:
    """First address and size of a shared address pool (an ISP's, a host's, a campus's)."""
    return prefix, 1 << bits


def visitor_address(
    accounts: Accounts, account: Ints, cookie_share: Floats, at_office: Bools
) -> npt.NDArray[np.int64]:
    """The address of each visit: the company's own network where it has one, else an ISP's."""
    start, size = accounts.office_start[account], accounts.office_size[account]
    inside = start + 1 + (cookie_share * (size - 2)).astype(np.int64)
    return np.where(at_office & (start >= 0), inside, isp_address(cookie_share))


def isp_address(share: Floats) -> Ints:
    """An address in the consumer pool 81.0.0.0/10 for a fixed number in [0, 1)."""
    first, size = ISP_POOL
    return first + (share * size).astype(np.int64)


ISP_POOL = pool(81 << 24, 22)
HOSTING_POOL = pool((104 << 24) + (131 << 16), 16)
CAMPUS_POOL = pool((128 << 24) + (97 << 16), 16)
VPN_POOL = pool((146 << 24) + (70 << 16), 14)
OWN_OFFICE = pool((44 << 24) + (10 << 16), 8)
