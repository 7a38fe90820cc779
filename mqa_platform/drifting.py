"""The weekly watch, from published tables: the numbers of each week, what they say, and how old thresholds are.

Belongs here: reading what ``core.calibration.drift`` works with. Does not belong here: the tests, or publishing
(``assets.drift``). Nothing here changes a policy.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from mqa_platform.calibrating import Rows, Tables
from mqa_platform.core.calibration import weekly_numbers as numbers
from mqa_platform.core.calibration.counts import QUIET_WEEKS
from mqa_platform.core.calibration.drift import (
    BEFORE_WEEKS,
    RECENT_WEEKS,
    age_rows,
    drift_checks,
)
from mqa_platform.core.calibration.room import fills_room, room
from mqa_platform.core.calibration.stale import Age
from mqa_platform.core.calibration.weeks import MONDAY, Weeks
from mqa_platform.core.history import PolicyHistory
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.policy.models import Policy


@dataclass(frozen=True)
class Watched:
    """What the watch found: the leading motion, the last whole week (None: there is none yet), and a row a check."""

    as_of: date
    motion: str
    week: date | None
    rows: Rows

    @property
    def alarms(self) -> Rows:
        """The alarms of the last week."""
        return [r for r in self.rows if r["week"] == self.week and r["status"] == "alarm"]


def watch(tables: Tables, history: PolicyHistory, ages: Iterable[Age], as_of: date) -> Watched:
    """The checks of the last quarter's weeks for the leading motion, from what is dated up to a day.

    Args:
        tables: the published ones.
        history: which policy holds on the day.
        ages: of the thresholds, on the day.
        as_of: the last day that counts.
    """
    policy = history.effective_on(as_of).policy.motions()[0]
    motion, rules = policy.program.motion, policy.calibration
    scores = tables.table("scores")
    mine = scores.filter((scores["motion"] == motion) & (scores["score_date"] <= as_of))
    first = tables.rows(mine.aggregate(day=mine["score_date"].min()))[0]["day"]
    found = numbers.whole_weeks(first, as_of) if first else None
    if found is None:
        return Watched(as_of, motion, None, [])
    # No more than any check looks back, from the first of the weeks that are shown.
    least = found[1] - MONDAY * (rules.weeks + rules.weeks + QUIET_WEEKS)
    weeks = _weeks(tables, policy, max(found[0], least), found[1])
    weeks = replace(weeks, promoted=sorted(history.promotion_days(motion)))
    rows = drift_checks(weeks, rules.weeks, rules.weeks, rules.psi_limit)
    rows = [{"motion": motion, **row} for row in rows] + age_rows(ages, weeks.last)
    return Watched(as_of, motion, weeks.last, rows)


def _weeks(tables: Tables, policy: Policy, first: date, last: date) -> Weeks:
    days = Window(first, last + MONDAY)
    # Signals are many, and no check of them looks further back.
    shown = policy.calibration.weeks
    late = max(first, last - MONDAY * (shown + RECENT_WEEKS + BEFORE_WEEKS))
    lately = Window(late, days.hi)
    motion, table = policy.program.motion, tables.table
    closed = numbers.conversions_closed(
        table("conversions"), motion, days, policy.conversions.opportunity_window_days
    )
    by_signal: dict[str, Counter[date]] = defaultdict(Counter)
    known: Counter[date] = Counter()
    for r in tables.rows(numbers.matched(table("touchpoints"), lately)):
        by_signal[r["signal"]][numbers.monday(r["day"])] += r["n"]
        known[numbers.monday(r["day"])] += r["n"]
    unknown = _by_week(tables.rows(numbers.unmatched(table("unresolved_signals"), lately)))
    every = set(known) | set(unknown)
    episodes = table("conversions")
    for_reps = numbers.for_reps(episodes, table("handoffs"))
    return Weeks(
        first=first,
        last=last,
        entries=_by_week(tables.rows(numbers.entries(episodes, motion, days))),
        for_reps=_by_week(tables.rows(numbers.entries(for_reps, motion, days))),
        room=_room(tables, policy, first, last),
        conversions=_pairs(tables.rows(closed)),
        matches={w: (known[w], known[w] + unknown[w]) for w in every},
        scores=_scores(tables, motion, late, last),
        signals=by_signal,
    )


def _by_week(rows: Rows) -> Counter[date]:
    found: Counter[date] = Counter()
    for r in rows:
        found[numbers.monday(r["day"])] += r["n"]
    return found


def _pairs(rows: Rows) -> dict[date, tuple[int, int]]:
    found: dict[date, tuple[int, int]] = {}
    for r in rows:
        hits, trials = found.get(week := numbers.monday(r["day"]), (0, 0))
        found[week] = hits + r["hits"], trials + r["n"]
    return found


def _scores(tables: Tables, motion: str, first: date, last: date) -> dict[date, list[int]]:
    """Histograms of Sundays, by the Monday of their week."""
    count = (last - first).days // 7 + 1
    sundays = [first + MONDAY * k + timedelta(days=6) for k in range(count)]
    found: dict[date, list[int]] = {}
    for r in tables.rows(numbers.score_bins(tables.table("scores"), motion, sundays)):
        bins = found.setdefault(numbers.monday(r["day"]), [0] * (len(numbers.BINS) + 1))
        bins[r["bin"]] += r["n"]
    return found


def _room(tables: Tables, policy: Policy, first: date, last: date) -> dict[date, float]:
    """What the reps could take of the leading motion a week: less absences, and what other motions handed over."""
    count = (last - first).days // 7 + 1
    each: Any = room(
        tables.rows(tables.table("capacity")),
        tables.rows(tables.table("absences")),
        {},
        first - ONE_DAY,
        count,
    )
    found: dict[date, float] = defaultdict(float)
    for r in each:
        found[r.week_from] += r.room * policy.calibration.share_of_capacity
    h = tables.table("handoffs")
    days = Window(first, last + MONDAY)
    h = h.filter((h["motion"] != policy.program.motion) & fills_room(h))
    h = h.filter((h["created_on"] >= days.lo) & (h["created_on"] < days.hi))
    others = h.select(day="created_on")
    for week, n in _by_week(
        tables.rows(others.group_by("day").aggregate(n=others.count()))
    ).items():
        if week in found:
            found[week] = max(0.0, found[week] - n)
    return found
