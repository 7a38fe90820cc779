"""The local Salesforce, asked by the client that production uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.sources.salesforce_org import Org

MOMENT = "2026-01-01T00:00:00.000+0000"


def identifier(number: int) -> str:
    return f"001{number:012d}AAA"


@pytest.fixture
def org() -> Iterator[LocalSalesforce]:
    with LocalSalesforce() as org:
        rows = [
            {"Id": identifier(n), "Name": f"Firm {n}", "IsDeleted": False, "SystemModstamp": MOMENT}
            for n in range(300)
        ]
        org.add("Account", rows)
        org.field("Account", "Stage__c", length=10)
        org.field("Account", "Key__c", external=True)
        org.add("Task", [])
        for name in ("WhatId", "Subject", "Status"):
            org.field("Task", name)
        yield org


@pytest.fixture
def client(org: LocalSalesforce) -> Iterator[Salesforce]:
    talk = Org("crm", org.url, org.environment())
    yield talk.ask("", lambda client: client)
    talk.close()


def collection(
    client: Salesforce, key: str, records: list[dict[str, Any]], whole: bool = False
) -> Any:
    records = [{"attributes": {"type": "Account"}, **one} for one in records]
    body = {"allOrNone": whole, "records": records}
    return client.restful(f"composite/sobjects/Account/{key}", method="PATCH", json=body)


def codes(answered: list[dict[str, Any]]) -> list[str]:
    return [one["errors"][0]["statusCode"] if one["errors"] else "ok" for one in answered]


def test_an_upsert_by_key_makes_a_record_once_and_changes_it_afterwards(
    org: LocalSalesforce, client: Salesforce
) -> None:
    first = collection(client, "Key__c", [{"Key__c": "k1", "Stage__c": "mqa"}])
    again = collection(client, "Key__c", [{"Key__c": "k1", "Stage__c": "engaged"}])
    assert [one["created"] for one in first + again] == [True, False]
    assert first[0]["id"] == again[0]["id"]
    assert len(org.rows["Account"]) == 301
    row = org.record("Account", "k1", "Key__c")
    assert row is not None
    assert row["Stage__c"] == "engaged"
    assert row["SystemModstamp"] > MOMENT


def test_an_upsert_by_the_records_own_id_never_makes_one(
    org: LocalSalesforce, client: Salesforce
) -> None:
    answered = collection(client, "Id", [{"Id": "001000000009999AAA", "Stage__c": "mqa"}])
    assert codes(answered) == ["INVALID_CROSS_REFERENCE_KEY"]
    assert len(org.rows["Account"]) == 300


def test_one_record_in_trouble_leaves_the_others_written(
    org: LocalSalesforce, client: Salesforce
) -> None:
    org.locked[identifier(1)] = 1
    org.refused[identifier(2)] = ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no")
    records = [{"Id": identifier(n), "Stage__c": "mqa"} for n in range(3)]
    records += [{"Id": identifier(3), "Stage__c": "x" * 11}, {"Id": identifier(0), "Stage__c": "b"}]
    assert codes(collection(client, "Id", records)) == [
        "ok", "UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "STRING_TOO_LONG", "DUPLICATE_VALUE",
    ]  # fmt: skip
    assert codes(collection(client, "Id", records[1:2])) == ["ok"]
    assert [org.rows["Account"][n]["Stage__c"] for n in range(3)] == ["mqa", "mqa", None]


def test_all_or_none_writes_nothing_when_one_fails(
    org: LocalSalesforce, client: Salesforce
) -> None:
    org.locked[identifier(1)] = 1
    records = [{"Id": identifier(n), "Stage__c": "mqa"} for n in range(2)]
    answered = collection(client, "Id", records, whole=True)
    assert codes(answered) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "UNABLE_TO_LOCK_ROW"]
    assert org.rows["Account"][0]["Stage__c"] is None


@pytest.mark.parametrize(
    "records",
    [
        [{"Id": identifier(n), "Stage__c": "a"} for n in range(201)],
        [{"Id": identifier(0), "No_Such__c": "a"}],
        [{"Id": identifier(7), "Stage__c": "a"}],
    ],
    ids=["more than 200", "a field that is not there", "poison"],
)
def test_such_a_request_is_refused_as_a_whole(
    org: LocalSalesforce, client: Salesforce, records: list[dict[str, Any]]
) -> None:
    org.poison = {identifier(7)}
    with pytest.raises(SalesforceMalformedRequest):
        collection(client, "Id", records)
    assert all(row["Stage__c"] is None for row in org.rows["Account"])


def test_a_task_on_an_account_is_the_accounts_and_can_be_found(
    org: LocalSalesforce, client: Salesforce
) -> None:
    made = client.Task.create({"WhatId": identifier(5), "Subject": "Call O'Hara", "Status": "Open"})
    asked = (
        f"SELECT Id, AccountId FROM Task WHERE WhatId IN ('{identifier(5)}') AND "
        "(Subject = 'Call O\\'Hara' OR Status = 'None') ORDER BY Id DESC LIMIT 5"
    )
    found = client.query(asked)["records"]
    assert [(one["Id"], one["AccountId"]) for one in found] == [(made["id"], identifier(5))]
    client.Task.delete(made["id"])
    assert client.query(asked)["totalSize"] == 0
    assert client.query(asked, include_deleted=True)["totalSize"] == 1
    with pytest.raises(SalesforceResourceNotFound):
        client.Task.update(made["id"], {"Status": "Done"})


def test_what_the_org_does_not_understand_is_no_empty_answer(client: Salesforce) -> None:
    for asked in ("SELECT Id FROM Account WHERE", "SELECT Id FROM Account WHERE Nope = 'x'"):
        with pytest.raises(SalesforceMalformedRequest):
            client.query(asked)


def test_a_bulk_job_says_of_each_record_what_became_of_it(org: LocalSalesforce) -> None:
    org.locked[identifier(2)] = 1
    org.tokens.add("t")
    job = _Job(org, "t")
    order = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Id"}
    job_id = job.ask("POST", "", order).json()["id"]
    lines = "".join(f'"{identifier(n)}","mqa"\n' for n in range(4))
    assert job.ask("PUT", f"/{job_id}/batches", raw='"Id","Stage__c"\n' + lines).status_code == 201
    job.ask("PATCH", f"/{job_id}", {"state": "UploadComplete"})
    told = job.ask("GET", f"/{job_id}").json()
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (
        "JobComplete", 4, 1,
    )  # fmt: skip
    failed = job.ask("GET", f"/{job_id}/failedResults/").text
    assert "UNABLE_TO_LOCK_ROW" in failed
    assert identifier(2) in failed
    assert len(job.ask("GET", f"/{job_id}/successfulResults/").text.splitlines()) == 4
    assert [org.rows["Account"][n]["Stage__c"] for n in range(4)] == ["mqa", "mqa", None, "mqa"]


def test_a_session_that_ended_is_refused(org: LocalSalesforce, client: Salesforce) -> None:
    org.expire()
    with pytest.raises(SalesforceExpiredSession):
        client.limits()


class _Job:
    """Requests below jobs/ingest."""

    def __init__(self, org: LocalSalesforce, token: str) -> None:
        self.base = f"{org.url}/services/data/v62.0/jobs/ingest"
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(
        self, method: str, path: str, body: Any = None, raw: str | None = None
    ) -> requests.Response:
        url = self.base + path
        return requests.request(method, url, json=body, data=raw, headers=self.headers, timeout=5)
