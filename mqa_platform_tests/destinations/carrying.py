"""A service that keeps what it was sent, and fails in every way that a real one does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from mqa_platform.destinations.channel import (
    BatchRefusedError,
    Channel,
    DestinationError,
    Message,
    Sent,
)
from mqa_platform.policy.delivery import Retries

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
FAST = Retries(first_wait_in_run_seconds=0, attempts_in_run=1)


class Killed(BaseException):
    """kill -9: nothing of this process runs after it."""


class Clock:
    """A clock that only goes when somebody waits."""

    def __init__(self) -> None:
        self.now = NOW
        self.waited: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)


class Service(Channel):
    """Takes batches. ``faults`` is what happens at the next calls, one each; then all is well.

    Faults: killed_before, killed_after, broken_before, broken_after, again, refused, batch_refused, silent,
    stranger (an error nobody thought of), unauthorized; and a ``Sent.after_seconds`` as a number.
    """

    def __init__(self, name: str = "memory", batch_size: int = 1) -> None:
        self.name, self.batch_size = name, batch_size
        self.faults: list[str | float] = []
        self.poison: set[str] = set()
        self.has: list[str] = []
        self.calls: list[list[str]] = []
        self.looked_up: list[str] = []
        self.find_faults: list[str] = []

    def send(self, messages: Sequence[Message]) -> list[Sent]:  # noqa: C901  (a line a fault)
        keys = [m.key for m in messages]
        self.calls.append(keys)
        fault = self.faults.pop(0) if self.faults else ""
        if self.poison & set(keys):
            raise BatchRefusedError("a record cannot be read")
        if isinstance(fault, float):
            return [Sent(k, "again", None, "too many", fault) for k in keys]
        match fault:
            case "killed_before":
                raise Killed
            case "broken_before":
                raise ConnectionResetError
            case "stranger":
                raise KeyError("secret")
            case "unauthorized":
                raise DestinationError(self.name, "the key is not valid", "set a new one")
            case "batch_refused":
                raise BatchRefusedError("refused")
            case "again":
                return [Sent(k, "again", error="locked") for k in keys]
            case "refused":
                return [Sent(k, "refused", error="no such channel") for k in keys]
        self.has += keys
        if fault == "killed_after":
            raise Killed
        if fault == "broken_after":
            raise TimeoutError
        if fault == "silent":
            return []
        return [Sent(k, "sent", f"id of {k}") for k in keys]

    def find(self, message: Message) -> str | None:
        self.looked_up.append(message.key)
        fault = self.find_faults.pop(0) if self.find_faults else ""
        if fault == "broken":
            raise TimeoutError
        if fault == "killed":
            raise Killed
        if fault == "unauthorized":
            raise DestinationError(self.name, "nobody may look here", "grant it")
        return f"id of {message.key}" if message.key in self.has else None


def message(n: int | str, channel: str = "memory", rep: str = "r1") -> Message:
    """A handoff to tell of."""
    return Message(f"h{n}:{channel}", channel, "handoff", f"h{n}", f"a{n}", "new_business", rep)
