"""Runs: the platform's jobs in this process, recorded in the Dagster instance.

Belongs here: starting a run and reading its outcome. Does not belong here: what a run computes (``assets``)
or how it is shown (``cli``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from mqa_platform.core.window import Window
from mqa_platform.dead_runs import PROCESS_TAG, report_dead_runs, this_process
from mqa_platform.definitions import build_definitions
from mqa_platform.home import Home
from mqa_platform.instance import running_instance
from mqa_platform.planned_events import planned_once
from mqa_platform.promotions import load_history
from mqa_platform.schedules import (
    DAILY_REFRESH,
    DELIVER,
    LAND_SOURCES,
    QUARTERLY_CALIBRATION,
    REFRESH_AND_DELIVER,
    WEEKLY_REVIEW,
)

if TYPE_CHECKING:
    from dagster import DagsterInstance

Progress = Callable[[str, str], None]
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_LOGGER = "progress"


class RunFailedError(Exception):
    """A step failed; what it published before, and everything else, is still served."""


class OutsideHistoryError(RunFailedError):
    """A day was asked for that the policy's history does not have; no run was started."""


@dataclass
class RunResult:
    """What a run did: its id, numeric facts by asset, and the checks that did not pass."""

    run_id: str
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    changed: bool = False


def run_days(home: Home, window: Window, progress: Progress | None = None) -> RunResult:
    """Runs every stage for the days of the window as one Dagster run on the home's instance.

    Raises:
        OutsideHistoryError: a day is before history_starts_on or in the future.
        RunFailedError: naming the step and what its author can do.
        PolicyError, ContractError: before anything is written.
    """
    # Before the server is started: a policy that is not valid must leave nothing behind.
    load_history(home)
    with running_instance(home) as instance:
        return run_on(instance, home, window, progress)


def run_unrecorded(home: Home, window: Window, progress: Progress | None = None) -> RunResult:
    """The same on an instance that is forgotten afterwards."""
    with forgotten_instance() as instance:
        return run_on(instance, home, window, progress)


def forgotten_instance() -> DagsterInstance:
    """An instance for a ``with``, of which nothing is kept afterwards."""
    return dg.DagsterInstance.ephemeral()


def run_on(
    instance: DagsterInstance, home: Home, window: Window, progress: Progress | None = None
) -> RunResult:
    """The same on an instance that is already running (tests give an ephemeral one)."""
    return _days_on(instance, _job(home, DAILY_REFRESH, progress), window)


def refresh_and_deliver_on(
    instance: DagsterInstance, home: Home, window: Window, progress: Progress | None = None
) -> RunResult:
    """Every stage for the days of the window and then what is to be sent, as one run; raises as ``run_on``."""
    return _days_on(instance, _job(home, REFRESH_AND_DELIVER, progress), window)


def deliver(home: Home, progress: Progress | None = None) -> RunResult:
    """Sends what has not been sent and is due, as one Dagster run of no days; nothing is computed again.

    Raises:
        RunFailedError: naming the step and what its author can do.
        PolicyError, ContractError: before anything is sent.
    """
    load_history(home)
    with running_instance(home) as instance:
        return deliver_on(instance, home, progress)


def deliver_on(
    instance: DagsterInstance, home: Home, progress: Progress | None = None
) -> RunResult:
    """Sends what has not been sent, as one run of no days; raises as ``run_on``."""
    return _execute(instance, _job(home, DELIVER, progress), {})


def _days_on(instance: DagsterInstance, job: dg.JobDefinition, window: Window) -> RunResult:
    days = window.days()
    _check_days(job, days[0], days[-1])
    tags = {_RANGE_START: days[0].isoformat(), _RANGE_END: days[-1].isoformat()}
    return _execute(instance, job, tags)


def land_sources(home: Home, progress: Progress | None = None) -> RunResult:
    """Lands what is new and reconciles it, as one Dagster run of no days; no stage is refreshed.

    Raises:
        RunFailedError: naming the step and what its author can do.
        PolicyError, ContractError: before anything is written.
    """
    load_history(home)
    with running_instance(home) as instance:
        return land_on(instance, home, progress)


