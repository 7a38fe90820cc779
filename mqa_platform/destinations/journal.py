"""The journal of the outbox: every message, what became of it, and every attempt to send it.

Belongs here: how a message goes from one state to the next, each step on disk before the next begins. Does
not belong here: when it is tried (``outbox``), who carries it (``channels``) or what may be sent at all
(``core.outbox``).

A message is ``pending`` until it is tried, ``failed`` while it will be tried again, and ends as ``sent`` or
``dead``. "Sending" is no state: before a call an attempt is written down, and one without an outcome says
that nobody knows whether the service has the message. A message that still waits for its turn has no
``released_at``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, func, select, update
from sqlalchemy.dialects.sqlite import insert

from mqa_platform.destinations.channel import Kind, Message
from mqa_platform.destinations.entries import (
    DEAD,
    FAILED,
    FOUND,
    PENDING,
    SENT,
    STARTED,
    STATES,
    WAITING,
    Entry,
    Verdict,
)
from mqa_platform.destinations.journal_tables import ATTEMPTS, MESSAGES, opened

# Of a statement with a list of keys: SQLite takes a limited number of values.
_KEYS = 500


class Journal:
    """The journal of one installation. Every method is one transaction, on disk when it returns."""

    def __init__(self, path: Path) -> None:
        """``path`` is ``Home.outbox``; it is made if it is not there."""
        self.path = path
        self._engine = opened(path)

    def enter(self, messages: Sequence[Message], now: datetime, *, released: bool = True) -> int:
        """Writes messages down once; a key that is known is left as it is. How many were new.

        Args:
            messages: in the order in which they are to go out.
            now: the moment.
            released: whether they may go out at once; else each waits for ``release``.
        """
        rows = [
            {
                "key": m.key, "channel": m.channel, "kind": m.kind, "handoff_id": m.handoff_id,
                "account_id": m.account_id, "motion": m.motion, "rep_id": m.rep_id,
                "payload": dict(m.payload), "created_on": m.created_on,
                "entered_at": now, "place": place, "state": PENDING,
                "attempts": 0, "failures": 0, "unanswered": False,
                "released_at": now if released else None,
            }
            for place, m in enumerate(messages)
        ]  # fmt: skip
        new = 0
        with self._engine.begin() as connection:
            for row in rows:
                known = insert(MESSAGES).values(**row).on_conflict_do_nothing()
                new += connection.execute(known).rowcount
        return new

    def release(self, messages: Sequence[Message], now: datetime) -> None:
        """Lets waiting messages go out, in the order given, to whom and with what they are to say now."""
        with self._engine.begin() as connection:
            for place, m in enumerate(messages):
                released = {
                    "handoff_id": m.handoff_id, "rep_id": m.rep_id, "payload": dict(m.payload),
                    "released_at": now, "place": place,
                }  # fmt: skip
                where = (MESSAGES.c.key == m.key) & MESSAGES.c.released_at.is_(None)
                where &= MESSAGES.c.state.in_(WAITING)
                connection.execute(update(MESSAGES).where(where).values(**released))

    def known(self, keys: Collection[str]) -> set[str]:
        """Which of the keys are in the journal, in whatever state."""
        found: set[str] = set()
        with self._engine.begin() as connection:
            for some in _parts(sorted(keys)):
                asked = select(MESSAGES.c.key).where(MESSAGES.c.key.in_(some))
                found |= set(connection.execute(asked).scalars())
        return found

    def entry(self, key: str) -> Entry | None:
        """The message of a key."""
        found = self._entries(MESSAGES.c.key == key)
        return found[0] if found else None

    def of_keys(self, keys: Collection[str]) -> list[Entry]:
        """The messages of some keys, in the order of the keys."""
        parts = _parts(sorted(keys))
        found = {e.key: e for some in parts for e in self._entries(MESSAGES.c.key.in_(some))}
        return [found[key] for key in keys if key in found]

    def entries(
        self,
        states: Collection[str] = STATES,
        *,
        kinds: Collection[Kind] | None = None,
        channel: str | None = None,
    ) -> list[Entry]:
        """All messages of some states, kinds and a channel; those released and entered first come first."""
        where: ColumnElement[bool] = MESSAGES.c.state.in_(sorted(states))
        if kinds is not None:
            where &= MESSAGES.c.kind.in_(sorted(kinds))
        if channel is not None:
            where &= MESSAGES.c.channel == channel
        return self._entries(where)

    def of_handoffs(self, handoff_ids: Collection[str]) -> list[Entry]:
        """All messages about some handoffs."""
        return [
            entry
            for some in _parts(sorted(handoff_ids))
            for entry in self._entries(MESSAGES.c.handoff_id.in_(some))
        ]

    def told(self, released_since: datetime | None = None) -> list[dict[str, Any]]:
        """All columns of all messages but what they say; or of those let go out since a moment."""
        columns = [c for c in MESSAGES.c if c.name != "payload"]
        asked = select(*columns).order_by(MESSAGES.c.entered_at, MESSAGES.c.place, MESSAGES.c.key)
        if released_since is not None:
            asked = asked.where(MESSAGES.c.released_at >= released_since)
        with self._engine.begin() as connection:
            return [dict(row._mapping) for row in connection.execute(asked)]

    def sent(self, handoff_id: str, channel: str) -> Entry | None:
        """The message by which a channel was told of a handoff first, if it was."""
        where = (MESSAGES.c.handoff_id == handoff_id) & (MESSAGES.c.channel == channel)
        where &= MESSAGES.c.kind.in_(("handoff", "task")) & (MESSAGES.c.state == SENT)
        found = self._entries(where)
        return found[0] if found else None

    def due(self, channel: str, now: datetime) -> list[Entry]:
        """What may be sent on a channel now, in order."""
        return self._entries(_is_due(now) & (MESSAGES.c.channel == channel))

    def waiting(self, now: datetime) -> list[tuple[str, int]]:
        """(key, attempts) of every message that may be sent now, on whatever channel."""
        return [(e.key, e.attempts) for e in self._entries(_is_due(now))]

    def counts(self) -> dict[str, int]:
        """Number of messages by state; a state of which there is none is 0."""
        asked = select(MESSAGES.c.state, func.count()).group_by(MESSAGES.c.state)
        with self._engine.begin() as connection:
            found = {row[0]: row[1] for row in connection.execute(asked)}
        return {state: found.get(state, 0) for state in STATES}

    def attempts(self) -> list[dict[str, Any]]:
        """A row for every attempt: attempt, key, channel, at, ended_at, batch, outcome, external_id, error."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(ATTEMPTS).order_by(ATTEMPTS.c.attempt))
            return [dict(row._mapping) for row in rows]

    def start(self, keys: Sequence[str], now: datetime) -> None:
        """Writes down that a call with these messages begins."""
        with self._engine.begin() as connection:
            last = connection.execute(select(func.max(ATTEMPTS.c.batch))).scalar() or 0
            for key in keys:
                channel = select(MESSAGES.c.channel).where(MESSAGES.c.key == key).scalar_subquery()
                started = {"at": now, "batch": last + 1, "outcome": STARTED}
                row = ATTEMPTS.insert().values(key=key, channel=channel, **started)
                connection.execute(row)
                tried = {"attempts": MESSAGES.c.attempts + 1, "unanswered": True}
                connection.execute(update(MESSAGES).where(MESSAGES.c.key == key).values(**tried))

    def record(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        """Writes down what came of the last attempt of each message."""
        with self._engine.begin() as connection:
            for verdict in verdicts:
                _record(connection, verdict, now)

    def bury(self, reasons: Mapping[str, str]) -> int:
        """Gives messages up that were not sent, each for its reason; how many there were."""
        buried = 0
        with self._engine.begin() as connection:
            for key, reason in reasons.items():
                where = (MESSAGES.c.key == key) & MESSAGES.c.state.in_(WAITING)
                dead = {"state": DEAD, "last_error": reason, "next_attempt_at": None}
                buried += connection.execute(update(MESSAGES).where(where).values(**dead)).rowcount
        return buried

    def take_back(self, keys: Collection[str]) -> int:
        """Lets messages that no service can have wait for their turn again; how many there were.

        What was sent, or may have been, is left as it is.
        """
        back = 0
        waits = {"state": PENDING, "released_at": None, "next_attempt_at": None, "failures": 0}
        may_go = MESSAGES.c.unanswered.is_(False) & (MESSAGES.c.state != SENT)
        with self._engine.begin() as connection:
            for some in _parts(sorted(keys)):
                where = MESSAGES.c.key.in_(some) & may_go
                taken = update(MESSAGES).where(where).values(**waits)
                back += connection.execute(taken).rowcount
        return back

    def retry(self, keys: Collection[str]) -> int:
        """Lets dead and failed messages be tried again at once, from the beginning; how many there were."""
        revived = 0
        again = {"state": PENDING, "failures": 0, "next_attempt_at": None}
        with self._engine.begin() as connection:
            for some in _parts(sorted(keys)):
                where = MESSAGES.c.key.in_(some) & MESSAGES.c.state.in_((DEAD, FAILED))
                revived += connection.execute(
                    update(MESSAGES).where(where).values(**again)
                ).rowcount
        return revived

    def _entries(self, where: ColumnElement[bool]) -> list[Entry]:
        order = (MESSAGES.c.released_at, MESSAGES.c.place, MESSAGES.c.entered_at, MESSAGES.c.key)
        with self._engine.begin() as connection:
            return [
                _entry(r)
                for r in connection.execute(select(MESSAGES).where(where).order_by(*order))
            ]


def _is_due(now: datetime) -> ColumnElement[bool]:
    later = MESSAGES.c.next_attempt_at
    may_go = MESSAGES.c.released_at.is_not(None) & (later.is_(None) | (later <= now))
    return MESSAGES.c.state.in_(WAITING) & may_go


def _record(connection: Connection, verdict: Verdict, now: datetime) -> None:
    last = select(func.max(ATTEMPTS.c.attempt)).where(ATTEMPTS.c.key == verdict.key)
    ended = {"ended_at": now, "outcome": verdict.outcome, "error": verdict.error}
    ended["external_id"] = verdict.external_id
    # Only the last attempt: one of an earlier process has its outcome once it was looked up.
    connection.execute(
        update(ATTEMPTS).where(ATTEMPTS.c.attempt == last.scalar_subquery()).values(**ended)
    )
    changed: dict[str, Any] = {
        "state": verdict.state,
        "failures": MESSAGES.c.failures + int(verdict.counts),
        "unanswered": verdict.unanswered,
        "next_attempt_at": verdict.next_attempt_at,
        "last_error": verdict.error,
    }
    if verdict.state == SENT:
        # What was found had arrived when it was given to the service, not when somebody looked.
        began = select(ATTEMPTS.c.at).where(ATTEMPTS.c.attempt == last.scalar_subquery())
        at = began.scalar_subquery() if verdict.outcome == FOUND else now
        changed |= {"sent_at": at, "external_id": verdict.external_id, "failures": 0}
    # What was sent stays sent, whatever is told of it later.
    where = (MESSAGES.c.key == verdict.key) & (MESSAGES.c.state != SENT)
    connection.execute(update(MESSAGES).where(where).values(**changed))


def _entry(row: Row[Any]) -> Entry:
    r = row._mapping
    message = Message(
        r["key"], r["channel"], cast(Kind, r["kind"]), r["handoff_id"], r["account_id"],
        r["motion"], r["rep_id"], r["payload"], r["created_on"],
    )  # fmt: skip
    told = ("state", "attempts", "failures", "unanswered", "entered_at", "place", "released_at")
    last = ("next_attempt_at", "sent_at", "external_id", "last_error")
    return Entry(message, **{name: r[name] for name in (*told, *last)})


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _KEYS):
        yield keys[start : start + _KEYS]
