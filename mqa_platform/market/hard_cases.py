"""Hard cases of identity: the accounts and people that simple rules get wrong.

Belongs here: who is a hard case, and what that changes in the world. Does not belong here: what it
changes in the visits (``hard_visits``) or in the mail (``mail``).

The share is chosen by the caller and dealt evenly over the kinds. Without a share nothing changes, to the
byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import COMPETITORS, DAY, SECOND, MarketConfig
from mqa_platform.market.people import People
from mqa_platform.market.streams import Bools, Ints, stream
from mqa_platform.market.world import PROSPECT, Accounts

KINDS = (
    "free_mail", "consultant", "subsidiary", "shared_domain", "job_change", "guest_network",
    "office_moved", "hidden_address", "name_variant", "mail_gateway", "monitor", "look_alike",
)  # fmt: skip
_FREE = ("gmail.com", "outlook.com", "gmx.de", "yahoo.com")
_TRANSLATED = {
    "Systems": "Systeme", "Industries": "Industrien", "Labs": "Laboratorien",
    "Partners": "Partner", "Works": "Werke", "Analytics": "Analytik", "Foods": "Lebensmittel",
    "Care": "Pflege",
}  # fmt: skip
_LONG_FORMS = {"Inc": "Incorporated", "Corp": "Corporation", "Ltd": "Limited", "GmbH": "AG"}


@dataclass(frozen=True)
class Moves:
    """People who change employers: ``person`` of one account goes on as ``becomes`` of another.

    ``at`` is the day they move, ``recorded`` when the CRM moves their contact (microseconds).
    """

    person: Ints
    becomes: Ints
    at: Ints
    recorded: Ints


@dataclass(frozen=True)
class HardCases:
    """Who is hard in which way; ``accounts[kind]`` are account numbers.

    ``partner`` of an account is the other one of its case: the second employer, the next user of the
    office, the host of the network; -1 for none. ``look_alikes`` are rows of people of no account.
    ``moved_at`` is when offices change hands.
    """

    accounts: dict[str, Ints]
    partner: Ints
    moves: Moves
    consultants: tuple[Ints, Ints]
    look_alikes: Ints
    moved_at: int

    def has(self, kind: str) -> Bools:
        """Which accounts are a case of the kind."""
        found = np.zeros(len(self.partner), dtype=bool)
        found[self.accounts[kind]] = True
        return found


def deal(config: MarketConfig, accounts: Accounts) -> tuple[Accounts, dict[str, Ints], Ints]:
    """Choose the accounts of each kind, and let some share their domain with a partner."""
    rng, n = stream(config, "hard cases"), len(accounts)
    possible = accounts.in_crm & (accounts.relationship == PROSPECT)
    possible[: len(COMPETITORS)] = False
    order = rng.permutation(np.flatnonzero(possible))
    each = round(config.hard_cases * n / len(KINDS))
    partner = np.full(n, -1, dtype=np.int64)
    needs = {
        "subsidiary": accounts.parent >= 0,
        "office_moved": accounts.office_start >= 0,
        "guest_network": accounts.office_start < 0,
        "monitor": accounts.office_start >= 0,
    }
    chosen: dict[str, Ints] = {}
    free = np.ones(n, dtype=bool)
    for kind in KINDS:
        fits = free & needs.get(kind, np.ones(n, dtype=bool))
        chosen[kind] = order[fits[order]][:each]
        free[chosen[kind]] = False
        others = _partners(kind, accounts, order[free[order]], len(chosen[kind]))
        partner[chosen[kind][: len(others)]] = others
        if kind in ("shared_domain", "office_moved"):
            free[others] = False
    domains, aliases = list(accounts.domain), list(accounts.aliases)
    for a in chosen["shared_domain"].tolist():
        if partner[a] >= 0:
            domains[a], aliases[a] = domains[partner[a]], []
    return replace(accounts, domain=domains, aliases=aliases), chosen, partner


def _partners(kind: str, accounts: Accounts, free: Ints, wanted: int) -> Ints:
    """The other accounts of a kind's cases; eight guests sit behind one host."""
    if kind == "office_moved":
        free = free[accounts.office_start[free] < 0]
    elif kind == "guest_network":
        hosts = free[accounts.office_start[free] >= 0][: 1 + wanted // 8]
        return hosts[np.arange(wanted) // 8] if len(hosts) else hosts
    elif kind not in ("consultant", "shared_domain", "job_change"):
        return free[:0]
    return free[:wanted]


def harden(
    config: MarketConfig, accounts: Accounts, people: People, chosen: dict[str, Ints], partner: Ints
) -> tuple[People, HardCases]:
    """Give the chosen people their addresses and moves, and append the look-alike strangers."""
    rng = stream(config, "hard people")
    addresses = _addresses(rng, accounts, people, chosen)
    strangers = _look_alikes(rng, accounts, chosen["look_alike"])
    becomes = _members(people, partner, chosen["job_change"], ~people.is_contact)
    moving = _members(people, np.arange(len(accounts)), chosen["job_change"], people.is_contact)
    both = (becomes >= 0) & (moving >= 0)
    at = config.start + (rng.uniform(0.2, 0.7, len(both)) * config.days).astype(np.int64) * DAY
    recorded = at + rng.integers(20, 120, len(both)) * DAY
    moves = Moves(moving[both], becomes[both], at[both], recorded[both])
    first = _members(people, np.arange(len(accounts)), chosen["consultant"], people.is_contact)
    second = _members(people, partner, chosen["consultant"], people.is_contact)
    pair = (first >= 0) & (second >= 0)
    # A known person: only so does the browser tell whose it is.
    people.identified_from[np.concatenate([moves.person, moves.becomes])] = -90.0
    people.identified_from[np.concatenate([first[pair], second[pair]])] = -90.0
    rows = np.arange(len(people), len(people) + len(strangers))
    people = replace(people, email=pa.array(addresses, pa.string()))
    hard = HardCases(
        accounts=chosen,
        partner=partner,
        moves=moves,
        consultants=(first[pair], second[pair]),
        look_alikes=rows,
        moved_at=config.start + config.days // 2 * DAY,
    )
    return _with_strangers(rng, people, strangers), hard


def _members(people: People, account_of: Ints, rows: Ints, wanted: Bools) -> Ints:
    """One person of each given account that is wanted, -1 where there is none."""
    found = np.full(len(rows), -1, dtype=np.int64)
    for i, account in enumerate(account_of[rows].tolist()):
        if account >= 0:
            first = people.first[account]
            mine = np.flatnonzero(wanted[first : first + people.count[account]])
            found[i] = first + mine[0] if len(mine) else -1
    return found


def _addresses(
    rng: np.random.Generator, accounts: Accounts, people: People, chosen: dict[str, Ints]
) -> list[str]:
    """E-mail addresses after the hard cases: at a free mailer, the parent's or the shared domain."""
    emails = people.email.to_pylist()
    given = dict.fromkeys(chosen["free_mail"].tolist(), _FREE)
    given |= {a: (accounts.domain[accounts.parent[a]],) for a in chosen["subsidiary"].tolist()}
    given |= {a: (accounts.domain[a],) for a in chosen["shared_domain"].tolist()}
    for account, domains in given.items():
        for row in range(people.first[account], people.first[account] + people.count[account]):
            local = emails[row].partition("@")[0]
            # Namesakes at another company are other people.
            emails[row] = f"{local}{row}@{domains[int(rng.integers(0, len(domains)))]}"
    return emails


def _look_alikes(rng: np.random.Generator, accounts: Accounts, near: Ints) -> list[str]:
    """Addresses of strangers at domains that look like an account's and are not."""
    emails = []
    taken = {*accounts.domain, *(a for aliases in accounts.aliases for a in aliases)}
    for k, account in enumerate(near.tolist()):
        stem, _, ending = accounts.domain[account].partition(".")
        swapped = stem[:1] + stem[2:3] + stem[1:2] + stem[3:]
        forms = (f"{stem}.co", f"{stem.replace('m', 'rn', 1)}.{ending}", f"{swapped}.{ending}",
                 f"{stem}s.{ending}", f"my-{stem}.{ending}")  # fmt: skip
        domain = next(
            f
            for f in (*forms[int(rng.integers(0, 5)) :], *forms, f"{stem}-x.net")
            if f not in taken
        )
        taken.add(domain)
        name = words.FIRST_NAMES[k % len(words.FIRST_NAMES)].lower()
        emails.append(f"{name}.{k}@{domain}")
    return emails


def _with_strangers(rng: np.random.Generator, people: People, emails: list[str]) -> People:
    n = len(emails)
    none, zero = np.full(n, -1), np.zeros(n, dtype=np.int64)

    def longer(column: Ints, more: Ints) -> Ints:
        return np.concatenate([column, more])

    return replace(
        people,
        account=longer(people.account, none),
        first_name=longer(people.first_name, rng.integers(0, len(words.FIRST_NAMES), n)),
        last_name=longer(people.last_name, rng.integers(0, len(words.LAST_NAMES), n)),
        seniority=longer(people.seniority, zero + 3),
        title=longer(people.title, zero),
        email=pa.concat_arrays([people.email, pa.array(emails, pa.string())]),
        cookies=longer(people.cookies, zero + 1),
        is_contact=np.concatenate([people.is_contact, zero.astype(bool)]),
        lead=longer(people.lead, none),
        identified_from=np.concatenate([people.identified_from, zero - 90.0]),
    )


def name_variants(hard: HardCases | None, accounts: Accounts) -> dict[int, str]:
    """What a vendor calls the accounts it knows by name only: form, case, typing, translation."""
    if hard is None:
        return {}
    rows = hard.accounts["name_variant"].tolist()
    return {a: _variant(accounts.name[a], k % 4) for k, a in enumerate(rows)}


def _variant(name: str, way: int) -> str:
    first, *rest = name.split()
    if way == 0:
        return " ".join([first, *rest[:-1], _LONG_FORMS.get(rest[-1], "Holdings")])
    if way == 1:
        return name.upper()
    if way == 2:
        return " ".join([first[:2] + first[3:2:-1] + first[4:], *rest])
    return " ".join([first, *(_TRANSLATED.get(word, word) for word in rest)])


def contact_moves(
    config: MarketConfig, hard: HardCases | None, people: People, rows: Ints
) -> Iterator[tuple[int, int, int, str]]:
    """(index in ``rows``, when, account, e-mail) of contacts that the CRM moves to a new employer."""
    if hard is None:
        return
    place = {person: i for i, person in enumerate(rows.tolist())}
    moves = hard.moves
    for person, becomes, recorded in zip(
        moves.person.tolist(), moves.becomes.tolist(), moves.recorded.tolist(), strict=True
    ):
        if recorded < config.end - SECOND and person in place:
            email = people.email[becomes].as_py()
            yield place[person], recorded, int(people.account[becomes]), email
