"""Who is to be erased: every reference by which a person stands in the warehouse.

Belongs here: from an address to leads, contacts, browsers, single signals and names. Does not belong here:
removing any of it (``erasing_landing``).

A lead and a contact of the CRM tie several addresses to one person. A browser does not: somebody else may
have used it, so another address that it told is counted and left alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import identifier
from mqa_platform.sources.personal_key import (
    address_digest,
    base_email,
    email_key,
    normal_email,
)
from mqa_platform.sources.plus_addresses import PlusAddresses
from mqa_platform.sources.tombstones import CONTACT, COOKIE, EVENT, LEAD, PERSON
from mqa_platform.warehouse import Session

_ROUNDS = 4


@dataclass
class Person:
    """What names a person. ``people`` are ``email:<key>``, ``lead:<id>`` and ``contact:<id>``."""

    # As they were given, for the journal.
    addresses: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    leads: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    cookies: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    signals: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    # Of the addresses that were given, so that a key is found with the domain behind it.
    domains: set[str] = field(default_factory=set)
    # Other addresses that shared a browser with the person: perhaps theirs, perhaps not.
    beside: set[str] = field(default_factory=set)

    def refs(self) -> list[tuple[str, str]]:
        """(kind, reference) of everything by which rows are found."""
        kinds = {
            PERSON: self.people, LEAD: self.leads, CONTACT: self.contacts, COOKIE: self.cookies,
            EVENT: self.events,
        }  # fmt: skip
        return [(kind, ref) for kind, refs in kinds.items() for ref in sorted(refs)]

    @property
    def keys(self) -> list[str]:
        """The keys of the person's addresses: whole, and as texts are given them, longest first."""
        whole = sorted(p.removeprefix("email:") for p in self.people if p.startswith("email:"))
        told = [f"{key[:16]}@{domain}" for key in whole for domain in sorted(self.domains)]
        return [*whole, *told, *(key[:16] for key in whole)]

    def add(self, other: Person) -> None:
        """Join what else is known."""
        for part in fields(self):
            getattr(self, part.name).update(getattr(other, part.name))

    def to_json(self) -> str:
        """As the journal keeps it."""
        told = {name: sorted(map(str, values)) for name, values in asdict(self).items()}
        return json.dumps(told)

    @classmethod
    def from_json(cls, text: str) -> Person:
        """What the journal kept."""
        told: Mapping[str, Any] = json.loads(text)
        days = {date.fromisoformat(d) for d in told["days"]}
        return cls(**{**{name: set(values) for name, values in told.items()}, "days": days})


def refs_of(addresses: Iterable[str]) -> set[str]:
    """The person references of addresses, each also without what follows a plus."""
    spelled = {form for address in addresses for form in (address, base_email(address))}
    return {f"email:{email_key(form)}" for form in spelled}


def find(session: Session, addresses: Iterable[str], plus: PlusAddresses) -> Person:
    """Everything that the warehouse has landed of the person with these addresses.

    Args:
        session: of the warehouse.
        addresses: the person's.
        plus: which keys are spellings of one address.
    """
    given = list(addresses)
    domains = {normal_email(a).rpartition("@")[2] for a in given}
    person = Person({normal_email(a) for a in given}, refs_of(given), domains=domains)
    digests = {address_digest(a) for a in given}
    for _ in range(_ROUNDS):
        before = len(person.people) + len(person.contacts) + len(person.leads)
        person.people |= plus.alike(person.people, digests)
        _records(session, person)
        if len(person.people) + len(person.contacts) + len(person.leads) == before:
            break
    _browsers(session, person)
    _signals(session, person)
    person.names = _own_names(session, person)
    return person


