from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import email_key
from mqa_platform.sources.snowplow import FIELDS

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]


def _event(**changes: str) -> dict[str, str]:
    return {
        "app_id": "site",
        "platform": "web",
        "event": "page_view",
        "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
        "collector_tstamp": "2025-07-01 10:00:02.000",
        "derived_tstamp": "2025-07-01 10:00:00.250",
        "domain_userid": "bc2e92ec6c204a14",
        "user_ipaddress": "192.0.2.7",
        "page_url": "https://www.example.com/pricing?x=1",
        "page_urlpath": "/pricing",
        "mkt_campaign": "spring",
        "useragent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0",
        **changes,
    }


def _line(event: dict[str, str], fields: tuple[str, ...] = FIELDS) -> str:
    return "\t".join(event.get(name, "") for name in fields)


def _file(*events: dict[str, str]) -> str:
    return "".join(f"{_line(event)}\n" for event in events)


def _described(name: str, data: dict[str, Any], **changes: str) -> dict[str, str]:
    inner = {"schema": f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0", "data": data}
    outer = {
        "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
        "data": inner,
    }
    return _event(event="unstruct", unstruct_event=json.dumps(outer), event_name=name, **changes)


def test_the_documented_layout_has_131_fields_in_their_order() -> None:
    assert len(FIELDS) == len(set(FIELDS)) == 131
    places = {"event": 5, "event_id": 6, "page_urlpath": 35, "mkt_campaign": 51, "useragent": 77}
    places |= {"unstruct_event": 58, "derived_tstamp": 124, "true_tstamp": 130}
    assert {name: FIELDS.index(name) for name in places} == places


def test_a_page_view_happened_at_its_derived_and_is_known_at_its_collector_time(
    write: Write, read: Read
) -> None:
    landed = read("snowplow_enriched", write("a.tsv", _file(_event())))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["event"], signal["page_path"]) == ("page_view", "/pricing")
    assert signal["occurred_at"] == datetime(2025, 7, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert signal["received_at"] == datetime(2025, 7, 1, 10, 0, 2, tzinfo=UTC)
    assert (signal["anonymous_id"], signal["ip"]) == ("bc2e92ec6c204a14", "192.0.2.7")
    assert (signal["campaign"], signal["channel"]) == ("spring", "web")
    assert signal["person_ref"] is None
    assert not signal["is_bot_agent"]


def test_pings_and_events_without_a_name_of_ours_are_left_out_with_their_reason(
    write: Write, read: Read
) -> None:
    content = _file(
        _event(),
        _event(event="page_ping"),
        _event(event="struct", se_category="video", se_action="play"),
        _described("link_click", {"targetUrl": "https://example.org"}),
        _event(event="transaction"),
    )
    landed = read("snowplow_enriched", write("a.tsv", content))
    assert (landed.rows, landed.accepted) == (5, 1)
    assert landed.filtered == {"page_ping": 1, "unmapped_event": 3}


def test_events_of_the_tracking_plan_are_ours_however_they_are_sent(
    write: Write, read: Read
) -> None:
    content = _file(
        _event(event="struct", se_action="Demo Requested", event_id="1"),
        _described("content_downloaded", {}, event_id="2"),
        _described("submit_form", {"formId": "request-a-demo"}, event_id="3"),
        _described("submit_form", {"formId": "whitepaper"}, event_id="4"),
    )
    landed = read("snowplow_enriched", write("a.tsv", content))
    assert landed.tables["landed_signals"]["event"].to_pylist() == [
        "demo_request",
        "content_download",
        "demo_request",
        "content_download",
    ]


def test_who_fills_a_form_is_known_and_owns_the_cookie(write: Write, read: Read) -> None:
    fields = {"formId": "demo", "elements": [{"name": "work_email", "value": "Ana@Acme.com"}]}
    content = _file(_event(event_id="1"), _described("submit_form", fields, event_id="2"))
    landed = read("snowplow_enriched", write("a.tsv", content))
    people = landed.tables["landed_signals"]["person_ref"].to_pylist()
    assert people == [None, f"email:{email_key('ana@acme.com')}"]
    (identity,) = landed.tables["landed_identities"].to_pylist()
    assert (identity["kind"], identity["ref"]) == ("cookie", "bc2e92ec6c204a14")
    assert identity["email_domain"] == "acme.com"


def test_a_user_id_that_is_an_address_names_the_person_and_any_other_does_not(
    write: Write, read: Read
) -> None:
    content = _file(
        _event(event_id="1", user_id="ana@acme.com"),
        _event(event_id="2", user_id="ana@acme.com", derived_tstamp="2025-07-01 11:00:00"),
        _event(event_id="3", user_id="u-77", domain_userid="other"),
    )
    landed = read("snowplow_enriched", write("a.tsv", content))
    refs = landed.tables["landed_signals"]["person_ref"].to_pylist()
    assert refs == [f"email:{email_key('ana@acme.com')}"] * 2 + [None]
    (identity,) = landed.tables["landed_identities"].to_pylist()
    assert identity["seen_at"].hour == 11


def test_bad_events_say_why_and_keep_their_whole_line(write: Write, read: Read) -> None:
    content = _file(
        _event(),
        _event(event_id=""),
        _event(event_id="3", collector_tstamp=""),
        _event(event_id="4", derived_tstamp="2025-02-30 10:00:00"),
        _event(event_id="5", event="hover"),
        _event(event_id="6", event="unstruct", unstruct_event='{"schema": '),
        _event(event_id="7", event=""),
    )
    content += "\t".join(["short"] * 130) + "\n"
    landed = read("snowplow_enriched", write("a.tsv", content))
    assert (landed.rows, landed.accepted) == (8, 1)
    assert landed.reasons() == {
        "bad_json": 1,
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_timestamp": 1,
        "unknown_event": 2,
        "wrong_column_count": 1,
    }
    assert max(raw.count("\t") for raw in landed.defects["raw"].to_pylist()) == 130


def test_fields_of_a_later_release_are_accepted(write: Write, read: Read) -> None:
    content = _line(_event()) + "\textra\tmore\n"
    assert read("snowplow_enriched", write("a.tsv", content)).accepted == 1


def test_a_file_with_a_header_is_read_by_names_in_any_order(write: Write, read: Read) -> None:
    fields = ("page_urlpath", "event_id", "event", "collector_tstamp", "domain_userid")
    content = "\t".join(fields) + "\n" + _line(_event(), fields) + "\n"
    landed = read("snowplow_enriched", write("a.tsv.gz", "\ufeff" + content))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["page_path"], signal["anonymous_id"]) == ("/pricing", "bc2e92ec6c204a14")
    assert signal["occurred_at"] == datetime(2025, 7, 1, 10, 0, 2, tzinfo=UTC)


