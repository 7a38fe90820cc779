from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.receiver import inbox
from mqa_platform.receiver.signatures import Scheme
from mqa_platform.sources.erasing_texts import without
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.needles import Needles

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]
AT = datetime(2025, 7, 2, 10, 0, 5, tzinfo=UTC)
Take = Callable[..., Landed]


@pytest.fixture
def take(tmp_path: Path, read: Read) -> Take:
    """What lands of a body that the receiver has kept."""

    def _take(body: Any, scheme: Scheme = "standard_webhooks", **options: Any) -> Landed:
        text = body if isinstance(body, str) else json.dumps(body)
        source = "hubspot_webhooks" if scheme == "hubspot_v3" else "webhooks"
        identity = "msg_1" if scheme == "standard_webhooks" else ""
        path, _ = inbox.keep(tmp_path, source, scheme, identity, text.encode(), AT.timestamp())
        return read("received", path, signature="standard_webhooks", **options)

    return _take


def _signals(landed: Landed) -> list[dict[str, Any]]:
    return landed.tables["landed_signals"].to_pylist()


def _event(kind: str = "demo_request", **data: Any) -> dict[str, Any]:
    told = {"email": "Ann@Acme.com", **data}
    return {"type": kind, "timestamp": "2025-07-02T10:00:00Z", "data": told}


def test_an_event_is_a_signal_that_arrived_when_the_receiver_took_it(take: Take) -> None:
    (signal,) = _signals(take(_event(page_url="https://site.example/demo?x=1", ip="192.0.2.7")))
    assert (signal["event"], signal["event_id"]) == ("demo_request", "msg_1")
    assert (signal["occurred_at"], signal["received_at"]) == (AT.replace(second=0), AT)
    assert (signal["email_domain"], signal["page_path"], signal["ip"]) == (
        "acme.com", "/demo", "192.0.2.7",
    )  # fmt: skip
    assert "ann@" not in json.dumps(signal, default=str).casefold()


def test_events_come_alone_in_a_list_or_in_an_object(take: Take) -> None:
    events = [_event(id="a"), _event("page_view", id="b", path="/pricing")]
    for body in (events, {"events": events}):
        assert [s["event_id"] for s in _signals(take(body))] == ["a", "b"]
    assert _signals(take({"events": []})) == []


def test_an_event_without_an_id_has_the_same_one_when_it_is_sent_again(take: Take) -> None:
    body = [_event(), _event("content_download")]
    first, again = (_signals(take(each)) for each in (body, [*body, _event()]))
    assert {s["event_id"] for s in first} == {s["event_id"] for s in again}
    assert len({s["event_id"] for s in first}) == 2


def test_who_filled_a_form_in_a_browser_is_known_in_that_browser(take: Take) -> None:
    body = _event("Form Submission", form="Request a demo", anonymous_id="cookie1")
    landed = take(body)
    (signal,) = _signals(landed)
    assert (signal["event"], signal["topic"]) == ("demo_request", "Request a demo")
    (identity,) = landed.tables["landed_identities"].to_pylist()
    assert (identity["kind"], identity["ref"]) == ("cookie", "cookie1")
    assert identity["person_ref"] == signal["person_ref"]


def test_news_of_a_company_needs_no_person(take: Take) -> None:
    body = _event("Funding round", email=None, company="Acme", domain="www.acme.com")
    (signal,) = _signals(take(body))
    assert (signal["event"], signal["company_domain"], signal["channel"]) == (
        "funding_round", "acme.com", "news",
    )  # fmt: skip


def test_the_senders_own_names_mean_what_the_source_says(take: Take) -> None:
    landed = take(_event("trial.started"), events={"trial.started": "demo_request"})
    assert [s["event"] for s in _signals(landed)] == ["demo_request"]


def test_what_cannot_be_used_says_why_and_takes_nothing_else_along(take: Take) -> None:
    body = [
        _event(id="good"),
        _event("went_for_a_walk"),
        _event("intent", id="intent has its own connectors"),
        _event(email="not an address"),
        {"type": "page_view", "timestamp": "2025-07-02T10:00:00Z", "data": {"path": "/"}},
        {"type": "page_view", "data": {"email": "a@acme.com"}},
        {"type": "page_view", "timestamp": "soon", "data": {"email": "a@acme.com"}},
        _event("form_submission", form="Newsletter"),
        "text",
        None,
        7,
    ]
    landed = take(body)
    assert [s["event_id"] for s in _signals(landed)] == ["good"]
    assert landed.reasons() == {
        "unknown_event": 2, "bad_email": 1, "missing_person": 1, "missing_timestamp": 1,
        "bad_timestamp": 1, "bad_json": 3,
    }  # fmt: skip
    assert dict(landed.filtered) == {"form_says_nothing": 1}


@pytest.mark.parametrize("body", ["no json", "[", "7", "null", '{"data": []}', "{}", '"x"'])
def test_a_body_that_is_no_event_is_a_defect(take: Take, body: str) -> None:
    for scheme in ("standard_webhooks", "hubspot_v3"):
        landed = take(body, scheme)
        assert (landed.rows, landed.accepted, len(landed.defects)) == (1, 0, 1)


