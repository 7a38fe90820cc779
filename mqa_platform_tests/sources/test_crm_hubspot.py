from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.sources.names import email_key
from mqa_platform_tests.sources.crm_cases import STAMP, Write, csv_of, landed, rows


def _lines(*objects: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, objects)) + "\n"


def _v3(key: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "properties": properties,
        "createdAt": "2025-06-01T00:00:00.000Z",
        "updatedAt": STAMP,
        "archived": False,
        **more,
    }


def test_one_company_reads_the_same_from_the_api_a_replica_and_the_user_interface(
    write: Write,
) -> None:
    told = {"name": "Acme", "domain": "www.acme.com", "numberofemployees": "120"}
    api = _v3("7", {**told, "createdate": "2025-06-01", "hs_lastmodifieddate": STAMP})
    replica = {
        "id": "7",
        "is_deleted": "false",
        "_fivetran_synced": STAMP,
        **{f"property_{name}": value for name, value in told.items()},
        "property_createdate": "2025-06-01 0:00:00",
    }
    screen = {
        "Record ID": "7",
        "Company name": "Acme",
        "Company Domain Name": "www.acme.com",
        "Number of Employees": "120",
        "Create Date": "2025-06-01 00:00",
        "Last Modified Date": "2025-07-01 10:00",
    }
    contents = [_lines(api), csv_of(replica), csv_of(screen)]
    found = [rows(landed(write(f"{n}", c), "hubspot", "companies")) for n, c in enumerate(contents)]
    assert found[0] == found[1] == found[2]
    (row,) = found[0]
    assert (row["name"], row["domain"], row["employees"]) == ("Acme", "acme.com", 120)


def test_a_contact_belongs_to_its_primary_company_else_to_the_first_one_linked(
    write: Write,
) -> None:
    links = {"companies": {"results": [{"id": "11", "type": "x"}, {"id": "12", "type": "x"}]}}
    page = _lines(
        _v3("1", {"email": "a@acme.com", "firstname": "A", "associatedcompanyid": "9"}),
        _v3("2", {"email": "b@acme.com", "hs_email_optout": "true"}, associations=links),
        _v3("3", {"email": None, "hs_merged_object_ids": "4;5"}),
    )
    found = landed(write("page.jsonl", page), "hubspot", "contacts")
    first, second, third = rows(found, "landed_contacts")
    assert (first["account_id"], second["account_id"], third["account_id"]) == ("9", "11", None)
    assert first["person_ref"] == f"email:{email_key('a@acme.com')}"
    assert second["do_not_contact"] is True
    links_landed = [
        (r["from_object"], r["from_id"], r["to_object"], r["to_id"])
        for r in rows(found, "landed_associations")
    ]
    assert links_landed == [
        ("contact", "2", "account", "11"),
        ("contact", "2", "account", "12"),
        ("contact", "4", "survivor", "3"),
        ("contact", "5", "survivor", "3"),
    ]


def test_a_deals_stage_says_its_state_and_a_pipeline_of_ones_own_must_be_mapped(
    write: Write,
) -> None:
    created = {"createdate": "2025-06-01T00:00:00Z", "closedate": "2025-06-30T00:00:00Z"}
    page = _lines(
        _v3("1", {"dealstage": "qualifiedtobuy", **created}),
        _v3("2", {"dealstage": "closedwon", "amount": "1000", **created}),
        _v3("3", {"dealstage": "closedlost", "closed_lost_reason": "No Budget", **created}),
        _v3("4", {"dealstage": "94830211", **created}, archived=True),
    )
    found = landed(write("page.jsonl", page), "hubspot", "deals")
    assert [(r["is_closed"], r["is_won"], r["loss_reason"]) for r in rows(found)] == [
        (False, False, None),
        (True, True, None),
        (True, False, "no_budget"),
    ]
    assert [r["closed_at"] is None for r in rows(found)] == [True, False, False]
    assert found.reasons() == {"unmapped_value: state=94830211": 1}


