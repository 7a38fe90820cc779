"""A tick of each sensor on files, a snapshot, an outbox and a CRM that are really there."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.journal import Journal
from mqa_platform.home import Home
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.partitions import daily
from mqa_platform.policy.loader import load_policy
from mqa_platform.schedules import DELIVER, LAND_SOURCES, REFRESH_AND_DELIVER
from mqa_platform.sensors import Jobs, sensors

ENABLED = "enabled: true\nchannels:\n  webhooks:\n    ops:\n      url: http://127.0.0.1:9/x\n      kinds: [alert]\n"
Asked = dg.SensorResult | dg.SkipReason


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def job(name: str) -> dg.JobDefinition:
    """A job of that name which does nothing: sensors only ask for it."""

    @dg.op
    def nothing() -> None:
        return

    @dg.job(name=name)
    def made() -> None:
        nothing()

    return made


def looking(home: Home) -> list[dg.SensorDefinition]:
    """All sensors of a home, with jobs of no assets."""
    refresh, deliver, land = (
        dg.define_asset_job(name) for name in (REFRESH_AND_DELIVER, DELIVER, LAND_SOURCES)
    )
    days = daily(date(2026, 1, 1))
    jobs = Jobs(refresh, deliver, days)
    return sensors(jobs, [refresh, deliver, land], home, load_policy(home.policy_folder()))


def tick(
    home: Home, instance: dg.DagsterInstance, name: str, cursor: str | None = None
) -> dg.SensorResult:
    """What one look comes to; a skip is a result without runs and without a cursor."""
    sensor = next(s for s in looking(home) if s.name == name)
    told: Asked = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))  # type: ignore[assignment]
    if isinstance(told, dg.SkipReason):
        return dg.SensorResult(skip_reason=told)
    return told


def receive(home: Home, source: str, name: str, day: str = "2026-03-10") -> None:
    folder = home.inbox / "received" / source / day
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text("{}")


def snapshot(home: Home, *statements: str) -> None:
    """The published tables, made of SQL."""
    home.root.mkdir(parents=True, exist_ok=True)
    fresh = home.root / "fresh.duckdb"
    with duckdb.connect(str(fresh)) as con:
        con.execute("SET TimeZone = 'UTC'")
        for statement in statements:
            con.execute(statement)
    os.replace(fresh, home.snapshot)


def test_a_webhook_refreshes_and_a_press_in_slack_only_delivers(
    home: Home, instance: dg.DagsterInstance
) -> None:
    receive(home, "forms", "a")
    webhooks = tick(home, instance, "on_received_webhooks")
    assert [r.job_name for r in webhooks.run_requests or []] == [REFRESH_AND_DELIVER]
    assert not tick(home, instance, "on_slack_answers").run_requests
    receive(home, "slack", "b")
    presses = tick(home, instance, "on_slack_answers")
    assert [(r.job_name, r.partition_key) for r in presses.run_requests or []] == [(DELIVER, None)]
    again = tick(home, instance, "on_slack_answers", presses.cursor)
    assert not again.run_requests


def test_what_was_received_while_nobody_looked_is_found_days_later(
    home: Home, instance: dg.DagsterInstance
) -> None:
    receive(home, "forms", "a", "2026-03-01")
    first = tick(home, instance, "on_received_webhooks")
    receive(home, "forms", "b", "2026-03-04")
    receive(home, "forms", "c", "2026-03-09")
    later = tick(home, instance, "on_received_webhooks", first.cursor)
    assert (later.run_requests or [])[0].tags["mqa/asked_for"] == "2"


def test_while_a_run_waits_no_second_one_is_asked_for_and_nothing_is_forgotten(
    home: Home, instance: dg.DagsterInstance
) -> None:
    receive(home, "forms", "a")
    run = instance.create_run_for_job(job(REFRESH_AND_DELIVER))
    told = tick(home, instance, "on_received_webhooks")
    assert not told.run_requests
    assert told.cursor is None
    assert "waits already" in str(told.skip_reason)
    instance.delete_run(run.run_id)
    assert tick(home, instance, "on_received_webhooks").run_requests


def events(home: Home, *rows: str) -> None:
    """A snapshot with trigger events of the last published day."""
    snapshot(
        home,
        "CREATE TABLE stages AS SELECT DATE '2026-03-10' AS stage_date",
        "CREATE TABLE scores (account_id VARCHAR, motion VARCHAR, score_date DATE, people_on_high_intent BIGINT)",
        "CREATE TABLE touchpoints (signal_id VARCHAR, account_id VARCHAR, signal_type VARCHAR, "
        "received_at TIMESTAMPTZ, touchpoint_date DATE)",
        *[f"INSERT INTO touchpoints VALUES ({row})" for row in rows],
    )


HAND_RAISE = "'s1', 'a1', 'demo_request', TIMESTAMPTZ '2026-03-10 09:00:00+00', DATE '2026-03-10'"
VIEW = "'s2', 'a1', 'pricing_view', TIMESTAMPTZ '2026-03-10 09:00:00+00', DATE '2026-03-10'"
OLD = "'s3', 'a1', 'demo_request', TIMESTAMPTZ '2026-01-10 09:00:00+00', DATE '2026-01-10'"


def test_a_hand_raise_that_mqa_run_published_is_delivered(
    home: Home, instance: dg.DagsterInstance
) -> None:
    events(home, HAND_RAISE, VIEW, OLD)
    asked = tick(home, instance, "on_trigger_events")
    (request,) = asked.run_requests or []
    assert request.tags["mqa/asked_for"] == "1"
    # The same tables again, then a new snapshot with the same events: nothing is new.
    assert not tick(home, instance, "on_trigger_events", asked.cursor).run_requests
    events(home, VIEW, HAND_RAISE)
    assert not tick(home, instance, "on_trigger_events", asked.cursor).run_requests


def test_what_a_delivering_run_published_starts_no_second_run(
    home: Home, instance: dg.DagsterInstance
) -> None:
    run = instance.create_run_for_job(job(REFRESH_AND_DELIVER), status=dg.DagsterRunStatus.STARTED)
    events(home, HAND_RAISE)
    made = home.snapshot.stat().st_mtime
    report(instance, run, dg.DagsterEventType.RUN_START, made - 5)
    waits = tick(home, instance, "on_trigger_events")
    assert not waits.run_requests
    assert waits.cursor is None
    report(instance, run, dg.DagsterEventType.RUN_SUCCESS, made + 5)
    seen = tick(home, instance, "on_trigger_events")
    assert not seen.run_requests
    assert json.loads(seen.cursor or "{}")["seen"]["marks"]


def report(
    instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType, at: float
) -> None:
    """The run began or ended at a moment."""
    from dagster._core.events import DagsterEvent

    event = DagsterEvent(kind.value, run.job_name, message="")
    instance.report_dagster_event(event, run_id=run.run_id, timestamp=at)


def test_a_snapshot_that_cannot_be_read_is_not_an_empty_one(
    home: Home, instance: dg.DagsterInstance
) -> None:
    assert "nothing has been published" in str(
        tick(home, instance, "on_trigger_events").skip_reason
    )
    home.root.mkdir(parents=True)
    home.snapshot.write_bytes(b"not a database" * 1000)
    for name in ("on_trigger_events", "on_sla_clocks"):
        told = tick(home, instance, name)
        assert not told.run_requests
        assert told.cursor is None
        assert "cannot be read" in str(told.skip_reason)


def clocks(home: Home, *due: datetime) -> None:
    """A snapshot of handoffs that wait, each due at a moment."""
    rows = [
        f"('h{n}', NULL, NULL, TIMESTAMPTZ '{at.isoformat()}', NULL, NULL, NULL, NULL, NULL, NULL, "
        "TIMESTAMPTZ '2026-03-01 00:00:00+00', 'running')"
        for n, at in enumerate(due)
    ]
    snapshot(
        home,
        "CREATE TABLE handoffs (handoff_id VARCHAR, remind_at TIMESTAMPTZ, escalate_at TIMESTAMPTZ, "
        "due_at TIMESTAMPTZ, accept_due_at TIMESTAMPTZ, accepted_at TIMESTAMPTZ, rejected_at TIMESTAMPTZ, "
        "first_touch_at TIMESTAMPTZ, ended_on DATE, over_on DATE, delivered_at TIMESTAMPTZ, sla_state VARCHAR)",
        f"INSERT INTO handoffs VALUES {', '.join(rows)}",
    )


def test_a_clock_that_runs_out_starts_a_run_once(home: Home, instance: dg.DagsterInstance) -> None:
    now = datetime.now(UTC)
    clocks(home, now - timedelta(minutes=1), now + timedelta(hours=1), now - timedelta(days=9))
    asked = tick(home, instance, "on_sla_clocks")
    (request,) = asked.run_requests or []
    # What was due days ago is no news.
    assert request.tags["mqa/asked_for"] == "1"
    waits = tick(home, instance, "on_sla_clocks", asked.cursor)
    assert not waits.run_requests
    assert "no clock runs out before" in str(waits.skip_reason)
    clocks(home, now - timedelta(minutes=1), now - timedelta(seconds=30))
    more = tick(home, instance, "on_sla_clocks", asked.cursor)
    assert [r.tags["mqa/asked_for"] for r in more.run_requests or []] == ["1"]


def enable(home: Home) -> None:
    home.policy.mkdir(parents=True)
    (home.policy / "delivery.yaml").write_text(ENABLED)


def test_a_message_that_may_go_out_starts_a_delivery_unless_one_is_at_work(
    home: Home, instance: dg.DagsterInstance
) -> None:
    assert "not enabled" in str(tick(home, instance, "on_outbox").skip_reason)
    enable(home)
    assert not tick(home, instance, "on_outbox").run_requests
    Journal(home.outbox).enter(
        [Message("k:webhook_ops", "webhook_ops", "alert")], datetime.now(UTC)
    )
    (request,) = tick(home, instance, "on_outbox").run_requests or []
    assert request.job_name == DELIVER
    (again,) = tick(home, instance, "on_outbox").run_requests or []
    assert again.run_key == request.run_key
    instance.create_run_for_job(job(DELIVER), status=dg.DagsterRunStatus.STARTED)
    assert "at work" in str(tick(home, instance, "on_outbox").skip_reason)


def test_the_digests_of_a_day_start_one_delivery_once_their_time_has_come(
    home: Home, instance: dg.DagsterInstance
) -> None:
    """The morning's run may be before it, and nothing else need happen on that day."""
    digests = "      url: http://127.0.0.1:9/x\n      kinds: [digest]\n"
    told = f"enabled: true\ndigest_at: '00:00'\nchannels:\n  webhooks:\n    crew:\n{digests}"
    home.policy.mkdir(parents=True)
    (home.policy / "delivery.yaml").write_text(told)
    Journal(home.outbox)
    asked = tick(home, instance, "on_outbox")
    assert [r.job_name for r in asked.run_requests or []] == [DELIVER]
    day = json.loads(asked.cursor or "{}")["digest"]
    assert day >= str(datetime.now(UTC).date() - timedelta(days=1))
    # Tomorrow's are asked for tomorrow.
    tomorrow = json.dumps({"digest": str(datetime.now(UTC).date() + timedelta(days=1))})
    (home.policy / "delivery.yaml").write_text(told.replace("00:00", "24:00"))
    assert not tick(home, instance, "on_outbox", tomorrow).run_requests
    assert not tick(home, instance, "on_outbox").run_requests


