from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import email_key

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

HEADER = "id,type,recipient,created,email_campaign_id,filtered_event\n"
MASKED = "o2wjpPyUfzBfq9OSt9I2NQ=="


def _row(number: int, kind: str, who: str = "ana@acme.com", machine: str = "false") -> str:
    return f"e-{number},{kind},{who},2025-07-01 10:00:00.250,12,{machine}\n"


def test_what_a_recipient_does_with_a_mail_is_a_signal(write: Write, read: Read) -> None:
    kinds = ["SENT", "OPEN", "CLICK", "REPLY", "FORWARD", "SPAMREPORT"]
    content = HEADER + "".join(_row(n, kind) for n, kind in enumerate(kinds))
    signals = read("hubspot_email_events", write("e.csv", content)).tables["landed_signals"]
    assert signals["event"].to_pylist() == [
        "outbound_email",
        "email_open",
        "email_click",
        "email_reply",
        "email_forward",
        "unsubscribe",
    ]
    assert signals["direction"].to_pylist() == ["outbound"] + ["inbound"] * 5
    assert set(signals["person_ref"].to_pylist()) == {f"email:{email_key('ana@acme.com')}"}
    assert set(signals["campaign"].to_pylist()) == {"12"}


def test_delivery_and_machines_are_left_out(write: Write, read: Read) -> None:
    kinds = ["PROCESSED", "DELIVERED", "DEFERRED", "DROPPED", "BOUNCE", "PRINT", "STATUSCHANGE"]
    content = HEADER + "".join(_row(n, kind) for n, kind in enumerate(kinds))
    content += _row(90, "OPEN", machine="TRUE")
    landed = read("hubspot_email_events", write("e.csv", content))
    assert (landed.accepted, len(landed.defects)) == (0, 0)
    assert landed.filtered["filtered_by_hubspot"] == 1
    assert sum(landed.filtered.values()) == len(kinds) + 1


def test_a_status_change_is_an_unsubscription_only_where_it_says_so(
    write: Write, read: Read
) -> None:
    content = "id,type,recipient,created,portalSubscriptionStatus\n" + "".join(
        f"{n},STATUSCHANGE,ana@acme.com,1751364000250,{status}\n"
        for n, status in enumerate(("UNSUBSCRIBED", "SUBSCRIBED", ""))
    )
    landed = read("hubspot_email_events", write("e.csv", content))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert signal["event"] == "unsubscribe"
    assert signal["occurred_at"] == datetime(2025, 7, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert landed.filtered == {"event_status_change": 2}


def test_a_masked_recipient_is_somebody_and_any_other_word_is_nobody(
    write: Write, read: Read
) -> None:
    content = HEADER + _row(1, "OPEN", MASKED) + _row(2, "OPEN", "none") + _row(3, "OPEN", "")
    landed = read("hubspot_email_events", write("e.csv", content))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["person_ref"], signal["email_domain"]) == (f"masked:{MASKED}", None)
    assert landed.reasons() == {"bad_email": 1, "missing_email": 1}


def test_bad_events_say_why_and_repeats_count_once(write: Write, read: Read) -> None:
    content = HEADER + "".join(
        (
            _row(1, "OPEN"),
            _row(1, "OPEN"),
            _row(2, "HOVER"),
            _row(3, "OPEN").replace("e-3", ""),
            _row(4, "OPEN").replace("2025-07-01 10:00:00.250", ""),
            _row(5, "OPEN").replace("2025-07-01", "2025-13-01"),
            "6,OPEN\n",
        )
    )
    landed = read("hubspot_email_events", write("e.csv", content))
    assert (landed.accepted, landed.duplicates) == (1, 1)
    assert landed.reasons() == {
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_timestamp": 1,
        "unknown_event": 1,
        "wrong_column_count": 1,
    }


def test_a_table_that_is_no_part_of_an_event_is_refused(write: Write, read: Read) -> None:
    with pytest.raises(SourceError, match="lacks the column type"):
        read("hubspot_email_events", write("x.csv", "id,amount\n1,2\n"))
    with pytest.raises(SourceError, match="lacks the column recipient, created"):
        read("hubspot_email_events", write("y.csv", "id,type\n1,OPEN\n"))


def test_a_form_is_filled_by_whoever_typed_an_address_else_by_the_contact(
    write: Write, read: Read
) -> None:
    content = (
        "timestamp,form_id,contact_id,conversion_id,page_url,title\n"
        "2025-07-01 10:00:00,1,77,c-1,https://example.com/demo?x=1,Request Demo\n"
        "2025-07-01 10:00:00,2,78,c-2,https://example.com/guide,Download Guide\n"
        "2025-07-01 10:00:00,3,79,c-3,,Newsletter Signup\n"
        "2025-07-01 10:00:00,3,,c-4,,Guide\n"
        "someday,3,80,c-5,,Guide\n"
    )
    landed = read("hubspot_form_submissions", write("f.csv", content))
    first, second = landed.tables["landed_signals"].to_pylist()
    assert (first["event"], first["person_ref"]) == ("demo_request", "contact:77")
    assert (first["page_path"], first["event_id"]) == ("/demo", "c-1")
    assert second["event"] == "content_download"
    assert landed.filtered == {"form_says_nothing": 1}
    assert landed.reasons() == {"bad_timestamp": 1, "missing_person": 1}
    answer = {
        "results": [
            {
                "submittedAt": 1751364000250,
                "formId": "1",
                "title": "Book a demo",
                "values": [{"name": "email", "value": "Ana@Acme.com"}],
            }
        ]
    }
    other = read("hubspot_form_submissions", write("f.json", json.dumps(answer)))
    (signal,) = other.tables["landed_signals"].to_pylist()
    assert signal["person_ref"] == f"email:{email_key('ana@acme.com')}"
    assert signal["email_domain"] == "acme.com"


def test_every_real_event_table_reconciles(shared_data: Path, read: Read) -> None:
    folder = shared_data / "crm" / "hubspot"
    for path in sorted(folder.glob("email_event_*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = list(csv.DictReader(file))
        landed = read("hubspot_email_events", path)
        assert (landed.rows, len(landed.defects)) == (len(records), 0)
        if "type" not in records[0]:
            assert landed.filtered == {"detail_of_event": len(records)}
            continue
        kinds = [(r["type"], r["filtered_event"]) for r in records]
        assert landed.accepted == sum(
            kind == "SENT" or (kind == "OPEN" and machine != "true") for kind, machine in kinds
        )


def test_the_real_forms_reconcile(shared_data: Path, read: Read) -> None:
    folder = shared_data / "crm" / "hubspot"
    fills = read("hubspot_form_submissions", folder / "contact_form_submission_data.csv")
    events = dict(
        zip(
            fills.tables["landed_signals"]["topic"].to_pylist(),
            fills.tables["landed_signals"]["event"].to_pylist(),
            strict=True,
        )
    )
    assert events["Request Demo"] == "demo_request"
    assert events["Download Guide"] == "content_download"
    assert fills.filtered == {"form_says_nothing": 1}
    forms = read("hubspot_form_submissions", folder / "form_data.csv")
    assert forms.filtered == {"form_definition": 5}
