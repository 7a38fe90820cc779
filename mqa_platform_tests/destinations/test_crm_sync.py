"""The write-back against local CRMs that speak the documented endpoints, with the real clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.destinations.crm_sync import CrmSyncError
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform_tests.destinations.crm_cases import (
    FIELDS,
    PROPERTIES,
    account,
    hubspot_runs,
    ids,
    org_of,
    plan,
    salesforce_runs,
    writes,
)


def test_only_what_changed_is_written_in_the_fewest_calls_and_then_nothing(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        known = ids(1000)
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path)
        rows = [account(i) for i in known]
        assert runs.sync(lambda: plan(runs.journal, rows)).outcome.sent == 1000
        org.log.clear()
        rows[:137] = [{**row, "stage": "sales_accepted"} for row in rows[:137]]
        counts = []
        for _ in range(3):
            outcome = runs.sync(lambda: plan(runs.journal, rows)).outcome
            counts.append((outcome.sent, outcome.calls))
        assert counts == [(137, 1), (0, 0), (0, 0)]
        assert len(writes(org)) == 1
        stages = [row["MQA_Stage__c"] for row in org.rows["Account"]]
        assert stages.count("sales_accepted") == 137


def test_locked_rows_recover_in_the_run_or_go_out_with_the_next(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        known = ids(1000)
        org_of(org, known)
        org.locked |= {known[3]: 1, known[300]: 2, known[500]: 3, known[501]: 3, known[999]: 3}
        runs = salesforce_runs(org, tmp_path)
        rows = [account(i) for i in known]
        first = runs.sync(lambda: plan(runs.journal, rows)).outcome
        assert (first.sent, first.pending, first.refused) == (997, 3, 0)
        org.log.clear()
        second = runs.sync(lambda: plan(runs.journal, rows)).outcome
        assert (second.sent, second.pending) == (3, 0)
        assert [len(a.json["records"]) for a in writes(org)] == [3]
        org.log.clear()
        assert runs.sync(lambda: plan(runs.journal, rows)).outcome.calls == 0
        assert org.log == []


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_a_poisoned_batch_is_split_until_only_its_record_is_refused(
    crm: str, tmp_path: Path
) -> None:
    if crm == "salesforce":
        with LocalSalesforce() as org:
            known = ids(100)
            org_of(org, known)
            org.poison = {known[63]}
            runs = salesforce_runs(org, tmp_path)
            outcome = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
    else:
        with LocalHubSpot() as hub:
            known = [str(i) for i in range(1, 101)]
            for name in PROPERTIES.values():
                hub.field("companies", name)
            for i in known:
                hub.put("companies", int(i), 0, name="x")
            hub.poison = {known[63]}
            runs = hubspot_runs(hub, tmp_path)
            outcome = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
    assert (outcome.sent, outcome.refused, outcome.pending) == (99, 1, 0)
    assert outcome.calls <= 1 + 14


def test_a_large_run_is_one_bulk_job_whose_refused_records_are_named(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        known = ids(300)
        org_of(org, known)
        org.refused[known[7]] = ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "not, this, one")
        org.locked[known[8]] = 1
        runs = salesforce_runs(org, tmp_path, bulk_above=200)
        outcome = runs.sync(lambda: plan(runs.journal, map(account, known))).outcome
        assert (outcome.sent, outcome.refused, outcome.pending) == (299, 1, 0)
        assert len(org.asked("jobs/ingest", "PUT")) == 1
        told = [c for c in runs.journal.changes() if c["result"] == "refused"]
        assert [(c["account_id"], c["error"]) for c in told] == [
            (known[7], "FIELD_CUSTOM_VALIDATION_EXCEPTION: not, this, one")
        ]


def test_nothing_is_written_when_too_many_would_flip_or_a_source_is_quiet(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        known = ids(100)
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path)
        runs.sync(lambda: plan(runs.journal, map(account, known)))
        org.log.clear()
        fallen = [account(i, stage="recycled") for i in known[:30]]
        rows = fallen + [account(i) for i in known[30:]]
        blocked = runs.sync(lambda: plan(runs.journal, rows))
        assert blocked.state == "blocked"
        assert "30 of 100" in str(blocked.reason)
        quiet = runs.sync(lambda: plan(runs.journal, rows[:1], degraded=True))
        assert "quiet" in str(quiet.reason)
        assert org.log == []
        assert runs.sync(lambda: plan(runs.journal, rows), anyway=True).outcome.sent == 30


def test_a_rollback_writes_back_what_stood_and_the_next_sync_does_not_undo_it(
    tmp_path: Path,
) -> None:
    with LocalSalesforce() as org:
        known = ids(4)
        org_of(org, known)
        org.rows["Account"][0]["MQA_Stage__c"] = "by another tool"
        runs = salesforce_runs(org, tmp_path)
        first = runs.sync(lambda: plan(runs.journal, map(account, known)))
        later = [account(i, stage="recycled", score=20.0) for i in known[:2]]
        second = runs.sync(lambda: plan(runs.journal, later))
        undone = runs.rollback(second.run)
        assert undone.outcome.sent == 2
        assert {row["MQA_Stage__c"] for row in org.rows["Account"]} == {"mqa"}
        assert {row["score"] for row in runs.journal.last_sent()} == {60.0}
        org.log.clear()
        assert runs.sync(lambda: plan(runs.journal, later)).state == "paused"
        assert org.log == []
        with pytest.raises(CrmSyncError, match="nothing of run"):
            runs.rollback(second.run)
        # What the later run wrote is taken off again, so the first can be taken back too, of every account.
        assert runs.rollback(first.run).outcome.sent == 4
        stages = [row["MQA_Stage__c"] for row in org.rows["Account"]]
        assert stages == ["by another tool", None, None, None]


def test_rolling_back_the_first_run_leaves_what_another_tool_had_written(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        known = ids(2)
        org_of(org, known)
        org.rows["Account"][0]["MQA_Stage__c"] = "by another tool"
        runs = salesforce_runs(org, tmp_path)
        first = runs.sync(lambda: plan(runs.journal, map(account, known)))
        runs.rollback(first.run)
        assert [row["MQA_Stage__c"] for row in org.rows["Account"]] == ["by another tool", None]
        assert runs.journal.last_sent() == []


def test_reading_back_finds_what_somebody_changed_and_the_next_sync_repairs_it(
    tmp_path: Path,
) -> None:
    with LocalSalesforce() as org:
        known = ids(3)
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path)
        rows = [account(i) for i in known]
        runs.sync(lambda: plan(runs.journal, rows))
        assert runs.reconcile()[1] == []
        org.rows["Account"][1]["MQA_Stage__c"] = "customer"
        found = runs.reconcile(repair=True)[1]
        assert [(d.account_id, d.field, d.theirs) for d in found] == [
            (known[1], "MQA_Stage__c", "customer")
        ]
        assert runs.sync(lambda: plan(runs.journal, rows)).outcome.sent == 1
        assert runs.reconcile()[1] == []


def test_a_field_that_the_org_does_not_have_stops_the_run_and_is_named(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org.add("Account", [{"Id": i, "Name": "x"} for i in ids(1)])
        runs = salesforce_runs(org, tmp_path)
        failed = runs.sync(lambda: plan(runs.journal, map(account, ids(1))))
        assert failed.state == "failed"
        assert "MQA_" in str(failed.reason)
        assert "write_back.yaml" in str(failed.reason)


def test_by_an_external_id_only_linked_accounts_are_written_and_none_is_made(
    tmp_path: Path,
) -> None:
    with LocalSalesforce() as org:
        known = ids(3)
        org_of(org, known)
        org.field("Account", "MQA_Account_Id__c", external=True)
        runs = salesforce_runs(org, tmp_path, key_field="MQA_Account_Id__c")
        assert runs.link(known[:2]).outcome.sent == 2
        assert runs.link(known[:2]).outcome.calls == 0
        assert runs.journal.links() == {i: i for i in known[:2]}
        runs.sync(lambda: plan(runs.journal, map(account, known[:2])))
        assert [row.get("MQA_Stage__c") for row in org.rows["Account"]] == ["mqa", "mqa", None]
        assert len(org.rows["Account"]) == 3


def test_a_call_that_was_done_and_never_answered_is_written_again_and_leaves_one_state(
    tmp_path: Path,
) -> None:
    with LocalSalesforce() as org:
        known = ids(5)
        org_of(org, known)
        runs = salesforce_runs(org, tmp_path)
        org.faults.append(Fault("composite/sobjects$", "done_dropped", times=100))
        stopped = runs.sync(lambda: plan(runs.journal, map(account, known)))
        assert (stopped.outcome.sent, stopped.outcome.pending) == (0, 5)
        assert {c["result"] for c in runs.journal.changes()} == {"unknown"}
        org.faults.clear()
        assert runs.sync(lambda: plan(runs.journal, map(account, known))).outcome.sent == 5
        assert {row["MQA_Stage__c"] for row in org.rows["Account"]} == {"mqa"}


def test_no_secret_stands_in_the_journal_or_in_an_error(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, ids(1))
        org.app = (org.app[0], "CANARY-another-secret")
        runs = salesforce_runs(org, tmp_path)
        secret = "CANARY-of-the-environment"
        runs.writer.org.login._values["MQA_SALESFORCE_CLIENT_SECRET"] = secret  # type: ignore[attr-defined]
        failed = runs.sync(lambda: plan(runs.journal, map(account, ids(1))))
        assert failed.state == "failed"
        assert "MQA_SALESFORCE_CLIENT_SECRET" in str(failed.reason)
        assert "CANARY" not in str(failed.reason)
        assert b"CANARY" not in (tmp_path / "outbox.sqlite3").read_bytes()


def test_only_allowed_fields_are_ever_written(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, ids(1))
        runs = salesforce_runs(org, tmp_path)
        runs.sync(lambda: plan(runs.journal, map(account, ids(1))))
        sent = {name for a in writes(org) for r in a.json["records"] for name in r}
        assert sent - {"attributes", "id"} == set(FIELDS.values())


def test_hubspot_is_linked_by_a_unique_property_and_a_locked_company_goes_out_later(
    tmp_path: Path,
) -> None:
    with LocalHubSpot() as hub:
        for name in PROPERTIES.values():
            hub.field("companies", name)
        hub.field("companies", "mqa_account_id", unique=True)
        known = ["1", "2", "3"]
        for i in known:
            hub.put("companies", int(i), 0, name="x")
        runs = hubspot_runs(hub, tmp_path, key_field="mqa_account_id")
        assert runs.link(known).outcome.sent == 3
        hub.locked["2"] = 3
        rows = [account(i) for i in known]
        counts = []
        for _ in range(3):
            outcome = runs.sync(lambda: plan(runs.journal, rows)).outcome
            counts.append((outcome.sent, outcome.pending))
        assert counts == [(2, 1), (1, 0), (0, 0)]
        assert runs.reconcile()[1] == []
        stages = [hub.objects["companies"][i]["properties"]["mqa_stage__c"] for i in (1, 2, 3)]
        assert stages == ["mqa", "mqa", "mqa"]
        assert len(hub.objects["companies"]) == 3
