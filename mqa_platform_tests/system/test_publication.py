"""Bad data is never published: the last good rows stay, and the run says which rule stopped it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import dagster as dg
import duckdb
import pytest

from mqa_platform.assets import platform, reporting
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.model import Contract, Rule
from mqa_platform.definitions import build_definitions
from mqa_platform.home import Home
from mqa_platform.schedules import DAILY_REFRESH
from mqa_platform.warehouse import AuditFailed
from mqa_platform_tests.system.pipeline import DAILY, LAST, day, fingerprints, opened, rows, run

ONE = day(29)
RULE = "nobody_scores"


def with_rule(blocking: bool) -> dict[str, Contract]:
    """The contracts, with a rule on scores that real scores break."""
    contracts = dict(load_contracts())
    scores = contracts["scores"]
    strict = Rule(
        RULE,
        "sql",
        blocking=blocking,
        description="No account has points.",
        query="SELECT * FROM {batch} WHERE engagement_score > 0",
    )
    contracts["scores"] = dataclasses.replace(scores, rules=(*scores.rules, strict))
    return contracts


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    def install(blocking: bool) -> None:
        contracts = with_rule(blocking)
        for module in (platform, reporting):
            monkeypatch.setattr(module, "load_contracts", lambda: contracts)

    return install


def disturbed(home: Home) -> None:
    """Something to replace: equal rows would stay as they are anyway."""
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute(f"UPDATE scores SET momentum = 9 WHERE score_date = DATE '{LAST}'")


def momenta(home: Home) -> list[tuple[float]]:
    return rows(home, f"SELECT DISTINCT momentum FROM scores WHERE score_date = DATE '{LAST}'")


def run_scores(home: Home) -> dg.ExecuteInProcessResult:
    job = build_definitions(home=home).resolve_job_def(DAILY_REFRESH)
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey("scores"), dg.AssetKey("stages")],
            partition_key=LAST.isoformat(),
            raise_on_error=False,
        )


def test_a_broken_blocking_rule_leaves_the_last_good_rows(
    home: Home, strict: Callable[[bool], None]
) -> None:
    disturbed(home)
    before = fingerprints(home)
    strict(True)
    result = run_scores(home)
    assert not result.success
    events = result.all_events
    assert not any(e.event_type_value == "ASSET_MATERIALIZATION" for e in events)
    checks = {
        e.asset_check_evaluation_data.check_name: e.asset_check_evaluation_data
        for e in events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
    }
    assert not checks[RULE].passed
    assert checks[RULE].metadata["violations"].value > 0
    assert checks["score_is_the_sum_of_its_receipt"].passed
    (failure,) = [e for e in events if e.event_type_value == "STEP_FAILURE"]
    told = failure.step_failure_data.user_failure_data.description
    assert "scores: rule nobody_scores is broken by" in told
    assert "scores__rejected" in told
    assert {e.step_key for e in events if e.event_type_value == "STEP_START"} == {"scores"}
    assert fingerprints(home) == before
    assert momenta(home) == [(9.0,)]
    assert rows(home, "SELECT count(*) FROM scores__rejected")[0][0] > 0


def test_a_broken_warning_is_told_and_stops_nothing(
    home: Home, strict: Callable[[bool], None]
) -> None:
    disturbed(home)
    strict(False)
    result = run_scores(home)
    assert result.success
    (check,) = [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
        and not e.asset_check_evaluation_data.passed
    ]
    assert (check.check_name, check.severity) == (RULE, dg.AssetCheckSeverity.WARN)
    assert momenta(home) != [(9.0,)]


@pytest.mark.slow
def test_after_a_refused_publication_the_next_run_repairs_everything(
    home: Home, built: Home, strict: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed(home)
    strict(True)
    with pytest.raises(AuditFailed, match=RULE):
        run(home, ONE)
    monkeypatch.undo()
    run(home, ONE)
    assert fingerprints(home) == fingerprints(built)


def test_a_day_without_signals_is_an_empty_partition_with_a_message(home: Home) -> None:
    after = day(400)
    with opened(home) as step:
        told = [asset(step, after) for asset in DAILY]
        assert "no signals on" in told[0].facts["message"]
        for table in ("signals", "sessions", "touchpoints", "scores", "stages"):
            assert after.lo in step.session.days(table)
            assert all(not p.rows_by_day.get(after.lo) for p in told[0].published.values())
    found = rows(home, f"SELECT count(*) FROM signals WHERE signal_date = DATE '{after.lo}'")
    assert found == [(0,)]


@pytest.mark.slow
def test_a_home_without_any_file_runs_to_empty_tables(tmp_path) -> None:
    home = Home(tmp_path / "home")
    run(home, day(0))
    found = fingerprints(home)
    assert found["signals"].startswith("0 rows")
    assert found["stages"].startswith("0 rows")
    assert home.snapshot.exists()
