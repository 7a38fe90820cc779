"""A service that misbehaves does so as it was told, and its log says what was asked."""

from __future__ import annotations

import threading
import time

import pytest
import requests

from mqa_platform.local_services.faults import Fault, Weather
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.server import Asked


def written(hub: LocalHubSpot, stage: str = "mqa", wait: float = 5.0) -> int:
    body = {"inputs": [{"id": "1", "properties": {"stage": stage}}]}
    url = f"{hub.url}/crm/v3/objects/companies/batch/update"
    token = hub.environment()["MQA_HUBSPOT_TOKEN"]
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(url, json=body, headers=headers, timeout=wait).status_code


def stage(hub: LocalHubSpot) -> str:
    return str((hub.record("companies", 1) or {})["stage"])


@pytest.fixture
def hub() -> LocalHubSpot:
    account = LocalHubSpot()
    account.put("companies", 1, 1_000, stage="target")
    return account


@pytest.mark.parametrize(
    ("kind", "is_done"),
    [
        ("status", False),
        ("dropped", False),
        ("hang", False),
        ("done_dropped", True),
        ("done_hang", True),
        ("truncated", True),
    ],
)
def test_a_failed_answer_says_nothing_of_what_was_done(
    hub: LocalHubSpot, kind: str, is_done: bool
) -> None:
    with hub:
        hub.faults = [Fault("batch/update", kind, status=500, seconds=30)]  # type: ignore[arg-type]
        try:
            assert written(hub, wait=0.3) == 500
        except requests.RequestException:
            assert kind != "status"
        assert stage(hub) == ("mqa" if is_done else "target")
        assert written(hub) == 200
        assert len(hub.asked("batch/update", "POST")) == 2


def test_whoever_watches_is_told_of_a_write_before_it_is_answered(hub: LocalHubSpot) -> None:
    seen: list[tuple[str, str]] = []
    came, go = threading.Event(), threading.Event()

    def watching(asked: Asked) -> None:
        seen.append((asked.path, stage(hub)))
        came.set()
        go.wait(5)

    with hub:
        hub.after_change = watching
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(written(hub)))
        thread.start()
        assert came.wait(5)
        assert answers == []
        go.set()
        thread.join()
        assert answers == [200]
    assert seen == [("/crm/v3/objects/companies/batch/update", "mqa")]


def test_more_requests_than_the_service_takes_are_told_to_wait(hub: LocalHubSpot) -> None:
    with hub:
        hub.most_a_second = 3
        assert [written(hub) for _ in range(5)] == [200, 200, 200, 429, 429]
        assert hub.busiest_second() == 5


def test_the_same_seed_is_the_same_weather() -> None:
    drawn = [Weather(3, too_many=0.3, broken=0.05, truncated=0.1) for _ in range(2)]
    one, other = ([w.fault() for _ in range(400)] for w in drawn)
    assert [f and (f.kind, f.status) for f in one] == [f and (f.kind, f.status) for f in other]
    assert 80 < drawn[0].struck["status 429"] < 160
    assert sum(f is None for f in one) > 180


def test_a_service_that_ends_lets_go_of_who_waits(hub: LocalHubSpot) -> None:
    hub.faults = [Fault("batch", "hang", seconds=600)]
    hub.start()
    ended: list[type[Exception]] = []

    def waiting() -> None:
        try:
            written(hub, wait=300)
        except requests.RequestException as problem:
            ended.append(type(problem))

    thread = threading.Thread(target=waiting)
    thread.start()
    while not hub.log:
        time.sleep(0.01)
    hub.close()
    thread.join(10)
    assert ended == [requests.ConnectionError]
