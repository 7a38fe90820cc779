"""Audiences: who is in a play, as a file for another system, with what came and went since the last one.

Belongs here: the members of a play by account or by person, the state of the last export, the rows. Does not
belong here: who is in a play (``core.plays``), who may be contacted (``core.reachable``), or uploading.

The state lies in ``audiences/`` under the home, a line a member with the person's reference, so that an
erasure finds and removes it. It is written after the file, so an export that was cut short is made again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa

from mqa_platform.core.expressions import in_force
from mqa_platform.explain import policy_of
from mqa_platform.exports import to_csv
from mqa_platform.home import Home
from mqa_platform.marts import Marts, open_marts
from mqa_platform.promotions import policy_now
from mqa_platform.sources.contact_addresses import digests_of

Member = dict[str, Any]
ADD, REMOVE = "add", "remove"
ACCOUNTS, PEOPLE = "accounts", "people"
_COLUMNS: Final = {
    ACCOUNTS: ("account_id", "name", "domain"),
    PEOPLE: ("email_sha256", "account_id"),
}
_TOLD: Final = ("play", "motion", "frequency_per_week")
NO_ADDRESS_FOUND: Final = "address_not_on_disk"


class AudienceError(Exception):
    """The audience cannot be exported as asked; nothing was written."""


@dataclass
class Audience:
    """An export: its rows (``action`` add or remove), how many were left out by reason, and all members now."""

    play: str
    motion: str
    level: str
    as_of: date
    rows: list[Member] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    now: dict[str, Member] = field(default_factory=dict, repr=False)

    def count(self, action: str) -> int:
        """How many rows add, or remove."""
        return sum(row["action"] == action for row in self.rows)

    def as_csv(self) -> bytes:
        """RFC 4180 with a header; nothing in it is a formula to a spreadsheet."""
        names = ("action", *_COLUMNS[self.level], *_TOLD)
        types = [pa.int64() if n == "frequency_per_week" else pa.string() for n in names]
        schema = pa.schema(list(zip(names, types, strict=True)))
        return to_csv(pa.Table.from_pylist([{n: r[n] for n in names} for r in self.rows], schema))


def audience(
    home: Home,
    play: str,
    *,
    hashed: bool = False,
    motion: str | None = None,
    whole: bool = False,
    addresses: Path | None = None,
) -> Audience:
    """The members of a play with what changed since the last export; nothing is written.

    Args:
        home: the installation.
        play: its name in plays.yaml.
        hashed: people by the digest of their address, for an ad platform; else accounts.
        motion: None is the leading one.
        whole: every member as an add, as for a list that starts anew.
        addresses: one more file in which addresses of people are looked for.

    Raises:
        AudienceError: no such play.
        MartError: no such motion, or nothing is published yet.
        SourceError: ``addresses`` cannot be read.
    """
    everything = policy_now(home).policy
    policy = policy_of(everything, motion)
    if play not in policy.plays.plays:
        known = ", ".join(sorted(policy.plays.plays)) or "none"
        raise AudienceError(f"{policy.program.motion} has no play {play!r}; it has {known}")
    level = PEOPLE if hashed else ACCOUNTS
    with open_marts(home) as marts:
        found = Audience(play, policy.program.motion, level, marts.last_day())
        accounts = _accounts(marts, found)
        people = _people(marts, found, accounts) if hashed else []
    if hashed:
        wanted = {p["person_ref"] for p in people}
        digests = digests_of(home, everything.sources, wanted, addresses)
        # Whose address is not on disk any more is known by the last export, and still a member.
        last = {} if whole else _state(home, found)
        digests = {r: m["email_sha256"] for r, m in last.items() if r in wanted} | digests
        now = _by_digest(people, digests, found)
    else:
        now = {a["account_id"]: a for a in accounts}
    told = {
        "play": play, "motion": found.motion,
        "frequency_per_week": policy.plays.plays[play].frequency_per_week,
    }  # fmt: skip
    before = {} if whole else _state(home, found)
    found.rows = [{"action": ADD, **now[k], **told} for k in sorted(set(now) - set(before))]
    found.rows += [{"action": REMOVE, **before[k], **told} for k in sorted(set(before) - set(now))]
    found.now = now
    return found


def export_audience(home: Home, found: Audience, target: Path) -> None:
    """Writes the rows to a file and remembers the members, in this order."""
    _replace(target, found.as_csv())
    remember(home, found)


def remember(home: Home, found: Audience) -> None:
    """Makes the members of an export the ones that the next is compared with."""
    lines = [json.dumps({"key": k, **m}, sort_keys=True) for k, m in sorted(found.now.items())]
    _replace(_place(home, found), "".join(f"{line}\n" for line in lines).encode())


def listed_in(home: Home, refs: Iterable[str]) -> list[str]:
    """The audiences whose last export had one of the people; an ad platform still has them there."""
    wanted = set(refs)
    found = []
    for path in sorted((home.root / "audiences").glob("*.jsonl")):
        if any(row.get("person_ref") in wanted for row in _rows(path)):
            found.append(path.stem)
    return found


def _accounts(marts: Marts, asked: Audience) -> list[Member]:
    """The accounts in the play now, with their names of today."""
    e, a = marts.table("play_enrollments"), marts.table("accounts")
    e = e.filter((e["play"] == asked.play) & (e["motion"] == asked.motion) & e["left_on"].isnull())
    a = a.filter(in_force(a, ibis.literal(asked.as_of)))
    t = e.select("account_id").join(a.select("account_id", "name", "domain"), "account_id")
    rows = sorted(marts.rows(t.distinct()), key=lambda r: r["account_id"])
    return [{c: r[c] for c in _COLUMNS[ACCOUNTS]} for r in rows]


def _people(marts: Marts, asked: Audience, accounts: list[Member]) -> list[Member]:
    """The contacts of those accounts who may be contacted; the others are counted by their reason."""
    ids = {a["account_id"] for a in accounts}
    c = marts.table("committees")
    c = c.filter(c["motion"] == asked.motion)
    contacts = marts.table("crm_contacts")
    contacts = contacts.filter(contacts["valid_to"].isnull()).select("person_ref", who="contact_id")
    t = c.left_join(contacts, c["contact_id"] == contacts["who"])
    told = marts.rows(t.select("contact_id", "account_id", "why_not", "person_ref"))
    barred = {r["person_ref"]: r["why_not"] for r in told if r["why_not"]} | _barred(marts)
    rows = sorted((r for r in told if r["account_id"] in ids), key=lambda r: r["contact_id"])
    # Who said no under one record said no under all of them.
    why = [r["why_not"] or barred.get(r["person_ref"]) for r in rows]
    asked.left_out.update(sorted(Counter(filter(None, why)).items()))
    return [r for r, no in zip(rows, why, strict=True) if not no]


def _barred(marts: Marts) -> dict[str, str]:
    """References of whoever may not be contacted by any of the CRM's contacts or leads."""
    found: dict[str, str] = {}
    for name in ("crm_contacts", "crm_leads"):
        t = marts.table(name)
        t = t.filter(t["valid_to"].isnull() & t["do_not_contact"] & t["person_ref"].notnull())
        found |= {r["person_ref"]: "do_not_contact" for r in marts.rows(t.select("person_ref"))}
    return found


def _by_digest(people: list[Member], digests: dict[str, str], asked: Audience) -> dict[str, Member]:
    """Each person once, by reference; of two contacts with one address the first counts."""
    now: dict[str, Member] = {}
    for p in people:
        ref = p["person_ref"]
        if ref in digests:
            now.setdefault(
                ref,
                {"email_sha256": digests[ref], "account_id": p["account_id"], "person_ref": ref},
            )
    missing = len({p["person_ref"] for p in people} - set(digests))
    if missing:
        asked.left_out[NO_ADDRESS_FOUND] = missing
    return now


def _place(home: Home, asked: Audience) -> Path:
    return home.root / "audiences" / f"{asked.motion}.{asked.play}.{asked.level}.jsonl"


def _state(home: Home, asked: Audience) -> dict[str, Member]:
    return {row.pop("key"): row for row in _rows(_place(home, asked))}


def _rows(path: Path) -> list[Member]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    # Digests of addresses are personal data: for the owner of the home alone.
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)