def test_an_exports_deal_stage_may_carry_the_pipelines_name(write: Write) -> None:
    deal = {
        "Record ID": "5",
        "Deal Name": "Big",
        "Deal Stage": "Closed won (Sales Pipeline)",
        "Create Date": "2025-06-01 10:00",
        "Associated Company IDs": "7;8",
    }
    found = landed(write("deals.csv", csv_of(deal)), "hubspot", "deals")
    (row,) = rows(found, "landed_opportunities")
    assert (row["is_won"], row["account_id"]) == (True, "7")


def _engagement(key: int, kind: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "engagement": {
            "id": key,
            "type": kind,
            "timestamp": 1751364000000,
            "lastUpdated": 1751364060000,
            "ownerId": 3,
        },
        "associations": {"contactIds": [21, 22], "companyIds": [31], "dealIds": []},
        "attachments": [],
        "metadata": metadata or {},
    }


def test_legacy_engagements_are_touches_at_their_millisecond(write: Write) -> None:
    page = _lines(
        _engagement(1, "CALL", {"status": "COMPLETED", "durationMilliseconds": 24000}),
        _engagement(2, "CALL", {"status": "NO_ANSWER"}),
        _engagement(3, "MEETING", {"meetingOutcome": "NO_SHOW"}),
        _engagement(4, "EMAIL"),
        _engagement(5, "INCOMING_EMAIL"),
        _engagement(6, "NOTE", {"body": "x"}),
        _engagement(7, "HOLOGRAM"),
    )
    found = landed(write("page.jsonl", page), "hubspot", "engagements")
    assert [(r["kind"], r["is_held"]) for r in rows(found, "landed_activities")] == [
        ("call", True),
        ("call", False),
        ("meeting", False),
        ("email", True),
    ]
    first = rows(found, "landed_activities")[0]
    assert first["occurred_at"] == datetime(2025, 7, 1, 10, tzinfo=UTC)
    assert (first["account_id"], first["contact_id"], first["user_id"]) == ("31", "21", "3")
    assert found.filtered == {
        "filtered_value: kind=INCOMING_EMAIL": 1,
        "filtered_value: kind=NOTE": 1,
    }
    assert found.reasons() == {"unmapped_value: kind=HOLOGRAM": 1}
    assert len(rows(found, "landed_associations")) == 4 * 3


def test_v3_activities_are_read_by_their_objects(write: Write) -> None:
    at = {"hs_timestamp": STAMP}
    linked = {"contacts": {"results": [{"id": "21"}]}}
    meeting = _v3("1", {**at, "hs_meeting_outcome": "COMPLETED"}, associations=linked)
    (row,) = rows(landed(write("a", _lines(meeting)), "hubspot", "meetings"), "landed_activities")
    assert (row["kind"], row["is_held"], row["contact_id"]) == ("meeting", True, "21")
    mails = _lines(
        _v3("1", {**at, "hs_email_direction": "EMAIL"}),
        _v3("2", {**at, "hs_email_direction": "INCOMING_EMAIL"}),
    )
    assert landed(write("b", mails), "hubspot", "emails").accepted == 1
    tasks = _lines(
        _v3("1", {**at, "hs_task_type": "CALL", "hs_task_status": "COMPLETED"}),
        _v3("2", {**at, "hs_task_type": "CALL", "hs_task_status": "NOT_STARTED"}),
        _v3("3", {**at, "hs_task_type": "TODO"}),
    )
    assert [r["is_held"] for r in rows(landed(write("c", tasks), "hubspot", "tasks"))] == [
        True,
        False,
    ]


