"""Sending records to a CRM: in batches, each attempt on disk first, a poisoned batch split, locked rows again.

Belongs here: calls, tries and when the CRM is left alone. Does not belong here: which records (``crm_sync``),
the form of a call (``salesforce_writer``, ``hubspot_writer``), or waits that a service asks for
(``sources.http``, which every call goes through).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from mqa_platform.destinations.channel import BatchRefusedError, DestinationError
from mqa_platform.destinations.crm_journal import AGAIN, REFUSED, CrmJournal, Row
from mqa_platform.destinations.crm_writer import CrmWriter, Record, Written
from mqa_platform.policy.write_back import WriteBack

_FAILURES_IN_A_ROW: Final = 5
Clock = Callable[[], datetime]
Pause = Callable[[float], None]


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Item:
    """One record with what it replaces.

    Attributes:
        record: what is written.
        stood: what stands in the same fields before, as far as it is known.
        before: by motion, the row written last; None: there is none.
        after: by motion, the row that stands then; None: nothing of ours does.
        link: our key that the record carries then.
        clears: fields of an answer to an earlier handoff, with the words that are expected to stand there (None:
            whatever does); where they do, all of them are emptied.
    """

    record: Record
    stood: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Row | None] = field(default_factory=dict)
    after: dict[str, Row | None] = field(default_factory=dict)
    link: str | None = None
    clears: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Outcome:
    """What became of a run's records.

    ``stopped`` says why no more was tried; what was not written is pending, and due in the next run.
    """

    sent: int = 0
    pending: int = 0
    refused: int = 0
    calls: int = 0
    stopped: str | None = None
    errors: dict[str, int] = field(default_factory=dict)


class _Stopped(Exception):  # noqa: N818  (it ends a run; the reason is in the outcome)
    """The CRM is left alone for the rest of this run."""


class Sending:
    """One run's calls."""

    def __init__(
        self,
        journal: CrmJournal,
        writer: CrmWriter,
        policy: WriteBack,
        run: str,
        operation: str,
        clock: Clock = utc_now,
        pause: Pause = time.sleep,
    ) -> None:
        """``operation`` is ``write``, ``rollback`` or ``link``."""
        self.journal, self.writer, self.policy = journal, writer, policy
        self.run, self.operation, self.clock, self.pause = run, operation, clock, pause
        self.outcome = Outcome()
        self._in_a_row = 0

    def send(self, items: Sequence[Item]) -> Outcome:
        """Writes all items; what is locked is tried again after a while, as often as the policy says."""
        left, refused = list(items), 0
        size = self.writer.batch_size(len(left))
        try:
            for attempt in range(1, self.policy.attempts_in_run + 1):
                if attempt > 1:
                    self.pause(self.policy.first_wait_seconds * 2.0 ** (attempt - 2))
                again: list[Item] = []
                for at in range(0, len(left), size):
                    batch = left[at : at + size]
                    answers = self._batch(batch, attempt)
                    again += [i for i, w in zip(batch, answers, strict=True) if w.result == AGAIN]
                    refused += sum(w.result == REFUSED for w in answers)
                left = again
                if not left:
                    break
        except _Stopped as stopped:
            self.outcome.stopped = str(stopped)
        self.outcome.refused = refused
        self.outcome.pending = len(items) - self.outcome.sent - refused
        return self.outcome

    def _batch(self, batch: Sequence[Item], attempt: int) -> list[Written]:
        """An answer for each item in its place; a batch that is refused as a whole goes in halves."""
        self.outcome.calls += 1
        call = self.outcome.calls
        records = [item.record for item in batch]
        self.journal.begin(
            self.run, self.operation, call, attempt, records,
            {i.record.account_id: i.stood for i in batch},
            {i.record.account_id: i.before for i in batch},
            self.clock(),
        )  # fmt: skip
        try:
            told = self.writer.write(records, by_record_id=self.operation == "link")
        except BatchRefusedError as error:
            self._in_a_row = 0
            if len(batch) == 1:
                return self._finish(
                    call, batch, [Written(records[0].account_id, REFUSED, str(error))]
                )
            said = f"refused with {len(batch)} others: {error}"
            self.journal.finish(
                self.run, call, [Written(r.account_id, AGAIN, said) for r in records]
            )
            middle = len(batch) // 2
            return self._batch(batch[:middle], attempt) + self._batch(batch[middle:], attempt)
        except DestinationError as error:
            self.journal.finish(
                self.run, call, [Written(r.account_id, AGAIN, str(error)) for r in records]
            )
            raise _Stopped(str(error)) from None
        except OSError as error:
            return self._unanswered(call, batch, str(error))
        self._in_a_row = 0
        found = {w.account_id: w for w in told}
        missing = "the answer does not name this record"
        return self._finish(
            call,
            batch,
            [found.get(r.account_id, Written(r.account_id, AGAIN, missing)) for r in records],
        )

    def _finish(self, call: int, batch: Sequence[Item], told: list[Written]) -> list[Written]:
        now = self.clock()
        stands, gone, links = [], [], {}
        for item, written in zip(batch, told, strict=True):
            if written.result != "sent":
                self._count(written.error or written.result)
                continue
            self.outcome.sent += 1
            for motion, row in item.after.items():
                if row is None:
                    gone.append((item.record.account_id, motion))
                else:
                    stands.append(row)
            if item.link is not None:
                links[item.record.account_id] = item.link
        self.journal.finish(self.run, call, told, stands, gone, links, now)
        return told

    def _unanswered(self, call: int, batch: Sequence[Item], said: str) -> list[Written]:
        """It may have been written or not; writing it again leaves the same."""
        ids = [item.record.account_id for item in batch]
        # Written down as unknown: a rollback of this run has to undo it if it was.
        self.journal.cut_off(self.run, call, said)
        self._count(said)
        self._in_a_row += 1
        if self._in_a_row >= _FAILURES_IN_A_ROW:
            raise _Stopped(f"{self._in_a_row} calls in a row without a usable answer; {said}")
        return [Written(i, AGAIN, said) for i in ids]

    def _count(self, error: str) -> None:
        # Without the record's own words, so that a thousand locked rows are one line.
        kind = error.partition(":")[0][:80]
        self.outcome.errors[kind] = self.outcome.errors.get(kind, 0) + 1
