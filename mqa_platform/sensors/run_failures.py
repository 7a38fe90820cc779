"""A run failed: tell those who look after the platform, once a day for each thing that fails.

Belongs here: what is told of a failed run, and entering it into the outbox. Does not belong here: sending it
(``destinations``), or running anything again: crashes are Dagster's run retries, and what failed by its own
rule fails again.

A delivery that fails must not set off the next one. So the sensor starts no run of its own for it: its
message is in the outbox, and goes out with the first delivery that works.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import Job, interval, switched

if TYPE_CHECKING:
    from mqa_platform.destinations.channel import Message

NAME = "on_run_failure"
ALERT: Final = "alert"
_LINES = 6
_CHARACTERS = 300


def alerts(
    job: str, step: str | None, error: str, run_id: str, at: datetime, channels: Sequence[str]
) -> list[Message]:
    """What is told of a failed run, a message a channel; the same failure of a day has the same keys.

    Args:
        job: that failed.
        step: in which it did; None: before its first one.
        error: as Dagster has it.
        run_id: of the run.
        at: when it failed, in UTC.
        channels: that take alerts.
    """
    # A run that tells nobody anything loads nothing that could.
    from mqa_platform.destinations.channel import Message

    lines = [line.strip()[:_CHARACTERS] for line in error.splitlines() if line.strip()]
    title = f"{job} failed in {step}" if step else f"{job} failed before its first step"
    payload = {"title": title, "lines": lines[:_LINES], "run_id": run_id, "at": at.isoformat()}
    subject = f"alert:{job}:{step or 'start'}:{at.date()}"
    return [Message(f"{subject}:{name}", name, ALERT, payload=payload) for name in channels]


def alert_channels(policy: Policy) -> list[str]:
    """The channels of a policy that take alerts."""
    if not policy.delivery.enabled:
        return []
    kinds = policy.delivery.channels.kinds_of()
    return [name for name, taken in kinds.items() if ALERT in taken]


def on_run_failure(
    monitored: Sequence[Job], deliver: Job, delivering: Sequence[str], home: Home, policy: Policy
) -> dg.SensorDefinition:
    """Enters a message about every failed run.

    Args:
        monitored: the jobs whose failures are told.
        deliver: brings the message out at once.
        delivering: the jobs that deliver themselves; none is started because one of them failed.
        home: with the outbox.
        policy: with the channels.
    """
    channels = alert_channels(policy)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.FAILURE,
        name=NAME,
        monitored_jobs=list(monitored),
        request_job=deliver,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A run failed: tell those who look after the platform, once a day.",
    )
    def _sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        run, event = context.dagster_run, context.dagster_event
        if not channels:
            return dg.SkipReason(f"{run.job_name} failed; no channel of delivery.yaml takes alerts")
        step, error = failure_of(context.instance, run.run_id, event.message or "")
        now = datetime.now(UTC)
        messages = alerts(run.job_name, step, error, run.run_id, now, channels)
        # Opened when it is needed: most ticks have nothing to say.
        from mqa_platform.destinations.journal import Journal

        new = Journal(home.outbox).enter(messages, now)
        if not new:
            return dg.SkipReason(f"{run.job_name} failed; it has been told today")
        if run.job_name in delivering:
            return dg.SkipReason(f"{run.job_name} failed; it is told by the next delivery")
        return dg.RunRequest(run_key=f"{NAME}:{run.run_id}")

    return _sensor


def failure_of(instance: dg.DagsterInstance, run_id: str, otherwise: str) -> tuple[str | None, str]:
    """(the first step that failed, why); no step where the run failed before or between steps."""
    found = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1
    ).records
    for record in found:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            return event.step_key, failure.user_failure_data.description
        error = failure.error
        while error is not None and error.cause is not None:
            error = error.cause
        return event.step_key, error.message if error else otherwise
    return None, otherwise
