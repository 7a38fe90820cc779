"""What an answer means for a message: sent, given up, or tried again, and when.

Belongs here: back-off and when a message is given up. Does not belong here: calling anybody (``outbox``), or
writing it down (``journal``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mqa_platform.destinations import entries as states
from mqa_platform.destinations.channel import Sent
from mqa_platform.destinations.entries import Verdict
from mqa_platform.destinations.journal import Journal
from mqa_platform.policy.delivery import Retries

Clock = Callable[[], datetime]


class Verdicts:
    """The verdicts of one run on one channel.

    Attributes:
        asked: key to the seconds that the service asked to wait before it is given that message again.
    """

    def __init__(self, journal: Journal, retries: Retries, clock: Clock) -> None:
        self.journal, self.retries, self.clock = journal, retries, clock
        self.asked: dict[str, float] = {}
        # What failed in this run already: however often a run tries, it counts as one failure.
        self._failed: set[str] = set()

    def of_answer(self, key: str, answer: Sent | None) -> Verdict:
        """What a service said of a message, or None when it said nothing."""
        if answer is None:
            return self.unanswered(key, "the service did not say what became of it")
        if answer.outcome == "sent":
            return Verdict(key, states.SENT, states.SENT, answer.external_id)
        error = answer.error or "no reason given"
        if answer.whole_service:
            return self.later(key, error, counts=False)
        if answer.outcome == "refused":
            return Verdict(key, states.REFUSED, states.DEAD, error=error)
        self.asked[key] = answer.after_seconds or 0.0
        return self.later(key, error)

    def later(self, key: str, error: str, *, counts: bool = True) -> Verdict:
        """The service has it not: it is tried again, or was tried often enough."""
        counts = counts and key not in self._failed
        self._failed.add(key)
        failures = self._failures(key) + int(counts)
        if counts and failures >= self.retries.attempts:
            error = f"given up after failures in {failures} runs; the last: {error}"
            return Verdict(key, states.AGAIN, states.DEAD, error=error)
        at = self._next(failures, self.asked.get(key, 0.0))
        return Verdict(key, states.AGAIN, states.FAILED, None, error, at, counts)

    def unanswered(self, key: str, error: str) -> Verdict:
        """Nobody knows whether the service has it: it is never given up before it was looked up."""
        counts = key not in self._failed
        self._failed.add(key)
        at = self._next(self._failures(key) + int(counts), 0.0)
        return Verdict(
            key, states.UNANSWERED, states.FAILED, None, error, at, counts, unanswered=True
        )

    def _failures(self, key: str) -> int:
        entry = self.journal.entry(key)
        return entry.failures if entry else 0

    def _next(self, failures: int, asked_seconds: float) -> datetime:
        """The wait doubles with each failure, and is never shorter than the service asked for."""
        longest = self.retries.longest_wait_minutes
        # Bounded before it is raised: 2 to the power of 50 runs is no time.
        grown = self.retries.first_wait_minutes * 2.0 ** min(max(failures - 1, 0), 30)
        wait = timedelta(minutes=min(grown, longest))
        return self.clock() + max(wait, timedelta(seconds=asked_seconds))
