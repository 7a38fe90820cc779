from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import email_key

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

HEADER = (
    "id,activity_date,activity_type_id,lead_id,campaign_id,primary_attribute_value,link,user_agent"
)


def test_activity_types_become_events_of_a_lead(write: Write, read: Read) -> None:
    kinds = ["6", "9", "10", "11", "46", "47"]
    rows = [f"{n},2025-07-01T10:00:00Z,{kind},77,12,Mail,," for n, kind in enumerate(kinds)]
    landed = read("marketo_activities", write("a.csv", "\n".join([HEADER, *rows])))
    signals = landed.tables["landed_signals"].to_pylist()
    assert [s["event"] for s in signals] == [
        "outbound_email",
        "unsubscribe",
        "email_open",
        "email_click",
        "event_attendance",
        "email_reply",
    ]
    assert [s["direction"] for s in signals] == ["outbound"] + ["inbound"] * 5
    assert {s["person_ref"] for s in signals} == {"lead:77"}


def test_bad_activities_say_why(write: Write, read: Read) -> None:
    rows = [
        "1,2025-07-01 10:00:00,11,77,,,,",
        "2,2025-07-01 10:00:00,13,77,,,,",
        ",2025-07-01 10:00:00,11,77,,,,",
        "4,2025-07-01 10:00:00,11,,,,,",
        "5,,11,77,,,,",
        "6,tomorrow,11,77,,,,",
        "7,2025-07-01",
    ]
    landed = read("marketo_activities", write("a.csv", "\n".join([HEADER, *rows])))
    assert landed.accepted == 1
    assert landed.reasons() == {
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_lead": 1,
        "missing_timestamp": 1,
        "unknown_event": 1,
        "wrong_column_count": 1,
    }
    assert ",2025-07-01 10:00:00,11,77,,,," in landed.defects["raw"].to_pylist()


def test_an_empty_agent_in_a_csv_is_not_a_bot(write: Write, read: Read) -> None:
    rows = [f"1,2025-07-01,11,77,,,https://x.com/demo?a=1,{a}" for a in ("", "Googlebot/2.1")]
    signals = read("marketo_activities", write("a.csv", "\n".join([HEADER, *rows]))).tables[
        "landed_signals"
    ]
    assert signals["is_bot_agent"].to_pylist() == [False, True]
    assert signals["page_path"].to_pylist() == ["/demo", "/demo"]


def test_a_lead_is_known_by_its_address_since_it_was_created(write: Write, read: Read) -> None:
    content = (
        "id,created_at,updated_at,email,first_name,last_name\n"
        "77,2025-01-01 00:00:00,2025-06-01 00:00:00,Ana@acme.com,A,L\n"
        "78,2025-01-01 00:00:00,,,A,L\n"
        "79,2025-01-01 00:00:00,,none,A,L\n"
    )
    landed = read("marketo_leads", write("a.csv", content))
    (identity,) = landed.tables["landed_identities"].to_pylist()
    assert (identity["kind"], identity["ref"]) == ("lead", "77")
    assert identity["person_ref"] == f"email:{email_key('ana@acme.com')}"
    assert identity["seen_at"].month == 1
    assert landed.reasons() == {"bad_email": 1, "missing_email": 1}


@pytest.mark.parametrize("connector", ["marketo_activities", "marketo_leads"])
def test_empty_files_and_mere_headers_have_no_rows(
    write: Write, read: Read, connector: str
) -> None:
    assert read(connector, write("a.csv", "")).rows == 0
    both = HEADER + ",email,created_at\n"
    assert read(connector, write("b.csv", both)).rows == 0
    with pytest.raises(SourceError, match="lacks the column"):
        read(connector, write("c.csv", "a,b\n1,2\n"))


def test_real_activity_exports_are_read_whole(shared_data: Path, read: Read) -> None:
    folder = shared_data / "crm" / "marketo"
    for name, event in [
        ("click_email", "email_click"),
        ("open_email", "email_open"),
        ("send_email", "outbound_email"),
        ("unsubscribe_email", "unsubscribe"),
    ]:
        landed = read("marketo_activities", folder / f"marketo_activity_{name}_data.csv")
        assert (landed.rows, landed.accepted) == (100, 100)
        assert set(landed.tables["landed_signals"]["event"].to_pylist()) == {event}
    delivered = read("marketo_activities", folder / "marketo_activity_email_delivered_data.csv")
    assert delivered.reasons() == {"unknown_event": 100}
    assert read("marketo_leads", folder / "marketo_lead_data.csv").accepted == 100
