"""What the journal says of today's handoffs: who was told, who still waits, and what is over.

Belongs here: matching messages of then with the handoffs of now. Does not belong here: entering or sending
any (``filling``, ``outbox``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from mqa_platform.core.outbox import of_todays_handoffs
from mqa_platform.destinations.entries import DEAD, SENT, WAITING
from mqa_platform.destinations.journal import Journal

Row = Mapping[str, Any]
# Kinds that are about a handoff and pointless once it is over.
_OF_HANDOFFS = ("handoff", "update", "reminder", "escalation")
NOT_OPEN = "its handoff is no longer open"
_READ = ("handoff_id", "account_id", "motion", "rep_id", "status", "created_on", "first_touch_at")
_TYPES = {"string": pa.string(), "date": pa.date32(), "timestamp('UTC')": pa.timestamp("us", "UTC")}


@dataclass(frozen=True)
class Told:
    """The rows of the journal, without what they say, beside today's open handoffs.

    Attributes:
        rows: of ``Journal.told``, those about handoffs.
        now: key of a message → id of today's handoff in whose episode its own lies.
        open: today's open handoffs by id.
    """

    rows: Sequence[Row]
    now: Mapping[str, str]
    open: Mapping[str, Row]
    _known: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, session: Any, journal: Journal, handoffs: Any, open_now: Any) -> Told:
        """Reads the journal and the open handoffs; ``handoffs`` are all of today's."""
        rows = [r for r in journal.told() if r["kind"] in _OF_HANDOFFS and r["handoff_id"]]
        schema = {"key": "string", "account_id": "string", "motion": "string", "created_on": "date"}
        placed = [{name: r[name] for name in schema} for r in rows if r["created_on"]]
        now: dict[str, str] = {}
        if placed:
            known = cls.constant(session, "journal", placed, schema)
            found = of_todays_handoffs(known, handoffs).select("key", "handoff_now")
            now = {r["key"]: r["handoff_now"] for r in session.rows(found)}
        shown = {r["handoff_id"]: r for r in session.rows(open_now.select(*_READ))}
        told = cls(rows, now, shown)
        told._known.update((told.now_of(r), r["channel"]) for r in rows if r["kind"] == "handoff")
        return told

    @staticmethod
    def constant(session: Any, name: str, rows: Sequence[Row], schema: Mapping[str, str]) -> Any:
        """Rows as a table of the session."""
        typed = pa.schema([(column, _TYPES[kind]) for column, kind in schema.items()])
        return session.constant(name, pa.Table.from_pylist([dict(r) for r in rows], schema=typed))

    def now_of(self, row: Row) -> str:
        """The handoff of today that a message is about; its own id where no episode holds its day."""
        return self.now.get(row["key"], row["handoff_id"])

    def reader(self, row: Row) -> str:
        """Whom a message is for: whoever has the handoff now, except where somebody else is told."""
        handoff = self.open.get(self.now_of(row))
        if handoff is None or row["kind"] == "escalation":
            return str(row["rep_id"])
        return str(handoff["rep_id"])

    def knows(self, intent: Row, channel: str) -> bool:
        """Whether a channel has been told of a handoff, or is about to be."""
        return intent["kind"] == "handoff" and (intent["handoff_id"], channel) in self._known

    def of_whom(self, new: Sequence[Row], kinds: Mapping[str, Sequence[str]]) -> set[str]:
        """Today's handoffs that a channel tells of: sent, waiting, or entered now; not what was given up."""
        entered = {str(row["handoff_id"]) for row in new}
        is_told = any("handoff" in takes for takes in kinds.values())
        alive = (r for r in self.rows if r["kind"] == "handoff" and r["state"] != DEAD)
        return {self.now_of(row) for row in alive} | (entered if is_told else set())

    def sent_as(self, handoff_id: str, channel: str) -> str | None:
        """What a channel calls the message by which it was told of a handoff."""
        for row in self.rows:
            same = row["kind"] == "handoff" and row["channel"] == channel
            if same and row["state"] == SENT and self.now_of(row) == handoff_id:
                return str(row["external_id"]) if row["external_id"] else None
        return None

    def last_told(self) -> list[dict[str, Any]]:
        """Open handoffs that somebody was told of and that have no update waiting, with ``told_at``."""
        last: dict[str, datetime] = {}
        told, busy = set(), set()
        for row in self.rows:
            handoff = self.now_of(row)
            if row["kind"] == "update" and row["state"] in WAITING:
                busy.add(handoff)
            if row["kind"] == "handoff" and row["state"] == SENT:
                told.add(handoff)
            # An update that went into a digest was told there.
            at = row["sent_at"] if row["state"] == SENT else None
            if row["kind"] == "update" and row["state"] == DEAD:
                at = row["entered_at"]
            if at is not None and row["kind"] in ("handoff", "update"):
                last[handoff] = max(last.get(handoff, at), at)
        names = ("handoff_id", "account_id", "motion", "rep_id", "created_on")
        return [
            {**{n: self.open[h][n] for n in names}, "told_at": last[h]}
            for h in sorted(told - busy)
            if h in self.open
        ]

    def with_another(self) -> list[str]:
        """Keys of released messages that were not sent and whose handoff another rep has by now."""
        over = self.over()
        return [
            row["key"]
            for row in self.rows
            if row["state"] in WAITING
            and row["released_at"] is not None
            and not row["unanswered"]
            and row["key"] not in over
            and self.reader(row) != row["rep_id"]
        ]

    def wanted_again(self, young: Collection[Row]) -> list[str]:
        """Keys of messages that were given up unsent while a young handoff was not open, and it is again."""
        open_again = {row["handoff_id"] for row in young}
        return [
            row["key"]
            for row in self.rows
            if row["kind"] == "handoff"
            and row["state"] == DEAD
            and row["last_error"] == NOT_OPEN
            and not row["unanswered"]
            and self.now_of(row) in open_again
        ]

    def over(self, *, unanswered: bool = False) -> dict[str, str]:
        """Keys of messages that nobody needs any more, and why.

        What may have been sent is none of them; with ``unanswered`` only that.
        """
        found = {}
        for row in self.rows:
            if row["state"] not in WAITING or row["unanswered"] != unanswered:
                continue
            handoff = self.open.get(self.now_of(row))
            if handoff is None:
                found[row["key"]] = NOT_OPEN
            elif row["kind"] == "handoff" and handoff["status"] == "accepted":
                found[row["key"]] = "sales has accepted it already"
            elif row["kind"] in ("reminder", "escalation") and handoff["first_touch_at"]:
                found[row["key"]] = "sales has answered already"
        return found
