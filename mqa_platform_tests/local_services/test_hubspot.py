"""The local HubSpot's writes, as its documentation says they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from mqa_platform.local_services.hubspot import LocalHubSpot


@pytest.fixture
def hub() -> Iterator[LocalHubSpot]:
    with LocalHubSpot() as account:
        for number in (1, 2):
            account.put("companies", number, 1_000, name=f"Firm {number}")
        account.field("companies", "stage")
        account.field("companies", "key", unique=True)
        account.field("tasks", "hs_task_subject")
        yield account


def ask(hub: LocalHubSpot, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    token = hub.environment()["MQA_HUBSPOT_TOKEN"]
    headers = {"Authorization": f"Bearer {token}"}
    found = requests.request(
        method, f"{hub.url}/crm/v3/objects/{path}", json=body, headers=headers, timeout=5
    )
    return found.status_code, found.json() if found.content else None


def inputs(*ids: str, **properties: str) -> dict[str, Any]:
    return {"inputs": [{"id": i, "properties": properties or {"stage": "mqa"}} for i in ids]}


def test_one_company_in_trouble_leaves_the_others_written(hub: LocalHubSpot) -> None:
    hub.locked["2"] = 1
    status, told = ask(hub, "POST", "companies/batch/update", inputs("1", "2", "77"))
    assert status == 207
    assert [one["id"] for one in told["results"]] == ["1"]
    assert {one["category"]: one["context"]["ids"] for one in told["errors"]} == {
        "CONFLICT": ["2"],
        "OBJECT_NOT_FOUND": ["77"],
    }
    assert ask(hub, "POST", "companies/batch/update", inputs("2"))[0] == 200
    assert (hub.record("companies", 2) or {})["stage"] == "mqa"


@pytest.mark.parametrize(
    "body",
    [
        inputs(*map(str, range(101))),
        inputs("1", "1"),
        inputs("1", no_such="x"),
        inputs("1", "2"),
        {"inputs": [{"properties": {}}]},
    ],
    ids=["more than 100", "one company twice", "no such property", "poison", "no id"],
)
def test_such_a_batch_is_refused_as_a_whole(hub: LocalHubSpot, body: dict[str, Any]) -> None:
    hub.poison = {"2"}
    status, told = ask(hub, "POST", "companies/batch/update", body)
    assert (status, told["category"]) == (400, "VALIDATION_ERROR")
    assert "stage" not in (hub.record("companies", 1) or {})


def test_an_upsert_by_a_unique_property_makes_a_company_once(hub: LocalHubSpot) -> None:
    body = {"inputs": [{"id": "k1", "idProperty": "key", "properties": {"stage": "mqa"}}]}
    answers = [ask(hub, "POST", "companies/batch/upsert", body)[1]["results"][0] for _ in range(2)]
    assert [one["new"] for one in answers] == [True, False]
    assert len({one["id"] for one in answers}) == 1
    assert len(hub.objects["companies"]) == 3
    by_name = {"inputs": [{"id": "Firm 1", "idProperty": "name", "properties": {"stage": "x"}}]}
    assert ask(hub, "POST", "companies/batch/upsert", by_name)[1]["errors"]


def test_a_task_is_made_with_its_company_and_found_again(hub: LocalHubSpot) -> None:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]
    order = {
        "properties": {"hs_task_subject": "Call"},
        "associations": [{"to": {"id": 2}, "types": types}],
    }
    status, made = ask(hub, "POST", "tasks", order)
    assert status == 201
    tests = [{"propertyName": "hs_task_subject", "operator": "EQ", "value": "Call"}]
    found = ask(hub, "POST", "tasks/search", {"filterGroups": [{"filters": tests}]})[1]["results"]
    assert [one["id"] for one in found] == [made["id"]]
    assert hub.links["tasks", "companies"][int(made["id"])] == [2]
    assert ask(hub, "DELETE", f"tasks/{made['id']}")[0] == 204
    assert ask(hub, "GET", f"tasks/{made['id']}")[0] == 404
