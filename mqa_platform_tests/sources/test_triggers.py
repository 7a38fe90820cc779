from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mqa_platform.sources.landed import Landed

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]


def _event(**changes: Any) -> str:
    event = {
        "id": "t-1",
        "type": "funding_round",
        "company": "Acme Inc",
        "domain": "www.acme.com",
        "announced_at": "2025-07-01T10:00:00Z",
        "published_at": "2025-07-02T10:00:00Z",
    }
    return json.dumps({**event, **changes})


def test_a_trigger_is_known_when_it_is_published(write: Write, read: Read) -> None:
    landed = read("trigger_feed", write("a.jsonl", _event()))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["event"], signal["company_domain"]) == ("funding_round", "acme.com")
    assert (signal["received_at"] - signal["occurred_at"]).days == 1


def test_bad_triggers_say_why(write: Write, read: Read) -> None:
    content = "\n".join(
        [
            _event(),
            _event(type="merger"),
            _event(id=None),
            _event(announced_at=None),
            _event(announced_at="May"),
            _event(company=None, domain=None),
            "{broken",
        ]
    )
    landed = read("trigger_feed", write("a.jsonl", content))
    assert landed.accepted == 1
    assert landed.reasons() == {
        "bad_json": 1,
        "bad_timestamp": 1,
        "missing_company": 1,
        "missing_id": 1,
        "missing_timestamp": 1,
        "unknown_event": 1,
    }


def test_an_empty_feed_has_no_rows(write: Write, read: Read) -> None:
    assert read("trigger_feed", write("a.jsonl", "")).rows == 0
