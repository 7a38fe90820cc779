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
    "id,created_at,type,type_name,prospect_id,visitor_id,campaign_id,email_id,file_id,form_id,"
    "paid_search_ad_id,details\n"
)


def _row(number: int = 1, kind: str = "11", name: str = "Email", **given: str) -> str:
    columns = {"prospect_id": "77", "campaign_id": "5", **given}
    rest = ("prospect_id", "visitor_id", "campaign_id", "email_id", "file_id", "form_id")
    values = [columns.get(column, "") for column in (*rest, "paid_search_ad_id", "details")]
    return f"{number},2025-07-01 10:00:00 UTC,{kind},{name}," + ",".join(values) + "\n"


def test_what_a_prospect_does_becomes_its_event(write: Write, read: Read) -> None:
    content = HEADER + "".join(
        (
            _row(1, "11"),
            _row(2, "1", email_id="9"),
            _row(3, "1", "Paid Search Ad", paid_search_ad_id="3"),
            _row(4, "2", "File", file_id="4"),
            _row(5, "4", "Form", form_id="6", details="Request a demo"),
            _row(6, "4", "Form Handler", details="Buyer's guide"),
            _row(7, "24", "Webinar"),
            _row(8, "25", "Webinar"),
            _row(9, "12"),
            _row(10, "6"),
        )
    )
    signals = read("pardot_activities", write("a.csv", content)).tables["landed_signals"]
    assert signals["event"].to_pylist() == [
        "email_open",
        "email_click",
        "ad_click",
        "content_download",
        "demo_request",
        "content_download",
        "event_attendance",
        "event_registration",
        "unsubscribe",
        "outbound_email",
    ]
    assert signals["direction"].to_pylist() == ["inbound"] * 9 + ["outbound"]
    assert set(signals["person_ref"].to_pylist()) == {"lead:pardot:77"}


def test_activities_without_an_act_are_left_out_with_their_reason(write: Write, read: Read) -> None:
    kinds = ["2", "3", "5", "7", "8", "9", "10", "13", "20", "36", "38", "1", "4"]
    content = HEADER + "".join(_row(n, kind, "Page") for n, kind in enumerate(kinds))
    landed = read("pardot_activities", write("a.csv", content))
    assert (landed.accepted, len(landed.defects)) == (0, 0)
    assert landed.filtered["activity_opportunity"] == 4
    assert landed.filtered["activity_bounced"] == 2
    assert sum(landed.filtered.values()) == len(kinds)


def test_a_visitor_who_is_no_prospect_yet_is_a_cookie(write: Write, read: Read) -> None:
    content = HEADER + _row(1, "2", "File", prospect_id="", visitor_id="8", file_id="4")
    (signal,) = (
        read("pardot_activities", write("a.csv", content)).tables["landed_signals"].to_pylist()
    )
    assert (signal["person_ref"], signal["anonymous_id"]) == (None, "pardot:8")


def test_bad_activities_say_why(write: Write, read: Read) -> None:
    content = HEADER + "".join(
        (
            _row(1),
            _row(1),
            _row(2, "99"),
            _row(3, prospect_id=""),
            _row(4).replace("2025-07-01", "2025-02-30"),
            _row(5).replace("2025-07-01 10:00:00 UTC", ""),
            _row(6).replace("6,", ",", 1),
            "7,2025-07-01\n",
        )
    )
    landed = read("pardot_activities", write("a.csv", content))
    assert (landed.accepted, landed.duplicates) == (1, 1)
    assert landed.reasons() == {
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_lead": 1,
        "missing_timestamp": 1,
        "unknown_event": 1,
        "wrong_column_count": 1,
    }


def test_a_prospect_is_known_by_its_address_and_a_masked_one_is_not(
    write: Write, read: Read
) -> None:
    content = (
        "email,id,created_at,opted_out\n"
        "Ana@Acme.com,77,2025-01-01 00:00:00 UTC,true\n"
        "L2wCCrXlVskCHtfY9e4EyA==,78,2025-01-01 00:00:00 UTC,false\n"
        ",79,2025-01-01 00:00:00 UTC,\n"
    )
    landed = read("pardot_prospects", write("p.csv", content))
    (identity,) = landed.tables["landed_identities"].to_pylist()
    assert (identity["kind"], identity["ref"]) == ("lead", "pardot:77")
    assert identity["person_ref"] == f"email:{email_key('ana@acme.com')}"
    assert landed.reasons() == {"bad_email": 1, "missing_email": 1}


def test_another_table_is_refused(write: Write, read: Read) -> None:
    for connector in ("pardot_activities", "pardot_prospects"):
        with pytest.raises(SourceError, match="lacks the column"):
            read(connector, write("c.csv", "id,name,cost\n1,x,2\n"))


def test_the_real_exports_reconcile(shared_data: Path, read: Read) -> None:
    folder = shared_data / "crm" / "pardot"
    path = folder / "pardot_visitor_activity_data.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        kinds = [record["type"] for record in csv.DictReader(file)]
    landed = read("pardot_activities", path)
    left = sum(kind in ("12", "14", "35") for kind in kinds)
    assert (landed.rows, landed.accepted) == (len(kinds), left)
    assert set(landed.tables["landed_signals"]["event"].to_pylist()) == {"unsubscribe"}
    assert landed.filtered == {
        "activity_bounced": kinds.count("36"),
        "activity_opportunity": sum(kind in ("8", "9", "10") for kind in kinds),
    }
    prospects = read("pardot_prospects", folder / "pardot_prospect_data.csv")
    assert prospects.reasons() == {"bad_email": prospects.rows}
