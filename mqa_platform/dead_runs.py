"""Runs whose process is gone, told to Dagster as failed.

Belongs here: recognising a run that a kill left "started". Does not belong here: running anything (``runs``).

A run of ``mqa`` lives in the process that asked for it. When that process is killed, Dagster goes on counting
the run as started, and the queue, which lets one run work at a time, starts nothing more.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from dagster import DagsterInstance

PROCESS_TAG = "mqa/process"


def this_process() -> str:
    """Host, number and start of this process: a number alone may be somebody else's later."""
    return f"{platform.node()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def _is_gone(mark: str) -> bool:
    host, number, started = mark.rsplit(":", 2)
    if host != platform.node():
        return False
    try:
        return abs(psutil.Process(int(number)).create_time() - float(started)) > 1
    except psutil.NoSuchProcess:
        return True


def report_dead_runs(instance: DagsterInstance) -> list[str]:
    """Marks the started runs of dead processes of this machine as failed; returns their ids."""
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    dead = []
    for run in instance.get_runs(filters=RunsFilter(statuses=unfinished)):
        mark = run.tags.get(PROCESS_TAG)
        if mark and _is_gone(mark):
            instance.report_run_failed(
                run, "The process of this run ended without a word: run its days again."
            )
            dead.append(run.run_id)
    return dead
