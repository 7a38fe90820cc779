from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("Funding", "funding_round"),
        ("Series A", "funding_round"),
        ("exec-hire", "executive_hire"),
        ("New CFO", "executive_hire"),
        ("office opening", "expansion"),
        ("Layoff", "layoffs"),
        ("Litigation", "lawsuit"),
    ],
)
def test_vendors_words_for_the_same_event_are_one(
    write: Write, read: Read, word: str, event: str
) -> None:
    (signal,) = (
        read("trigger_feed", write("a.jsonl", _event(type=word)))
        .tables["landed_signals"]
        .to_pylist()
    )
    assert signal["event"] == event
    assert signal["topic"] is not None


@pytest.mark.parametrize("word", ["funding rumour", "executive departure", "seedling", "IPO"])
def test_nothing_is_read_out_of_a_part_of_a_word(write: Write, read: Read, word: str) -> None:
    landed = read("trigger_feed", write("a.jsonl", _event(type=word)))
    assert landed.reasons() == {"unknown_event": 1}


def test_a_feed_is_the_same_in_every_form(write: Write, read: Read, tmp_path: Path) -> None:
    record = json.loads(_event())
    parquet = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([record]), parquet)
    renamed = (
        "\ufeffpublished_date,Event Type,company_name,website,event_id,announced_date,extra\r"
        '2025-07-02T10:00:00Z,funding_round,Acme Inc,www.acme.com,t-1,2025-07-01T10:00:00Z,"a, b"\r'
    )
    paths = [
        write("a.jsonl", _event()),
        write("a.json", json.dumps([record])),
        write("b.json", json.dumps({"data": [record]})),
        write("a.csv", renamed),
        parquet,
    ]
    found = [read("trigger_feed", path).tables["landed_signals"].to_pylist() for path in paths]
    assert all(rows == found[0] for rows in found)
    assert len(found[0]) == 1


def test_a_feed_without_ids_names_events_by_what_they_are(write: Write, read: Read) -> None:
    row = "funding,Acme,acme.com,2025-07-01\n"
    content = "type,company,domain,date\n" + row + row + row.replace("funding", "layoffs")
    landed = read("trigger_feed", write("a.csv", content))
    assert (landed.accepted, landed.duplicates) == (2, 1)
    again = read("trigger_feed", write("b.csv", "type,company,domain,date\n" + row))
    assert (
        again.tables["landed_signals"]["event_id"][0]
        == (landed.tables["landed_signals"]["event_id"][0])
    )


def test_a_trigger_written_twice_counts_once_and_another_payload_is_left_to_core(
    write: Write, read: Read
) -> None:
    content = "\n".join([_event(), _event(), _event(company="Acme Corporation")])
    landed = read("trigger_feed", write("a.jsonl", content))
    assert (landed.accepted, landed.duplicates) == (2, 1)


def test_an_empty_feed_has_no_rows(write: Write, read: Read) -> None:
    assert read("trigger_feed", write("a.jsonl", "")).rows == 0
