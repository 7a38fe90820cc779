"""The journal of the write-back: what was written last of every account, every attempt, and every run.

Belongs here: what is on disk before and after each call. Does not belong here: what is written
(``core.crm_changes``), or how (``crm_sending``).

Before a call its attempts stand as ``begun``; one that still does when the next run starts was cut off, and
is ``unknown``: the account is written again, which leaves what writing it once does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, insert, select, update

from mqa_platform.destinations.crm_tables import (
    CHANGES,
    LAST_SENT,
    LINKS,
    METADATA,
    PAUSES,
    RUNS,
)
from mqa_platform.destinations.crm_writer import Record, Written
from mqa_platform.destinations.journal_tables import opened

Row = dict[str, Any]
BEGUN: Final = "begun"
UNKNOWN: Final = "unknown"
SENT: Final = "sent"
AGAIN: Final = "again"
REFUSED: Final = "refused"
RUNNING: Final = "running"
INTERRUPTED: Final = "interrupted"
_REACHED: Final = CHANGES.c.result.in_((SENT, UNKNOWN, BEGUN))
_ATTEMPTS: Final = (
    select(
        CHANGES.c.change, CHANGES.c.run, CHANGES.c.account_id, CHANGES.c.operation, CHANGES.c.result
    )
    .where(_REACHED, CHANGES.c.operation != "link")
    .order_by(CHANGES.c.change)
)
_DAYS: Final = ("since", "as_of")
_MOMENTS: Final = ("evidence_at", "sent_at")


class CrmJournal:
    """The journal of one installation. Every method is one transaction, on disk when it returns."""

    def __init__(self, path: Path) -> None:
        """``path`` is ``Home.outbox``; it is made if it is not there."""
        self.path = path
        self._engine = opened(path, METADATA)

    def last_sent(self) -> list[Row]:
        """What stands in the CRM by our knowledge: one row an account and motion."""
        return self._rows(select(LAST_SENT))

    def start(
        self, run: str, kind: str, crm: str, now: datetime, of_run: str | None = None
    ) -> None:
        """A run begins; whatever was cut off before is marked as that."""
        with self._engine.begin() as connection:
            connection.execute(
                update(CHANGES).where(CHANGES.c.result == BEGUN).values(result=UNKNOWN)
            )
            connection.execute(
                update(RUNS).where(RUNS.c.state == RUNNING).values(state=INTERRUPTED, ended_at=now)
            )
            connection.execute(
                insert(RUNS).values(
                    run=run, kind=kind, crm=crm, of_run=of_run, started_at=now, state=RUNNING
                )
            )

    def end(self, run: str, state: str, now: datetime, **facts: Any) -> None:
        """A run has ended; ``facts`` are columns of its row."""
        with self._engine.begin() as connection:
            connection.execute(
                update(RUNS).where(RUNS.c.run == run).values(state=state, ended_at=now, **facts)
            )

    def begin(
        self,
        run: str,
        operation: str,
        call: int,
        attempt: int,
        records: Sequence[Record],
        stood: Mapping[str, Mapping[str, Any]],
        before: Mapping[str, Mapping[str, Row | None]],
        now: datetime,
    ) -> None:
        """One call is about to be made.

        Args:
            run: of it.
            operation: ``write``, ``rollback`` or ``link``.
            call: number of the call in the run.
            attempt: which try of these records it is in the run.
            records: what is sent.
            stood: by account, what stood in the same fields.
            before: by account and motion, the row of ``last_sent`` as it was; None: there was none.
            now: the moment.
        """
        rows = [
            {
                "run": run, "account_id": r.account_id, "attempt": attempt, "call": call, "at": now,
                "operation": operation, "record_key": r.key, "fields": dict(r.fields),
                "stood": dict(stood.get(r.account_id, {})),
                "rows_before": {m: _plain(row) for m, row in before.get(r.account_id, {}).items()},
                "result": BEGUN,
            }
            for r in records
        ]  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(insert(CHANGES), rows)

    def finish(
        self,
        run: str,
        call: int,
        written: Sequence[Written],
        now_stands: Sequence[Row] = (),
        gone: Sequence[tuple[str, str]] = (),
        links: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> None:
        """The answers of a call, and what stands in the CRM by them.

        Args:
            run: of it.
            call: its number.
            written: an answer for each of its records.
            now_stands: rows of ``last_sent`` that are so from now on.
            gone: accounts and motions of which nothing of ours stands any more.
            links: accounts that carry our key now.
            now: the moment, for links.
        """
        with self._engine.begin() as connection:
            for result, error in sorted({(w.result, w.error or "") for w in written}):
                ids = [
                    w.account_id for w in written if (w.result, w.error or "") == (result, error)
                ]
                self._told(connection, run, call, ids, result, error)
            keys = [(row["account_id"], row["motion"]) for row in now_stands]
            _dropped(connection, [*keys, *gone])
            if now_stands:
                connection.execute(insert(LAST_SENT), [_typed(row) for row in now_stands])
            for account_id, key in sorted((links or {}).items()):
                connection.execute(delete(LINKS).where(LINKS.c.account_id == account_id))
                connection.execute(
                    insert(LINKS).values(account_id=account_id, record_key=key, linked_at=now)
                )

    @staticmethod
    def _told(
        connection: Connection, run: str, call: int, ids: Sequence[str], result: str, error: str
    ) -> None:
        for part in _parts(ids):
            connection.execute(
                update(CHANGES)
                .where(CHANGES.c.run == run, CHANGES.c.call == call, CHANGES.c.account_id.in_(part))
                .values(result=result, error=error or None)
            )

    def cut_off(self, run: str, call: int, error: str) -> None:
        """A call had no usable answer: nobody knows which of its records were written."""
        with self._engine.begin() as connection:
            connection.execute(
                update(CHANGES)
                .where(CHANGES.c.run == run, CHANGES.c.call == call)
                .values(result=UNKNOWN, error=error)
            )

    def forget(self, accounts: Sequence[str]) -> None:
        """The CRM says something else of these accounts: the next sync writes them anew."""
        with self._engine.begin() as connection:
            for part in _parts(accounts):
                connection.execute(delete(LAST_SENT).where(LAST_SENT.c.account_id.in_(part)))

    def links(self) -> dict[str, str]:
        """account_id → our key on its record, where it has been put."""
        found = self._rows(select(LINKS.c.account_id, LINKS.c.record_key))
        return {row["account_id"]: row["record_key"] for row in found}

    def reached_with(self, run: str) -> list[Row]:
        """The attempts that reached the accounts of a run, of every run, in their order; without fields."""
        accounts = select(CHANGES.c.account_id).where(CHANGES.c.run == run, _REACHED)
        return self._rows(_ATTEMPTS.where(CHANGES.c.account_id.in_(accounts)))

    def reached_accounts(self, accounts: Iterable[str]) -> list[Row]:
        """The attempts that reached these accounts, in their order; without fields."""
        found = []
        for part in _parts(list(accounts)):
            found += self._rows(_ATTEMPTS.where(CHANGES.c.account_id.in_(part)))
        return found

    def changes_by_id(self, ids: Sequence[int]) -> list[Row]:
        """Whole attempts, by their numbers, in the order of their accounts."""
        found = []
        for at in range(0, len(ids), 500):
            found += self._rows(select(CHANGES).where(CHANGES.c.change.in_(ids[at : at + 500])))
        return sorted(found, key=lambda row: str(row["account_id"]))

    def runs(self) -> list[Row]:
        """Every run, the newest first."""
        return self._rows(select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.run))

    def changes(self, since: datetime | None = None, run: str | None = None) -> list[Row]:
        """Attempts in their order: all, those of a run, or those from a moment on."""
        asked = select(CHANGES).order_by(CHANGES.c.change)
        if since is not None:
            asked = asked.where(CHANGES.c.at >= since)
        return self._rows(asked if run is None else asked.where(CHANGES.c.run == run))

    def pause(self, run: str, reason: str, now: datetime) -> None:
        """No sync writes anything from now on."""
        with self._engine.begin() as connection:
            connection.execute(insert(PAUSES).values(run=run, reason=reason, at=now))

    def resume(self, now: datetime) -> None:
        """Syncs write again."""
        with self._engine.begin() as connection:
            connection.execute(
                update(PAUSES).where(PAUSES.c.resumed_at.is_(None)).values(resumed_at=now)
            )

    def paused(self) -> Row | None:
        """The pause that holds now."""
        found = self._rows(select(PAUSES).where(PAUSES.c.resumed_at.is_(None)))
        return found[-1] if found else None

    def _rows(self, asked: Select[Any]) -> list[Row]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(asked).mappings()]


def _dropped(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    by_motion: dict[str, list[str]] = {}
    for account_id, motion in keys:
        by_motion.setdefault(motion, []).append(account_id)
    for motion, ids in by_motion.items():
        for part in _parts(ids):
            connection.execute(
                delete(LAST_SENT).where(
                    LAST_SENT.c.motion == motion, LAST_SENT.c.account_id.in_(part)
                )
            )


def _parts(ids: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [ids[i : i + size] for i in range(0, len(ids), size)]


def _plain(row: Row | None) -> Row | None:
    if row is None:
        return None
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()}


def _typed(row: Row) -> Row:
    """A row of ``last_sent`` whose days and moments may be text, as JSON keeps them."""
    typed = dict(row)
    for name in _DAYS:
        if isinstance(typed[name], str):
            typed[name] = date.fromisoformat(typed[name])
    for name in _MOMENTS:
        if isinstance(typed[name], str):
            typed[name] = datetime.fromisoformat(typed[name])
    return typed
