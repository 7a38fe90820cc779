"""A CRM's export becomes published history: what changed, what is linked, who a lead became."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mqa_platform.assets import sources
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import opened

STAMP = "2025-07-20T10:00:00Z"
FILES = {
    "Account.csv": "Id,Name,Website,Type,MasterRecordId,CreatedDate,SystemModstamp\n"
    f"001a,Acme,acme.com,Prospect,,2025-01-01,{STAMP}\n"
    f"001b,Acme Old,acme.com,,001a,2025-01-01,{STAMP}\n",
    "Contact.csv": "Id,AccountId,Email,SystemModstamp,CreatedDate\n"
    f"003a,001a,ana@acme.com,{STAMP},2025-01-01\n",
    "Lead.csv": "Id,Email,Company,Status,ConvertedAccountId,ConvertedDate,SystemModstamp\n"
    f"00Qa,bo@gmail.com,Acme,Closed - Converted,001a,2025-07-10,{STAMP}\n"
    f"00Qb,cy@gmail.com,Zeta,New,,,{STAMP}\n",
    "Opportunity.csv": "Id,AccountId,StageName,IsClosed,IsWon,CloseDate,Amount,CreatedDate,"
    "SystemModstamp\n"
    f"006a,001a,Closed Won,true,true,2025-07-15,900,2025-07-01,{STAMP}\n",
    "OpportunityFieldHistory.csv": "Id,OpportunityId,Field,OldValue,NewValue,CreatedDate\n"
    "017a,006a,StageName,Proposal,Closed Won,2025-07-15T09:00:00Z\n"
    "017b,006a,Amount,500,900,2025-07-05T09:00:00Z\n"
    "017c,006a,created,,,2025-07-01T09:00:00Z\n",
    "OpportunityContactRole.csv": "Id,OpportunityId,ContactId,Role,IsPrimary,SystemModstamp\n"
    f"00Ka,006a,003a,Decision Maker,true,{STAMP}\n",
    "Task.csv": "Id,OwnerId,WhoId,Type,Status,ActivityDate,CreatedDate,SystemModstamp\n"
    "00Ta,005a,003a,Call,Completed,2025-07-12,2025-07-12T08:00:00Z,2025-07-12T08:00:00Z\n",
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Every CRM table of a small export."""
    home = Home(tmp_path_factory.mktemp("crm") / "home")
    folder: Path = home.inbox / "salesforce"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_text(content)
    with opened(home) as step:
        sources.land(step)
        sources.crm(step)
        names = sorted(name for name in step.contracts if name.startswith("crm_"))
        return {name: step.session.rows(step.table(name)) for name in names}


def _shown(rows: list[dict[str, Any]], *columns: str) -> list[tuple[str, ...]]:
    return sorted(tuple(str(row[c]) for c in columns) for row in rows)


def test_a_deal_is_published_as_it_was_on_every_day(
    published: dict[str, list[dict[str, Any]]],
) -> None:
    columns = ("valid_from", "valid_to", "stage_name", "is_won", "amount")
    assert _shown(published["crm_opportunities"], *columns) == [
        ("2025-07-01", "2025-07-05", "Proposal", "False", "500.0"),
        ("2025-07-05", "2025-07-15", "Proposal", "False", "900.0"),
        ("2025-07-15", "2025-07-20", "Closed Won", "True", "900.0"),
        ("2025-07-20", "None", "Closed Won", "True", "900.0"),
    ]


def test_a_converted_lead_is_a_contact_from_its_conversion_on_and_any_lead_is_published(
    published: dict[str, list[dict[str, Any]]],
) -> None:
    assert _shown(published["crm_contacts"], "contact_id", "account_id", "valid_from") == [
        ("003a", "001a", "2025-01-01"),
        ("lead:00Qa", "001a", "2025-07-10"),
    ]
    assert _shown(published["crm_leads"], "lead_id", "status") == [
        ("00Qa", "converted"),
        ("00Qb", "open"),
    ]


def test_a_touch_reaches_its_account_through_its_contact(
    published: dict[str, list[dict[str, Any]]],
) -> None:
    assert _shown(published["crm_activities"], "kind", "account_id") == [("call", "001a")]


def test_a_merged_account_is_deleted_and_the_buying_group_is_kept(
    published: dict[str, list[dict[str, Any]]],
) -> None:
    last = [row for row in published["crm_accounts"] if row["valid_to"] is None]
    assert _shown(last, "account_id", "is_deleted") == [("001a", "False"), ("001b", "True")]
    roles = _shown(published["crm_contact_roles"], "contact_id", "role", "is_primary")
    assert roles == [("003a", "Decision Maker", "True")]
