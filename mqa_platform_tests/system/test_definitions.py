"""What Dagster shows of the platform: complete before anything has run, and true afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from mqa_platform.assets.registry import ASSET_OF, CRM_TABLES, DAILY, DEPENDS_ON
from mqa_platform.assets.reporting import PROGRAM_REPORT, SNAPSHOT, check_name
from mqa_platform.assets.watches import WATCHES
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.window import Window
from mqa_platform.definitions import build_definitions
from mqa_platform.home import Home
from mqa_platform.schedules import DAILY_REFRESH
from mqa_platform_tests.system.pipeline import ALL, ROOT, day, environment, rows

GENEROUS_CPU_SECONDS = 6.0
LOAD = """
import json, resource, sys
from mqa_platform.definitions import defs
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = sorted({m.split(".")[0] for m in sys.modules} & {
    "great_expectations", "pyspark", "sklearn", "slack_sdk", "simple_salesforce", "standardwebhooks"
})
heavy += [m for m in sys.modules if m.startswith("mqa_platform.destinations.")]
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "heavy": heavy, "assets": len(list(defs.assets))}))
"""


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(home=Home(tmp_path_factory.mktemp("nothing")))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> dg.AssetGraph:  # type: ignore[name-defined]
    return definitions.resolve_asset_graph()


def test_loading_is_quick_and_leaves_the_heavy_libraries_alone(tmp_path: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=environment(Home(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(loaded.stdout)
    print(f"definitions load in {found['cpu']:.1f} s of CPU")  # noqa: T201 - the figure to watch
    assert found["heavy"] == []
    assert found["cpu"] < GENEROUS_CPU_SECONDS
    assert list(tmp_path.iterdir()) == []


def test_the_definitions_can_be_loaded(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_says_what_it_is_and_who_answers_for_it(graph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        name = key.to_user_string()
        assert node.group_name != "default", name
        assert node.owners, name
        assert node.kinds, name
        assert len(node.description or "") > 20, name
        if name in (SNAPSHOT, PROGRAM_REPORT):
            continue
        shown = node.metadata["dagster/column_schema"].columns
        assert [c.name for c in shown] == list(load_contracts()[name].names), name
        assert all(c.description for c in shown), name


def test_there_are_no_assets_or_checks_beside_the_declared_ones(graph) -> None:
    keys = {k.to_user_string() for k in graph.get_all_asset_keys()}
    assert keys == set(DEPENDS_ON)
    parents = {
        p.to_user_string() for k in graph.get_all_asset_keys() for p in graph.get(k).parent_keys
    }
    assert parents <= keys
    assert set(ASSET_OF) - {SNAPSHOT, PROGRAM_REPORT} == set(load_contracts())
    wanted = {
        (ASSET_OF[table], check_name(ASSET_OF[table], table, rule.name))
        for table, contract in load_contracts().items()
        for rule in contract.rules
    } | {(watch.asset, watch.name) for watch in WATCHES}
    found = {(c.asset_key.to_user_string(), c.name) for c in graph.asset_check_keys}
    assert found == wanted


def test_the_daily_tables_are_partitioned_by_day_and_backfilled_in_one_run(graph) -> None:
    daily = {k.to_user_string() for k in graph.get_all_asset_keys() if graph.get(k).is_partitioned}
    assert daily == set(DAILY)
    for name in DAILY:
        policy = graph.get(dg.AssetKey(name)).backfill_policy
        assert policy == dg.BackfillPolicy.single_run()


def test_the_schedule_refreshes_yesterday(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def(DAILY_REFRESH)
    with dg.DagsterInstance.ephemeral() as instance:
        tick = dg.build_schedule_context(
            instance=instance,
            repository_def=definitions.get_repository_def(),
            scheduled_execution_time=datetime(2025, 9, 2, 5, tzinfo=UTC),
        )
        asked = schedule.evaluate_tick(tick).run_requests
    assert [r.partition_key for r in asked] == ["2025-09-01"]


def test_the_schedule_waits_for_the_first_complete_day(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def(DAILY_REFRESH)
    tick = dg.build_schedule_context(scheduled_execution_time=datetime(2025, 7, 1, 5, tzinfo=UTC))
    data = schedule.evaluate_tick(tick)
    assert not data.run_requests
    assert "no complete day" in (data.skip_message or "")


def test_the_settings_of_the_instance_are_ones_that_dagster_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://u@localhost/d")
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    known, _ = dagster_instance_config(str(tmp_path))
    assert set(yaml.safe_load((ROOT / "dagster.yaml").read_text())) <= set(known)
    assert known["telemetry"] == {"enabled": False}


def materialized(
    home: Home, window: Window
) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
    job = build_definitions(home=home).resolve_job_def(DAILY_REFRESH)
    instance = dg.DagsterInstance.ephemeral()
    days = window.days()
    result = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey("scores")],
        tags={
            "dagster/asset_partition_range_start": days[0].isoformat(),
            "dagster/asset_partition_range_end": days[-1].isoformat(),
        },
    )
    return result, instance


def test_a_materialization_carries_counts_a_day_lineage_and_one_result_a_rule(home: Home) -> None:
    result, instance = materialized(home, Window(day(26).lo, ALL.hi))
    assert result.success
    found = {m.partition: m for m in result.asset_materializations_for_node("scores")}
    assert set(found) == {str(d) for n in range(26, 30) for d in day(n).days()}
    counts = dict(rows(home, "SELECT CAST(score_date AS VARCHAR), count(*) FROM scores GROUP BY 1"))
    for partition, event in found.items():
        assert event.metadata["dagster/row_count"].value == counts[partition]
        lineage = event.metadata["dagster/column_lineage"].value.deps_by_column
        assert set(lineage) == set(load_contracts()["scores"].names)
        sources = {d.asset_key.to_user_string() for deps in lineage.values() for d in deps}
        assert {"touchpoints", "accounts"} <= sources <= set(DEPENDS_ON)
        assert any(
            (d.asset_key.to_user_string(), d.column_name) == ("touchpoints", "touchpoint_date")
            for d in lineage["engagement_score"]
        )
    contracts = load_contracts()
    wanted = {
        check_name("scores", table, rule.name)
        for table in ("scores", "score_receipts", "people", "activation_lists")
        for rule in contracts[table].rules
    }
    checks = [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert sorted(c.check_name for c in checks) == sorted(wanted)
    assert all(c.passed and c.metadata["violations"].value == 0 for c in checks)
    assert all(c.metadata["rows"].value >= 0 for c in checks)
    days = instance.get_materialized_partitions(dg.AssetKey("scores"))
    assert days == set(found)
    instance.dispose()


def test_the_crm_tables_and_the_ledger_hold_for_the_whole_and_not_for_a_day(graph) -> None:
    for name in (*CRM_TABLES, "landed_batches", "accounts", "handoffs", "conversions"):
        assert not graph.get(dg.AssetKey(name)).is_partitioned


def test_history_starts_where_the_policy_says(graph) -> None:
    keys = graph.get(dg.AssetKey("signals")).partitions_def.get_partition_keys(
        current_time=datetime(2025, 7, 3, 12, tzinfo=UTC)
    )
    assert keys == [date(2025, 7, n).isoformat() for n in (1, 2, 3)]
