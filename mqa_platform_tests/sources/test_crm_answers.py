"""A look at the CRM finds what sales answered lately, and a look that fails is not an empty answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from mqa_platform.home import Home
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import CrmMapping, CrmObject, Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.crm_answers import Question, questions
from mqa_platform.sources.landed import SourceError

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
QUICK = {"MQA_HTTP_TOTAL_SECONDS": "5", "MQA_HTTP_ATTEMPTS": "1"}


def org_with(*accounts: tuple[str, str | None, datetime]) -> LocalSalesforce:
    """An org whose accounts have a status and a time of change."""
    org = LocalSalesforce()
    rows = [
        {
            "Id": id_,
            "Name": id_,
            "Sales_Status__c": status,
            "Sales_Status_Reason__c": "Bad Fit" if status == "Rejected" else None,
            "SystemModstamp": at.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "IsDeleted": False,
        }
        for id_, status, at in accounts
    ]
    org.add("Account", rows, Sales_Status__c="string", Sales_Status_Reason__c="string")
    return org


def question_to(url: str) -> Question:
    source = Source(connector="salesforce_api", url=url, streams=["Account"])
    (found,) = questions({"crm": source}, load_policy(None).mapping)
    return found


def test_only_answers_since_the_cursor_are_told_in_our_words(tmp_path: Path) -> None:
    accounts = (
        ("001000000000001", "Accepted", NOW),
        ("001000000000002", "Rejected", NOW),
        ("001000000000003", "Accepted", NOW - timedelta(days=2)),
        ("001000000000004", None, NOW),
    )
    with org_with(*accounts) as org:
        found = question_to(org.url).answers_since(
            NOW - timedelta(minutes=10), org.environment() | QUICK, Home(tmp_path)
        )
        asked = org.asked("/query")
    assert {(a.account_id, a.status, a.reason) for a in found} == {
        ("001000000000001", "accepted", None),
        ("001000000000002", "rejected", "bad_fit"),
    }
    assert {a.modified_at for a in found} == {NOW}
    assert len(asked) == 1


@pytest.mark.parametrize("kind", ["status", "html", "cut_json"])
def test_a_crm_that_does_not_answer_is_told_as_trouble(
    tmp_path: Path, kind: Literal["status", "html", "cut_json"]
) -> None:
    with org_with(("001000000000001", "Accepted", NOW)) as org:
        org.faults = [Fault("query", kind, status=503, times=99)]
        with pytest.raises(SourceError):
            question_to(org.url).answers_since(
                NOW - timedelta(days=1), org.environment() | QUICK, Home(tmp_path)
            )


def test_a_field_that_the_crm_does_not_have_is_told_with_its_name(tmp_path: Path) -> None:
    org = LocalSalesforce()
    org.add(
        "Account", [{"Id": "001000000000001", "SystemModstamp": "2026-03-10T12:00:00.000+0000"}]
    )
    with org, pytest.raises(SourceError, match="Sales_Status__c"):
        question_to(org.url).answers_since(NOW, org.environment() | QUICK, Home(tmp_path))


def test_hubspot_is_asked_for_companies_with_an_answer(tmp_path: Path) -> None:
    hub = LocalHubSpot()
    fields = {"account_id": ["id"], "sales_status": ["properties.mqa_answer", "Answer"]}
    mapped = CrmObject.model_validate({"lands_as": "accounts", "fields": fields})
    mappings = Mappings(crms={"hubspot": CrmMapping(objects={"companies": mapped})})
    moment = int(NOW.timestamp() * 1000)
    with hub:
        hub.put("companies", 1, moment, name="one", mqa_answer="Accepted")
        hub.put("companies", 2, moment, name="two")
        hub.put("companies", 3, moment - 86_400_000, name="three", mqa_answer="Accepted")
        source = Source(connector="hubspot_api", url=hub.url, streams=["companies"])
        (question,) = questions({"crm": source}, mappings)
        found = question.answers_since(
            NOW - timedelta(minutes=10), hub.environment() | QUICK, Home(tmp_path)
        )
    assert [(a.account_id, a.status) for a in found] == [("1", "accepted")]


def test_a_crm_that_delivers_files_or_has_no_field_for_answers_is_not_asked() -> None:
    policy = load_policy(None)
    assert questions(policy.sources.sources, policy.mapping) == []
    service = Source(connector="hubspot_api", url="https://api.hubapi.com")
    assert questions({"crm": service}, policy.mapping) == []
    without = Source(
        connector="salesforce_api", url="https://x.my.salesforce.com", streams=["Task"]
    )
    assert questions({"crm": without}, policy.mapping) == []