def _records(session: Session, person: Person) -> None:
    """Leads and contacts of the person, and the addresses that these have had."""
    told = session.table("landed_identities")
    leads = told.filter(told["kind"] == LEAD)
    own = leads.filter(
        leads["person_ref"].isin(list(person.people)) | leads["ref"].isin(_given(person.leads))
    )
    for row in session.rows(own.select("ref", "person_ref").distinct()):
        person.leads.add(row["ref"])
        if row["person_ref"].startswith("email:"):
            person.people.add(row["person_ref"])
    for table, key, ids in (
        ("landed_leads", "lead_id", person.leads),
        ("landed_contacts", "contact_id", person.contacts),
    ):
        t = session.table(table)
        own = t.filter(t["person_ref"].isin(list(person.people)) | t[key].isin(_given(ids)))
        columns = ["person_ref", key]
        columns += ["converted_contact_id"] if table == "landed_leads" else []
        for row in session.rows(own.select(*columns).distinct()):
            ids.add(row[key])
            if row["person_ref"]:
                person.people.add(row["person_ref"])
            if row.get("converted_contact_id"):
                person.contacts.add(row["converted_contact_id"])
    person.people |= {f"lead:{i}" for i in person.leads}
    person.people |= {f"contact:{i}" for i in person.contacts}


def _given(values: Collection[str]) -> list[str]:
    """The values as a list that an engine can compare with, also when there are none."""
    return sorted(values) or [""]


def _browsers(session: Session, person: Person) -> None:
    """Browsers that were only ever the person's; of the others, whom else they named."""
    told = session.table("landed_identities")
    cookies = told.filter(told["kind"] == COOKIE)
    used = cookies.filter(cookies["person_ref"].isin(_given(person.people))).select("ref")
    rows = session.rows(cookies.semi_join(used, "ref").select("ref", "person_ref").distinct())
    others: dict[str, set[str]] = {}
    for row in rows:
        others.setdefault(row["ref"], set())
        if row["person_ref"] not in person.people:
            others[row["ref"]].add(row["person_ref"])
    person.cookies = {cookie for cookie, whose in others.items() if not whose}
    person.beside = {ref for whose in others.values() for ref in whose}
    shared = sorted(cookie for cookie, whose in others.items() if whose)
    if shared:
        # What was resolved to the person on a shared browser goes signal by signal.
        t = session.table("touchpoints")
        own = t.filter(t["anonymous_id"].isin(shared) & t["person_id"].isin(_ids(person)))
        events = _landed(session).semi_join(own.select("signal_id").distinct(), "signal_id")
        person.events = {
            f"{r['source']}|{r['event_id']}"
            for r in session.rows(events.select("source", "event_id").distinct())
        }


def _ids(person: Person) -> list[str]:
    """The ids that published rows may have for the person."""
    return _given({*person.people, *person.contacts, *person.leads})


def _landed(session: Session) -> ir.Table:
    t = session.table("landed_signals")
    return t.mutate(
        signal_id=identifier(t["source"], t["event_id"]),
        event=t["source"] + ibis.literal("|") + t["event_id"],
    )


def _signals(session: Session, person: Person) -> None:
    """The signals that go, their days, and the accounts that they counted for."""
    t = _landed(session)
    own = t.filter(
        t["person_ref"].isin(_given(person.people))
        | t["anonymous_id"].isin(_given(person.cookies))
        | t["event"].isin(_given(person.events))
    )
    for row in session.rows(own.select("signal_id", "event_date").distinct()):
        person.signals.add(row["signal_id"])
        person.days.add(row["event_date"])
    touched = session.table("touchpoints")
    counted = touched.semi_join(own.select("signal_id").distinct(), "signal_id")
    person.accounts = {
        r["account_id"] for r in session.rows(counted.select("account_id").distinct())
    }


def _own_names(session: Session, person: Person) -> set[str]:
    """Full names of the person's records that no other record has."""
    found: set[str] = set()
    taken: set[str] = set()
    for table, key, ids in (
        ("landed_leads", "lead_id", person.leads),
        ("landed_contacts", "contact_id", person.contacts),
    ):
        t = session.table(table)
        own = t.filter(t[key].isin(_given(ids)) & t["name"].notnull()).select("name").distinct()
        found |= {row["name"] for row in session.rows(own)}
        others = t.filter(~t[key].isin(_given(ids))).semi_join(own, "name")
        taken |= {row["name"] for row in session.rows(others.select("name").distinct())}
    return {name for name in found - taken if " " in name.strip() and len(name) > 5}
