"""A message of the outbox may be tried again, or digests are due: deliver, and tell when messages are stuck.

Belongs here: which messages have waited long enough, and which too long. Does not belong here: sending them
(``destinations.outbox``), how long each waits, or what a digest holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import (
    Jobs,
    asked,
    cursor_of,
    interval,
    is_at_work,
    nothing,
    switched,
)
from mqa_platform.sensors.cursors import run_key
from mqa_platform.sensors.run_failures import ALERT, alert_channels

if TYPE_CHECKING:
    from mqa_platform.destinations.channel import Message
    from mqa_platform.destinations.entries import Entry

NAME = "on_outbox"
# What could not be sent for so long is somebody's concern; shorter outages mend themselves.
STUCK_AFTER: Final = timedelta(hours=4)
# A service that is down, or takes nothing from us, is asked by a run every so often and not without a pause.
PAUSE: Final = timedelta(minutes=5)
# The same tries again: the run that was to make them was killed, or left the channel alone.
AGAIN_AFTER: Final = timedelta(hours=1)


def tries(waiting: Iterable[tuple[str, int]]) -> list[str]:
    """The tries that are due, by content: a message that fails again is due again under another name.

    Args:
        waiting: (key, attempts so far) of the messages that may be sent now.
    """
    return sorted({f"{key}:{attempts}" for key, attempts in waiting})


def pressing(
    due: Sequence[str], before: Mapping[str, Any], now: datetime
) -> tuple[list[str], dict[str, Any]]:
    """(what to ask a run for, what is remembered with it); nothing while the last one is young.

    Args:
        due: of ``tries``.
        before: what was remembered with the last run: ``content`` and ``at``; empty at first.
        now: the moment, in UTC.
    """
    content = run_key(NAME, due)
    keys, after = list(due), {"content": content, "at": now.isoformat()}
    if not before or not due:
        return keys, after
    waited = now - datetime.fromisoformat(before["at"])
    is_same = before["content"] == content
    if waited < (AGAIN_AFTER if is_same else PAUSE):
        return [], after
    # A name of its own, because the run of this content was started and has not made the tries.
    return [*keys, f"after:{before['at']}"] if is_same else keys, after


def digest_day(policy: Policy, now: datetime) -> str | None:
    """The day whose digests are due by now; None before their time, and where no channel takes any."""
    if not any("digest" in kinds for kinds in policy.delivery.channels.kinds_of().values()):
        return None
    # Both have the form 05:00; 24:00 means never.
    return str(now.date()) if f"{now:%H:%M}" >= policy.delivery.digest_at else None


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
    """Delivers when a message that waits may be sent, and once a day when digests are due.

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
        description="A message that failed may be tried again, one that was entered has not been sent, or "
        "the digests of the day are due.",
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
        before = cursor_of(context)
        keys, tried = pressing(tries(journal.waiting(now)), before.get("tried", {}), now)
        after = {"tried": tried if keys else before.get("tried", {})}
        # Digests are made by the first delivery after their time, which somebody has to start.
        day = digest_day(policy, now)
        after["digest"] = day or before.get("digest")
        if day is not None and day != before.get("digest"):
            keys.append(f"digest:{day}")
        if not keys:
            return nothing("no message waits, or the last delivery was just asked for")
        if is_at_work(context.instance, (jobs.refresh.name, jobs.deliver.name)):
            return nothing("a delivery is at work")
        return asked(context, NAME, jobs.deliver, keys, after)

    return _sensor
