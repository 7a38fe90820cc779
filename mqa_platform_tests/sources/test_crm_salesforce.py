from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.market import MarketConfig, generate
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.names import email_key
from mqa_platform_tests.sources.crm_cases import STAMP, Write, csv_of, landed, rows


def _account(**changes: Any) -> dict[str, Any]:
    return {"Id": "001", "Name": "Acme Inc", "SystemModstamp": STAMP, **changes}


def test_an_account_lands_with_its_firmographics(write: Write) -> None:
    account = _account(
        Website="https://www.acme.com/about",
        NumberOfEmployees="1,200",
        AnnualRevenue="$5000000.50",
        BillingCountry="Germany",
        Type="Customer - Direct",
        Tier__c="Strategic",
        Is_Target__c="1",
        Aliases__c="acme.de;mail.acme.com;acme.io",
        Technologies__c="AWS; Snowflake;aws",
        Growth_Pct__c="12.5",
        Do_Not_Contact__c="FALSE",
        Sales_Status__c=" rejected ",
        Sales_Status_Reason__c="Bad Fit",
        IsDeleted="false",
        CreatedDate="2024-01-01 9:00:00",
    )
    (row,) = rows(landed(write("a.csv", csv_of(account)), "salesforce", "Account"))
    assert row["domain"] == "acme.com"
    assert row["aliases"] == "acme.de;acme.io"
    assert (row["employees"], row["revenue"], row["growth_pct"]) == (1200, 5000000.5, 12.5)
    assert (row["account_type"], row["tier"], row["is_target"]) == ("customer", "strategic", True)
    assert row["technologies"] == "aws;snowflake"
    assert (row["sales_status"], row["sales_status_reason"]) == ("rejected", "bad_fit")
    assert (row["do_not_contact"], row["is_deleted"]) == (False, False)
    assert row["created_at"] == datetime(2024, 1, 1, 9, tzinfo=UTC)


def test_what_the_crm_leaves_blank_is_not_known(write: Write) -> None:
    path = write("a.csv", csv_of(_account(Is_Target__c="", Tier__c="", Type="")))
    (row,) = rows(landed(path, "salesforce", "Account"))
    unknown = ("domain", "employees", "revenue", "tier", "is_target", "account_type", "owner_id")
    assert {row[name] for name in unknown} == {None}
    assert row["is_deleted"] is False


def test_an_account_type_without_an_entry_is_quarantined_and_counted_by_value(
    write: Write,
) -> None:
    types = ["Prospect", "Customer - Direct", "Other", "Gold Customer", "Gold Customer", "Ally"]
    accounts = [_account(Id=str(n), Type=kind) for n, kind in enumerate(types)]
    found = landed(write("a.csv", csv_of(*accounts)), "salesforce", "Account")
    assert [row["account_type"] for row in rows(found)] == ["prospect", "customer", None]
    assert found.reasons() == {
        "unmapped_value: account_type=Ally": 1,
        "unmapped_value: account_type=Gold Customer": 2,
    }


def test_every_version_of_an_account_lands_and_a_repeated_row_is_a_duplicate(write: Write) -> None:
    first, second = _account(OwnerId="u1"), _account(OwnerId="u2", SystemModstamp="2025-08-01")
    found = landed(write("a.csv", csv_of(first, second, first)), "salesforce", "Account")
    versions = [(row["account_id"], row["owner_id"]) for row in rows(found)]
    assert versions == [("001", "u1"), ("001", "u2")]
    assert (found.rows, found.accepted, found.duplicates) == (3, 2, 1)


def test_bad_accounts_say_why(write: Write) -> None:
    content = csv_of(
        _account(NumberOfEmployees="10", IsDeleted="0", CreatedDate=STAMP),
        _account(Id=""),
        _account(Name=""),
        _account(SystemModstamp=""),
        _account(SystemModstamp="now"),
        _account(NumberOfEmployees="many"),
        _account(NumberOfEmployees="1.5"),
        _account(IsDeleted="perhaps"),
    )
    found = landed(write("a.csv", content + "lonely\n"), "salesforce", "Account")
    assert found.reasons() == {
        "bad_boolean": 1,
        "bad_number": 2,
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_name": 1,
        "missing_timestamp": 1,
        "wrong_column_count": 1,
    }
    assert found.accepted == 1


