"""Accounts, a policy and a journal for the tests of the write-back.

Belongs here: making them. Does not belong here: tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.destinations.crm_plan import Plan
from mqa_platform.destinations.crm_sync import CrmRuns
from mqa_platform.destinations.hubspot_writer import HubSpotWriter
from mqa_platform.destinations.salesforce_writer import SalesforceWriter
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.policy.write_back import WriteBack

FIELDS = {
    "stage": "MQA_Stage__c", "since": "MQA_Since__c", "score": "MQA_Score__c",
    "top_reasons": "MQA_Reasons__c", "validity": "MQA_Validity__c",
}  # fmt: skip
PROPERTIES = {ours: theirs.lower() for ours, theirs in FIELDS.items()}
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = date(2026, 3, 1)
FAST = {
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.01", "MQA_HTTP_READ_SECONDS": "0.5",
    "MQA_HTTP_REQUESTS_PER_SECOND": "500",
}  # fmt: skip


def ids(n: int) -> list[str]:
    """Ids as Salesforce gives them."""
    return [f"001{i:012d}AAA" for i in range(1, n + 1)]


def account(account_id: str, **parts: Any) -> dict[str, Any]:
    """A record as ``crm_records`` gives it."""
    return {
        "account_id": account_id, "motion": "new_business", "stage": "mqa", "since": DAY,
        "score": 60.0, "threshold": 50.0, "top_reasons": "pricing_view, demo_request",
        "evidence_url": None, "policy_version": "v1", "validity": "valid", "as_of": DAY,
        "evidence_at": datetime(2026, 2, 28, tzinfo=UTC), "touchpoints": 5, "left_out": None, **parts,
    }  # fmt: skip


def plan(journal: CrmJournal, rows: Iterable[Mapping[str, Any]], **parts: Any) -> Plan:
    """A plan that writes what differs by stage from what was written last."""
    last = {(r["account_id"], r["motion"]): r for r in journal.last_sent()}
    listed = list(rows)
    changed = [
        {**row, "before": before["stage"] if before else None, "causes": ["stage"]}
        for row in listed
        if (before := last.get((row["account_id"], row["motion"]))) is None
        or (before["stage"], before["score"]) != (row["stage"], row["score"])
    ]
    flips = sum(row["before"] not in (None, row["stage"]) for row in changed)
    return Plan(DAY, changed, last, len(listed), {}, **{"flips": flips, **parts})


def salesforce_policy(url: str, **parts: Any) -> WriteBack:
    """Salesforce at an address, tried again without waiting."""
    given = {"crm": "salesforce", "url": url, "fields": {"new_business": FIELDS}}
    return WriteBack.model_validate({**given, "first_wait_seconds": 0, **parts})


def hubspot_policy(url: str, **parts: Any) -> WriteBack:
    """HubSpot at an address, tried again without waiting."""
    given = {"crm": "hubspot", "url": url, "fields": {"new_business": PROPERTIES}}
    return WriteBack.model_validate({**given, "first_wait_seconds": 0, **parts})


def org_of(org: LocalSalesforce, accounts: Iterable[str]) -> None:
    """The accounts with the fields that are written, all empty."""
    custom = dict.fromkeys(FIELDS.values(), "string")
    org.add("Account", [{"Id": i, "Name": f"Company {i}"} for i in accounts], **custom)


def salesforce_runs(org: LocalSalesforce, folder: Path, **parts: Any) -> CrmRuns:
    """The write-back to a local org, with its journal in a folder."""
    policy = salesforce_policy(org.url, **parts)
    writer = SalesforceWriter(policy, {**org.environment(), **FAST})
    return CrmRuns(CrmJournal(folder / "outbox.sqlite3"), policy, writer, clock=_clock())


def hubspot_runs(hub: LocalHubSpot, folder: Path, **parts: Any) -> CrmRuns:
    """The write-back to a local HubSpot account."""
    policy = hubspot_policy(hub.url, **parts)
    writer = HubSpotWriter(policy, {**hub.environment(), **FAST})
    return CrmRuns(CrmJournal(folder / "outbox.sqlite3"), policy, writer, clock=_clock())


def _clock() -> Any:
    """Moments one second apart, so that runs have an order."""
    moments = (NOW + timedelta(seconds=i) for i in range(10_000_000))
    return lambda: next(moments)


def writes(service: LocalSalesforce | LocalHubSpot) -> list[Any]:
    """The requests that wrote, or tried to."""
    is_write = {"PATCH", "PUT", "DELETE"}
    return [
        a
        for a in service.log
        if a.method in is_write or "/batch/update" in a.path or "/batch/upsert" in a.path
    ]
