"""Who works at the accounts: committees with roles, e-mail addresses, cookies, CRM contacts.

Belongs here: people and their fixed traits. Does not belong here: what they do (``behaviour``),
and visitors of no account (``noise``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import DAY, SECOND, MarketConfig
from mqa_platform.market.streams import (
    Bools,
    Floats,
    Ints,
    fraction,
    joined,
    ranks_within,
    stream,
)  # fmt: skip
from mqa_platform.market.world import Accounts

COOKIES_A_PERSON = 2


@dataclass(frozen=True)
class People:
    """Row per person, grouped by account: account a has rows ``first[a] … first[a] + count[a]``.

    Rows from ``staffed`` on are visitors of no account (students, our own staff; account -1).
    ``identified_from`` is the day (from the market's start) since which visits carry the e-mail;
    infinite for most. ``cookies`` is 1 or 2; their numbers are ``2 × row`` and ``2 × row + 1``.
    """

    account: Ints
    first: Ints
    count: Ints
    staffed: int
    first_name: Ints
    last_name: Ints
    seniority: Ints
    title: Ints
    email: pa.Array
    cookies: Ints
    is_contact: Bools
    lead: Ints
    identified_from: Floats

    def __len__(self) -> int:
        """Number of people, visitors of no account included."""
        return len(self.account)


def build_people(config: MarketConfig, accounts: Accounts) -> People:
    """Draw the committees.

    Five to fifteen stakeholders at a company that could buy is the first seed article's figure;
    growth with the logarithm of the headcount, and three at least elsewhere, are chosen.
    """
    rng, n = stream(config, "people"), len(accounts)
    wanted = rng.normal(5.2 + 2 * (np.log10(accounts.employees) - 2), 1.5)
    count = np.clip(np.round(wanted), np.where(accounts.is_fit, 5, 3), 15).astype(np.int64)
    account = np.repeat(np.arange(n), count)
    rank, total = ranks_within(count), int(count.sum())
    first_name = (account * 13 + rank * 7) % len(words.FIRST_NAMES)
    last_name = rng.integers(0, len(words.LAST_NAMES), total)
    is_contact = accounts.in_crm[account] & (rng.random(total) < 0.75)
    has_lead = is_contact | (rng.random(total) < 0.4)
    # Lead numbers are dealt at random: neighbours in the lead list must not betray an account.
    lead = np.full(total, -1, dtype=np.int64)
    lead[has_lead] = 1_000_000 + rng.permutation(int(has_lead.sum()))
    identified = np.where(rng.random(total) < 0.35, rng.uniform(-60, config.days, total), np.inf)
    return People(
        account=account,
        first=np.cumsum(count) - count,
        count=count,
        staffed=total,
        first_name=first_name,
        last_name=last_name,
        seniority=rng.choice(len(words.SENIORITIES), total, p=words.SENIORITY_SHARES),
        title=rng.integers(0, 4, total),
        email=_emails(rng, accounts, account, first_name, last_name),
        cookies=1 + (rng.random(total) < 0.4),
        is_contact=is_contact,
        lead=lead,
        identified_from=identified,
    )


def _emails(
    rng: np.random.Generator, accounts: Accounts, account: Ints, first_name: Ints, last_name: Ints
) -> pa.Array:
    """Addresses at the company, an alias domain, a regional subdomain, or a free mailer (3 %)."""
    total = len(account)
    where = pa.array(account)
    home = pa.array(accounts.domain).take(where)
    alias = pa.array([a[0] if a else None for a in accounts.aliases]).take(where)
    host = pc.if_else(pa.array(rng.random(total) < 0.12), pc.coalesce(alias, home), home)
    region = pa.array(["emea.", "us.", "mail."]).take(pa.array(rng.integers(0, 3, total)))
    host = joined(pc.if_else(pa.array(rng.random(total) < 0.08), region, ""), host)
    local = joined(
        pa.array([f.lower() for f in words.FIRST_NAMES]).take(pa.array(first_name)),
        pa.array([w.lower() for w in words.LAST_NAMES]).take(pa.array(last_name)),
        separator=".",
    )
    private = joined(local, pa.array(np.arange(total)).cast(pa.string()), "@gmail.com")
    return pc.if_else(pa.array(rng.random(total) < 0.03), private, joined(local, "@", host))


def lead_since(config: MarketConfig, rows: Ints) -> Ints:
    """When each person became a lead: nine in ten before the market, the others while it runs."""
    share = fraction(rows, config.seed + 1)
    day = np.where(share < 0.9, -1 - share * 400, (share - 0.9) * 9 * config.days)
    return config.start + (day * DAY).astype(np.int64) // SECOND * SECOND


def job_titles(people: People, rows: Ints) -> pa.Array:
    """The job title of each of the given people."""
    flat = pa.array([title for level in words.TITLES for title in level])
    return flat.take(pa.array(people.seniority[rows] * 4 + people.title[rows]))


def full_names(people: People, rows: Ints) -> pa.Array:
    """First and last name of each of the given people."""
    first = pa.array(words.FIRST_NAMES).take(pa.array(people.first_name[rows]))
    last = pa.array(words.LAST_NAMES).take(pa.array(people.last_name[rows]))
    return joined(first, last, separator=" ")


def a_cookie(rng: np.random.Generator, people: People, rows: Ints) -> Ints:
    """One of each person's cookies."""
    second = (rng.random(len(rows)) < 0.4) & (people.cookies[rows] == COOKIES_A_PERSON)
    return rows * COOKIES_A_PERSON + second