def test_a_contact_is_a_person_by_its_address(write: Write) -> None:
    contacts = csv_of(
        {
            "Id": "003",
            "AccountId": "001",
            "Email": "Ana@acme.com",
            "FirstName": "Ana",
            "LastName": "Li",
            "Title": "VP Data",
            "HasOptedOutOfEmail": "TRUE",
            "SystemModstamp": STAMP,
        },
        {"Id": "004", "SystemModstamp": STAMP},
    )
    known, unknown = rows(landed(write("a.csv", contacts), "salesforce", "Contact"))
    assert known["person_ref"] == f"email:{email_key('ana@acme.com')}"
    assert (known["email_domain"], known["do_not_contact"]) == ("acme.com", True)
    assert (known["name"], unknown["name"]) == ("Ana Li", None)
    assert (unknown["person_ref"], unknown["do_not_contact"]) == (None, False)


def test_a_record_merged_into_another_points_to_its_survivor_and_is_not_deleted_itself(
    write: Write,
) -> None:
    # The CRM marks it deleted because of the merge, which somebody may take back.
    merged = _account(MasterRecordId="009", IsDeleted="true")
    path = write("a.csv", csv_of(merged, _account(Id="009", IsDeleted="true")))
    found = landed(path, "salesforce", "Account")
    assert [row["is_deleted"] for row in rows(found, "landed_accounts")] == [False, True]
    (merge,) = rows(found, "landed_associations")
    assert (merge["from_object"], merge["from_id"]) == ("account", "001")
    assert (merge["to_object"], merge["to_id"]) == ("survivor", "009")


def test_a_lead_is_a_person_and_says_what_it_became(write: Write) -> None:
    lead = {
        "Id": "00Q1",
        "Email": "bo@startup.io",
        "Name": "Bo",
        "Company": "Startup",
        "Website": "www.startup.io",
        "Status": "Closed - Converted",
        "ConvertedAccountId": "001",
        "ConvertedDate": "2025-06-30",
        "SystemModstamp": STAMP,
    }
    path = write("Lead.csv", csv_of(lead, {**lead, "Id": "00Q2", "Status": "Zombie"}))
    found = landed(path, "salesforce", "Lead")
    (row,) = rows(found, "landed_leads")
    assert (row["status"], row["converted_account_id"]) == ("converted", "001")
    assert (row["company_domain"], row["email_domain"]) == ("startup.io", "startup.io")
    assert row["converted_at"] == datetime(2025, 6, 30, tzinfo=UTC)
    (named,) = rows(found, "landed_identities")
    assert (named["kind"], named["ref"]) == ("lead", "00Q1")
    assert named["person_ref"] == row["person_ref"]
    assert found.reasons() == {"unmapped_value: status=Zombie": 1}


def test_an_opportunity_has_no_close_date_before_it_is_closed(write: Write) -> None:
    base = {"AccountId": "001", "CreatedDate": STAMP, "SystemModstamp": STAMP}
    content = csv_of(
        {"Id": "1", "IsClosed": "FALSE", "IsWon": "FALSE", "CloseDate": "2025-09-01", **base},
        {
            "Id": "2",
            "IsClosed": "TRUE",
            "IsWon": "FALSE",
            "CloseDate": "2025-09-01",
            "Loss_Reason__c": "No Budget",
            "Amount": "24000",
            "Term_Months__c": "12.0",
            **base,
        },
    )
    running, lost = rows(landed(write("a.csv", content), "salesforce", "Opportunity"))
    assert (running["is_closed"], running["closed_at"]) == (False, None)
    assert lost["closed_at"] == datetime(2025, 9, 1, tzinfo=UTC)
    assert (lost["loss_reason"], lost["amount"], lost["term_months"]) == ("no_budget", 24000.0, 12)