def test_the_same_event_twice_in_a_file_counts_once_and_another_payload_is_left_to_core(
    write: Write, read: Read
) -> None:
    later = _event(collector_tstamp="2025-07-01 10:05:00.000")
    other = _event(page_urlpath="/docs")
    landed = read("snowplow_enriched", write("a.tsv", _file(later, _event(), _event(), other)))
    assert (landed.accepted, landed.duplicates) == (2, 2)
    first = min(landed.tables["landed_signals"]["received_at"].to_pylist())
    assert first == datetime(2025, 7, 1, 10, 0, 2, tzinfo=UTC)


def test_an_address_made_anonymous_is_no_address(write: Write, read: Read) -> None:
    given = ["192.0.2.x", "2001:db8::1", "192.0.2.7", ""]
    content = _file(*(_event(event_id=str(n), user_ipaddress=ip) for n, ip in enumerate(given)))
    signals = read("snowplow_enriched", write("a.tsv", content)).tables["landed_signals"]
    assert signals["ip"].to_pylist() == [None, "2001:db8::1", "192.0.2.7", None]


def test_another_kind_of_file_is_refused(write: Write, read: Read) -> None:
    with pytest.raises(SourceError, match="not one of its 2 rows"):
        read("snowplow_enriched", write("a.csv", "a,b\n1,2\n"))
    with pytest.raises(SourceError, match="lacks the field event"):
        read("snowplow_enriched", write("b.tsv", "event_id\tcollector_tstamp\n1\t2025-07-01\n"))
