"""A message of the outbox may be tried again by now: deliver, and say when messages are stuck.

Belongs here: which messages have waited long enough. Does not belong here: sending them
(``destinations.outbox``), or how long each waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.sensors.asking import Jobs, asked, interval, is_at_work, nothing, switched

NAME = "on_outbox"


def tries(waiting: Iterable[tuple[str, int]]) -> list[str]:
    """The tries that are due, by content: a message that fails again is due again under another name.

    Args:
        waiting: (key, attempts so far) of the messages that may be sent now.
    """
    return sorted({f"{key}:{attempts}" for key, attempts in waiting})


def on_outbox(jobs: Jobs, home: Home, is_on: bool) -> dg.SensorDefinition:
    """Delivers when a message that waits may be sent.

    Args:
        jobs: to start.
        home: with the outbox.
        is_on: whether the policy lets anything be delivered.
    """

    @dg.sensor(
        name=NAME,
        job=jobs.deliver,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A message that failed may be tried again, or one that was entered has not been sent.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not is_on:
            return nothing("delivery is not enabled in delivery.yaml")
        if not home.outbox.exists():
            return nothing("nothing has been entered yet")
        from mqa_platform.destinations.journal import Journal

        # A failed read is not an empty outbox: it fails this look, and the next one has the same question.
        due = tries(Journal(home.outbox).waiting(datetime.now(UTC)))
        if not due:
            return nothing("no message waits")
        if is_at_work(context.instance, (jobs.refresh.name, jobs.deliver.name)):
            return nothing("a delivery is at work")
        # The run key is made of the tries, so a try is asked for once; no cursor is needed.
        return asked(context, NAME, jobs.deliver, due, {})

    return _sensor
