"""What a channel is: messages in, an answer for each of them out.

Belongs here: the shape of a message, of an answer, and of whoever carries it. Does not belong here: when a
message is due, tried again or given up (``outbox``), or any one service.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Kind = Literal["handoff", "update", "reminder", "escalation", "digest", "answer", "task", "alert"]
Result = Literal["sent", "again", "refused"]


@dataclass(frozen=True)
class Message:
    """One thing that one channel is to tell, once.

    Attributes:
        key: the idempotency key; a handoff's is ``f"{handoff_id}:{channel}"``.
        channel: the name of the channel, such as ``slack`` or ``crm_task``.
        kind: what it is.
        handoff_id: of the handoff it is about; None for a digest.
        account_id: of the account it is about.
        motion: of the handoff.
        rep_id: whom it is for.
        payload: the facts that are told, as JSON can hold them.
        created_on: day of the handoff: its episode is found by it when late data moves the entry.
    """

    key: str
    channel: str
    kind: Kind
    handoff_id: str | None = None
    account_id: str | None = None
    motion: str | None = None
    rep_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    created_on: date | None = None


@dataclass(frozen=True)
class Sent:
    """What became of one message in one call.

    ``sent``: the service has it. ``again``: it has not, and may take it later, not before ``after_seconds``.
    ``refused``: it never will; ``error`` says why and what to do, without any secret.

    Attributes:
        key: of the message.
        outcome: see above.
        external_id: what the service calls it, when it was sent.
        error: why it was not.
        after_seconds: how long the service asks to wait.
        whole_service: the answer is about the service and not about this message, such as a key that is
            not valid any more: nothing else is tried there in this run, and no message is given up for it.
    """

    key: str
    outcome: Result
    external_id: str | None = None
    error: str | None = None
    after_seconds: float | None = None
    whole_service: bool = False


class BatchRefusedError(Exception):
    """The service refused a batch as a whole because of something in it; nothing of it was done."""


class DestinationError(Exception):
    """A destination cannot be used as it is set up, or could not be asked."""

    def __init__(self, place: str, reason: str, remedy: str = "") -> None:
        """``place`` is the channel or setting; the message has no secret in it."""
        super().__init__(f"{place}: {reason}" + (f". {remedy}" if remedy else ""))
        self.place, self.reason, self.remedy = place, reason, remedy


class Channel(ABC):
    """Whoever carries messages to one service.

    ``batch_size`` messages at most are given to one call of ``send``.
    """

    name: str
    batch_size: int = 1

    @abstractmethod
    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """One call of the service; an answer for each message, in any order.

        A message without an answer counts as ``again``: it is looked up before it is sent once more.

        Raises:
            BatchRefusedError: nothing of it was done because of one of the messages.
            DestinationError: the service could not be used at all: its key, its address, its permission.
            OSError: the connection broke off; the service may have done it or not.
        """

    def find(self, message: Message) -> str | None:
        """What the service calls this message if it has it already, else None.

        Asked before a message is sent again that may have been sent: a process was killed, or a connection
        broke off, before the answer came. A channel whose service takes a key and does nothing twice needs
        no other answer than None.

        Raises:
            DestinationError, OSError: it could not be asked, which is not "not there".
        """
        del message
        return None
