from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.sources.consent_words import consent_word
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.personal_key import email_key

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]
JANE = f"email:{email_key('jane@acme.com')}"


def words(landed: Landed) -> set[tuple[str, str, str]]:
    rows = landed.tables["landed_consents"].to_pylist()
    return {(row["kind"], row["ref"], row["status"]) for row in rows}


def test_a_change_is_a_word_of_the_person_and_of_the_browser(write: Write, read: Read) -> None:
    content = (
        "email,anonymous_id,status,changed_at\n"
        "Jane@Acme.com,,withdrawn,2025-07-03T10:00:00Z\n"
        ",c1,opt-in,2025-07-03 10:00:00\n"
        "jane@acme.com,c2,Granted,1751536800\n"
    )
    landed = read("consent_changes", write("a.csv", content))
    assert (landed.rows, landed.accepted, len(landed.defects)) == (3, 3, 0)
    assert words(landed) == {
        ("person", JANE, "denied"),
        ("person", JANE, "granted"),
        ("cookie", "c1", "granted"),
        ("cookie", "c2", "granted"),
    }
    moments = set(landed.tables["landed_consents"]["changed_at"].to_pylist())
    assert moments == {datetime(2025, 7, 3, 10, tzinfo=UTC)}


def test_the_same_changes_come_as_json_lines(write: Write, read: Read) -> None:
    lines = [
        {"user_id": "jane@acme.com", "consent": False, "timestamp": "2025-07-03T10:00:00Z"},
        {"user_id": "u-17", "cookie": "c9", "consent": True, "timestamp": "2025-07-03T10:00:00Z"},
    ]
    path = write("a.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert words(read("consent_changes", path)) == {
        ("person", JANE, "denied"),
        ("cookie", "c9", "granted"),
    }


def test_bad_changes_say_why_and_no_word_is_guessed(write: Write, read: Read) -> None:
    content = (
        "email,user_id,anonymous_id,status,changed_at\n"
        "a@b.com,,,,2025-07-03\n"
        "a@b.com,,,perhaps,2025-07-03\n"
        "a@b.com,,,denied,\n"
        "a@b.com,,,denied,2025-02-30\n"
        "not an address,,c1,denied,2025-07-03\n"
        ",u-17,,denied,2025-07-03\n"
        "too,few\n"
    )
    landed = read("consent_changes", write("a.csv", content))
    assert landed.accepted == 0
    assert landed.reasons() == {
        "bad_email": 1,
        "bad_timestamp": 1,
        "missing_status": 1,
        "missing_timestamp": 1,
        "unknown_person": 1,
        "unknown_status": 1,
        "wrong_column_count": 1,
    }


def test_a_file_that_says_no_status_is_refused(write: Write, read: Read) -> None:
    with pytest.raises(SourceError, match="lacks the column status"):
        read("consent_changes", write("a.csv", "email,changed_at\na@b.com,2025-07-03\n"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("GRANTED", "granted"), ("opted out", "denied"), ("Opt-In", "granted"), ("no", "denied"),
        ("withdrawn", "denied"), ("pending", None), ("unknown", None), ("", None),
    ],
)  # fmt: skip
def test_a_word_is_yes_or_no_or_nothing(text: str, word: str | None) -> None:
    assert consent_word(text) == word


def call(kind: str, number: int = 1, consent: Any = None, **changes: Any) -> str:
    context = {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0"}
    context |= {} if consent is None else {"consent": consent}
    return json.dumps(
        {
            "type": kind, "messageId": f"m-{number}", "anonymousId": "c1", "userId": None,
            "timestamp": "2025-07-01T10:00:00Z", "properties": {"path": "/pricing"},
            "context": context, **changes,
        }
    )  # fmt: skip


def preferences(**categories: bool) -> dict[str, Any]:
    return {"categoryPreferences": categories}


UPDATED = {"event": "Segment Consent Preference Updated"}


def test_a_preference_event_is_the_word_of_the_person_and_the_browser_and_no_signal(
    write: Write, read: Read
) -> None:
    refused = preferences(Advertising=True, Analytics=False)
    lines = [
        call("track", 1, refused, userId="jane@acme.com", **UPDATED),
        call("track", 2, preferences(Analytics=True), anonymousId="c2", **UPDATED),
        call("track", 3, event="Segment Consent Preference", anonymousId="c3"),
        call("track", 4, refused, anonymousId=None, userId="u-17", **UPDATED),
    ]
    landed = read("segment_jsonl", write("a.jsonl", "\n".join(lines)))
    assert landed.tables["landed_signals"].num_rows == 0
    assert (landed.accepted, landed.reasons()) == (2, {"missing_consent": 1, "unknown_person": 1})
    assert words(landed) == {
        ("person", JANE, "denied"),
        ("cookie", "c1", "denied"),
        ("cookie", "c2", "granted"),
    }


def test_a_stamp_on_identify_is_the_browsers_word_and_a_trait_is_the_persons(
    write: Write, read: Read
) -> None:
    lines = [
        call("identify", 1, "denied", traits={"email": "john@acme.com"}),
        call("identify", 2, anonymousId="c2", traits={"email": "jane@acme.com", "consent": False}),
        call("identify", 3, anonymousId="c3", traits={"consent": "denied"}),
        call("identify", 4, anonymousId="c4", traits={"email": "ann@acme.com"}),
    ]
    landed = read("segment_jsonl", write("a.jsonl", "\n".join(lines)))
    assert words(landed) == {
        ("cookie", "c1", "denied"),
        ("person", JANE, "denied"),
        ("cookie", "c2", "denied"),
        ("cookie", "c3", "denied"),
    }
    assert landed.tables["landed_identities"]["ref"].to_pylist() == ["c1", "c2", "c4"]


@pytest.mark.parametrize(
    ("consent", "flag"),
    [
        ("granted", "granted"),
        ("not_required", "not_required"),
        ("perhaps", "unknown"),
        (None, None),
        (False, "denied"),
        (preferences(Analytics=True, Advertising=True), "granted"),
        (preferences(Analytics=True, Advertising=False), "denied"),
        (preferences(), "unknown"),
    ],
)
def test_a_call_carries_the_consent_it_was_sent_under(
    write: Write, read: Read, consent: Any, flag: str | None
) -> None:
    landed = read("segment_jsonl", write("a.jsonl", call("page", consent=consent)))
    assert landed.tables["landed_signals"]["consent"].to_pylist() == [flag]
    assert words(landed) == set()


def test_the_policy_names_the_categories_that_must_be_allowed(write: Write, read: Read) -> None:
    lines = [
        call("page", 1, preferences(Analytics=True, Advertising=False)),
        call("page", 2, preferences(Advertising=True)),
    ]
    path = write("a.jsonl", "\n".join(lines))
    landed = read("segment_jsonl", path, consent_categories=["Analytics"])
    assert landed.tables["landed_signals"]["consent"].to_pylist() == ["granted", "denied"]
