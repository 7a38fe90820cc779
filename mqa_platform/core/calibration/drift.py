"""The weekly watch: does what comes in still agree with what the policy was set by?

Belongs here: which numbers are watched, over how many weeks, and what is said of each. Does not belong here: the tests
(``shifts``), reading tables (``weekly_numbers``), how old a threshold is (``stale``), or what decisions said then and
say now (``core.drift``).

All checks together give at most one false alarm in 52 quiet weeks on average: the shares of ``SHARES`` add up to one
alarm in 52 weeks (Boole's inequality, whatever the checks have to do with each other), and the share of the signals is
divided by their number. Quiet means that weeks are exchangeable: a season or a campaign is no false alarm, and does
raise one. Nor is a promotion one: volume and scores are compared with weeks under the same rules only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from mqa_platform.core.calibration import shifts
from mqa_platform.core.calibration.counts import QUIET_WEEKS
from mqa_platform.core.calibration.shifts import Shift
from mqa_platform.core.calibration.stale import Age
from mqa_platform.core.calibration.weeks import MONDAY, Weeks

# Of the one false alarm in 52 weeks; volume is what a threshold is for.
SHARES: Final[dict[str, float]] = {
    "volume": 0.5,
    "capacity": 0.1,
    "conversion": 0.1,
    "match_rate": 0.1,
    "score_distribution": 0.1,
    "signal_volume": 0.1,
}
AGE: Final = "threshold_age"
# What a threshold could answer to: an alarm of these opens a proposal.
PROPOSING: Final = ("volume", "capacity", "conversion", "score_distribution")
RECENT_WEEKS: Final = 3
BEFORE_WEEKS: Final = 26
ALL: Final = "all"
_UNITS: Final = {
    "volume": "MQAs a week over three weeks",
    "capacity": "MQAs in the last quarter's weeks under these rules",
    "conversion": "of the MQAs whose window closed lately became opportunities",
    "match_rate": "of the week's signals belong to an account",
    "score_distribution": "is how far the week's scores lie from those of the quarter before (PSI)",
    "signal_volume": "signals a week over three weeks",
}
_SHARES_OF: Final = ("conversion", "match_rate")


def drift_checks(weeks: Weeks, show: int, quarter: int, psi_least: float) -> list[dict[str, Any]]:
    """One row a check, segment and week, each from what was dated up to that week.

    Args:
        weeks: the numbers.
        show: how many of the last weeks.
        quarter: weeks over which capacity and conversion are looked at, and scores are compared; capacity over
            those since a promotion, from three on.
        psi_least: a PSI below it is no alarm.

    Returns:
        check_name, segment (the signal, else ``all``), week (its Monday), status (ok, alarm, cannot_say), seen,
        expected, low, high, p_value, since (first week of the alarm that stands), is_new, says.
    """
    found = []
    for number in range(show - 1, -1, -1):
        week = weeks.last - MONDAY * number
        if week < weeks.first:
            continue
        for check, segment, shift in _of_week(weeks, week, quarter, psi_least):
            found.append(_row(check, segment, week, shift))
    return _with_since(found)


def age_rows(ages: Iterable[Age], week: date) -> list[dict[str, Any]]:
    """One row a motion and tier: how long ago its threshold was decided on, in days, against the limit."""
    return [
        {
            "motion": a.motion, "check_name": AGE, "segment": a.tier, "week": week,
            "status": "alarm" if a.is_stale else "ok", "seen": float(a.days),
            "expected": float(a.limit), "low": 0.0, "high": float(a.limit), "p_value": None,
            "since": week if a.is_stale else None, "is_new": False, "says": a.says,
        }
        for a in ages
    ]  # fmt: skip


def carried(
    rows: Iterable[Mapping[str, Any]], published: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rows with what was published of the same alarms: since when they stand, and the proposal they opened.

    The weeks that are looked at move on, and an alarm is older than the first of them.
    """
    before = {(*_alarm(r), r["week"]): r for r in published if r["status"] == "alarm"}
    found = [{**r, "proposed_on": None} for r in rows]
    known: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in found:
        was = before.get((*_alarm(row), row["week"]))
        if row["status"] == "alarm" and was is not None:
            run = (*_alarm(row), row["since"])
            known[run] = max(known.get(run, was), was, key=_opened)
    for row in found:
        was = known.get((*_alarm(row), row["since"]))
        if row["status"] == "alarm" and was is not None:
            row["since"] = min(row["since"], was["since"])
            row["is_new"] = row["week"] == row["since"]
            row["proposed_on"] = was["proposed_on"]
    return found


def _opened(row: Mapping[str, Any]) -> tuple[date, date]:
    return row["proposed_on"] or date.min, row["week"]


def unanswered(rows: Iterable[Mapping[str, Any]], week: date | None) -> list[Any]:
    """The alarms of a week that a threshold could answer to, and for which no proposal was opened yet."""
    return [
        r for r in rows
        if r["week"] == week and r["status"] == "alarm" and r["check_name"] in PROPOSING
        and r["proposed_on"] is None
    ]  # fmt: skip


