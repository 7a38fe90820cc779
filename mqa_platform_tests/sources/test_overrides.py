"""Decisions by hand as they land: nothing is guessed, and what cannot be read says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mqa_platform.sources.landed import Landed
from mqa_platform.sources.lateness import first_overridden

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]
GOOD: dict[str, Any] = {
    "override_id": "o1", "account_id": "a1", "action": "snooze", "starts_on": "2026-01-05",
    "ends_on": "2026-01-19", "reason": "budget freeze", "by": "ann", "at": "2026-01-05T10:00:00Z",
}  # fmt: skip


def landed(write: Write, read: Read, *rows: dict[str, Any]) -> Landed:
    return read("overrides", write("a.jsonl", "\n".join(json.dumps(r) for r in rows)))


def test_a_decision_lands_with_its_days_its_reason_and_its_author(write: Write, read: Read) -> None:
    found = landed(write, read, GOOD)
    (row,) = found.tables["landed_overrides"].to_pylist()
    assert (row["account_id"], row["action"], row["motion"]) == ("a1", "snooze", None)
    assert (row["starts_on"], row["ends_on"]) == (date(2026, 1, 5), date(2026, 1, 19))
    assert (row["reason"], row["by"]) == ("budget freeze", "ann")
    assert row["at"] == datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_a_withdrawal_needs_no_reason_and_a_decision_does(write: Write, read: Read) -> None:
    silent = {k: v for k, v in GOOD.items() if k not in ("reason", "ends_on")}
    found = landed(write, read, {**silent, "action": "withdraw"}, {**silent, "override_id": "o2"})
    assert found.accepted == 1
    assert found.defects["reason"].to_pylist() == ["missing_reason"]


def test_what_cannot_be_read_says_why(write: Write, read: Read) -> None:
    wrong = [
        {"action": "forget"},
        {"account_id": ""},
        {"motion": "renewal"},
        {"action": "stage", "stage": "hot"},
        {"by": ""},
        {"starts_on": "soon"},
        {"ends_on": "never"},
    ]
    found = landed(write, read, *({**GOOD, **changed} for changed in wrong))
    assert found.accepted == 0
    assert found.defects["reason"].to_pylist() == [
        "unknown_action",
        "missing_account",
        "unknown_motion",
        "unknown_stage",
        "missing_reason",
        "bad_timestamp",
        "bad_timestamp",
    ]


def test_a_batch_asks_for_the_days_from_its_first_decision_on(write: Write, read: Read) -> None:
    found = landed(write, read, GOOD, {**GOOD, "override_id": "o2", "starts_on": "2026-01-03"})
    assert first_overridden(found.tables) == date(2026, 1, 3)
    assert first_overridden({}) is None
