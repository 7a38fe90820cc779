from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import email_key

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

STAMP = "2025-07-01T10:00:00Z"


def _csv(*rows: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(f'"{row.get(name, "")}"' for name in names) for row in rows]
    return "\n".join([",".join(names), *lines]) + "\n"


def _account(**changes: Any) -> dict[str, Any]:
    return {"Id": "001", "Name": "Acme Inc", "SystemModstamp": STAMP, **changes}


def _rows(landed: Landed) -> list[dict[str, Any]]:
    (table,) = landed.tables.values()
    return list(table.to_pylist())


def test_an_account_lands_with_its_firmographics(write: Write, read: Read) -> None:
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
        Sales_Status__c="Rejected",
        Sales_Status_Reason__c="Bad Fit",
        IsDeleted="false",
        CreatedDate="2024-01-01 9:00:00",
    )
    (row,) = _rows(read("salesforce_accounts", write("a.csv", _csv(account))))
    assert row["domain"] == "acme.com"
    assert row["aliases"] == "acme.de;acme.io"
    assert (row["employees"], row["revenue"], row["growth_pct"]) == (1200, 5000000.5, 12.5)
    assert (row["account_type"], row["tier"], row["is_target"]) == ("customer", "strategic", True)
    assert row["technologies"] == "aws;snowflake"
    assert (row["sales_status"], row["sales_status_reason"]) == ("rejected", "bad_fit")
    assert (row["do_not_contact"], row["is_deleted"]) == (False, False)
    assert row["created_at"] == datetime(2024, 1, 1, 9, tzinfo=UTC)


def test_what_the_crm_leaves_blank_is_not_known(write: Write, read: Read) -> None:
    (row,) = _rows(read("salesforce_accounts", write("a.csv", _csv(_account(Is_Target__c="")))))
    unknown = ("domain", "employees", "revenue", "tier", "is_target", "account_type", "owner_id")
    assert {row[name] for name in unknown} == {None}
    assert row["is_deleted"] is False


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("Prospect", "prospect"),
        ("Former Customer", "former_customer"),
        ("Channel Partner / Reseller", "partner"),
        ("Competitor", "competitor"),
        ("Analyst", None),
    ],
)
def test_account_types_are_ours_or_none(
    write: Write, read: Read, given: str, ours: str | None
) -> None:
    (row,) = _rows(read("salesforce_accounts", write("a.csv", _csv(_account(Type=given)))))
    assert row["account_type"] == ours


def test_every_version_of_an_account_lands(write: Write, read: Read) -> None:
    versions = _csv(_account(OwnerId="u1"), _account(OwnerId="u2", SystemModstamp="2025-08-01"))
    rows = _rows(read("salesforce_accounts", write("a.csv", versions)))
    assert [(row["account_id"], row["owner_id"]) for row in rows] == [("001", "u1"), ("001", "u2")]


def test_bad_accounts_say_why(write: Write, read: Read) -> None:
    content = _csv(
        _account(NumberOfEmployees="10", IsDeleted="0", CreatedDate=STAMP),
        _account(Id=""),
        _account(Name=""),
        _account(SystemModstamp=""),
        _account(SystemModstamp="now"),
        _account(NumberOfEmployees="many"),
        _account(NumberOfEmployees="1.5"),
        _account(IsDeleted="perhaps"),
        _account(CreatedDate="2025-13-01"),
    )
    landed = read("salesforce_accounts", write("a.csv", content + "lonely\n"))
    assert landed.accepted == 1
    assert landed.reasons() == {
        "bad_boolean": 1,
        "bad_number": 2,
        "bad_timestamp": 2,
        "missing_id": 1,
        "missing_name": 1,
        "missing_timestamp": 1,
        "wrong_column_count": 1,
    }


def test_a_contact_is_a_person_by_its_address(write: Write, read: Read) -> None:
    contacts = _csv(
        {
            "Id": "003",
            "AccountId": "001",
            "Email": "Ana@acme.com",
            "Title": "VP Data",
            "HasOptedOutOfEmail": "TRUE",
            "SystemModstamp": STAMP,
        },
        {"Id": "004", "SystemModstamp": STAMP},
    )
    known, unknown = _rows(read("salesforce_contacts", write("a.csv", contacts)))
    assert known["person_ref"] == f"email:{email_key('ana@acme.com')}"
    assert (known["email_domain"], known["do_not_contact"]) == ("acme.com", True)
    assert (unknown["person_ref"], unknown["do_not_contact"]) == (None, False)


