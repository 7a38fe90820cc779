"""Erasing a person: everywhere under the home, with a proof of what is left.

Belongs here: the order of the places, the journal that survives a kill, and the proof. Does not belong
here: what is removed in one place (``sources.erasing_landing``, ``sources.erasing_files``).

The journal holds what names the person until all is done: after a kill, the rows that led from the address
to its browsers and records may be gone already. Each step may be done twice.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from mqa_platform.account_pages import drop_pages
from mqa_platform.audiences import listed_in
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.sources.contact_addresses import ad_digest
from mqa_platform.sources.erased_person import Person, find, refs_of
from mqa_platform.sources.erasing_files import Scrubbed, addresses_in_files, remains, scrub
from mqa_platform.sources.erasing_landing import NAMING, Rewritten, erase_landed
from mqa_platform.sources.lateness import SIGNAL_DAYS
from mqa_platform.sources.names import is_email
from mqa_platform.sources.needles import Needles
from mqa_platform.sources.personal_key import address_digest, base_email, normal_email
from mqa_platform.sources.plus_addresses import PlusAddresses
from mqa_platform.sources.redaction import without_emails
from mqa_platform.sources.tombstones import Tombstones, bury
from mqa_platform.storage import WAREHOUSE_VARIABLE, open_warehouse
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.erased_proof import named, occurrences, raw_bytes, snapshot_occurrences
from mqa_platform.warehouse.erasing import named_rows
from mqa_platform.warehouse.snapshot import refresh_snapshot

# Lands what is new and runs the days of a window; of None it only lands.
Run = Callable[[Home, Window | None], object]
_JOURNAL = "erasing"
_SHOWN = 5


class ErasureError(Exception):
    """The erasure cannot be made: nothing was written."""


@dataclass(frozen=True)
class Place:
    """A place that was looked at: what went there, and what still stands there."""

    place: str
    removed: int
    remains: int
    note: str = ""


@dataclass
class Erased:
    """The proof of an erasure."""

    places: list[Place] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    days: list[date] = field(default_factory=list)
    beside: int = 0

    @property
    def remains(self) -> int:
        """What is left in all places."""
        return sum(place.remains for place in self.places)


def erase(
    home: Home,
    addresses: Sequence[str],
    reason: str,
    run: Run,
    events: Callable[[Home, Sequence[str]], tuple[int, int]] | None = None,
    at: datetime | None = None,
) -> Erased:
    """Removes a person everywhere under the home and says what is left; again, it finds nothing.

    Args:
        home: the installation.
        addresses: e-mail addresses of one person; every spelling with a plus is found from one.
        reason: kept with the tombstones, without any address in it.
        run: lands and runs days.
        events: takes texts out of the orchestrator's events; how many were changed, how many are left.
        at: the moment for the records; default now.

    Raises:
        ErasureError: one of them is no address.
        WarehouseBusyError: a run holds the warehouse.
    """
    if wrong := [a for a in addresses if not is_email(a)]:
        raise ErasureError(f"{wrong[0]!r} is no e-mail address")
    moment = at or datetime.now(UTC)
    begun, journals = _begun(home, addresses)
    given = {normal_email(a) for a in addresses} | begun.addresses
    bases = frozenset(map(base_email, given))
    spelled = {normal_email(a) for a in addresses_in_files(home, Needles(bases))} | given
    journal = home.root / _JOURNAL / f"{min(map(address_digest, given))}.json"
    plus = PlusAddresses.of(home)
    with open_warehouse(home).session() as session:
        person = find(session, spelled | bases, plus)
        person.add(begun)
        _write(journal, person.to_json())
        for base in sorted(bases):
            bury(home, base, person.refs(), moment, without_emails(reason))
        # An exported audience holds the address as an ad platform compares it.
        digests = {ad_digest(a) for a in spelled | bases}
        needles = Needles(
            bases, frozenset({*person.keys, *person.names, *digests}), frozenset(person.cookies)
        )
        audiences = listed_in(home, person.people)
        window = _ask(session, person)
        files = scrub(session, home, needles, moment)
        stones = Tombstones.of(home)
        landed = erase_landed(session, home, person, stones, moment)
    copies = [*_dropped(home), *_given_away(audiences)]
    # Before the run: it publishes what the outbox holds.
    copies += _told(home, needles)
    run(home, window)
    texts = sorted({*spelled, *bases, *person.keys, *person.names, *digests})
    changed = events(home, texts) if events else None
    warehouse = open_warehouse(home)
    _compact(warehouse)
    with warehouse.session() as session:
        if not os.environ.get(WAREHOUSE_VARIABLE):
            refresh_snapshot(session, home.snapshot)
        proof = _proof(session, home, person, needles, texts, files, landed)
        proof += _unnoted(session, plus)
    found = Erased(proof, sorted(person.accounts), sorted(person.days), len(person.beside))
    found.places += copies
    if changed is not None:
        found.places.append(Place("Dagster events", *changed))
    if not os.environ.get(WAREHOUSE_VARIABLE):
        octets = sum(raw_bytes(p, texts) for p in (home.warehouse, home.snapshot) if p.exists())
        found.places.append(Place("bytes of the DuckDB files", 0, octets))
    if not found.remains:
        for path in {journal, *journals}:
            path.unlink(missing_ok=True)
    return found


def _begun(home: Home, addresses: Sequence[str]) -> tuple[Person, list[Path]]:
    """What earlier erasures of the same person knew that were not proved, and their journals.

    A journal belongs to the person when it shares an address with what was given or with another one.
    """
    person, ours = Person(people=refs_of(addresses)), []
    left = {p: Person.from_json(p.read_text()) for p in (home.root / _JOURNAL).glob("*.json")}
    while found := [path for path, told in left.items() if told.people & person.people]:
        ours += found
        for path in found:
            person.add(left.pop(path))
    return person, ours


def unfinished(home: Home) -> int:
    """Erasures that were begun and have not been proved."""
    return len(list((home.root / _JOURNAL).glob("*.json")))


def _ask(session: Session, person: Person) -> Window | None:
    """Asks for the person's days, before their rows go, and gives the day that a run needs to name."""
    published = session.days("signals")
    days = sorted(person.days & set(published))
    if days:
        session.reopen_days(SIGNAL_DAYS, days)
        session.reopen_days("sessions", days)
        session.reopen("scores", days[0])
    if not published:
        return None
    day = days[0] if days else published[-1]
    return Window.of(day, day)


