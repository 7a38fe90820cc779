"""How a sensor asks for a run: at most one waits, and content names it.

Belongs here: what is the same for every sensor that starts a run. Does not belong here: what any of them
looks at.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mqa_platform.sensors.cursors import run_key

INTERVAL_VARIABLE: Final = "MQA_SENSOR_SECONDS"
SWITCH_VARIABLE: Final = "MQA_SENSORS"
_USUAL_SECONDS: Final = 30
_FEWEST_SECONDS: Final = 5
_WAITING: Final = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
# A run that has published, and may still have to deliver.
_AT_WORK: Final = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


Job = UnresolvedAssetJobDefinition


@dataclass(frozen=True)
class Jobs:
    """What a sensor may start.

    Attributes:
        refresh: lands, refreshes a day and delivers.
        deliver: delivers what the tables say already.
        days: of the pipeline.
    """

    refresh: Job
    deliver: Job
    days: dg.DailyPartitionsDefinition

    def today(self) -> str:
        """The day that is running, in UTC."""
        return self.days.get_last_partition_key() or ""


def interval(environment: Mapping[str, str] | None = None) -> int:
    """How many seconds lie between two looks of a sensor: ``MQA_SENSOR_SECONDS``, 30 unless it is set.

    Raises:
        ValueError: it is no whole number of at least 5; Dagster looks no oftener.
    """
    given = (os.environ if environment is None else environment).get(INTERVAL_VARIABLE, "")
    if not given:
        return _USUAL_SECONDS
    if not given.isdecimal() or int(given) < _FEWEST_SECONDS:
        raise ValueError(
            f"{INTERVAL_VARIABLE} is {given!r}: it takes whole seconds, {_FEWEST_SECONDS} or more"
        )
    return int(given)


def switched(environment: Mapping[str, str] | None = None) -> dg.DefaultSensorStatus:
    """Whether sensors look without being switched on in the UI: ``MQA_SENSORS=on``; off unless it is set.

    What somebody has switched in the UI stays as it is.

    Raises:
        ValueError: it is neither on nor off.
    """
    given = (os.environ if environment is None else environment).get(SWITCH_VARIABLE) or "off"
    if given not in ("on", "off"):
        raise ValueError(f"{SWITCH_VARIABLE} is {given!r}: it is on or off")
    is_on = given == "on"
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def cursor_of(context: dg.SensorEvaluationContext) -> dict[str, Any]:
    """What the last tick left; empty at first, and where it cannot be read: then everything is new again."""
    try:
        found = json.loads(context.cursor or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def asked(
    context: dg.SensorEvaluationContext,
    sensor: str,
    job: Job,
    keys: Sequence[str],
    cursor: Mapping[str, Any],
    today: str | None = None,
) -> dg.SensorResult | dg.SkipReason:
    """One run for all that is new; none, and nothing is forgotten, while one that has not begun waits.

    Args:
        context: of the tick.
        sensor: that asks.
        job: to be run.
        keys: the content that asks, not empty.
        cursor: what has been seen with it.
        today: the day to run; None for a job without days.
    """
    if is_waiting(context.instance, job.name):
        # What arrived before a run begins is landed by it. It has not begun, so it may still fail to: the
        # cursor stays, and the next tick asks again.
        return dg.SkipReason(f"a run of {job.name} waits already")
    request = dg.RunRequest(
        run_key=run_key(sensor, keys),
        job_name=job.name,
        partition_key=today,
        tags={"mqa/asked_by": sensor, "mqa/asked_for": str(len(keys))},
    )
    return dg.SensorResult(run_requests=[request], cursor=json.dumps(cursor))


def nothing(why: str, cursor: Mapping[str, Any] | None = None) -> dg.SensorResult | dg.SkipReason:
    """No run; with a cursor what has been looked at is remembered."""
    if cursor is None:
        return dg.SkipReason(why)
    return dg.SensorResult(skip_reason=why, cursor=json.dumps(cursor))


def is_waiting(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether a run of a job has been asked for and has not begun."""
    filters = dg.RunsFilter(job_name=job, statuses=list(_WAITING))
    return instance.get_runs_count(filters) > 0


def is_at_work(instance: dg.DagsterInstance, jobs: Sequence[str]) -> bool:
    """Whether a run of one of the jobs has begun and not ended."""
    return any(
        instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=list(_AT_WORK))) > 0
        for job in jobs
    )


def delivered_with(instance: dg.DagsterInstance, jobs: Sequence[str], at: datetime) -> bool | None:
    """Whether a run that delivers published at a moment; None while such a run is still at work.

    Args:
        instance: where runs are recorded.
        jobs: those that deliver what they publish.
        at: when the tables that readers see were published.
    """
    moment = at.timestamp()
    done = (dg.DagsterRunStatus.SUCCESS, *_AT_WORK)
    for job in jobs:
        filters = dg.RunsFilter(job_name=job, statuses=list(done))
        for record in instance.get_run_records(filters, limit=5):
            if record.start_time is None or record.start_time > moment:
                continue
            if record.dagster_run.status in _AT_WORK:
                return None
            if record.end_time is not None and moment <= record.end_time:
                return True
    return False
