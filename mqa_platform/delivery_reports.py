"""What the outbox holds, and changing by hand what becomes of a message.

Belongs here: reading the journal for people, and retry and drop. Does not belong here: sending
(``destinations``), or the screen (``cli_delivery``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mqa_platform.destinations.entries import DEAD, FAILED, SENT, STATES
from mqa_platform.destinations.journal import Journal
from mqa_platform.home import Home


class OutboxError(Exception):
    """There is no such message, or what was asked cannot be done with it; nothing was changed."""


def messages(home: Home, states: Sequence[str] = STATES) -> list[dict[str, Any]]:
    """Messages of some states without what they say, the oldest first; ``waits_for`` says what for."""
    if not home.outbox.exists():
        return []
    rows = [row for row in Journal(home.outbox).told() if row["state"] in states]
    return [{**row, "waits_for": _waits_for(row)} for row in rows]


def counts(home: Home) -> dict[str, int]:
    """Number of messages by state."""
    if not home.outbox.exists():
        return dict.fromkeys(STATES, 0)
    return Journal(home.outbox).counts()


def retry(home: Home, key: str | None) -> int:
    """Lets a message be tried again, or with None all that were given up after they were tried.

    Raises:
        OutboxError: there is no such message, or it is neither failed nor dead.
    """
    if key is None:
        if not home.outbox.exists():
            return 0
        journal = Journal(home.outbox)
        return journal.retry([r["key"] for r in messages(home, (DEAD,)) if r["attempts"]])
    journal, state = _found(home, key)
    if state not in (DEAD, FAILED):
        raise OutboxError(f"{key} is {state}: only what failed or was given up is tried again")
    return journal.retry([key])


def drop(home: Home, key: str, reason: str) -> None:
    """Gives a message up.

    Raises:
        OutboxError: there is no such message, no reason, or it was sent or given up before.
    """
    if not reason.strip():
        raise OutboxError("say why: --reason")
    journal, state = _found(home, key)
    if state in (SENT, DEAD):
        raise OutboxError(f"{key} is {state}: there is nothing to give up")
    journal.bury({key: f"dropped by hand: {reason.strip()}"})


def _found(home: Home, key: str) -> tuple[Journal, str]:
    if home.outbox.exists():
        journal = Journal(home.outbox)
        entry = journal.entry(key)
        if entry is not None:
            return journal, entry.state
    raise OutboxError(f"there is no message {key!r}; mqa outbox --json lists the keys")


def _waits_for(row: dict[str, Any]) -> str | None:
    if row["state"] in (SENT, DEAD):
        return None
    if row["released_at"] is None:
        return "its turn"
    if row["next_attempt_at"] is not None:
        return f"the next attempt at {row['next_attempt_at']:%Y-%m-%d %H:%M} UTC"
    return "the next delivery"
