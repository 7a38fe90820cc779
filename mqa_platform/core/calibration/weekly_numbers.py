"""The numbers that the weekly watch looks at, as grouped expressions over published tables.

Belongs here: how each is counted by week. Does not belong here: whether it has changed (``drift``).

Weeks begin on Mondays, as ISO 8601 has them. What we sent ourselves is no signal and is not counted.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.calibration.room import fills_room
from mqa_platform.core.window import Window

# Score as a share of its threshold; the first bin holds scores above 0 only.
BINS: Final = (0.25, 0.5, 0.75, 1.0, 1.5)


def monday(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def whole_weeks(first: date, last: date) -> tuple[date, date] | None:
    """The Mondays of the first and of the last week that lie wholly between two days; None where there is none."""
    begin = monday(first + timedelta(days=6))
    end = monday(last + timedelta(days=1)) - timedelta(days=7)
    return (begin, end) if begin <= end else None


def entries(conversions: ir.Table, motion: str, days: Window) -> ir.Table:
    """(day, n): accounts that became MQAs."""
    c = conversions.filter(conversions["motion"] == motion)
    return _by_day(_within(c, "mqa_on", days), "mqa_on")


def for_reps(conversions: ir.Table, handoffs: ir.Table) -> ir.Table:
    """The episodes that a rep was to take: of these his room is made."""
    taken = handoffs.filter(fills_room(handoffs)).select("handoff_id")
    return conversions.semi_join(taken, "handoff_id")


def conversions_closed(conversions: ir.Table, motion: str, days: Window, window: int) -> ir.Table:
    """(day, n, hits): MQAs by the day on which their conversion window was over, and those with an opportunity.

    Args:
        conversions: as published.
        motion: of the episodes.
        days: of the ends of their windows.
        window: days in which an opportunity counts.
    """
    c = conversions.filter(conversions["motion"] == motion)
    entered = Window(days.lo - timedelta(days=window), days.hi - timedelta(days=window))
    c = _within(c, "mqa_on", entered)
    c = c.mutate(day=(c["mqa_on"] + ibis.interval(days=window)).cast("date"))
    return c.group_by("day").aggregate(n=c.count(), hits=c["opportunity_on"].count())


def matched(touchpoints: ir.Table, days: Window) -> ir.Table:
    """(day, signal, n): signals that belong to an account; one that several accounts share counts once."""
    t = _within(touchpoints.filter(touchpoints["direction"] == "inbound"), "touchpoint_date", days)
    t = t.select("signal_id", day="touchpoint_date", signal="signal_type").distinct()
    return t.group_by("day", "signal").aggregate(n=t.count())


def unmatched(unresolved: ir.Table, days: Window) -> ir.Table:
    """(day, n): signals of which nobody knows the account."""
    return _by_day(_within(unresolved, "signal_date", days), "signal_date")


def score_bins(scores: ir.Table, motion: str, days: list[date]) -> ir.Table:
    """(day, bin, n): accounts with a score above 0 by its share of the threshold, bin 0 the lowest."""
    s = scores.filter((scores["motion"] == motion) & (scores["engagement_score"] > 0))
    s = s.filter(s["score_date"].isin(days) & (s["threshold"] > 0))
    share = s["engagement_score"].cast("float64") / s["threshold"].cast("float64").nullif(0.0)
    number = ibis.cases(
        *((share < bound, ibis.literal(k)) for k, bound in enumerate(BINS)), else_=len(BINS)
    )
    s = s.select(day="score_date", bin=number.cast("int64"))
    return s.group_by("day", "bin").aggregate(n=s.count())


def _within(t: ir.Table, column: str, days: Window) -> ir.Table:
    return t.filter((t[column] >= days.lo) & (t[column] < days.hi))


def _by_day(t: ir.Table, column: str) -> ir.Table:
    t = t.select(day=column)
    return t.group_by("day").aggregate(n=t.count())
