"""Laws of the outbox: whatever happens, in whatever order, a message is told once and none is lost."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mqa_platform.destinations.entries import DEAD, SENT, WAITING
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import send_due
from mqa_platform_tests.destinations.carrying import FAST, NOW, Clock, Killed, Service, message

FAULTS = st.sampled_from(
    [
        "", "killed_before", "killed_after", "broken_before", "broken_after", "again", "refused",
        "batch_refused", "silent", "stranger", "unauthorized", 3.0, 90.0,
    ]
)  # fmt: skip
FIND_FAULTS = st.sampled_from(["", "", "broken", "killed"])


class AnyInterleaving(RuleBasedStateMachine):
    """Messages are entered, runs are made, killed and made again, at any moment."""

    @initialize(batch_size=st.sampled_from([1, 3]))
    def begin(self, batch_size: int) -> None:
        self.place = tempfile.TemporaryDirectory()
        self.path = Path(self.place.name) / "outbox.sqlite3"
        self.service = Service(batch_size=batch_size)
        self.clock = Clock()
        self.entered: set[str] = set()

    @rule(numbers=st.lists(st.integers(0, 6), max_size=4))
    def enter(self, numbers: list[int]) -> None:
        some = [message(n) for n in numbers]
        Journal(self.path).enter(some, self.clock())
        self.entered |= {m.key for m in some}

    @rule(faults=st.lists(FAULTS, max_size=6), looking=st.lists(FIND_FAULTS, max_size=3))
    def run(self, faults: list[str | float], looking: list[str]) -> None:
        # As after a restart: nothing is known but what the journal holds.
        self.service.faults, self.service.find_faults = list(faults), list(looking)
        with contextlib.suppress(Killed):
            send_due(
                Journal(self.path), {"memory": self.service}, FAST, self.clock, self.clock.pause
            )

    @rule(hours=st.integers(1, 12))
    def wait(self, hours: int) -> None:
        self.clock.now += timedelta(hours=hours)

    @rule()
    def retry_what_is_dead(self) -> None:
        journal = Journal(self.path)
        journal.retry([e.key for e in journal.entries((DEAD,))])

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert len(self.service.has) == len(set(self.service.has))

    @invariant()
    def nothing_is_lost(self) -> None:
        journal = Journal(self.path)
        entries = {e.key: e for e in journal.entries()}
        assert set(entries) == self.entered
        for entry in entries.values():
            # "dead" is never said of what the service has, nor "sent" of what it has not.
            if entry.state == SENT:
                assert entry.key in self.service.has
            elif entry.key in self.service.has:
                assert entry.state in WAITING
                assert entry.unanswered

    @invariant()
    def every_call_has_a_row_for_each_message(self) -> None:
        journal = Journal(self.path)
        rows = journal.attempts()
        assert len(rows) == sum(len(keys) for keys in self.service.calls)
        assert {e.key: e.attempts for e in journal.entries() if e.attempts} == {
            key: sum(key in keys for keys in self.service.calls)
            for keys in self.service.calls
            for key in keys
        }

    def teardown(self) -> None:
        if not hasattr(self, "path"):
            return
        journal = Journal(self.path)
        # Once the service is well again, all that is not dead arrives.
        self.service.faults, self.service.find_faults = [], []
        self.clock.now = NOW + timedelta(days=3000)
        send_due(journal, {"memory": self.service}, FAST, self.clock, self.clock.pause)
        assert {e.key for e in journal.entries() if e.state != DEAD} == set(self.service.has)
        self.nothing_is_told_twice()
        self.place.cleanup()


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(
    max_examples=20,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
