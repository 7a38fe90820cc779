"""What the journal of the outbox tells of a message, and what it is told of an attempt.

Belongs here: the states of a message, the outcomes of an attempt, and their shapes. Does not belong here:
writing them down (``journal``) or deciding them (``verdicts``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mqa_platform.destinations.channel import Message

PENDING, SENT, FAILED, DEAD = "pending", "sent", "failed", "dead"
STATES: Final = (PENDING, SENT, FAILED, DEAD)
WAITING: Final = (PENDING, FAILED)
# Outcomes of an attempt; ``STARTED`` has none yet. A batch that was refused as a whole is ``SPLIT``.
STARTED, AGAIN, REFUSED, SPLIT, UNANSWERED, FOUND, LOST = (
    "started", "again", "refused", "split", "unanswered", "found", "lost",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A message with what became of it so far. All moments are UTC.

    Attributes:
        message: what is told.
        state: one of ``STATES``.
        attempts: how often it was given to the service.
        failures: how many of them count towards giving it up.
        unanswered: whether a call was begun of which nobody knows what came of it.
        entered_at, place: when it was entered, and its place among those entered then.
        released_at: since when it may go out; None: it waits for its turn.
        next_attempt_at: not before then; None: at once.
        sent_at, external_id: when the service took it, and what it calls it.
        last_error: why it was not taken, or why it was given up.
    """

    message: Message
    state: str
    attempts: int
    failures: int
    unanswered: bool
    entered_at: datetime
    place: int
    released_at: datetime | None
    next_attempt_at: datetime | None
    sent_at: datetime | None
    external_id: str | None
    last_error: str | None

    @property
    def key(self) -> str:
        """The key of the message."""
        return self.message.key


@dataclass(frozen=True)
class Verdict:
    """What a message's attempt came to, as it is written down.

    ``outcome`` is of the attempt, ``state`` of the message; ``counts`` whether it brings giving up nearer.
    """

    key: str
    outcome: str
    state: str
    external_id: str | None = None
    error: str | None = None
    next_attempt_at: datetime | None = None
    counts: bool = True
    unanswered: bool = False
