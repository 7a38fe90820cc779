"""Taking runs back: what stood before is what stands again, however many runs and lost answers lie between."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.destinations.crm_sync import CrmRuns, CrmSyncError
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform_tests.destinations.crm_cases import (
    FIELDS,
    account,
    ids,
    org_of,
    plan,
    salesforce_runs,
)

KNOWN = ids(2)


def written(runs: CrmRuns, **parts: object) -> str:
    runs.journal.resume(runs.clock())
    rows = [account(i, **parts) for i in KNOWN]
    return runs.sync(lambda: plan(runs.journal, rows), anyway=True).run


def stages(org: LocalSalesforce) -> list[str | None]:
    return [row["MQA_Stage__c"] for row in org.rows["Account"]]


def test_three_bad_runs_are_taken_back_one_after_the_other(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, KNOWN)
        runs = salesforce_runs(org, tmp_path)
        made = [written(runs, stage=s) for s in ("engaged", "mqa", "recycled")]
        with pytest.raises(CrmSyncError, match="later runs"):
            runs.rollback(made[0])
        seen = []
        for run in reversed(made):
            runs.rollback(run)
            seen.append(stages(org)[0])
        assert seen == ["mqa", "engaged", None]
        assert runs.journal.last_sent() == []


def test_a_rollback_is_taken_back_like_any_other_run(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, KNOWN)
        runs = salesforce_runs(org, tmp_path)
        first, second = (written(runs, stage=s) for s in ("engaged", "mqa"))
        again = runs.rollback(runs.rollback(second).run)
        assert stages(org) == ["mqa", "mqa"]
        assert {r["stage"] for r in runs.journal.last_sent()} == {"mqa"}
        assert runs.rollback(again.run).outcome.sent == 2
        assert stages(org) == ["engaged", "engaged"]
        assert runs.rollback(first).outcome.sent == 2


def test_a_rollback_whose_answers_were_lost_can_be_asked_for_again(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, KNOWN)
        runs = salesforce_runs(org, tmp_path)
        run = written(runs)
        org.faults.append(Fault("composite/sobjects$", "dropped", times=100))
        assert runs.rollback(run).outcome.pending == 2
        org.faults.clear()
        assert runs.rollback(run).outcome.sent == 2
        assert stages(org) == [None, None]


def test_what_stood_before_a_first_writing_without_an_answer_is_not_taken_for_the_crms_own(
    tmp_path: Path,
) -> None:
    with LocalSalesforce() as org:
        org_of(org, KNOWN)
        org.rows["Account"][0]["MQA_Stage__c"] = "by another tool"
        runs = salesforce_runs(org, tmp_path)
        org.faults.append(Fault("composite/sobjects$", "done_dropped", times=100))
        written(runs)
        assert stages(org) == ["mqa", "mqa"]
        org.faults.clear()
        runs.rollback(written(runs))
        assert stages(org) == ["by another tool", None]


def test_a_field_that_joins_the_list_gets_back_what_stood_in_it(tmp_path: Path) -> None:
    with LocalSalesforce() as org:
        org_of(org, KNOWN)
        org.field("Account", "Policy__c")
        org.rows["Account"][0]["Policy__c"] = "theirs"
        written(salesforce_runs(org, tmp_path))
        more = {"new_business": {**FIELDS, "policy_version": "Policy__c"}}
        runs = salesforce_runs(org, tmp_path, fields=more)
        run = written(runs, stage="customer")
        assert org.rows["Account"][0]["Policy__c"] == "v1"
        runs.rollback(run)
        assert (stages(org)[0], org.rows["Account"][0]["Policy__c"]) == ("mqa", "theirs")


def test_a_run_of_the_sandbox_is_not_taken_back_in_the_org(tmp_path: Path) -> None:
    with LocalSalesforce() as sandbox, LocalSalesforce() as org:
        for one in (sandbox, org):
            org_of(one, KNOWN)
        run = written(salesforce_runs(sandbox, tmp_path))
        with pytest.raises(CrmSyncError, match="another place"):
            salesforce_runs(org, tmp_path).rollback(run)
        assert org.log == []


@pytest.mark.parametrize(
    ("stands", "after"), [("Accepted", None), ("Rejected", "Rejected"), (None, None)]
)
def test_only_the_old_answer_is_emptied_for_a_new_handoff_and_a_rollback_brings_it_back(
    tmp_path: Path, stands: str | None, after: str | None
) -> None:
    with LocalSalesforce() as org:
        org_of(org, KNOWN)
        org.field("Account", "Sales_Status__c")
        answers = {"status_field": "Sales_Status__c"}
        runs = salesforce_runs(org, tmp_path, answers=answers)
        written(runs, stage="recycled", old_answer="accepted")
        for row in org.rows["Account"]:
            row["Sales_Status__c"] = stands
        run = written(runs, stage="mqa", old_answer="accepted")
        assert [row["Sales_Status__c"] for row in org.rows["Account"]] == [after, after]
        runs.rollback(run)
        assert [row["Sales_Status__c"] for row in org.rows["Account"]] == [stands, stands]