def land_on(instance: DagsterInstance, home: Home, progress: Progress | None = None) -> RunResult:
    """The same on an instance that is already running."""
    return _execute(instance, _job(home, LAND_SOURCES, progress), {})


def review(home: Home, progress: Progress | None = None) -> RunResult:
    """The weekly review of what is published, as one run of no days; raises as ``land_sources``."""
    load_history(home)
    with running_instance(home) as instance:
        return review_on(instance, home, progress)


def review_on(instance: DagsterInstance, home: Home, progress: Progress | None = None) -> RunResult:
    """The same on an instance that is already running."""
    return _execute(instance, _job(home, WEEKLY_REVIEW, progress), {})


def calibrate(home: Home, progress: Progress | None = None) -> RunResult:
    """Publishes the proposed thresholds, as one run of no days; raises as ``land_sources``."""
    load_history(home)
    with running_instance(home) as instance:
        return calibrate_on(instance, home, progress)


def calibrate_on(
    instance: DagsterInstance, home: Home, progress: Progress | None = None
) -> RunResult:
    """The same on an instance that is already running."""
    return _execute(instance, _job(home, QUARTERLY_CALIBRATION, progress), {})


def calibrate_and_review(home: Home) -> list[RunResult]:
    """The proposed thresholds and then the weekly review, as two runs of one server; raises as ``review``."""
    load_history(home)
    with running_instance(home) as instance:
        return [calibrate_on(instance, home), review_on(instance, home)]


def _job(home: Home, name: str, progress: Progress | None) -> dg.JobDefinition:
    definitions = build_definitions(home=home, loggers={_LOGGER: _listener(progress)})
    return definitions.resolve_job_def(name)


def _execute(instance: DagsterInstance, job: dg.JobDefinition, tags: dict[str, str]) -> RunResult:
    report_dead_runs(instance)
    with planned_once(instance):
        result = job.execute_in_process(
            instance=instance,
            tags={**tags, PROCESS_TAG: this_process()},
            run_config={"loggers": {_LOGGER: {}}},
            raise_on_error=False,
        )
    outcome = RunResult(result.run_id)
    for event in result.all_events:
        _read(event, outcome)
    if not result.success:
        raise RunFailedError(_first_failure(result))
    return outcome


def _listener(progress: Progress | None) -> dg.LoggerDefinition:
    """A logger that prints nothing and tells ``progress`` which step started or ended."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "dagster_meta", {}).get("dagster_event")
            if progress and event is not None and event.step_key:
                progress(event.event_type_value, event.step_key)

    @dg.logger(None, description="Tells the command line how far the run is.")
    def listener(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.getLogger(f"{__name__}.run")
        logger.handlers, logger.propagate = [Handler()], False
        logger.setLevel(logging.DEBUG)
        return logger

    return listener


def _check_days(job: dg.JobDefinition, first: date, last: date) -> None:
    keys = job.partitions_def.get_partition_keys() if job.partitions_def else []
    if not keys or first.isoformat() < keys[0] or last.isoformat() > keys[-1]:
        raise OutsideHistoryError(
            f"{first} to {last} is outside the history, {keys[0]} to {keys[-1]}: "
            "history_starts_on in program.yaml says where it starts"
        )


def _read(event: dg.DagsterEvent, outcome: RunResult) -> None:
    if event.event_type_value == "ASSET_MATERIALIZATION":
        found = event.step_materialization_data.materialization
        key = found.asset_key.to_user_string()
        facts = {
            name: value.value
            for name, value in found.metadata.items()
            if not name.startswith("dagster/")
        }
        outcome.changed |= bool(facts.get("changed"))
        outcome.facts.setdefault(key, {}).update(facts)
    elif event.event_type_value == "ASSET_CHECK_EVALUATION":
        check = event.asset_check_evaluation_data
        if not check.passed:
            outcome.warnings.append(
                f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description} "
                f"({check.metadata['violations'].value} rows)"
            )


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE":
            failure = event.step_failure_data
            if failure.user_failure_data and failure.user_failure_data.description:
                return f"{event.step_key}: {failure.user_failure_data.description}"
            error = failure.error
            while error is not None and error.cause is not None:
                error = error.cause
            return f"{event.step_key}: {error.message.strip() if error else 'failed'}"
    return "the run failed before its first step"
