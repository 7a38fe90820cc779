"""The owner's task and the rep's answer in the CRM: made once, found again, and refused in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mqa_platform.destinations.channel import Channel, Message
from mqa_platform.destinations.crm_channels import crm_channels
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform_tests.destinations.crm_cases import (
    FAST,
    hubspot_policy,
    ids,
    org_of,
    salesforce_policy,
)

ACCOUNT, REP = ids(1)[0], "0055f0000000001AAA"
ANSWERS = {"status_field": "Sales_Status__c", "reason_field": "Sales_Status_Reason__c"}
TASK_FIELDS = ("Subject", "Description", "OwnerId", "ActivityDate", "Status", "Priority", "WhatId")
SENTENCE = {"text": "{who} asked for us.", "words": {"who": "Ada <b>"}, "cites": [], "records": []}


def handoff(**parts: Any) -> Message:
    payload = {
        "account": {"name": "Acme \u202e Corp", "account_id": ACCOUNT},
        "handoff": {"due_at": "2026-03-03T09:00:00+00:00"},
        "facts": {"sections": [{"name": "why_now", "sentences": [SENTENCE]}]},
        "evidence_url": "https://mqa.example.com/h1.html",
    }
    given = {"key": "h1:crm_task", "channel": "crm_task", "kind": "handoff", "handoff_id": "h1",
             "account_id": ACCOUNT, "motion": "new_business", "rep_id": REP, "payload": payload}  # fmt: skip
    return Message(**{**given, **parts})


@pytest.fixture
def org() -> Iterator[LocalSalesforce]:
    with LocalSalesforce() as org:
        org_of(org, [ACCOUNT])
        for name in ("Sales_Status__c", "Sales_Status_Reason__c"):
            org.field("Account", name)
        org.add("Task", [], Id="id", **dict.fromkeys(TASK_FIELDS, "string"))
        org.field("Task", "MQA_Key__c", external=True)
        yield org


def channel(org: LocalSalesforce, name: str = "crm_task", **parts: Any) -> Channel:
    policy = salesforce_policy(org.url, **{"task": {}, "answers": ANSWERS, **parts})
    return crm_channels(policy, {**org.environment(), **FAST})[name]


def test_the_owner_gets_a_task_with_the_brief_and_its_day(org: LocalSalesforce) -> None:
    (sent,) = channel(org).send([handoff()])
    (task,) = org.rows["Task"]
    assert (sent.outcome, sent.external_id) == ("sent", task["Id"])
    assert (task["OwnerId"], task["WhatId"], task["ActivityDate"]) == (REP, ACCOUNT, "2026-03-03")
    assert task["Subject"] == "Qualified account: Acme Corp"
    assert "- Ada <b> asked for us." in task["Description"]
    assert task["Description"].endswith("Reference: h1:crm_task")


@pytest.mark.parametrize("key_field", [None, "MQA_Key__c"])
def test_a_task_whose_answer_was_lost_is_found_and_never_made_twice(
    org: LocalSalesforce, key_field: str | None
) -> None:
    tasks = channel(org, task={"key_field": key_field})
    assert tasks.find(handoff()) is None
    org.faults.append(Fault("/sobjects/Task", "done_dropped"))
    if key_field is None:
        with pytest.raises(OSError, match="no usable answer"):
            tasks.send([handoff()])
    else:
        # The key makes it safe for the transport to ask again.
        assert tasks.send([handoff()])[0].outcome == "sent"
    (task,) = org.rows["Task"]
    assert tasks.find(handoff()) == task["Id"]
    assert tasks.find(handoff(key="h2:crm_task")) is None


def test_a_queue_is_nobody_in_the_crm_until_the_policy_names_one(org: LocalSalesforce) -> None:
    (refused,) = channel(org).send([handoff(rep_id="sla_queue")])
    assert refused.outcome == "refused"
    assert "task.owners" in str(refused.error)
    (sent,) = channel(org, task={"owners": {"sla_queue": REP}}).send([handoff(rep_id="sla_queue")])
    assert (sent.outcome, org.rows["Task"][0]["OwnerId"]) == ("sent", REP)


def test_a_task_that_the_org_refuses_says_why(org: LocalSalesforce) -> None:
    body = (
        '[{"errorCode": "FIELD_INTEGRITY_EXCEPTION", "message": "Assigned To ID: inactive user"}]'
    )
    org.faults.append(Fault("/sobjects/Task", "status", 400, body=body))
    (refused,) = channel(org).send([handoff()])
    assert refused.outcome == "refused"
    assert "inactive user" in str(refused.error)


@pytest.mark.parametrize(
    ("payload", "status", "reason"),
    [
        ({"answer": "accepted", "reason": None}, "Accepted", None),
        ({"answer": "rejected", "reason": "bad_fit"}, "Rejected", "Bad fit"),
        ({"answer": "snoozed", "until": "2026-03-09"}, "as before", "as before"),
    ],
)
def test_an_answer_stands_in_the_fields_that_the_mapping_reads_back(
    org: LocalSalesforce, payload: dict[str, Any], status: str, reason: str | None
) -> None:
    (row,) = org.rows["Account"]
    row |= {"Sales_Status__c": "as before", "Sales_Status_Reason__c": "as before"}
    answers = channel(org, "crm_answer", answers={**ANSWERS, "reasons": {"bad_fit": "Bad fit"}})
    message = handoff(key="a1:crm", channel="crm_answer", kind="answer", payload=payload)
    assert [s.outcome for s in answers.send([message, message])] == ["sent", "sent"]
    assert (row["Sales_Status__c"], row["Sales_Status_Reason__c"]) == (status, reason)


def test_an_answer_on_a_locked_row_is_due_again(org: LocalSalesforce) -> None:
    org.locked[ACCOUNT] = 1
    answers = channel(org, "crm_answer")
    message = handoff(channel="crm_answer", kind="answer", payload={"answer": "accepted"})
    assert [answers.send([message])[0].outcome for _ in range(2)] == ["again", "sent"]


@pytest.mark.parametrize("key_field", [None, "mqa_key"])
def test_hubspot_gets_one_task_of_the_company(key_field: str | None) -> None:
    with LocalHubSpot() as hub:
        hub.put("companies", 7, 0, name="Acme")
        for name in ("hs_task_subject", "hs_task_body", "hs_timestamp", "hs_task_status",
                     "hs_task_priority", "hubspot_owner_id"):  # fmt: skip
            hub.field("tasks", name)
        hub.field("tasks", "mqa_key", unique=True)
        policy = hubspot_policy(hub.url, task={"key_field": key_field})
        tasks = crm_channels(policy, {**hub.environment(), **FAST})["crm_task"]
        message = handoff(account_id="7", rep_id="42")
        assert tasks.find(message) is None
        (sent,) = tasks.send([message])
        assert sent.outcome == "sent"
        assert tasks.find(message) == sent.external_id
        if key_field is not None:
            assert tasks.send([message])[0].external_id == sent.external_id
        (task,) = hub.objects["tasks"].values()
        assert task["properties"]["hubspot_owner_id"] == "42"
        assert "&lt;b&gt;" in task["properties"]["hs_task_body"]
        assert hub.links[("tasks", "companies")] == {int(sent.external_id or 0): [7]}
