"""A delivery starts a run once, and a folder that cannot be read starts nothing."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from mqa_platform.definitions import build_definitions
from mqa_platform.home import Home
from mqa_platform.schedules import DELIVER, REFRESH_AND_DELIVER
from mqa_platform.sensors import arrived, fingerprints


def test_only_new_and_changed_files_have_arrived() -> None:
    before = {"a": "1-10", "b": "2-10", "gone": "3-10"}
    now = {"b": "2-11", "a": "1-10", "c": "4-1"}
    assert arrived(now, before) == ["b", "c"]
    assert arrived(before, before) == []
    assert arrived({}, before) == []


def test_a_file_that_vanishes_while_looking_is_no_failure(tmp_path: Path) -> None:
    there = tmp_path / "a.csv"
    there.write_text("x")
    assert list(fingerprints([there, tmp_path / "b.csv"])) == [str(there)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    (home.inbox / "segment").mkdir(parents=True)
    (home.inbox / "segment" / "one.jsonl").write_text("{}\n")
    return home


def tick(home: Home, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    sensor = build_definitions(home=home).resolve_sensor_def("on_new_files")
    with dg.DagsterInstance.ephemeral() as instance:
        return sensor(dg.build_sensor_context(instance=instance, cursor=cursor))  # type: ignore[return-value]


def test_a_delivery_asks_for_one_run_of_today(home: Home) -> None:
    asked = tick(home)
    assert isinstance(asked, dg.SensorResult)
    (request,) = asked.run_requests or []
    assert request.partition_key is not None
    again = tick(home, asked.cursor)
    assert isinstance(again, dg.SkipReason)


def test_the_run_key_follows_the_content_and_not_the_moment_of_looking(home: Home) -> None:
    def key(cursor: str | None = None) -> str | None:
        asked = tick(home, cursor)
        assert isinstance(asked, dg.SensorResult)
        return (asked.run_requests or [])[0].run_key

    first = key()
    assert first == key()
    path = home.inbox / "segment" / "one.jsonl"
    path.write_text("{}\n{}\n")
    assert key() != first


def test_several_files_of_one_delivery_are_one_run(home: Home) -> None:
    first = tick(home)
    assert isinstance(first, dg.SensorResult)
    for name in ("two", "three"):
        (home.inbox / "segment" / f"{name}.jsonl").write_text(name)
    asked = tick(home, first.cursor)
    assert isinstance(asked, dg.SensorResult)
    assert len(asked.run_requests or []) == 1
    assert len(json.loads(asked.cursor or "{}")) == 3


def test_a_failed_read_is_not_an_empty_inbox(home: Home) -> None:
    first = tick(home)
    assert isinstance(first, dg.SensorResult)
    home.policy.mkdir()
    (home.policy / "sources.yaml").write_text(
        "sources:\n  segment:\n    connector: segment_jsonl\n    path: ${MQA_DATA}/x/*.jsonl\n"
    )
    told = tick(home, first.cursor)
    # A skip leaves the cursor where it was: nothing is forgotten, nothing runs twice.
    assert isinstance(told, dg.SkipReason)
    assert "cannot be listed" in (told.skip_message or "")


def test_every_sensor_is_off_until_somebody_switches_it_on_and_starts_a_job_that_is_there(
    home: Home,
) -> None:
    definitions = build_definitions(home=home)
    found = {s.name: s for s in definitions.get_repository_def().sensor_defs}
    assert {name for name in found if name.startswith("on_")} == {
        "on_new_files",
        "on_received_webhooks",
        "on_slack_answers",
        "on_trigger_events",
        "on_crm_answers",
        "on_sla_clocks",
        "on_outbox",
        "on_run_failure",
    }
    delivering = {"on_slack_answers", "on_outbox", "on_run_failure"}
    for name in found:
        assert found[name].default_status is dg.DefaultSensorStatus.STOPPED
        wanted = DELIVER if name in delivering else REFRESH_AND_DELIVER
        assert [t.job_name for t in found[name].targets] == [wanted], name