def test_tasks_are_touches_of_their_kind(write: Write) -> None:
    base = {"OwnerId": "u1", "CreatedDate": STAMP, "ActivityDate": "2025-07-01"}
    kinds = [
        ("Call", "Task"),
        ("Email", ""),
        ("Social", ""),
        ("Email", "List Email"),
        ("", "Call"),
        ("Other", "LinkedIn"),
        ("", "Task"),
        ("Fax", "Call"),
        ("", ""),
    ]
    content = csv_of(
        *(
            {"Id": str(n), "Type": kind, "TaskSubtype": subtype, "Status": "Completed", **base}
            for n, (kind, subtype) in enumerate(kinds)
        )
    ).replace("CreatedDate", "SystemModstamp")
    found = landed(write("Task.csv", content), "salesforce", "Task")
    kinds_landed = [row["kind"] for row in rows(found)]
    assert kinds_landed == ["call", "email", "social", "bulk_email", "call", "social"]
    # A to-do is no touch; a type nobody has mapped is not made known by its subtype.
    assert found.filtered == {"filtered_value: subkind=Task": 1}
    assert found.reasons() == {"missing_kind": 1, "unmapped_value: kind=Fax": 1}


def test_a_task_happened_when_it_was_logged_unless_its_day_is_another(write: Write) -> None:
    base = {"OwnerId": "u", "Type": "Call", "CreatedDate": STAMP, "SystemModstamp": STAMP}
    content = csv_of(
        {"Id": "1", "ActivityDate": "2025-07-01", "Status": "Completed", **base},
        {"Id": "2", "ActivityDate": "2025-07-04", "Status": "Not Started", **base},
        {"Id": "3", "ActivityDate": "2025-07-04T08:30:00Z", "Status": "Completed", **base},
        {"Id": "4", "ActivityDate": "", "Status": "Completed", **base},
        {"Id": "5", "ActivityDate": "2025-07-01 00:00:00", "Status": "Completed", **base},
    )
    found = rows(landed(write("Task.csv", content), "salesforce", "Task"))
    stamp = datetime(2025, 7, 1, 10, tzinfo=UTC)
    assert [row["occurred_at"] for row in found] == [
        stamp,
        datetime(2025, 7, 4, tzinfo=UTC),
        datetime(2025, 7, 4, 8, 30, tzinfo=UTC),
        stamp,
        stamp,
    ]
    assert [row["is_held"] for row in found] == [True, False, True, True, True]


def test_a_meeting_is_held_unless_nobody_came(write: Write) -> None:
    base = {"OwnerId": "u", "WhoId": "003", "StartDateTime": STAMP, "SystemModstamp": STAMP}
    content = csv_of(
        {"Id": "1", "No_Show__c": "FALSE", **base},
        {"Id": "2", "No_Show__c": "1", **base},
        {"Id": "3", "Type": "Call", **base},
    )
    found = rows(landed(write("Event.csv", content), "salesforce", "Event"))
    assert [(row["kind"], row["is_held"]) for row in found] == [
        ("meeting", True),
        ("meeting", False),
        ("call", True),
    ]


def test_a_rep_has_a_territory_and_a_capacity(write: Write) -> None:
    user = {
        "Id": "005",
        "Name": "Ana",
        "IsActive": "true",
        "Territory__c": "Germany; France;Germany",
        "Employees_Min__c": "",
        "Employees_Max__c": "486",
        "Capacity_Per_Week__c": "9",
        "SystemModstamp": STAMP,
    }
    (row,) = rows(landed(write("a.csv", csv_of(user)), "salesforce", "User"))
    assert (row["territory"], row["is_active"]) == ("Germany;France", True)
    assert (row["employees_min"], row["employees_max"], row["capacity_per_week"]) == (None, 486, 9)


