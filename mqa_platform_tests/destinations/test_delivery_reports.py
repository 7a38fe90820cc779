"""What people see of the outbox, and what they may do with it by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.delivery_reports import OutboxError, counts, drop, messages, retry
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import send_due
from mqa_platform.home import Home
from mqa_platform_tests.destinations.carrying import FAST, NOW, Clock, Service, message


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One message sent, one refused for good, one failed, one that waits for its turn."""
    home, clock, service = Home(tmp_path), Clock(), Service()
    journal = Journal(home.outbox)
    journal.enter([message(n) for n in range(3)], NOW)
    journal.enter([message(3)], NOW, released=False)
    service.faults = ["", "refused", "again"]
    send_due(journal, {"memory": service}, FAST, clock, clock.pause)
    return home


def test_each_message_says_what_it_waits_for(home: Home) -> None:
    told = {row["key"]: (row["state"], row["waits_for"]) for row in messages(home)}
    assert told == {
        "h0:memory": ("sent", None),
        "h1:memory": ("dead", None),
        "h2:memory": ("failed", "the next attempt at 2026-03-10 09:05 UTC"),
        "h3:memory": ("pending", "its turn"),
    }
    assert counts(home) == {"pending": 1, "sent": 1, "failed": 1, "dead": 1}


def test_what_was_given_up_after_it_was_tried_is_tried_again_all_at_once(home: Home) -> None:
    drop(home, "h3:memory", "asked for")
    # What nobody needed any more was never tried and stays where it is.
    assert retry(home, None) == 1
    assert [r["key"] for r in messages(home, ("dead",))] == ["h3:memory"]
    assert messages(home, ("dead",))[0]["last_error"] == "dropped by hand: asked for"


def test_what_was_sent_can_neither_be_dropped_nor_sent_again(home: Home) -> None:
    with pytest.raises(OutboxError, match="h0:memory is sent"):
        retry(home, "h0:memory")
    with pytest.raises(OutboxError, match="h0:memory is sent"):
        drop(home, "h0:memory", "why not")


def test_a_key_that_nobody_knows_and_a_missing_reason_are_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="there is no message 'x'; mqa outbox --json"):
        retry(home, "x")
    with pytest.raises(OutboxError, match="--reason"):
        drop(home, "h2:memory", "  ")
    empty = Home(tmp_path / "empty")
    assert messages(empty) == []
    assert retry(empty, None) == 0
    with pytest.raises(OutboxError, match="there is no message"):
        drop(empty, "x", "y")
    assert not empty.outbox.exists()
