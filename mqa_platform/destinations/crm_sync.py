"""The runs of the write-back: sync, link, rollback and reconcile.

Belongs here: what each of them writes, and when none may. Does not belong here: reading the published tables
(``crm_plan``), tries and batches (``crm_sending``), or the command line.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.destinations.crm_fields import place, same, told
from mqa_platform.destinations.crm_journal import CrmJournal, Row
from mqa_platform.destinations.crm_plan import Plan, blocked, items
from mqa_platform.destinations.crm_sending import Clock, Item, Outcome, Pause, Sending, utc_now
from mqa_platform.destinations.crm_stood import read_back, with_what_stood
from mqa_platform.destinations.crm_undo import undoing
from mqa_platform.destinations.crm_writer import CrmWriter, Record
from mqa_platform.destinations.sending_lock import only_sender
from mqa_platform.policy.write_back import WriteBack

DONE, BLOCKED, FAILED, PAUSED, STOPPED = "done", "blocked", "failed", "paused", "stopped"
_SHOWN: Final = 3


class CrmSyncError(Exception):
    """What was asked for cannot be done; nothing was written."""


@dataclass
class Synced:
    """One run: its id, how it ended, and what became of its records."""

    run: str
    kind: str
    state: str = DONE
    reason: str | None = None
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True)
class Difference:
    """A field that does not hold what was written; ``field`` is empty where the record is not there."""

    account_id: str
    field: str
    ours: Any
    theirs: Any


class CrmRuns:
    """The runs of one installation; one process writes at a time."""

    def __init__(
        self,
        journal: CrmJournal,
        policy: WriteBack,
        writer: CrmWriter,
        clock: Clock = utc_now,
        pause: Pause = time.sleep,
    ) -> None:
        """``writer`` is of the CRM that the policy names; whoever made it closes it."""
        self.journal, self.policy, self.writer = journal, policy, writer
        self.clock, self.pause = clock, pause

    def sync(self, plan: Callable[[], Plan], *, anyway: bool = False) -> Synced:
        """Writes what changed; what could not be written goes out with the next run.

        Args:
            plan: made under the lock, so that nothing that another run writes is written twice.
            anyway: write although the breaker would stop it.

        Raises:
            OutboxBusyError: another process writes for long.
        """
        with self._alone():
            made, now = plan(), self.clock()
            facts = {
                "as_of": made.as_of, "records": made.records, "changed": len(made.changed),
                "flips": made.flips, "standing": made.standing,
            }  # fmt: skip
            run = self._started("sync", now)
            pause = self.journal.paused()
            if pause is not None:
                said = f"paused since {pause['at']:%Y-%m-%d %H:%M}: {pause['reason']}"
                return self._ended(run, PAUSED, said, facts)
            stop = None if anyway else blocked(made, self.policy)
            if stop is not None:
                return self._ended(run, BLOCKED, stop, facts)
            links = self.journal.links() if self.policy.is_linked else {}
            wanted = items(made, self.policy, run.run, now, links)
            try:
                whole = with_what_stood(self.writer, self.journal, self.policy, wanted)
            except (DestinationError, OSError) as error:
                return self._ended(run, FAILED, str(error), facts)
            made = replace(made, flips=made.flips + whole.flips, unrecorded=whole.standing)
            facts |= {"flips": made.flips, "standing": made.standing}
            stop = None if anyway else blocked(made, self.policy)
            if stop is not None:
                return self._ended(run, BLOCKED, stop, facts)
            return self._sent(run, "write", whole.items, facts)

    def link(self, accounts: Sequence[str]) -> Synced:
        """Puts our key on the records of these accounts, found by the CRM's own id.

        Raises:
            CrmSyncError: records are found by the CRM's own id; there is nothing to link.
            DestinationError, OSError: the CRM could not be asked which records carry our key.
        """
        if not self.policy.is_linked:
            raise CrmSyncError(
                f"key_field is {self.policy.key}, the record itself: there is nothing to link"
            )
        with self._alone():
            # The CRM is asked, not the journal: a key may have been emptied, or the org be another one.
            known = self.journal.links()
            held = read_back(self.writer, [a for a in accounts if a in known], [])
            wanted = [a for a in accounts if a not in held]
            key = self.policy.key
            made = [Item(Record(a, a, {key: a}), {}, {}, {}, link=a) for a in wanted]
            run = self._started("link", self.clock())
            return self._sent(run, "link", made, {"records": len(accounts), "changed": len(made)})

    def rollback(self, of_run: str) -> Synced:
        """Writes back what stood before a run, and pauses syncs so that none undoes it.

        Accounts that a later run has written are left as they are.

        Raises:
            CrmSyncError: no such run, or nothing of it can be written back.
        """
        with self._alone():
            known = {row["run"]: row for row in self.journal.runs()}
            if of_run not in known or known[of_run]["kind"] == "link":
                raise CrmSyncError(f"no sync has the id {of_run!r}; see: mqa crm runs")
            if known[of_run]["crm"] != self.writer.name:
                raise CrmSyncError(
                    f"run {of_run} wrote to {known[of_run]['crm']}, which is not the CRM now"
                )
            made, left = undoing(self.journal, of_run)
            if not made:
                raise CrmSyncError(
                    f"nothing of run {of_run} can be written back: it wrote nothing, or later runs have "
                    "written all of its accounts"
                )
            here = place(self.policy)
            rows = [row for item in made for row in item.before.values() if row is not None]
            if any(not row["fields"].startswith(here) for row in rows):
                raise CrmSyncError(
                    f"run {of_run} wrote to another place than {here.rstrip(': ')}; name that one in "
                    "write_back.yaml to take it back"
                )
            run = self._started("rollback", self.clock(), of_run)
            said = f"run {of_run} was rolled back"
            self.journal.pause(run.run, said, self.clock())
            reason = f"{left} accounts stay as a later run wrote them" if left else None
            return self._sent(run, "rollback", made, {"changed": len(made)}, reason)

    def reconcile(self, *, repair: bool = False) -> tuple[Synced, list[Difference]]:
        """Reads back what was written and compares.

        Args:
            repair: accounts that differ are written anew by the next sync.

        Raises:
            DestinationError, OSError: the CRM could not be read.
        """
        with self._alone():
            run = self._started("reconcile", self.clock())
            try:
                stands = self.journal.last_sent()
                found = self._compared(stands)
            except (DestinationError, OSError) as error:
                self._ended(run, FAILED, str(error), {})
                raise
            accounts = sorted({d.account_id for d in found})
            if repair:
                self.journal.forget(accounts)
            said = f"{len(accounts)} of {len({r['account_id'] for r in stands})} accounts differ"
            ended = self._ended(run, DONE, said, {"records": len(stands), "changed": len(accounts)})
            return ended, found

    def _compared(self, stands: Sequence[Row]) -> list[Difference]:
        links = self.journal.links() if self.policy.is_linked else {}
        keys = {str(links.get(r["account_id"], r["account_id"])): r["account_id"] for r in stands}
        expected: dict[str, dict[str, Any]] = {}
        for row in stands:
            expected.setdefault(row["account_id"], {}).update(told(row, self.policy))
        fields = sorted({f for values in expected.values() for f in values})
        read = read_back(self.writer, sorted(keys), fields)
        found = []
        for key, account_id in sorted(keys.items()):
            if key not in read:
                found.append(Difference(account_id, "", "a record", None))
                continue
            found += [
                Difference(account_id, name, ours, read[key].get(name))
                for name, ours in sorted(expected[account_id].items())
                if not same(ours, read[key].get(name))
            ]
        return found

    def _started(self, kind: str, now: datetime, of_run: str | None = None) -> Synced:
        run = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
        self.journal.start(run, kind, self.writer.name, now, of_run)
        return Synced(run, kind)

    def _sent(
        self,
        run: Synced,
        operation: str,
        made: Sequence[Item],
        facts: Mapping[str, Any],
        reason: str | None = None,
    ) -> Synced:
        sending = Sending(
            self.journal, self.writer, self.policy, run.run, operation, self.clock, self.pause
        )
        run.outcome = sending.send(made) if made else Outcome()
        stopped = run.outcome.stopped
        most = sorted(run.outcome.errors.items(), key=lambda e: -e[1])[:_SHOWN]
        said = stopped or reason or "; ".join(f"{n} × {words}" for words, n in most) or None
        return self._ended(run, STOPPED if stopped else DONE, said, facts)

    def _ended(
        self, run: Synced, state: str, reason: str | None, facts: Mapping[str, Any]
    ) -> Synced:
        run.state, run.reason, o = state, reason, run.outcome
        self.journal.end(
            run.run, state, self.clock(), reason=reason, sent=o.sent, pending=o.pending,
            refused=o.refused, calls=o.calls, **facts,
        )  # fmt: skip
        return run

    def _alone(self) -> Any:
        return only_sender(self.journal.path.with_name("crm_sync"))
