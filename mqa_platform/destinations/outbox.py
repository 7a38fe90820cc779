"""The outbox: what is due goes out, once, whatever happens in between.

Belongs here: batches and how a poisoned one is split, what is looked up first, and when a service is left
alone. Does not belong here: when it is tried again (``verdicts``), what is written down (``journal``), who
carries it (``channels``), or what may be sent at all (``core.outbox``).

Before each call it is written down that it begins. A message whose call was never answered is looked up
before it is sent again, so a process may be killed at any point. A service that takes a key with each message
and does nothing twice needs no look-up.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mqa_platform.destinations import entries as states
from mqa_platform.destinations.channel import (
    BatchRefusedError,
    Channel,
    DestinationError,
    Message,
    Sent,
)
from mqa_platform.destinations.entries import Entry, Verdict
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.sending_lock import only_sender
from mqa_platform.destinations.verdicts import Clock, Verdicts
from mqa_platform.policy.delivery import Retries

Pause = Callable[[float], None]
_LOG = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass
class Delivered:
    """What a run of the outbox did.

    Attributes:
        outcomes: number of messages that were tried, by channel and state now.
        left_alone: channels that no more was tried on in this run, or that did not say whether they have a
            message, and why.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_alone: dict[str, str] = field(default_factory=dict)

    def count(self, state: str) -> int:
        """Messages that were tried and are in a state now, on all channels."""
        return sum(n for (_, found), n in self.outcomes.items() if found == state)


def send_due(
    journal: Journal,
    channels: Mapping[str, Channel],
    retries: Retries,
    clock: Clock = utc_now,
    pause: Pause = time.sleep,
    over: Mapping[str, str] | None = None,
) -> Delivered:
    """Sends what is due on each channel; what fails stays for a later run or is given up.

    One process sends from an outbox at a time. An error of one channel never keeps another from sending.

    Args:
        journal: of the installation.
        channels: by name; what is due on another is left as it is.
        retries: how often and when it is tried again.
        clock: the moment.
        pause: waits so many seconds.
        over: key → why nobody needs this message any more: looked up if it may have been sent, never sent.

    Raises:
        OutboxBusyError: another process sends from this outbox.
    """
    done = Delivered()
    with only_sender(journal.path):
        for name, channel in channels.items():
            due = journal.due(name, clock())
            if due:
                _Sender(journal, channel, retries, clock, pause, done, over or {}).send(due)
    return done


class _Closed(Exception):  # noqa: N818  (it ends a run's work with a channel; nothing went wrong here)
    """No more is tried on this channel in this run."""


