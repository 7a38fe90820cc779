"""A person who is erased is no longer named by what was told of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mqa_platform.destinations.entries import FAILED, SENT, Verdict
from mqa_platform.destinations.erasing_outbox import erase_from_outbox
from mqa_platform.destinations.journal import Journal
from mqa_platform.sources.needles import Needles
from mqa_platform_tests.destinations.carrying import NOW, message

NEEDLES = Needles(frozenset({"ada@example.com"}), frozenset({"ada lovelace"}))
BRIEF = {"people": [{"name": "Ada Lovelace", "seen": 3}, {"name": "Bob", "seen": 1}]}


def test_who_somebody_is_goes_and_what_was_told_when_stays(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    journal = Journal(path)
    told = replace(message(1), payload={"brief": BRIEF, "to": {"email": "Ada+x@Example.com"}})
    other = replace(message(2), payload={"brief": {"people": [{"name": "Bob"}]}})
    journal.enter([told, other], NOW)
    journal.start([told.key, other.key], NOW)
    refused = Verdict(other.key, "again", FAILED, error="ada@example.com is no user")
    journal.record([Verdict(told.key, SENT, SENT, "id"), refused], NOW)
    before = journal.told()
    assert erase_from_outbox(path, NEEDLES.hit) == (3, 0)
    first, second = journal.entries()
    assert first.message.payload == {
        "brief": {"people": [{"name": "erased", "seen": 3}, {"name": "Bob", "seen": 1}]},
        "to": {"email": "erased"},
    }
    assert (first.state, first.sent_at, first.external_id) == (SENT, NOW, "id")
    assert second.message == other
    assert [r["error"] for r in journal.attempts()] == [None, "erased"]
    changed = [{**r, "last_error": None} for r in before]
    assert [{**r, "last_error": None} for r in journal.told()] == changed


def test_no_byte_of_the_person_is_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    journal = Journal(path)
    for n in range(50):
        journal.enter([replace(message(n), payload={"brief": BRIEF})], NOW)
    erase_from_outbox(path, NEEDLES.hit)
    octets = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert b"lovelace" not in octets.lower()
    assert b"Bob" in octets


def test_erasing_again_finds_nothing_and_makes_no_outbox(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    assert erase_from_outbox(path, NEEDLES.hit) == (0, 0)
    assert not path.exists()
    Journal(path).enter([replace(message(1), payload={"brief": BRIEF})], NOW)
    assert erase_from_outbox(path, NEEDLES.hit) == (1, 0)
    assert erase_from_outbox(path, NEEDLES.hit) == (0, 0)
