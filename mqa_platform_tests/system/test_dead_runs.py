"""A killed run must not keep the queue from starting the next one."""

from __future__ import annotations

import dagster as dg
import pytest

from mqa_platform.dead_runs import PROCESS_TAG, report_dead_runs, this_process


def started(instance: dg.DagsterInstance, mark: str | None) -> str:
    tags = {PROCESS_TAG: mark} if mark else {}
    run = instance.create_run_for_job(
        dg.job(name="nothing")(lambda: None), status=dg.DagsterRunStatus.STARTED, tags=tags
    )
    return run.run_id


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_a_run_whose_process_is_gone_is_told_as_failed(instance: dg.DagsterInstance) -> None:
    host, _, _ = this_process().rsplit(":", 2)
    killed = started(instance, f"{host}:999999999:1.00")

    assert report_dead_runs(instance) == [killed]
    assert instance.get_run_by_id(killed).status == dg.DagsterRunStatus.FAILURE
    assert report_dead_runs(instance) == []


def test_a_process_number_that_somebody_else_has_now_is_gone(instance: dg.DagsterInstance) -> None:
    host, number, _ = this_process().rsplit(":", 2)
    killed = started(instance, f"{host}:{number}:1.00")

    assert report_dead_runs(instance) == [killed]


@pytest.mark.parametrize(
    "mark",
    [None, this_process(), "another-machine:1:1.00"],
    # The same in every worker that collects: one of them names this process.
    ids=["unmarked", "our_own", "of_another_machine"],
)
def test_other_runs_are_left_alone(instance: dg.DagsterInstance, mark: str | None) -> None:
    running = started(instance, mark)

    assert report_dead_runs(instance) == []
    assert instance.get_run_by_id(running).status == dg.DagsterRunStatus.STARTED
