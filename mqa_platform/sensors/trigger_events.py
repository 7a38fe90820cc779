"""Something happened at an account that is worth acting on now: refresh today and deliver.

Belongs here: trigger events (funding, an executive hire, an expansion), hand-raises and buying committees that
have been published and not yet delivered. Does not belong here: what they are worth (``policy``), or which of
them qualifies (``core``).

A file or a webhook starts a run that lands, publishes and delivers, and nothing is left to do here. What is
left is what a run published that delivers nothing: ``mqa run``, a backfill, a rerun after a correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.marts import Marts
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import (
    Jobs,
    asked,
    cursor_of,
    delivered_with,
    interval,
    nothing,
    switched,
)
from mqa_platform.sensors.cursors import Item, Seen, news
from mqa_platform.sensors.published import NotReadableError, published, stamp, utc

NAME = "on_trigger_events"
# What is older has missed its moment; delivery has a window of its own.
RECENT: Final = timedelta(days=3)


def event_items(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Item]:
    """Hand-raises and trigger events as items.

    Args:
        rows: of touchpoints: signal_id, account_id, signal_type, received_at.
        now: the moment, in UTC; what a vendor dates later came now, or the cursor would pass everything over
            until then.
    """
    return [
        Item(
            f"{r['signal_type']}:{r['signal_id']}:{r['account_id']}",
            min(utc(r["received_at"]), now),
        )
        for r in rows
    ]


def committee_items(rows: Iterable[Mapping[str, Any]], first: date) -> list[Item]:
    """Committees on buying pages as items: each on the first of the days on which it is there.

    Args:
        rows: of scores with as many people as make a committee: account_id, motion, score_date.
        first: the earliest day of the rows; of a committee that is there then nobody knows since when.
    """
    there = {(r["account_id"], r["motion"], r["score_date"]) for r in rows}
    return [
        Item(f"committee:{account}:{motion}:{day}", datetime.combine(day, time(), UTC))
        for account, motion, day in there
        if day > first and (account, motion, day - timedelta(days=1)) not in there
    ]


def telling(policy: Policy) -> list[str]:
    """The signals of a policy that are acted on at once: hand-raises and good news."""
    named = {
        name
        for part in policy.motions()
        for name, signal in part.signals.signals.items()
        if signal.hand_raise or (signal.kind == "trigger" and signal.weight > 0)
    }
    return sorted(named)


def on_trigger_events(
    jobs: Jobs, home: Home, policy: Policy, delivering: Sequence[str]
) -> dg.SensorDefinition:
    """Refreshes today and delivers when a trigger event was published by a run that delivers nothing."""

    @dg.sensor(
        name=NAME,
        job=jobs.refresh,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="Funding, an executive hire, an expansion, a hand-raise or a committee on buying "
        "pages was published and not delivered.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        before, made = cursor_of(context), stamp(home)
        if made is None:
            return nothing("nothing has been published yet")
        snapshot, at = made
        if before.get("snapshot") == snapshot:
            return nothing("nothing new has been published")
        is_delivered = delivered_with(context.instance, delivering, at)
        if is_delivered is None:
            return nothing("what was published is being delivered")
        try:
            with published(home) as marts:
                there = recent(marts, policy)
        except NotReadableError as problem:
            # A failed read is not an empty table: the cursor stays where it was.
            return nothing(f"the published tables cannot be read: {problem}")
        new, seen = news(there, Seen.of(before.get("seen", {})), RECENT)
        after = {"snapshot": snapshot, "seen": seen.kept()}
        if not new or is_delivered:
            return nothing(f"{len(new)} new, delivered with what was published", after)
        return asked(context, NAME, jobs.refresh, [item.key for item in new], after, jobs.today())

    return _sensor


def recent(marts: Marts, policy: Policy) -> list[Item]:
    """The items of the last days that have been published."""
    since = marts.last_day() - RECENT
    t = marts.table("touchpoints")
    t = t.filter(t["signal_type"].isin(telling(policy)) & (t["touchpoint_date"] >= since))
    events = marts.rows(t.select("signal_id", "account_id", "signal_type", "received_at"))
    people = min(p.signals.committee_on_high_intent.people for p in policy.motions())
    s = marts.table("scores")
    s = s.filter((s["score_date"] >= since) & (s["people_on_high_intent"] >= people))
    rows = marts.rows(s.select("account_id", "motion", "score_date"))
    return [*event_items(events, datetime.now(UTC)), *committee_items(rows, since)]
