from __future__ import annotations

import csv
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
    kinds = ["6", "9", "10", "11", "100001", "100002"]
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
        "2,2025-07-01 10:00:00,100099,77,,,,",
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


def test_activities_that_say_nothing_are_left_out_by_name_and_never_refused(
    write: Write, read: Read
) -> None:
    kinds = ["7", "8", "13", "46", "47", "22.0", "37"]
    rows = [f"{n},2025-07-01T10:00:00Z,{kind},77,12,X,," for n, kind in enumerate(kinds)]
    landed = read("marketo_activities", write("a.csv", "\n".join([HEADER, *rows])))
    assert (landed.accepted, len(landed.defects)) == (0, 0)
    assert landed.filtered == {
        "activity_bounced": 1,
        "activity_campaign_requested": 1,
        "activity_data_value_change": 1,
        "activity_delete_lead": 1,
        "activity_delivered": 1,
        "activity_interesting_moment": 1,
        "activity_score_change": 1,
    }


def test_a_form_says_by_its_name_what_was_asked_for(write: Write, read: Read) -> None:
    forms = ["Request a Demo", "Guide to scoring", "Newsletter Signup"]
    rows = [f"{n},2025-07-01,2,77,,{form},," for n, form in enumerate(forms)]
    landed = read("marketo_activities", write("a.csv", "\n".join([HEADER, *rows])))
    events = landed.tables["landed_signals"]["event"].to_pylist()
    assert events == ["demo_request", "content_download"]
    assert landed.filtered == {"form_says_nothing": 1}


def test_coming_to_an_event_is_a_status_in_a_programme(write: Write, read: Read) -> None:
    header = "id,activity_date,activity_type_id,lead_id,new_status"
    rows = [f"{n},2025-07-01,104,77,{s}" for n, s in enumerate(("Attended", "registered", "Sent"))]
    landed = read("marketo_activities", write("a.csv", "\n".join([header, *rows])))
    events = landed.tables["landed_signals"]["event"].to_pylist()
    assert events == ["event_attendance", "event_registration"]
    assert landed.filtered == {"activity_program_status": 1}


def test_a_mail_that_was_skipped_was_not_sent(write: Write, read: Read) -> None:
    header = "id,activity_date,activity_type_id,lead_id,action_result"
    rows = [
        f"{n},2025-07-01,6,77,{result}" for n, result in enumerate(("succeeded", "skipped", ""))
    ]
    landed = read("marketo_activities", write("a.csv", "\n".join([header, *rows])))
    assert (landed.accepted, landed.filtered) == (2, {"activity_send_skipped": 1})


def test_a_merge_makes_each_merged_lead_the_one_that_survives(write: Write, read: Read) -> None:
    content = (
        "id,activity_date,activity_type_id,lead_id,merge_ids\n"
        '1,2025-07-01 10:00:00,32,77,"[78, 79]"\n'
        "2,2025-07-02 10:00:00,32,77,[77]\n"
        "3,2025-07-02 10:00:00,32,77,\n"
        "4,2025-07-02 10:00:00,32,77,[none]\n"
        "5,2025-07-02 10:00:00,32,,[80]\n"
    )
    landed = read("marketo_activities", write("a.csv", content))
    found = landed.tables["landed_identities"].to_pylist()
    assert [(i["kind"], i["ref"], i["person_ref"]) for i in found] == [
        ("lead", "78", "lead:77"),
        ("lead", "79", "lead:77"),
    ]
    assert {i["seen_at"].day for i in found} == {1}
    assert (landed.accepted, landed.filtered) == (2, {"activity_merge": 1})
    assert landed.reasons() == {"bad_merge": 1, "missing_lead": 1}


def test_a_bulk_extract_packs_attributes_and_names_activities_by_guid(
    write: Write, read: Read
) -> None:
    content = (
        "marketoGUID,leadId,activityDate,activityTypeId,campaignId,primaryAttributeValue,attributes\n"
        'g-1,77,2025-07-01T10:00:00Z,11,5,NL,"{""Link"":""https://x.com/demo"",'
        '""User Agent"":""Googlebot/2.1""}"\n'
        "g-2,77,2025-07-01T10:00:00Z,11,5,NL,{torn\n"
    )
    signals = read("marketo_activities", write("a.csv", content)).tables["landed_signals"]
    assert signals["event_id"].to_pylist() == ["g-1", "g-2"]
    assert signals["page_path"].to_pylist() == ["/demo", None]
    assert signals["is_bot_agent"].to_pylist() == [True, False]


def test_a_page_visited_is_a_page_view(write: Write, read: Read) -> None:
    rows = ["1,2025-07-01,1,77,,www.example.com/pricing.html?x=1,,", "2,2025-07-01,1,77,,/docs,,"]
    signals = read("marketo_activities", write("a.csv", "\n".join([HEADER, *rows]))).tables[
        "landed_signals"
    ]
    assert set(signals["event"].to_pylist()) == {"page_view"}
    assert set(signals["channel"].to_pylist()) == {"web"}
    assert signals["page_path"].to_pylist() == ["/pricing.html", "/docs"]


def test_an_activity_repeated_in_a_file_counts_once(write: Write, read: Read) -> None:
    row = "1,2025-07-01,11,77,,NL,,"
    content = "\r".join([HEADER, row, row, row.replace("NL", "Other")]) + "\r"
    landed = read("marketo_activities", write("a.csv", "\ufeff" + content))
    assert (landed.rows, landed.accepted, landed.duplicates) == (3, 2, 1)


def _records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_real_activity_export_reconciles(shared_data: Path, read: Read) -> None:
    folder = shared_data / "crm" / "marketo"
    seen = set()
    for path in sorted(folder.glob("marketo_activity_*.csv")):
        records = _records(path)
        (kind,) = {record["activity_type_id"] for record in records}
        seen.add(kind)
        landed = read("marketo_activities", path)
        assert (landed.rows, len(landed.defects), landed.duplicates) == (len(records), 0, 0)
        event = {"6": "outbound_email", "9": "unsubscribe", "10": "email_open", "11": "email_click"}
        if kind == "32":
            named = [record for record in records if record["merge_ids"].strip("[]")]
            assert landed.accepted == len(named)
            assert landed.tables["landed_identities"]["ref"].to_pylist() == [
                record["merge_ids"].strip("[]") for record in named
            ]
        elif kind in event:
            sent = [r for r in records if r.get("action_result") != "skipped"]
            assert landed.accepted == len(sent)
            assert set(landed.tables["landed_signals"]["event"].to_pylist()) == {event[kind]}
        else:
            assert landed.accepted == 0
            assert sum(landed.filtered.values()) == len(records)
    assert seen == {"6", "7", "8", "9", "10", "11", "13", "29", "32"}
    leads = read("marketo_leads", folder / "marketo_lead_data.csv")
    assert leads.accepted == len(_records(folder / "marketo_lead_data.csv"))
