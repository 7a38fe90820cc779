"""Writing where the CRM is not as the journal remembers it: nothing is made, nothing is lost, somebody is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from mqa_platform.destinations.crm_fields import same
from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform_tests.destinations.crm_cases import (
    PROPERTIES,
    account,
    hubspot_runs,
    ids,
    org_of,
    plan,
    salesforce_runs,
    writes,
)


def test_an_account_whose_key_was_emptied_is_not_made_anew_and_can_be_linked_again(
    tmp_path: Path,
) -> None:
    known = ids(3)
    with LocalSalesforce() as org:
        org_of(org, known)
        org.field("Account", "MQA_Account_Id__c", external=True)
        runs = salesforce_runs(org, tmp_path, key_field="MQA_Account_Id__c")
        runs.link(known)
        org.rows["Account"][1]["MQA_Account_Id__c"] = None
        outcome = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
        assert (outcome.sent, outcome.refused, len(org.rows["Account"])) == (2, 1, 3)
        assert "mqa crm link" in next(
            c["error"] for c in runs.journal.changes() if c["result"] == "refused"
        )
        assert runs.link(known).outcome.sent == 1
        assert runs.sync(lambda: plan(runs.journal, map(account, known))).outcome.sent == 1
        assert len(org.rows["Account"]) == 3


def test_a_company_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with LocalHubSpot() as hub:
        for name in PROPERTIES.values():
            hub.field("companies", name)
        hub.field("companies", "mqa_account_id", unique=True)
        for i in (1, 2):
            hub.put("companies", i, 0, name="x")
        runs = hubspot_runs(hub, tmp_path, key_field="mqa_account_id")
        runs.link(["1", "2"])
        hub.objects["companies"].pop(2)
        outcome = runs.sync(lambda: plan(runs.journal, map(account, ["1", "2"]))).outcome
        assert (outcome.sent, outcome.refused, list(hub.objects["companies"])) == (1, 1, [1])


def test_an_error_that_names_no_company_holds_back_none_of_the_others(tmp_path: Path) -> None:
    with LocalHubSpot() as hub:
        for name in PROPERTIES.values():
            hub.field("companies", name)
        for i in (1, 2):
            hub.put("companies", i, 0, name="x")
        runs = hubspot_runs(hub, tmp_path)
        body = {
            "status": "COMPLETE",
            "results": [{"id": "1", "properties": {}}],
            "errors": [{"category": "INTERNAL", "message": "no", "context": {}}],
        }
        fault = Fault("batch/update", "status", 207, body=json.dumps(body), times=9)
        hub.faults.append(fault)
        outcome = runs.sync(lambda: plan(runs.journal, map(account, ["1", "2"]))).outcome
        assert (outcome.sent, outcome.pending) == (1, 1)


def test_an_account_that_is_no_company_of_hubspot_stops_nobody_else(tmp_path: Path) -> None:
    with LocalHubSpot() as hub:
        for name in PROPERTIES.values():
            hub.field("companies", name)
        hub.put("companies", 1, 0, name="x")
        runs = hubspot_runs(hub, tmp_path)
        done = runs.sync(lambda: plan(runs.journal, map(account, ["1", "from-a-file"])))
        assert (done.outcome.sent, done.outcome.refused) == (1, 1)


def test_without_its_journal_the_breaker_goes_by_what_stands_in_the_crm(tmp_path: Path) -> None:
    known = ids(40)
    with LocalSalesforce() as org:
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path)
        runs.sync(lambda: plan(runs.journal, map(account, known)))
        lost = salesforce_runs(org, tmp_path / "new")
        org.log.clear()
        rows = [account(i, stage="recycled") for i in known]
        blocked = lost.sync(lambda: plan(lost.journal, rows))
        assert blocked.state == "blocked"
        assert "40 of 40" in str(blocked.reason)
        assert writes(org) == []
        assert lost.sync(lambda: plan(lost.journal, map(account, known))).outcome.sent == 40


def test_a_step_of_a_bulk_job_whose_answer_was_lost_is_not_done_in_halves(tmp_path: Path) -> None:
    known = ids(201)
    with LocalSalesforce() as org:
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path, bulk_above=200)
        org.faults += [
            Fault("batches", "done_dropped"),
            Fault("jobs/ingest/[0-9A-Za-z]+$", "done_dropped"),
        ]
        outcome = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
        assert (outcome.sent, outcome.calls, len(org.ingests)) == (201, 1, 1)


def test_a_bulk_job_that_is_given_up_is_aborted_and_goes_out_again(tmp_path: Path) -> None:
    known = ids(201)
    with LocalSalesforce() as org:
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path, bulk_above=200, attempts_in_run=1)
        # The library closes with PATCH and looks with GET, both at the job itself.
        org.faults.append(
            Fault("jobs/ingest/[0-9A-Za-z]+$", "status", 400, body="[]", skip=1, times=1)
        )
        first = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
        states = [job["state"] for job in org.ingests.values()]
        assert states[0] == "Aborted"
        second = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
        assert first.sent + second.sent == 201


def test_many_may_open_a_journal_that_is_not_there_yet(tmp_path: Path) -> None:
    for turn in range(10):
        path, start = tmp_path / str(turn) / "outbox.sqlite3", Barrier(4)

        def opens(path: Path = path, start: Barrier = start) -> int:
            start.wait()
            return len(CrmJournal(path).runs())

        with ThreadPoolExecutor(4) as pool:
            assert [f.result() for f in [pool.submit(opens) for _ in range(4)]] == [0] * 4


def test_ids_of_fifteen_characters_are_written_found_again_and_taken_back(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, ids(1))
        runs = salesforce_runs(org, tmp_path)
        (row,) = org.rows["Account"]
        row["MQA_Stage__c"] = "theirs"
        made = runs.sync(lambda: plan(runs.journal, [account(ids(1)[0][:15])]))
        assert (row["MQA_Stage__c"], runs.reconcile()[1]) == ("mqa", [])
        runs.rollback(made.run)
        assert row["MQA_Stage__c"] == "theirs"


def test_values_are_compared_as_what_they_are() -> None:
    assert same("12e45678", "12e45678")
    assert not same("100", "100.01")
    assert same(61.5, "61.5")
    assert same("2026-03-01", "2026-03-01T00:00:00.000+0000")
    assert not same("2026-03-01", "2026-03-02T00:00:00Z")
    assert not same(61.5, "many")