def test_a_campaign_member_is_an_event_of_the_buyer_once_its_status_says_so(write: Write) -> None:
    base = {"CampaignId": "701", "CreatedDate": STAMP}
    content = csv_of(
        {"Id": "1", "ContactId": "003", "Status": "Attended", **base},
        {"Id": "1", "ContactId": "003", "Status": "Registered", **base},
        {"Id": "2", "LeadId": "00Q", "Status": "Responded", "FirstRespondedDate": STAMP, **base},
        {"Id": "3", "LeadId": "00Q", "Status": "Sent", **base},
        {"Id": "4", "LeadId": "00Q", "Status": "VIP", **base},
    )
    found = landed(write("CampaignMember.csv", content), "salesforce", "CampaignMember")
    assert [(r["event_id"], r["event"], r["person_ref"]) for r in rows(found)] == [
        ("1:event_attendance", "event_attendance", "contact:003"),
        ("1:event_registration", "event_registration", "contact:003"),
        ("2:content_download", "content_download", "lead:00Q"),
    ]
    assert {(r["channel"], r["campaign"], r["direction"]) for r in rows(found)} == {
        ("campaign", "701", "inbound")
    }
    assert found.filtered == {"filtered_value: event=Sent": 1}
    assert found.reasons() == {"unmapped_value: event=VIP": 1}


def test_a_contact_role_is_known_by_its_ends_when_it_has_no_id(write: Write) -> None:
    content = csv_of({"OpportunityId": "006", "ContactId": "003", "Role": "Decision Maker"})
    (row,) = rows(landed(write("a.csv", content), "salesforce", "OpportunityContactRole"))
    assert (row["role_id"], row["role"], row["is_primary"]) == ("006:003", "Decision Maker", False)


@pytest.mark.parametrize("name", ["Account", "Contact", "Opportunity", "User", "Task", "Lead"])
def test_a_file_without_its_key_columns_is_refused(write: Write, name: str) -> None:
    assert landed(write("empty.csv", ""), "salesforce", name).rows == 0
    with pytest.raises(SourceError, match=f"lacks the column .* of {name} of salesforce"):
        landed(write("a.csv", "Foo,Bar\n1,2\n"), "salesforce", name)


def test_the_synthetic_market_is_read_without_a_defect(tmp_path: Path) -> None:
    generate(MarketConfig(accounts=300, days=60, seed=5), tmp_path)
    for name in ("Account", "Contact", "Opportunity", "Task", "Event", "User"):
        found = landed(tmp_path / "inbox" / "salesforce" / f"{name}.csv", "salesforce", name)
        assert found.accepted == found.rows


SHARED = [
    # object, file, rows, accepted, what was quarantined and left out
    ("Account", "account", 10, 0, 10, 0),
    ("Account", "account_history", 10, 0, 10, 0),
    ("Contact", "contact", 4, 4, 0, 0),
    ("Contact", "contact_history", 4, 4, 0, 0),
    ("Lead", "lead", 1, 1, 0, 0),
    ("Opportunity", "opportunity", 10, 10, 0, 0),
    ("Opportunity", "opportunity_history", 10, 10, 0, 0),
    ("Task", "task", 10, 0, 7, 3),
    ("Event", "event", 10, 10, 0, 0),
    ("User", "user", 10, 10, 0, 0),
]


@pytest.mark.parametrize(("name", "file", "given", "accepted", "bad", "left_out"), SHARED)
def test_real_replicas_with_their_own_spelling_are_read_and_masked_picklists_are_counted(
    shared_data: Path, name: str, file: str, given: int, accepted: int, bad: int, left_out: int
) -> None:
    path = shared_data / "crm" / "salesforce" / f"sf_{file}_data.csv"
    found = landed(path, "salesforce", name)
    assert (found.rows, found.accepted) == (given, accepted)
    assert (sum(found.reasons().values()), sum(found.filtered.values())) == (bad, left_out)
    assert all(reason.startswith("unmapped_value: ") for reason in found.reasons())


def test_versions_of_a_history_table_are_dated_by_their_start(shared_data: Path) -> None:
    path = shared_data / "crm" / "salesforce" / "sf_opportunity_history_data.csv"
    found = rows(landed(path, "salesforce", "Opportunity"))
    assert found[0]["modified_at"] == datetime(2019, 10, 17, 21, 10, 19, tzinfo=UTC)
