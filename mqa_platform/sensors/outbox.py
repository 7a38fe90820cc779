"""A message of the outbox may be tried again by now: deliver, and tell when messages are stuck.

Belongs here: which messages have waited long enough, and which too long. Does not belong here: sending them
(``destinations.outbox``), or how long each waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import Jobs, asked, interval, is_at_work, nothing, switched
from mqa_platform.sensors.run_failures import ALERT, alert_channels

if TYPE_CHECKING:
    from mqa_platform.destinations.channel import Message
    from mqa_platform.destinations.entries import Entry

NAME = "on_outbox"
# What could not be sent for so long is somebody's concern; shorter outages mend themselves.
STUCK_AFTER: Final = timedelta(hours=4)


def tries(waiting: Iterable[tuple[str, int]]) -> list[str]:
    """The tries that are due, by content: a message that fails again is due again under another name.

    Args:
        waiting: (key, attempts so far) of the messages that may be sent now.
    """
    return sorted({f"{key}:{attempts}" for key, attempts in waiting})


def stuck(entries: Iterable[Entry], now: datetime, channels: Sequence[str]) -> list[Message]:
    """What is told, once a day, of messages that nobody has taken for hours.

    Args:
        entries: of the journal that wait to be sent.
        now: the moment, in UTC.
        channels: that take alerts.
    """
    from mqa_platform.destinations.channel import Message

    late = [
        e
        for e in entries
        if e.message.kind != ALERT and e.released_at and now - e.released_at >= STUCK_AFTER
    ]
    if not late:
        return []
    lines = []
    for channel, number in sorted(Counter(e.message.channel for e in late).items()):
        errors = [e.last_error for e in late if e.message.channel == channel and e.last_error]
        lines.append(f"{channel}: {number}" + (f", last: {errors[-1][:300]}" if errors else ""))
    title = (
        f"{len(late)} messages have waited for more than {STUCK_AFTER // timedelta(hours=1)} hours"
    )
    payload = {"title": title, "lines": lines, "run_id": None, "at": now.isoformat()}
    subject = f"alert:outbox:{now.date()}"
    return [Message(f"{subject}:{name}", name, ALERT, payload=payload) for name in channels]


def on_outbox(jobs: Jobs, home: Home, policy: Policy) -> dg.SensorDefinition:
    """Delivers when a message that waits may be sent.

    Args:
        jobs: to start.
        home: with the outbox.
        policy: which says whether anything is delivered, and where alerts go.
    """
    channels = alert_channels(policy)

    @dg.sensor(
        name=NAME,
        job=jobs.deliver,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A message that failed may be tried again, or one that was entered has not been sent.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not policy.delivery.enabled:
            return nothing("delivery is not enabled in delivery.yaml")
        if not home.outbox.exists():
            return nothing("nothing has been entered yet")
        from mqa_platform.destinations.entries import WAITING
        from mqa_platform.destinations.journal import Journal

        # A failed read is not an empty outbox: it fails this look, and the next one has the same question.
        journal, now = Journal(home.outbox), datetime.now(UTC)
        journal.enter(stuck(journal.entries(WAITING), now, channels), now)
        due = tries(journal.waiting(now))
        if not due:
            return nothing("no message waits")
        if is_at_work(context.instance, (jobs.refresh.name, jobs.deliver.name)):
            return nothing("a delivery is at work")
        # The run key is made of the tries, so a try is asked for once; no cursor is needed.
        return asked(context, NAME, jobs.deliver, due, {})

    return _sensor
