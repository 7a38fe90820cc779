"""The outbox: batches, back-off, and leaving a service alone that does not answer."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from mqa_platform.destinations.entries import DEAD, FAILED, PENDING, SENT
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import Delivered, send_due
from mqa_platform.destinations.sending_lock import OutboxBusyError, only_sender
from mqa_platform.policy.delivery import Retries
from mqa_platform_tests.destinations.carrying import FAST, NOW, Clock, Killed, Service, message


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "outbox.sqlite3")


def run(
    journal: Journal, service: Service, retries: Retries = FAST, clock: Clock | None = None
) -> Delivered:
    clock = clock or Clock()
    return send_due(journal, {service.name: service}, retries, clock, clock.pause)


def states(journal: Journal) -> dict[str, int]:
    return {state: n for state, n in journal.counts().items() if n}


def test_a_message_is_entered_once_and_sent_once(journal: Journal) -> None:
    service = Service()
    assert journal.enter([message(1), message(2)], NOW) == 2
    assert journal.enter([message(1)], NOW) == 0
    run(journal, service)
    run(journal, service)
    assert service.calls == [["h1:memory"], ["h2:memory"]]
    sent = journal.sent("h1", "memory")
    assert sent is not None
    assert (sent.state, sent.external_id, sent.sent_at) == (SENT, "id of h1:memory", NOW)


def test_what_waits_for_its_turn_is_not_sent_until_it_is_released(journal: Journal) -> None:
    service = Service()
    journal.enter([message(1), message(2)], NOW, released=False)
    run(journal, service)
    assert service.calls == []
    told = replace(message(2, rep="r2"), payload={"account": "Acme"})
    journal.release([told, message(1)], NOW)
    run(journal, service)
    assert service.has == ["h2:memory", "h1:memory"]
    assert journal.entries()[0].message == told


def test_one_poisoned_record_in_a_hundred_costs_at_most_fourteen_calls_more(
    journal: Journal,
) -> None:
    service = Service(batch_size=100)
    service.poison = {"h37:memory"}
    journal.enter([message(n) for n in range(100)], NOW)
    run(journal, service)
    assert len(service.calls) <= 1 + 14
    assert states(journal) == {SENT: 99, DEAD: 1}
    dead = journal.entries((DEAD,))[0]
    assert (dead.key, dead.last_error) == ("h37:memory", "a record cannot be read")
    assert len(journal.attempts()) == sum(map(len, service.calls))


def test_a_message_that_the_channel_stumbles_over_does_not_hold_up_the_others(
    journal: Journal,
) -> None:
    class Stumbles(Service):
        def send(self, messages):
            if any(m.key == "h3:memory" for m in messages):
                self.calls.append([m.key for m in messages])
                raise KeyError("xoxb-a-secret")
            return super().send(messages)

    service = Stumbles(batch_size=10)
    journal.enter([message(n) for n in range(10)], NOW)
    run(journal, service)
    assert sorted(service.has) == sorted(f"h{n}:memory" for n in range(10) if n != 3)
    left = journal.entries((FAILED,))[0]
    assert "KeyError at mqa_platform_tests.destinations.test_outbox" in (left.last_error or "")
    assert "secret" not in str(journal.attempts())


def test_what_the_service_did_before_the_process_was_killed_is_not_done_again(
    journal: Journal,
) -> None:
    service, clock = Service(), Clock()
    journal.enter([message(1)], NOW)
    service.faults = ["killed_after"]
    with pytest.raises(Killed):
        run(journal, service, clock=clock)
    clock.now += timedelta(hours=1)
    run(journal, service, clock=clock)
    assert service.has == ["h1:memory"]
    assert len(service.calls) == 1
    sent = journal.sent("h1", "memory")
    # It arrived when it was given to the service, not when somebody looked.
    assert sent is not None
    assert sent.sent_at == NOW


@pytest.mark.parametrize("fault", ["broken", "unauthorized"])
def test_where_nobody_can_look_up_some_messages_the_others_are_sent(
    journal: Journal, fault: str
) -> None:
    service, clock = Service(), Clock()
    journal.enter([message(n) for n in range(7)], NOW)
    service.faults = ["broken_after"] * 7
    run(journal, service, Retries(attempts_in_run=1, failures_in_a_row=9), clock)
    service.find_faults = [fault] * 99
    journal.enter([message("new")], NOW)
    clock.now += timedelta(days=1)
    done = run(journal, service, clock=clock)
    assert service.has.count("hnew:memory") == 1
    assert states(journal) == {FAILED: 7, SENT: 1}
    assert ("nobody may look here" in str(done.left_alone)) == (fault == "unauthorized")


def test_what_cannot_be_looked_up_is_not_sent_again(journal: Journal) -> None:
    service, clock = Service(), Clock()
    journal.enter([message(1)], NOW)
    service.faults, service.find_faults = ["broken_after"], ["broken", "broken"]
    for _ in range(3):
        run(journal, service, clock=clock)
        clock.now += timedelta(days=1)
    assert len(service.calls) == 1
    assert len(service.looked_up) == 2
    assert not journal.entry("h1:memory").sent_at
    run(journal, service, clock=clock)
    assert journal.sent("h1", "memory") is not None
    assert len(service.calls) == 1


def test_the_wait_doubles_and_ends_in_giving_up(journal: Journal) -> None:
    service, clock = Service(), Clock()
    retries = Retries(attempts=4, attempts_in_run=1, first_wait_minutes=10, longest_wait_minutes=25)
    journal.enter([message(1)], NOW)
    service.faults = ["again"] * 9
    waits = []
    for _ in range(4):
        run(journal, service, retries, clock)
        entry = journal.entry("h1:memory")
        assert entry is not None
        if entry.next_attempt_at:
            waits.append((entry.next_attempt_at - clock.now).total_seconds() / 60)
            clock.now = entry.next_attempt_at - timedelta(seconds=1)
            run(journal, service, retries, clock)
            clock.now = entry.next_attempt_at
    assert waits == [10, 20, 25]
    assert entry.state == DEAD
    assert entry.last_error == "given up after failures in 4 runs; the last: locked"
    assert len(service.calls) == 4


def test_a_dead_message_goes_out_when_somebody_says_so(journal: Journal) -> None:
    service = Service()
    journal.enter([message(1), message(2)], NOW)
    service.faults = ["refused"]
    run(journal, service)
    assert states(journal) == {SENT: 1, DEAD: 1}
    assert journal.retry(["h1:memory", "h2:memory"]) == 1
    run(journal, service)
    assert sorted(service.has) == ["h1:memory", "h2:memory"]


def test_a_run_tries_again_what_may_work_in_seconds(journal: Journal) -> None:
    service, clock = Service(), Clock()
    retries = Retries(attempts_in_run=3, first_wait_in_run_seconds=2)
    journal.enter([message(1)], NOW)
    service.faults = ["again", "again"]
    run(journal, service, retries, clock)
    assert service.has == ["h1:memory"]
    assert clock.waited == [2, 4]


def test_tries_of_one_run_count_as_one_failure(journal: Journal) -> None:
    service = Service()
    journal.enter([message(1)], NOW)
    service.faults = ["again"] * 3
    run(journal, service, Retries(attempts=3, attempts_in_run=3))
    entry = journal.entry("h1:memory")
    assert entry is not None
    assert (entry.attempts, entry.failures, entry.state) == (3, 1, FAILED)


def test_a_service_that_asks_to_wait_is_given_nothing_until_then(journal: Journal) -> None:
    service, clock = Service(), Clock()
    journal.enter([message(1), message(2)], NOW)
    service.faults = [7.0]
    run(journal, service, Retries(first_wait_in_run_seconds=0), clock)
    assert clock.waited[0] == 7
    assert sorted(service.has) == ["h1:memory", "h2:memory"]


def test_a_service_that_asks_for_an_hour_is_left_alone_for_an_hour(journal: Journal) -> None:
    service, clock = Service(), Clock()
    journal.enter([message(n) for n in range(9)], NOW)
    service.faults = [3600.0]
    done = run(journal, service, clock=clock)
    assert "3600 seconds" in done.left_alone["memory"]
    assert len(service.calls) == 1
    assert states(journal) == {PENDING: 8, FAILED: 1}
    entry = journal.entry("h0:memory")
    assert entry is not None
    assert entry.next_attempt_at == NOW + timedelta(hours=1)


def test_five_calls_in_a_row_without_an_answer_end_this_runs_work_with_a_service(
    journal: Journal,
) -> None:
    down, up = Service("down"), Service("up")
    journal.enter([message(n, c) for n in range(9) for c in ("down", "up")], NOW)
    down.faults = ["broken_before"] * 9
    clock = Clock()
    done = send_due(journal, {"down": down, "up": up}, FAST, clock, clock.pause)
    assert len(down.calls) == 5
    assert len(up.has) == 9
    assert list(done.left_alone) == ["down"]
    # Nothing is lost by it: the next run sends all of them.
    down.faults, clock.now = [], NOW + timedelta(hours=1)
    send_due(journal, {"down": down, "up": up}, FAST, clock, clock.pause)
    assert len(down.has) == 9


def test_a_key_that_is_not_valid_is_tried_once_and_gives_no_message_up(journal: Journal) -> None:
    service, clock = Service(), Clock()
    journal.enter([message(n) for n in range(9)], NOW)
    for _ in range(20):
        service.faults = ["unauthorized"]
        run(journal, service, clock=clock)
        clock.now += timedelta(days=1)
    assert len(service.calls) == 20
    run(journal, service, clock=clock)
    assert states(journal) == {SENT: 9}


@pytest.fixture
def another_sender(tmp_path: Path) -> Iterator[Path]:
    """A process that holds the outbox until it is ended."""
    outbox, ready = tmp_path / "outbox.sqlite3", multiprocessing.Event()
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(outbox, ready))
    process.start()
    ready.wait(10)
    yield outbox
    process.kill()
    process.join()


def _hold(outbox: Path, ready) -> None:
    with only_sender(outbox):
        ready.set()
        multiprocessing.Event().wait()


def test_two_processes_never_send_at_once(another_sender: Path) -> None:
    with pytest.raises(OutboxBusyError, match="another process"), only_sender(another_sender, 0):
        pass


def test_whoever_is_killed_gives_the_outbox_back(tmp_path: Path) -> None:
    outbox, ready = tmp_path / "outbox.sqlite3", multiprocessing.Event()
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(outbox, ready))
    process.start()
    ready.wait(10)
    process.kill()
    process.join()
    with only_sender(outbox, 0):
        pass


def test_only_the_owner_reads_what_was_told_to_whom(journal: Journal) -> None:
    assert journal.path.stat().st_mode & 0o077 == 0


def test_more_tries_in_a_run_than_at_all_are_refused() -> None:
    with pytest.raises(ValidationError, match="attempts_in_run is more than attempts"):
        Retries(attempts=2, attempts_in_run=3)