def _dropped(home: Home) -> list[Place]:
    """What is a copy goes as a whole."""
    places = [
        Place("shadows", _drop_shadows(home), 0, "dropped; replay them to have them again"),
        Place("account pages", drop_pages(home), 0, "dropped; mqa pages makes them again"),
    ]
    return [place for place in places if place.removed]


def _told(home: Home, needles: Needles) -> list[Place]:
    """What was told of the person; the services that were told have it still."""
    from mqa_platform.destinations.erasing_outbox import erase_from_outbox

    removed, left = erase_from_outbox(home.outbox, needles.hit)
    if not removed and not left:
        return []
    return [Place("outbox", removed, left, "take it out of the channels by hand: mqa outbox")]


def _given_away(audiences: Sequence[str]) -> list[Place]:
    """What left the house cannot be taken back from here."""
    if not audiences:
        return []
    note = f"take the person out of the ad platform by hand: {', '.join(audiences)}"
    return [Place("exported audiences", len(audiences), 0, note)]


def _drop_shadows(home: Home) -> int:
    """A shadow is a copy under another policy: it is made again when somebody wants it."""
    found = [p for p in sorted(home.shadows.glob("*")) if p.is_dir() and not p.is_symlink()]
    for place in found:
        shutil.rmtree(place)
    return len(found)


def _compact(warehouse: object) -> None:
    compact = getattr(warehouse, "compact", None)
    if compact is not None:
        compact()


def _proof(
    session: Session,
    home: Home,
    person: Person,
    needles: Needles,
    texts: Sequence[str],
    files: Scrubbed,
    landed: Rewritten,
) -> list[Place]:
    found = [Place("landing batches", landed.files, 0)]
    left, closed = remains(home, needles)
    note = f"{files.files} files, {files.removed} records"
    for place in sorted(left):
        what = "landing" if place == "landing" else f"files: {place}"
        found.append(Place(what, 0, left[place]))
    found.append(Place("files rewritten", files.files, 0, note if files.files else ""))
    if closed:
        listed = ", ".join(closed[:_SHOWN]) + (" …" if len(closed) > _SHOWN else "")
        found.append(Place("files nobody can look into", 0, 0, f"{len(closed)} files: {listed}"))
    rows = occurrences(session, texts)
    found.append(Place("texts of the warehouse", landed.rows, sum(rows.values()), _where(rows)))
    refs = [ref for _, ref in person.refs()]
    ids = Counter(named(session, [*refs, *person.contacts, *person.leads]))
    for tables in named_rows(session, NAMING, person.refs()).values():
        ids.update(tables)
    found.append(Place("references in the warehouse", 0, sum(ids.values()), _where(ids)))
    if home.snapshot.exists() and not os.environ.get(WAREHOUSE_VARIABLE):
        shown = snapshot_occurrences(home.snapshot, texts)
        found.append(Place("snapshot", 0, sum(shown.values()), _where(shown)))
    return found


def _unnoted(session: Session, plus: PlusAddresses) -> list[Place]:
    """Batches of before keys of addresses with a plus were noted: there, only files tell of them."""
    rows = session.rows(session.table("landed_batches").select("landed_at", "landed_rows"))
    early = sum(
        bool(r["landed_rows"]) and (plus.since is None or r["landed_at"] < plus.since) for r in rows
    )
    told = f"{early} batches are older than the note of them: give each spelling that was used"
    return [Place("addresses with a plus", 0, 0, told)] if early else []


def _where(rows: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(rows.items()) if n)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(text)
    partial.replace(path)
