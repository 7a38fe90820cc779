"""Entering one batch: read, judge, Parquet, rows and ledger in one transaction.

Belongs here: what becomes of one delivery. Does not belong here: where deliveries come from
(``landing``), or how its pieces look on disk (``batches``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.batches import Batch, counts, nothing_read, write
from mqa_platform.sources.consent_days import changed_minds
from mqa_platform.sources.corrected_days import corrected_days
from mqa_platform.sources.erased_rows import without_erased
from mqa_platform.sources.holding import held_reason, limits, unreadable_reason
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.landing_report import HeldBatch, LandingReport, plain_text
from mqa_platform.sources.lateness import (
    IDENTITY,
    SIGNALS,
    STAGES,
    earliest,
    first_overridden,
    late_signals,
    told_anew,
    withdrawn,
)
from mqa_platform.sources.mail_days import mailed_into
from mqa_platform.sources.person_days import united
from mqa_platform.sources.personal_key import forgetting
from mqa_platform.sources.plus_addresses import PlusAddresses
from mqa_platform.sources.readings import declared, read_as
from mqa_platform.sources.registry import read
from mqa_platform.sources.tombstones import Tombstones
from mqa_platform.sources.waiting import Digests, Ledger, digests, stamp_of
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.ledger import move_cursor


class UnreadError(Exception):
    """The disk or the memory failed while a file was read; what fails today may do tomorrow."""


@dataclass(frozen=True)
class Delivery:
    """A file or page in our hands.

    ``pulled_at`` is only given for a page that came before, ``stamp`` for a file that others may
    still be writing.
    """

    name: str
    source: Source
    path: Path
    file_name: str
    found: Digests | None = None
    stream: str = ""
    cursor: str | None = None
    pulled_at: datetime | None = None
    stamp: str | None = None


class Entering:
    """The one who enters batches, for the length of a run."""

    def __init__(
        self,
        session: Session,
        policy: Policy,
        home: Home,
        ledger: Ledger,
        report: LandingReport,
        progress: Callable[[str], None] | None,
    ) -> None:
        """Take what a run has; nothing is read yet."""
        self.session = session
        self.policy = policy
        self.home = home
        self.ledger = ledger
        self.report = report
        self.progress = progress
        self.stones = Tombstones.of(home)
        self.plus = PlusAddresses.of(home)
        self.published = session.days("signals")
        self._current: set[str] = set()

    def is_settled(self, it: Delivery, found: Digests) -> bool:
        """Whether the ledger says all there is to say of these bytes, so that nobody reads them.

        They have landed, or they are held and nothing has changed that could judge them otherwise.
        A page that came again leads on to its new cursor, even if it brought nothing new.
        """
        reading = self._reading(it)
        one = self.ledger.batch_id(found, reading)
        row = self.ledger.rows.get(one)
        if row is None or row["status"] not in ("landed", "held"):
            return False
        if row["status"] == "held":
            if row["declared"] != declared(it.source, it.stream, self.policy):
                return False
            self.report.held.append(HeldBatch(it.name, row["file_name"], row["held_reason"] or ""))
        else:
            self.report.known += 1
            former = self.ledger.former(it.name, found, it.stream, one, reading)
            self._supersede([f["batch_id"] for f in former])
        self._current.add(one)
        # Compared with where the stream stands, not with what the page brought when it first came: a
        # feed that starts anew leads through pages of long ago to its end.
        stands = self.ledger.cursors(it.name).get(it.stream)
        if it.cursor is not None and it.cursor != stands:
            at = self.ledger.moment()
            self.session.run(move_cursor(one, it.cursor, at))
            self.ledger.enter({**row, "cursor": it.cursor, "pulled_at": at})
        return True

    def _reading(self, it: Delivery) -> str:
        return read_as(it.source, it.stream, self.policy.mapping, it.file_name)

    def take(self, it: Delivery) -> None:
        """Land a delivery that is not settled, or hold it.

        Raises:
            UnreadError: see there; nothing was written.
        """
        found = it.found or digests(it.name, it.path)
        reading = self._reading(it)
        one = self.ledger.batch_id(found, reading)
        self._current.add(one)
        row = self.ledger.rows.get(one)
        former = self.ledger.former(it.name, found, it.stream, one, reading)
        if self.progress:
            self.progress(it.file_name)
        with self.plus.noting(self.home, self.ledger.moment()):
            landed, reason = self._judged(it)
            file_name = plain_text(it.file_name)
        _check_unchanged(it)
        at = self.ledger.moment()
        pulled_at = it.pulled_at or (at if it.cursor is not None else None)
        # The former reading of a batch that is held now stays in use: it was good.
        leave = [f["batch_id"] for f in former if reason is None or f["status"] == "held"]
        batch = Batch(
            it.name,
            one,
            {
                "file_name": file_name,
                "sha256": found.content,
                "status": "landed" if reason is None else "held",
                "held_reason": reason,
                "stream": it.stream,
                "cursor": it.cursor,
                "pulled_at": pulled_at,
                "read_as": reading,
                "declared": declared(it.source, it.stream, self.policy),
                "landed_at": at,
                "landed_on": at.date(),
                "published_from": min(self.published, default=None),
                "published_to": max(self.published, default=None),
                **counts(landed, held=reason is not None),
            },
            {"landed_defects": landed.defects, **(landed.tables if reason is None else {})},
        )
        if self._enter(write(self.home, batch), [*leave, *([one] if row is not None else [])]):
            self._tell(batch, landed)

    def _judged(self, it: Delivery) -> tuple[Landed, str | None]:
        """What a delivery holds, and why it may not land; one bad file never stops the others."""
        try:
            with forgetting(self.stones.addresses):
                landed = read(it.name, it.source, it.path, self.policy.mapping, it.stream)
            landed = without_erased(landed, self.stones)
        except (OSError, MemoryError) as problem:
            raise UnreadError(f"{it.path}: cannot be read now ({problem!r})") from problem
        except Exception as problem:
            return nothing_read(), plain_text(unreadable_reason(problem))
        reason = held_reason(landed, limits(it.source, self.policy))
        return landed, None if reason is None else plain_text(reason)

    def _tell(self, batch: Batch, landed: Landed) -> None:
        if batch.ledger["status"] == "held":
            reason = batch.ledger["held_reason"]
            self.report.held.append(HeldBatch(batch.source, batch.ledger["file_name"], reason))
            return
        self.report.files += 1
        self.report.rows[batch.source] += landed.rows
        self.report.quarantined[batch.source] += len(landed.defects)
        for why, count in landed.reasons().items():
            self.report.reasons[why] += count

    def again(self, batch: Batch) -> None:
        """Enter a batch that lies in landing and that the ledger does not know."""
        row = batch.ledger
        found = Digests(row["sha256"], row["sha256"])
        former = self.ledger.former(
            batch.source, found, row["stream"], batch.batch_id, row["read_as"]
        )
        landed = row["status"] == "landed"
        leave = [f["batch_id"] for f in former if landed or f["status"] == "held"]
        self._enter(batch, leave)

    def failed(self, name: str, status: str, message: str) -> None:
        """Note that a source gave no answer, once a day; the newest message stays."""
        self._note(name, status, message)

    def answered(self, name: str) -> None:
        """Note that a source answers again, if it did not."""
        if self.ledger.has_failed(name):
            self._note(name, "landed", None)

    def _note(self, name: str, status: str, message: str | None) -> None:
        at = self.ledger.moment()
        day = at.date()
        whole = hashlib.sha256(f"{name}\0{status}\0{day}".encode()).hexdigest()
        batch = Batch(
            name,
            whole[:16],
            {
                "file_name": "answers again" if message is None else "no answer",
                "sha256": whole,
                "status": status,
                "held_reason": message,
                "stream": "",
                "cursor": None,
                "pulled_at": None,
                "read_as": "",
                "declared": "",
                "landed_at": at,
                "landed_on": day,
                **counts(nothing_read(), held=False),
            },
        )
        replaced = [batch.batch_id] if batch.batch_id in self.ledger.rows else []
        self._enter(write(self.home, batch), replaced)

    def leave_taken_away(self, unseen: Collection[str]) -> None:
        """Let held batches go whose file is no longer there; of ``unseen`` sources nobody knows."""
        gone = [
            one
            for one, row in self.ledger.rows.items()
            if row["status"] == "held" and one not in self._current and row["source"] not in unseen
        ]
        self._supersede(gone)

    def _supersede(self, batch_ids: list[str]) -> None:
        if batch_ids:
            self._reopen({}, batch_ids)
            self.session.supersede(batch_ids)
            self.ledger.leave(batch_ids)

    def _enter(self, batch: Batch, replaced: list[str]) -> bool:
        """False if another run has entered it meanwhile."""
        self._reopen(batch.tables, replaced)
        entered = self.session.land(
            batch.source, batch.batch_id, batch.path, batch.tables, batch.ledger, replaced
        )
        self.ledger.add(batch, replaced)
        return entered

    def _reopen(self, tables: dict[str, pa.Table], replaced: Collection[str]) -> None:
        """Ask for the days that change, before they do: a kill in between asks in vain."""
        found, without = withdrawn(self.session, replaced)
        people = self.policy.identity.people
        merged = united(self.session, tables.get("landed_identities"), people)
        day = earliest([found, told_anew(self.session, tables), merged])
        if day is not None:
            self.session.reopen(IDENTITY, day)
        horizon = self.policy.program.late_horizon_days
        late = earliest([without, late_signals(self.session, tables, horizon)])
        if late is not None:
            self.session.reopen(SIGNALS, late)
        decided = first_overridden(tables)
        if decided is not None:
            self.session.reopen(STAGES, decided)
        minds = changed_minds(self.session, tables) + corrected_days(self.session, tables)
        seconds = self.policy.identity.link_scanners.seconds_after_sending
        minds += mailed_into(self.session, tables, seconds)
        if minds:
            self.session.reopen_days("sessions", minds)


def _check_unchanged(it: Delivery) -> None:
    """Refuse what was half read before somebody wrote to it, and half after.

    Raises:
        UnreadError: the file is not as it was when it was listed.
    """
    try:
        changed = it.stamp is not None and stamp_of(it.path) != it.stamp
    except OSError as problem:
        raise UnreadError(f"it went away while it was read ({problem!r})") from problem
    if changed:
        raise UnreadError("it was changed while it was read")