def _alarm(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["motion"], row["check_name"], row["segment"]


def _of_week(
    weeks: Weeks, week: date, quarter: int, psi_least: float
) -> Iterable[tuple[str, str, Shift]]:
    level = {check: share / QUIET_WEEKS for check, share in SHARES.items()}
    late, early = weeks.behind(week, RECENT_WEEKS, BEFORE_WEEKS)
    whole = late if len(late) == RECENT_WEEKS else []
    # A threshold that was promoted moves volume on purpose: only weeks under the same rules are compared.
    begins = weeks.rules_begin(week)
    same = whole if whole and whole[0] >= begins else []
    volume = _both(weeks.entries, same, [w for w in early if w >= begins])
    yield "volume", ALL, shifts.of_counts(*volume, level["volume"])
    behind, _ = weeks.behind(week, quarter, 0)
    lately = [w for w in behind if w >= begins]
    known = len(behind) == quarter and len(lately) >= RECENT_WEEKS
    known = known and all(w in weeks.room for w in lately)
    room = sum(weeks.room[w] for w in lately) if known else 0.0
    taken = sum(weeks.for_reps.get(w, 0) for w in lately)
    yield "capacity", ALL, shifts.against_known(taken, room, level["capacity"])
    behind, earlier = weeks.behind(week, quarter, QUIET_WEEKS)
    pair = _pooled(weeks.conversions, behind), _pooled(weeks.conversions, earlier)
    yield "conversion", ALL, shifts.of_shares(*pair, level["conversion"])
    _, earlier = weeks.behind(week, 1, BEFORE_WEEKS)
    shares = [weeks.matches.get(w, (0, 0)) for w in earlier]
    now = weeks.matches.get(week, (0, 0))
    yield "match_rate", ALL, shifts.of_weekly_shares(now, shares, level["match_rate"])
    before = week - MONDAY * quarter
    then = weeks.scores.get(before, ()) if before >= begins else ()
    seen = weeks.scores.get(week, ())
    if seen and then:
        share = level["score_distribution"]
        moved = shifts.of_distributions(seen, then, share, psi_least)
    else:
        moved = Shift(None)
    yield "score_distribution", ALL, moved
    for signal in sorted(weeks.signals):
        each = level["signal_volume"] / len(weeks.signals)
        counts = _both(weeks.signals[signal], whole, early)
        yield "signal_volume", signal, shifts.of_counts(*counts, each)


def _both(
    of: Mapping[date, int], late: Sequence[date], early: Sequence[date]
) -> tuple[list[int], list[int]]:
    return [of.get(w, 0) for w in late], [of.get(w, 0) for w in early]


def _pooled(of: Mapping[date, tuple[int, int]], weeks: Sequence[date]) -> tuple[int, int]:
    found = [of.get(w, (0, 0)) for w in weeks]
    return sum(hits for hits, _ in found), sum(trials for _, trials in found)


def _row(check: str, segment: str, week: date, shift: Shift) -> dict[str, Any]:
    status = "cannot_say" if shift.alarm is None else "alarm" if shift.alarm else "ok"
    return {
        "check_name": check, "segment": segment, "week": week, "status": status, "seen": shift.seen,
        "expected": shift.expected, "low": shift.low, "high": shift.high,
        "p_value": shift.p_value, "since": None, "is_new": False,
        "says": _says(check, segment, shift),
    }  # fmt: skip


def _says(check: str, segment: str, shift: Shift) -> str:
    of = "" if segment == ALL else f" ({segment})"
    if shift.seen is None:
        return f"Nothing was seen yet that could be compared{of}."
    words = f"{_number(check, shift.seen)} {_UNITS[check]}{of}"
    if shift.alarm is None:
        return f"{words}; too little is known to say what was to be expected."
    low, high = _number(check, shift.low or 0.0), _number(check, shift.high or 0.0)
    if check == "score_distribution":
        return f"{words}; more than {high} is an alarm."
    verb = "Outside" if shift.alarm else "Within"
    expected = _number(check, shift.expected or 0.0)
    if check == "capacity":
        words += f"; the reps could have taken {expected}"
        return f"{words}. {verb} what chance gives ({low} to {high})."
    return f"{words}; {expected} were expected. {verb} what chance gives ({low} to {high})."


def _number(check: str, value: float) -> str:
    if check in _SHARES_OF:
        return f"{value:.0%}"
    return f"{value:.2f}" if check == "score_distribution" else f"{value:,.1f}"


def _with_since(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the order of their weeks, each alarm with the first week of it."""
    standing: dict[tuple[str, str], date] = {}
    for row in rows:
        key = (row["check_name"], row["segment"])
        if row["status"] != "alarm":
            standing.pop(key, None)
            continue
        row["is_new"] = key not in standing
        row["since"] = standing.setdefault(key, row["week"])
    return rows