def crm(home: Home, org: LocalSalesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that reads an org over its API."""
    home.policy.mkdir(parents=True)
    (home.policy / "sources.yaml").write_text(
        f"sources:\n  crm:\n    connector: salesforce_api\n    url: {org.url}\n    streams: [Account]\n"
    )
    for name, value in org.environment().items():
        monkeypatch.setenv(name, value)


def test_an_acceptance_in_the_crm_starts_one_run_until_it_is_published(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, now = LocalSalesforce(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    record = {"Id": "001000000000001", "Sales_Status__c": "Accepted", "SystemModstamp": now}
    org.add("Account", [{**record, "Sales_Status_Reason__c": None}])
    table = (
        "CREATE TABLE crm_accounts AS SELECT '001000000000001' AS account_id, {} AS sales_status, "
        "NULL::VARCHAR AS sales_status_reason, DATE '2026-03-01' AS valid_from, NULL::DATE AS valid_to"
    )
    snapshot(home, table.format("NULL::VARCHAR"))
    with org:
        crm(home, org, monkeypatch)
        first = tick(home, instance, "on_crm_answers")
        assert [r.job_name for r in first.run_requests or []] == [REFRESH_AND_DELIVER]
        assert not tick(home, instance, "on_crm_answers", first.cursor).run_requests
        org.faults = [Fault("query", "status", status=503, times=99)]
        failed = tick(home, instance, "on_crm_answers", first.cursor)
        assert failed.cursor is None
        assert "cannot be asked" in str(failed.skip_reason)
        org.faults = []
        # A restart that lost the cursor: what is published by now is no answer any more.
        snapshot(home, table.format("'accepted'"))
        assert not tick(home, instance, "on_crm_answers").run_requests


def test_a_failed_run_is_told_once_a_day_and_a_failed_delivery_starts_no_other(home: Home) -> None:
    enable(home)
    sensor = next(s for s in looking(home) if s.name == "on_run_failure")
    with dg.DagsterInstance.ephemeral() as instance:
        for name, starts in ((REFRESH_AND_DELIVER, False), (LAND_SOURCES, True)):
            told = []
            for _ in range(2):
                run = instance.create_run_for_job(job(name))
                instance.report_run_failed(run, "the disk is full")
                event = instance.all_logs(run.run_id)[-1].dagster_event
                assert event is not None
                context = dg.build_run_status_sensor_context(
                    sensor_name="on_run_failure",
                    dagster_event=event,
                    dagster_instance=instance,
                    dagster_run=run,
                )
                told.append(sensor(context))
            assert isinstance(told[0], dg.RunRequest) == starts
            assert isinstance(told[1], dg.SkipReason)
    entries = Journal(home.outbox).entries()
    assert sorted(e.message.payload["title"] for e in entries) == [
        "land_sources failed before its first step",
        "refresh_and_deliver failed before its first step",
    ]
    assert entries[0].message.payload["lines"] == ["the disk is full"]
