"""Digests: one message a reader and day, and what was told in it instead of for itself.

Belongs here: when a digest is due and to whom it goes. Does not belong here: its lines (``core.digest``), its
words (``payloads``), or its looks (``reports``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

from mqa_platform.core.digest import digest_intents, digest_lines
from mqa_platform.core.turns import BUDGETED
from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.payloads import payloads
from mqa_platform.destinations.told import Told
from mqa_platform.policy.models import Policy


@dataclass
class Digests:
    """Digests to enter, and keys of alerts that need no message of their own now, with the reason."""

    messages: list[Message] = field(default_factory=list)
    told_in_them: dict[str, str] = field(default_factory=dict)


def digests(
    session: Any,
    journal: Journal,
    told: Told,
    held: Mapping[str, str],
    policy: Policy,
    kinds: Mapping[str, Sequence[str]],
    now: datetime,
    notes: Sequence[str] = (),
) -> Digests:
    """The digests of today that were not made yet, once it is time for them.

    Args:
        session: an open session.
        journal: knows which digests were made.
        told: what waits.
        held: of ``turns``.
        policy: says when digests go out.
        kinds: which channels take digests.
        now: the moment.
        notes: what every digest says beside its reader's accounts; nobody is written to for them alone.
    """
    channels = [name for name, takes in kinds.items() if "digest" in takes]
    moment = now.astimezone(UTC)
    if not channels or moment.time() < _time(policy.delivery.digest_at):
        return Digests()
    rows = {row["key"]: row for row in told.rows if row["key"] in held}
    waits = [
        {"handoff_id": told.now_of(r), "kind": r["kind"], "reason": held[k]}
        for k, r in rows.items()
        if r["kind"] in ("handoff", "update")
    ]
    schema = {"handoff_id": "string", "kind": "string", "reason": "string"}
    waiting = told.constant(session, "held", waits, schema)
    names = ("worklist", "sla_events", "handoffs", "accounts")
    worklist, events, handoffs, accounts = map(session.table, names)
    lines = session.keep(digest_lines(worklist, events, handoffs, accounts, waiting, now))
    every = session.rows(lines)
    found = Digests()
    asked = []
    for intent in session.rows(digest_intents(lines, now)):
        keys = {f"{intent['subject']}:{channel}": channel for channel in channels}
        for key in keys.keys() - journal.known(keys):
            asked.append(
                {**intent, "key": key, "channel": keys[key], "handoff_id": None, "at": now}
            )
    made = payloads(session, asked, policy, every, now=now, notes=notes)
    for intent in sorted(asked, key=lambda i: i["key"]):
        payload = made.get(intent["key"])
        if payload is not None:
            found.messages.append(
                Message(
                    intent["key"],
                    intent["channel"],
                    "digest",
                    rep_id=intent["rep_id"],
                    payload=payload,
                )
            )
    readers = {m.rep_id for m in found.messages}
    day = moment.date()
    found.told_in_them = {
        key: f"told in the digest of {day}"
        for key, row in rows.items()
        if row["kind"] in BUDGETED and told.reader(row) in readers
    }
    return found


def _time(text: str) -> time:
    return time.max if text == "24:00" else time.fromisoformat(text)