def test_an_unknown_consent_is_no_yes(take: Take) -> None:
    words = [
        _event(id=str(n), consent=word) for n, word in enumerate(("Granted", "denied", "maybe"))
    ]
    assert [s["consent"] for s in _signals(take(words))] == ["granted", "denied", "unknown"]


def test_a_file_that_the_receiver_has_not_written_is_refused(write: Write, read: Read) -> None:
    for content in ('{"type": "demo_request"}', "x", '{"version": 99}', "[1]"):
        with pytest.raises(SourceError, match="mqa receive"):
            read("received", write("a.json", content))


def _change(name: str, value: str, **more: Any) -> dict[str, Any]:
    told = {
        "eventId": 100, "subscriptionId": 25, "portalId": 33, "appId": 1, "occurredAt": 1751450400000,
        "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123,
        "changeSource": "CRM", "propertyName": name, "propertyValue": value,
    }  # fmt: skip
    return {**told, **more}


def test_a_form_filled_in_hubspot_is_a_hand_raise_of_the_contact(take: Take) -> None:
    name = "Pricing | Acme: Request a demo"
    (signal,) = _signals(take([_change("recent_conversion_event_name", name)], "hubspot_v3"))
    assert (signal["event"], signal["person_ref"], signal["topic"]) == (
        "demo_request", "contact:123", "Request a demo",
    )  # fmt: skip
    assert (signal["occurred_at"], signal["received_at"]) == (AT.replace(second=0), AT)


def test_hubspots_second_attempt_is_the_same_event(take: Take) -> None:
    first = _change("recent_conversion_event_name", "Demo")
    again = {**first, "attemptNumber": 1, "eventId": 101}
    other = _change("recent_conversion_event_name", "Demo", occurredAt=1751450460000)
    ids = [_signals(take([each], "hubspot_v3"))[0] for each in (first, again, other)]
    assert ids[0]["event_id"] == ids[1]["event_id"] != ids[2]["event_id"]
    assert ids[0]["payload_hash"] == ids[1]["payload_hash"]
    landed = take([first, again], "hubspot_v3")
    assert (landed.accepted, landed.duplicates) == (1, 1)


def test_properties_and_subscriptions_that_mean_nothing_to_us_are_counted(take: Take) -> None:
    body = [
        _change("hs_email_last_click_date", "1751450400000"),
        _change("hs_email_last_reply_date", "1751450400000", subscriptionType="object.propertyChange",
                objectTypeId="0-1"),
        _change("hs_email_optout", "true"),
        _change("hs_email_optout", "false"),
        _change("lifecyclestage", "lead"),
        _change("recent_conversion_event_name", "Blog: Newsletter"),
        _change("name", "Acme", subscriptionType="company.propertyChange"),
        _change("hs_email_optout", "true", subscriptionType="object.propertyChange",
                objectTypeId="0-2"),
        _change("", "", subscriptionType="contact.creation"),
        _change("trial_started_at", "1751450400000"),
    ]  # fmt: skip
    landed = take(body, "hubspot_v3", events={"trial_started_at": "demo_request"})
    assert [s["event"] for s in _signals(landed)] == [
        "email_click", "email_reply", "unsubscribe", "demo_request",
    ]  # fmt: skip
    assert dict(landed.filtered) == {
        "unmapped_property": 2, "form_says_nothing": 1, "unmapped_subscription": 3,
    }  # fmt: skip
    assert len(landed.defects) == 0


def test_a_workflow_sends_a_contact_with_the_forms_that_it_filled(take: Take) -> None:
    contact = {
        "vid": 123,
        "properties": {"email": {"value": "ann@acme.com"}, "lifecyclestage": {"value": "lead"}},
        "form-submissions": [
            {
                "conversion-id": "c1", "timestamp": 1751450400000, "form-id": "f1",
                "page-url": "https://site.example/demo", "title": "Request a demo",
            },
            {
                "conversion-id": "c2", "timestamp": 1751450400000, "form-id": "f2",
                "page-url": "https://site.example/blog", "title": "Newsletter",
            },
        ],
    }  # fmt: skip
    landed = take(contact, "hubspot_v3")
    (signal,) = _signals(landed)
    assert (signal["event_id"], signal["event"], signal["page_path"]) == (
        "c1",
        "demo_request",
        "/demo",
    )
    assert (signal["email_domain"], signal["campaign"]) == ("acme.com", "f1")
    assert dict(landed.filtered) == {"form_says_nothing": 1}
    without = take({**contact, "form-submissions": []}, "hubspot_v3")
    assert dict(without.filtered) == {"contact_without_form": 1}


def test_an_erased_person_leaves_the_events_of_the_others_of_a_webhook(
    tmp_path: Path, read: Read
) -> None:
    body = json.dumps([_event(id="a"), _event(id="b", email="bob@beta.com")]).encode()
    path, _ = inbox.keep(tmp_path, "webhooks", "standard_webhooks", "m", body, AT.timestamp())
    found = without(path, path.read_bytes(), Needles(frozenset({"ann@acme.com"})))
    assert found is not None
    path.write_bytes(found.content)
    assert "ann@" not in path.read_text().casefold()
    landed = read("received", path, signature="standard_webhooks")
    assert [s["event_id"] for s in _signals(landed)] == ["b"]
    assert len(landed.defects) == 0
