from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import email_key

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"


def _call(kind: str = "page", number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "messageId": f"m-{number}",
        "anonymousId": "cookie-1",
        "userId": None,
        "timestamp": "2025-07-01T10:00:00.250Z",
        "receivedAt": "2025-07-01T10:00:02Z",
        "properties": {"path": "/pricing"},
        "context": {"ip": "192.0.2.7", "userAgent": BROWSER},
        **changes,
    }


def _lines(*calls: dict[str, Any] | str) -> str:
    return "\n".join(call if isinstance(call, str) else json.dumps(call) for call in calls)


def _signals(landed: Landed) -> list[dict[str, Any]]:
    return list(landed.tables["landed_signals"].to_pylist())


def test_a_page_call_is_a_page_view(write: Write, read: Read) -> None:
    call = _call(context={"ip": "192.0.2.7", "userAgent": BROWSER, "consent": "granted"})
    (signal,) = _signals(read("segment_jsonl", write("a.jsonl", _lines(call))))
    assert signal["event"] == "page_view"
    assert signal["event_id"] == "m-1"
    assert signal["occurred_at"] == datetime(2025, 7, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert signal["event_date"] == date(2025, 7, 1)
    assert signal["received_at"] > signal["occurred_at"]
    assert (signal["page_path"], signal["ip"], signal["consent"]) == (
        "/pricing",
        "192.0.2.7",
        "granted",
    )
    assert signal["anonymous_id"] == "cookie-1"
    assert signal["person_ref"] is None
    assert not signal["is_bot_agent"]


@pytest.mark.parametrize(
    ("track", "event"),
    [
        ("Demo Requested", "demo_request"),
        ("Content Downloaded", "content_download"),
        ("Webinar Attended", "event_attendance"),
        ("Ad Clicked", "ad_click"),
    ],
)
def test_the_known_tracks_have_their_event(
    write: Write, read: Read, track: str, event: str
) -> None:
    landed = read("segment_jsonl", write("a.jsonl", _lines(_call("track", event=track))))
    assert [signal["event"] for signal in _signals(landed)] == [event]


def test_a_form_names_the_person_and_ties_the_cookie_to_them(write: Write, read: Read) -> None:
    call = _call("track", event="Demo Requested", properties={"email": "Ana@Mail.Acme.com"})
    landed = read("segment_jsonl", write("a.jsonl", _lines(call)))
    (signal,) = _signals(landed)
    (identity,) = landed.tables["landed_identities"].to_pylist()
    assert (landed.rows, landed.accepted) == (1, 1)
    assert (
        signal["person_ref"] == identity["person_ref"] == f"email:{email_key('ana@mail.acme.com')}"
    )
    assert signal["email_domain"] == identity["email_domain"] == "acme.com"
    assert (identity["kind"], identity["ref"]) == ("cookie", "cookie-1")


def test_identify_is_an_identity_and_no_signal(write: Write, read: Read) -> None:
    landed = read(
        "segment_jsonl",
        write(
            "a.jsonl",
            _lines(
                _call("identify", 1, traits={"email": "a@acme.com"}),
                _call("identify", 2, userId="b@acme.com"),
                _call("identify", 3, userId="u-17"),
            ),
        ),
    )
    refs = landed.tables["landed_identities"]["person_ref"].to_pylist()
    assert refs == [f"email:{email_key(a)}" for a in ("a@acme.com", "b@acme.com")]
    assert len(landed.tables["landed_signals"]) == 0
    assert landed.reasons() == {"missing_email": 1}


def test_a_user_id_that_is_an_address_is_the_person(write: Write, read: Read) -> None:
    calls = _lines(_call(userId="a@acme.com"), _call(number=2, userId="u-17"))
    signals = _signals(read("segment_jsonl", write("a.jsonl", calls)))
    assert [s["person_ref"] for s in signals] == [f"email:{email_key('a@acme.com')}", None]


def test_bad_lines_are_set_apart_with_their_reason(write: Write, read: Read) -> None:
    content = _lines(
        _call(),
        '{"type": "page", "messageId": ',
        "[1, 2]",
        "null",
        _call("track", 2, event="Cart Emptied"),
        _call("group", 3),
        _call(number=4, messageId=None),
        _call(number=5, timestamp=None),
        _call(number=6, timestamp="soon"),
        _call(number=7, receivedAt="later"),
        _call("identify", 8, anonymousId=None, userId="a@b.com"),
        _call(number=9, properties=[1], context="x"),
    )
    landed = read("segment_jsonl", write("a.jsonl", content))
    assert landed.rows == 12
    assert landed.reasons() == {
        "bad_json": 3,
        "bad_timestamp": 2,
        "missing_anonymous_id": 1,
        "missing_id": 1,
        "missing_timestamp": 1,
    }
    assert landed.filtered == {"unmapped_event": 1, "group_call": 1}
    assert [signal["event_id"] for signal in _signals(landed)] == ["m-1", "m-9"]


def test_a_broken_line_costs_only_itself(write: Write, read: Read) -> None:
    calls = [_call(number=n) for n in range(3000)]
    content = _lines(*calls[:1500], '{"broken"', *calls[1500:])
    landed = read("segment_jsonl", write("a.jsonl", content))
    assert [s["event_id"] for s in _signals(landed)] == [f"m-{n}" for n in range(3000)]


def test_a_redelivery_has_the_same_payload_and_a_change_another(write: Write, read: Read) -> None:
    calls = _lines(
        _call(),
        _call(receivedAt="2025-07-03T10:00:00Z"),
        _call(properties={"path": "/docs"}),
    )
    first, again, changed = _signals(read("segment_jsonl", write("a.jsonl", calls)))
    assert first["payload_hash"] == again["payload_hash"] != changed["payload_hash"]
    assert first["received_at"] < again["received_at"]


def test_nothing_is_received_before_it_happened(write: Write, read: Read) -> None:
    call = _call(receivedAt="2025-06-30T10:00:00Z")
    (signal,) = _signals(read("segment_jsonl", write("a.jsonl", _lines(call))))
    assert signal["received_at"] == signal["occurred_at"]


def test_crawlers_and_empty_agents_are_bots_but_absent_ones_are_not(
    write: Write, read: Read
) -> None:
    agents = ["Mozilla/5.0 (compatible; Googlebot/2.1)", "", "-", BROWSER]
    calls = [_call(number=n, context={"userAgent": agent}) for n, agent in enumerate(agents)]
    content = _lines(*calls, _call(number=9, context={}))
    signals = _signals(read("segment_jsonl", write("a.jsonl", content)))
    assert [s["is_bot_agent"] for s in signals] == [True, True, True, False, False]


def test_a_word_that_is_no_consent_is_not_a_yes(write: Write, read: Read) -> None:
    words = ["granted", "DENIED", "maybe"]
    content = _lines(*[_call(number=n, context={"consent": w}) for n, w in enumerate(words)])
    signals = _signals(read("segment_jsonl", write("a.jsonl", content)))
    assert [s["consent"] for s in signals] == ["granted", "denied", "unknown"]


def test_paths_come_without_host_and_query(write: Write, read: Read) -> None:
    calls = [
        _call(number=1, properties={"path": "/pricing?plan=pro#top"}),
        _call(number=2, properties={"url": "https://x.com/demo?utm=1"}),
        _call(number=3, properties={}, context={"page": {"path": "/docs"}}),
        _call(number=4, properties={"url": "https://x.com"}),
    ]
    signals = _signals(read("segment_jsonl", write("a.jsonl", _lines(*calls))))
    assert [s["page_path"] for s in signals] == ["/pricing", "/demo", "/docs", "/"]


def test_an_empty_file_is_no_rows_and_another_format_is_refused(write: Write, read: Read) -> None:
    assert read("segment_jsonl", write("a.jsonl", "")).rows == 0
    with pytest.raises(SourceError, match="not JSON lines"):
        read("segment_jsonl", write("b.jsonl", "id,name\n1,a\n"))


def test_marks_cr_and_gzip_are_read(write: Write, read: Read) -> None:
    content = "\r".join(json.dumps(_call(number=n)) for n in range(3))
    assert read("segment_jsonl", write("a.jsonl", b"\xef\xbb\xbf" + content.encode())).accepted == 3
    assert read("segment_jsonl", write("a.jsonl.gz", content)).accepted == 3


def test_nul_characters_never_reach_a_warehouse(write: Write, read: Read) -> None:
    call = _call(properties={"path": "/a\u0000b"})
    (signal,) = _signals(read("segment_jsonl", write("a.jsonl", _lines(call))))
    assert signal["page_path"] == "/ab"


def test_a_sites_own_event_counts_once_the_source_says_what_it_means(
    write: Write, read: Read
) -> None:
    content = _lines(
        _call("track", 1, event="Trial Started"), _call("track", 2, event="Cart Emptied")
    )
    path = write("a.jsonl", content)
    landed = read("segment_jsonl", path, events={"Trial Started": "demo_request"})
    assert landed.tables["landed_signals"]["event"].to_pylist() == ["demo_request"]
    assert landed.filtered == {"unmapped_event": 1}


def test_a_file_full_of_other_events_is_not_held_for_dirt(write: Write, read: Read) -> None:
    calls = [_call("track", at, event=f"Widget {at}") for at in range(300)]
    landed = read("segment_jsonl", write("a.jsonl", _lines(*calls)))
    assert not len(landed.defects)
    assert landed.filtered == {"unmapped_event": 300}
