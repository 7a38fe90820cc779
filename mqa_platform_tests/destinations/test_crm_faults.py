"""A process killed between sent and recorded, and services on a bad day: nothing is lost and nothing doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.local_services.faults import Fault, Weather
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform_tests.destinations.crm_cases import (
    account,
    ids,
    org_of,
    plan,
    salesforce_runs,
    writes,
)
from mqa_platform_tests.destinations.crm_process import Syncing

KILLS, STAGES = 6, ("engaged", "mqa")


@pytest.mark.slow
def test_a_process_killed_between_sent_and_recorded_leaves_nothing_out_and_nothing_twice(
    tmp_path: Path,
) -> None:
    known, journal = ids(450), tmp_path / "outbox.sqlite3"
    with LocalSalesforce() as org, Syncing(journal, org) as syncing:
        org_of(org, known)
        for turn in range(KILLS):
            stages = dict.fromkeys(known, STAGES[turn % 2])
            assert not syncing.sync(stages, killed_at=turn % 3 + 1)
            assert syncing.sync(stages)
            assert {row["Id"]: row["MQA_Stage__c"] for row in org.rows["Account"]} == stages
            assert len(org.rows["Account"]) == len(known)
        runs = CrmJournal(journal)
        assert [row["state"] for row in runs.runs()].count("interrupted") == KILLS
        assert {r["account_id"]: r["stage"] for r in runs.last_sent()} == stages


def test_on_a_bad_day_everything_arrives_and_nobody_is_asked_faster_than_allowed(
    tmp_path: Path,
) -> None:
    with LocalSalesforce() as org:
        known = ids(3000)
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path, bulk_above=100_000)
        org.weather = Weather(5, too_many=0.3, broken=0.05, hangs=0.02, truncated=0.02)
        rows = [account(i) for i in known]
        for _ in range(5):
            if runs.sync(lambda: plan(runs.journal, rows)).outcome.pending == 0:
                break
        assert all(row["MQA_Stage__c"] == "mqa" for row in org.rows["Account"])
        assert len(runs.journal.last_sent()) == 3000
        assert org.weather.struck["status 429"] > 0


def test_whoever_says_wait_is_not_asked_again_earlier(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, ids(1))
        runs = salesforce_runs(org, tmp_path)
        org.faults.append(Fault("composite/sobjects$", "status", 429, headers={"Retry-After": "1"}))
        assert runs.sync(lambda: plan(runs.journal, [account(ids(1)[0])])).outcome.sent == 1
        first, second = (a.at for a in writes(org))
        assert second - first >= 1


def test_a_refused_secret_is_tried_once(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, ids(1))
        runs = salesforce_runs(org, tmp_path)
        runs.sync(lambda: plan(runs.journal, [account(ids(1)[0])]))
        org.log.clear()
        org.faults.append(Fault("composite", "status", 403, body='[{"errorCode": "X"}]', times=9))
        changed = [account(ids(1)[0], stage="customer")]
        stopped = runs.sync(lambda: plan(runs.journal, changed), anyway=True)
        assert (stopped.state, stopped.outcome.pending, len(writes(org))) == ("stopped", 1, 1)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    locked=st.dictionaries(st.integers(0, 19), st.integers(1, 4), max_size=5),
    refused=st.sets(st.integers(0, 19), max_size=3),
    poison=st.sets(st.integers(0, 19), max_size=2),
    lost=st.integers(0, 2),
)
def test_every_attempt_has_a_row_whatever_goes_wrong(
    tmp_path_factory: pytest.TempPathFactory,
    locked: dict[int, int],
    refused: set[int],
    poison: set[int],
    lost: int,
) -> None:
    known = ids(20)
    with LocalSalesforce() as org:
        org_of(org, known)
        org.locked |= {known[i]: n for i, n in locked.items()}
        org.refused |= {known[i]: ("RULE", "no") for i in refused}
        org.poison = {known[i] for i in poison}
        runs = salesforce_runs(org, tmp_path_factory.mktemp("crm"))
        org.faults.append(Fault("composite/sobjects$", "status", 400, body="[]", times=lost))
        runs.sync(lambda: plan(runs.journal, map(account, known)))
        attempts = sum(len(a.json["records"]) for a in writes(org))
        told = runs.journal.changes()
        assert len(told) == attempts
        assert "begun" not in {c["result"] for c in told}
        done = {c["account_id"] for c in told if c["result"] == "sent"}
        has = {r["Id"] for r in org.rows["Account"] if r.get("MQA_Stage__c") == "mqa"}
        assert done == has == {r["account_id"] for r in runs.journal.last_sent()}