SHARED = [
    # object, file, rows, accepted, what was quarantined and left out
    ("companies", "company_data", 24, 24, 0, 0),
    ("companies", "company_data_snowflake", 24, 24, 0, 0),
    ("companies", "company_data_postgres", 24, 24, 0, 0),
    ("companies", "company_data_databricks", 24, 24, 0, 0),
    ("contacts", "contact_data", 22, 22, 0, 0),
    ("deals", "deal_data", 44, 44, 0, 0),
    ("deal_stages", "deal_stage_data", 14, 0, 14, 0),
    ("deal_property_history", "deal_property_history_data", 100, 0, 0, 100),
    ("company_property_history", "company_property_history_data", 100, 0, 0, 100),
    ("contact_property_history", "contact_property_history_data", 100, 0, 0, 100),
    ("owners", "owner_data", 100, 100, 0, 0),
    ("calls", "engagement_call_data", 1, 1, 0, 0),
    ("meetings", "engagement_meeting_data", 100, 100, 0, 0),
    ("emails", "engagement_email_data", 1, 1, 0, 0),
    ("communications", "engagement_communication_data", 1, 1, 0, 0),
    ("tasks", "engagement_task_data", 2, 0, 0, 2),
    ("notes", "engagement_note_data", 1, 0, 0, 1),
    ("deal_companies", "deal_company_data", 2, 2, 0, 0),
    ("deal_contacts", "deal_contact_data", 11, 11, 0, 0),
    ("engagement_companies", "engagement_company_data", 1, 1, 0, 0),
    ("engagement_contacts", "engagement_contact_data", 1, 1, 0, 0),
    ("engagement_deals", "engagement_deal_data", 1, 1, 0, 0),
    ("merged_deals", "merged_deal_data", 14, 14, 0, 0),
    ("contact_merges", "contact_merge_audit_data", 4, 4, 0, 0),
]


@pytest.mark.parametrize(("name", "file", "given", "accepted", "bad", "left_out"), SHARED)
def test_every_table_of_a_real_replica_lands_and_reconciles(
    shared_data: Path, name: str, file: str, given: int, accepted: int, bad: int, left_out: int
) -> None:
    found = landed(shared_data / "crm" / "hubspot" / f"{file}.csv", "hubspot", name)
    assert (found.rows, found.accepted) == (given, accepted)
    assert (sum(found.reasons().values()), sum(found.filtered.values())) == (bad, left_out)


MAVEN = [("accounts", 85, 85), ("sales_pipeline", 8800, 8300), ("sales_teams", 35, 35)]


@pytest.mark.parametrize(("name", "given", "accepted"), MAVEN)
def test_the_maven_files_land_with_their_traps(
    shared_data: Path, name: str, given: int, accepted: int
) -> None:
    found = landed(shared_data / "crm" / "maven" / f"{name}.csv", "maven", name)
    assert (found.rows, found.accepted, len(found.defects)) == (given, accepted, 0)


def test_a_maven_deal_without_account_lands_and_one_not_begun_is_left_out(write: Write) -> None:
    header = (
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value"
    )
    content = f"{header}\nA,x,GTXPro,,Engaging,2016-10-20,,\nB,x,GTX Pro,Isdom,Prospecting,,,\n"
    content += "C,x,GTX Pro,Isdom,Won,2016-10-20,2017-03-01,1054\nD,x,GTX Pro,Isdom,Engaging,,,\n"
    found = landed(write("sales_pipeline.csv", content), "maven", "sales_pipeline")
    running, won = rows(found)
    assert (running["account_id"], running["is_closed"]) == (None, False)
    assert (won["is_won"], won["amount"]) == (True, 1054.0)
    assert won["closed_at"] == datetime(2017, 3, 1, tzinfo=UTC)
    assert found.filtered == {"filtered_value: state=Prospecting": 1}
    assert found.reasons() == {"missing_timestamp": 1}


def test_a_misspelt_sector_is_a_value_and_another_one_is_quarantined(write: Write) -> None:
    content = "account,sector\nAcme Corporation,technolgy\nBetatech,medcal\n"
    found = landed(write("accounts.csv", content), "maven", "accounts")
    assert [r["industry"] for r in rows(found)] == ["Technology"]
    assert found.reasons() == {"unmapped_value: industry=medcal": 1}