class _Sender:
    """One channel in one run."""

    def __init__(
        self,
        journal: Journal,
        channel: Channel,
        retries: Retries,
        clock: Clock,
        pause: Pause,
        done: Delivered,
        over: Mapping[str, str],
    ) -> None:
        self.journal, self.channel, self.retries = journal, channel, retries
        self.clock, self.pause, self.done, self.over = clock, pause, done, over
        # Calls in a row that the service did not answer as it should.
        self.in_a_row = 0
        self.tried: set[str] = set()
        self.verdicts = Verdicts(journal, retries, clock)

    def send(self, due: Sequence[Entry]) -> None:
        """Sends in order; then again what failed, as often as one run may try."""
        keys = [entry.key for entry in due]
        try:
            for turn in range(self.retries.attempts_in_run):
                if turn:
                    self.pause(self._wait(keys, turn))
                entries = self.journal.of_keys(keys)
                # Last what has to be looked up: where nobody can look, the others are sent all the same.
                for unanswered in (False, True):
                    mine = [e for e in entries if e.unanswered == unanswered]
                    self._in_batches(self._looked_up(mine))
                keys = self._soon(keys)
                if not keys:
                    break
        except _Closed as closed:
            self.done.left_alone[self.channel.name] = str(closed)
            _LOG.warning("%s is left alone in this run: %s", self.channel.name, closed)
        told = self.journal.of_keys([entry.key for entry in due])
        name = self.channel.name
        self.done.outcomes.update((name, e.state) for e in told if e.key in self.tried)

    def _soon(self, keys: Sequence[str]) -> list[str]:
        """What is still to be sent and need not wait longer than a run may."""
        longest = self.retries.longest_wait_in_run_seconds
        found = [e for e in self.journal.of_keys(keys) if e.state in states.WAITING]
        return [e.key for e in found if self.verdicts.asked.get(e.key, 0) <= longest]

    def _wait(self, keys: Sequence[str], turn: int) -> float:
        grown = self.retries.first_wait_in_run_seconds * 2.0 ** (turn - 1)
        asked = max(self.verdicts.asked.get(key, 0.0) for key in keys)
        return max(asked, min(grown, self.retries.longest_wait_in_run_seconds))

    def _looked_up(self, entries: Sequence[Entry]) -> list[Message]:
        """What is to be sent now: of what may have been sent already, only what the service has not."""
        ready = []
        for entry in entries:
            if entry.state not in states.WAITING:
                continue
            if not entry.unanswered or self._is_missing(entry):
                ready.append(entry.message)
        return ready

    def _is_missing(self, entry: Entry) -> bool:
        """Whether the service was asked for a message and has not got it; then it may be sent again."""
        self.tried.add(entry.key)
        try:
            found = self.channel.find(entry.message)
        except DestinationError as error:
            # It may be one conversation that nobody lets us read; a channel that is shut says so to a message.
            self.done.left_alone[self.channel.name] = f"cannot look up {entry.key}: {error}"
            self._failing(str(error))
            return False
        except Exception as error:
            # Not to be told is not "not there": it stays as it is, for a later run.
            self._failing(f"could not be asked what it has: {_named(error)}")
            return False
        self.in_a_row = 0
        if found is not None:
            self._record([Verdict(entry.key, states.FOUND, states.SENT, found)])
            return False
        given_up = entry.failures >= self.retries.attempts or entry.key in self.over
        state = states.DEAD if given_up else states.FAILED
        told = self.over.get(entry.key) or entry.last_error or "the call was begun and never ended"
        self._record([Verdict(entry.key, states.LOST, state, error=told, counts=False)])
        return not given_up

    def _in_batches(self, messages: Sequence[Message]) -> None:
        size = max(1, self.channel.batch_size)
        for start in range(0, len(messages), size):
            self._call(messages[start : start + size])

    def _call(self, batch: Sequence[Message]) -> None:
        """One call of the channel, written down before and after."""
        if not batch:
            return
        self.tried |= {message.key for message in batch}
        self.journal.start([message.key for message in batch], self.clock())
        try:
            answers = self.channel.send(batch)
        except BatchRefusedError as error:
            self._refused(batch, str(error))
        except DestinationError as error:
            self._record([self.verdicts.later(m.key, str(error), counts=False) for m in batch])
            raise _Closed(str(error)) from error
        except OSError as error:
            reason = f"no answer: {_named(error)}"
            self._record([self.verdicts.unanswered(m.key, reason) for m in batch])
            self._failing(reason)
        except Exception as error:
            # A message that the channel itself stumbles over must not keep the others from being sent.
            reason = f"the channel failed: {_named(error)}"
            self._record([self.verdicts.unanswered(m.key, reason) for m in batch])
            if len(batch) > 1:
                for half in _halves(batch):
                    self._call(self._looked_up(self.journal.of_keys([m.key for m in half])))
        else:
            self._answered(batch, answers)

    def _refused(self, batch: Sequence[Message], reason: str) -> None:
        """Halves a batch until what it was refused for stands alone."""
        self.in_a_row = 0
        if len(batch) == 1:
            self._record([Verdict(batch[0].key, states.REFUSED, states.DEAD, error=reason)])
            return
        waits = [
            Verdict(m.key, states.SPLIT, states.FAILED, error=reason, counts=False) for m in batch
        ]
        self._record(waits)
        for half in _halves(batch):
            self._call(half)

    def _answered(self, batch: Sequence[Message], answers: Sequence[Sent]) -> None:
        told: dict[str, Sent] = {}
        for answer in answers:
            # Told twice, it was sent if any of the answers says so.
            if told.get(answer.key) is None or answer.outcome == "sent":
                told[answer.key] = answer
        self._record([self.verdicts.of_answer(m.key, told.get(m.key)) for m in batch])
        given = [told[m.key] for m in batch if m.key in told]
        whole = [a for a in given if a.whole_service and a.outcome != "sent"]
        if whole:
            raise _Closed(whole[0].error or "the service refuses us")
        if any(a.outcome != "again" for a in given):
            self.in_a_row = 0
        else:
            self._failing(next((a.error for a in given if a.error), None) or "no answer")
        self._rest(max((a.after_seconds or 0.0 for a in given), default=0.0))

    def _rest(self, seconds: float) -> None:
        """Waits as long as the service asked us to, before anything else is given to it."""
        if seconds > self.retries.longest_wait_in_run_seconds:
            raise _Closed(f"the service asks to wait for {seconds:g} seconds")
        if seconds > 0:
            self.pause(seconds)

    def _failing(self, reason: str) -> None:
        self.in_a_row += 1
        if self.in_a_row >= self.retries.failures_in_a_row:
            raise _Closed(f"{self.in_a_row} calls in a row failed; the last: {reason}")

    def _record(self, verdicts: Sequence[Verdict]) -> None:
        self.journal.record(verdicts, self.clock())


def _halves(batch: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    middle = (len(batch) + 1) // 2
    return batch[:middle], batch[middle:]


def _named(error: Exception) -> str:
    """What went wrong and where, without the text of the error: it may hold an address with a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"
