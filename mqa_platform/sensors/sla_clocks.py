"""A clock of a handoff ran out: ask the CRM once more, and tell whoever is to be told.

Belongs here: which moments have come since the last look. Does not belong here: the moments themselves
(``core.clocks``), or what is told (``core.sla_events``, ``destinations``).

The tables say when each open handoff is to be reminded of, escalated, due and to be accepted. Nobody is told
by this sensor: it starts a run on time, and the run finds out whether somebody has answered meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.marts import Marts
from mqa_platform.sensors.asking import Jobs, asked, cursor_of, interval, nothing, switched
from mqa_platform.sensors.cursors import Item, Seen, news
from mqa_platform.sensors.published import NotReadableError, moments, published, stamp

NAME = "on_sla_clocks"
MOMENTS: Final = ("remind_at", "escalate_at", "due_at", "accept_due_at")
# What is noticed later than this is no news to anybody; the next morning's run has it.
_OVERLAP: Final = timedelta(days=1)


def clock_items(rows: Iterable[Mapping[str, Any]]) -> list[Item]:
    """The moments of open handoffs as items, those to come among them.

    Args:
        rows: of handoffs that wait for an answer: handoff_id, the columns ``MOMENTS``, accepted_at, rejected_at,
            first_touch_at.
    """
    found = []
    for row in rows:
        is_answered = row["accepted_at"] is not None or row["rejected_at"] is not None
        waits: tuple[str, ...] = (
            ("accept_due_at",) if row["first_touch_at"] is not None else MOMENTS
        )
        waits = tuple(name for name in waits if not (is_answered and name == "accept_due_at"))
        for name, at in moments(dict(row), *waits).items():
            # A moment that moves, because the handoff went to somebody else, is another one.
            found.append(Item(f"{row['handoff_id']}:{name}:{at.isoformat()}", at))
    return found


def come(items: Iterable[Item], now: datetime) -> tuple[list[Item], datetime | None]:
    """(the items whose moment has come, the first moment that has not)."""
    there = list(items)
    later = [item.at for item in there if item.at > now]
    return [item for item in there if item.at <= now], min(later, default=None)


def on_sla_clocks(jobs: Jobs, home: Home) -> dg.SensorDefinition:
    """Refreshes today and delivers when a handoff is to be reminded of, escalated, or is due."""

    @dg.sensor(
        name=NAME,
        job=jobs.refresh,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A handoff is to be reminded of, escalated, accepted or touched by now: look whether "
        "somebody has answered, and tell who is to be told.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        before, made, now = cursor_of(context), stamp(home), datetime.now(UTC)
        if made is None:
            return nothing("nothing has been published yet")
        following = before.get("next")
        is_known = before.get("snapshot") == made[0]
        if is_known and (following is None or datetime.fromisoformat(following) > now):
            return nothing(f"no clock runs out before {following or 'something new is published'}")
        try:
            with published(home) as marts:
                there, later = come(clock_items(waiting(marts)), now)
        except NotReadableError as problem:
            # A failed read is not an empty table: the cursor stays where it was.
            return nothing(f"the published tables cannot be read: {problem}")
        new, seen = news(there, Seen.of(before.get("seen", {})), _OVERLAP)
        recent = [item for item in new if item.at >= now - _OVERLAP]
        after = {
            "snapshot": made[0],
            "next": later.isoformat() if later else None,
            "seen": seen.kept(),
        }
        if not recent:
            return nothing("no clock has run out", after)
        return asked(
            context, NAME, jobs.refresh, [item.key for item in recent], after, jobs.today()
        )

    return _sensor


def waiting(marts: Marts) -> list[dict[str, Any]]:
    """The handoffs whose clocks run, as they were published."""
    t = marts.table("handoffs")
    t = t.filter(t["ended_on"].isnull() & t["over_on"].isnull() & t["delivered_at"].notnull())
    t = t.filter((t["sla_state"] == "running") | t["accepted_at"].isnull())
    named = ("handoff_id", *MOMENTS, "accepted_at", "rejected_at", "first_touch_at")
    return marts.rows(t.select(*named))