def test_an_opportunity_has_no_close_date_before_it_is_closed(write: Write, read: Read) -> None:
    base = {"AccountId": "001", "CreatedDate": STAMP, "SystemModstamp": STAMP}
    content = _csv(
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
    running, lost = _rows(read("salesforce_opportunities", write("a.csv", content)))
    assert (running["is_closed"], running["closed_at"]) == (False, None)
    assert lost["closed_at"] == datetime(2025, 9, 1, tzinfo=UTC)
    assert (lost["loss_reason"], lost["amount"], lost["term_months"]) == ("no_budget", 24000.0, 12)


def test_tasks_are_touches_of_their_kind(write: Write, read: Read) -> None:
    base = {"OwnerId": "u1", "CreatedDate": STAMP, "ActivityDate": "2025-07-01"}
    kinds = [
        ("Call", ""),
        ("Email", ""),
        ("Social", ""),
        ("Email", "List Email"),
        ("", "Call"),
        ("LinkedIn InMail", ""),
        ("To do", "Task"),
    ]
    content = _csv(
        *(
            {
                "Id": str(n),
                "Type": kind,
                "TaskSubtype": subtype,
                "Status": "Completed",
                "SystemModstamp": STAMP,
                **base,
            }
            for n, (kind, subtype) in enumerate(kinds)
        )
    )
    landed = read("salesforce_activities", write("Task.csv", content))
    kinds_landed = [row["kind"] for row in _rows(landed)]
    assert kinds_landed == ["call", "email", "social", "bulk_email", "call", "social"]
    assert landed.reasons() == {"unknown_activity": 1}


def test_a_task_happened_when_it_was_logged_unless_its_day_is_another(
    write: Write, read: Read
) -> None:
    base = {"OwnerId": "u", "Type": "Call", "CreatedDate": STAMP, "SystemModstamp": STAMP}
    content = _csv(
        {"Id": "1", "ActivityDate": "2025-07-01", "Status": "Completed", **base},
        {"Id": "2", "ActivityDate": "2025-07-04", "Status": "Not Started", **base},
        {"Id": "3", "ActivityDate": "2025-07-04T08:30:00Z", "Status": "Completed", **base},
        {"Id": "4", "ActivityDate": "", "Status": "Completed", **base},
    )
    rows = _rows(read("salesforce_activities", write("Task.csv", content)))
    stamp = datetime(2025, 7, 1, 10, tzinfo=UTC)
    assert [row["occurred_at"] for row in rows] == [
        stamp,
        datetime(2025, 7, 4, tzinfo=UTC),
        datetime(2025, 7, 4, 8, 30, tzinfo=UTC),
        stamp,
    ]
    assert [row["is_held"] for row in rows] == [True, False, True, True]


def test_a_meeting_is_held_unless_nobody_came(write: Write, read: Read) -> None:
    base = {"OwnerId": "u", "WhoId": "003", "StartDateTime": STAMP, "SystemModstamp": STAMP}
    content = _csv(
        {"Id": "1", "No_Show__c": "FALSE", **base}, {"Id": "2", "No_Show__c": "1", **base}
    )
    rows = _rows(read("salesforce_activities", write("Event.csv", content)))
    assert [(row["kind"], row["is_held"]) for row in rows] == [
        ("meeting", True),
        ("meeting", False),
    ]


def test_a_rep_has_a_territory_and_a_capacity(write: Write, read: Read) -> None:
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
    (row,) = _rows(read("salesforce_users", write("a.csv", _csv(user))))
    assert (row["territory"], row["is_active"]) == ("Germany;France", True)
    assert (row["employees_min"], row["employees_max"], row["capacity_per_week"]) == (None, 486, 9)


@pytest.mark.parametrize("object_name", ["accounts", "contacts", "opportunities", "users"])
def test_a_file_without_its_key_columns_is_refused(
    write: Write, read: Read, object_name: str
) -> None:
    assert read(f"salesforce_{object_name}", write("empty.csv", "")).rows == 0
    with pytest.raises(SourceError, match="lacks the column Id"):
        read(f"salesforce_{object_name}", write("a.csv", "Foo,Bar\n1,2\n"))


def test_real_replicas_with_their_own_spelling_are_read(shared_data: Path, read: Read) -> None:
    folder = shared_data / "crm" / "salesforce"
    for name, file, rows in [
        ("accounts", "account", 10),
        ("accounts", "account_history", 10),
        ("contacts", "contact", 4),
        ("opportunities", "opportunity", 10),
        ("activities", "event", 10),
        ("users", "user", 10),
    ]:
        landed = read(f"salesforce_{name}", folder / f"sf_{file}_data.csv")
        assert (landed.rows, landed.accepted) == (rows, rows)
    tasks = read("salesforce_activities", folder / "sf_task_data.csv")
    assert tasks.reasons() == {"unknown_activity": 10}
