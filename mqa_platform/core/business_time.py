"""Business time: when so many working hours have passed, and how many have.

Belongs here: the arithmetic of one calendar, in whole microseconds of UTC. Does not belong here: reading a
calendar out of what was landed (``calendars``) or what is due when (``clocks``).

A moment is working time when the rep's wall clock shows a time of the working hours on a working day. So a
day on which the clock goes forward or back has as many working hours as the wall clock shows twice or not
at all, a zone may be off by half an hour, and a day that a zone left out (Apia, 30 December 2011) has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import numpy.typing as npt

Instants = npt.NDArray[np.int64]
SECOND: Final = 1_000_000
DAY: Final = 86_400
HOUR: Final = 3_600 * SECOND
# No moment: what is asked for does not come within ``REACH_DAYS``.
NEVER: Final = -1
REACH_DAYS: Final = 400
_EPOCH: Final = date(1970, 1, 1)
# Moments outside are slips of the pen, and a calendar that reached there would be endless.
_FIRST_DAY: Final = (date(1980, 1, 1) - _EPOCH).days
_LAST_DAY: Final = (date(2150, 1, 1) - _EPOCH).days


@dataclass(frozen=True)
class WorkingTime:
    """When somebody works.

    ``weekdays`` counts from Monday as 0; ``opens`` and ``closes`` are seconds of the wall clock's day;
    ``away`` are absences as first day and first day back, None while that is open.
    """

    zone: str
    weekdays: frozenset[int]
    opens: int
    closes: int
    country: str | None = None
    closed_on: frozenset[date] = frozenset()
    away: tuple[tuple[date, date | None], ...] = ()


@dataclass(frozen=True)
class Openings:
    """The working time of one calendar over a range of days, as moments in order.

    Attributes:
        starts: first moment of each stretch, microseconds since 1970 in UTC.
        ends: first moment after it.
        worked: working time up to its end, in microseconds, counted from the start of the range.
    """

    starts: Instants
    ends: Instants
    worked: Instants


@lru_cache(maxsize=4096)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The public holidays of a country in a year, with the days off for those on a weekend.

    Raises:
        NotImplementedError: no table of that country.
    """
    return frozenset(holidays.country_holidays(country, years=year))


def openings(time: WorkingTime, first: int, last: int) -> Openings:
    """The working time between two days (numbers since 1970, the last one excluded)."""
    days = np.arange(first - 1, last + 1)
    open_days = days[_is_worked(time, days)] * DAY
    starts, ends = [], []
    for since, until, offset in _offsets(time.zone, first * DAY, last * DAY):
        begins = np.maximum(open_days + time.opens - offset, since)
        over = np.minimum(open_days + time.closes - offset, until)
        kept = begins < over
        starts.append(begins[kept])
        ends.append(over[kept])
    start, end = np.concatenate(starts) * SECOND, np.concatenate(ends) * SECOND
    return Openings(start, end, np.cumsum(end - start))


def _is_worked(time: WorkingTime, days: Instants) -> npt.NDArray[np.bool_]:
    # 1 January 1970 was a Thursday.
    worked = np.isin((days + 3) % 7, sorted(time.weekdays))
    off = set(time.closed_on)
    if time.country is not None:
        years = range(_day(int(days[0])).year, _day(int(days[-1])).year + 1)
        off |= {d for year in years for d in public_holidays(time.country, year)}
    worked &= ~np.isin(days, [_number(d) for d in off])
    for since, until in time.away:
        back = _number(until) if until is not None else days[-1] + 1
        worked &= ~((days >= _number(since)) & (days < back))
    return worked


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def _offset(zone: ZoneInfo, second: int) -> int:
    """How far the wall clock is ahead of UTC, in seconds."""
    found = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    return round(found.total_seconds()) if found is not None else 0


@lru_cache(maxsize=2048)
def _offsets(name: str, since: int, until: int) -> tuple[tuple[int, int, int], ...]:
    """Stretches of one offset, in order: first second, first second after it, and the offset."""
    zone = ZoneInfo(name)
    found, start, held = [], since, _offset(zone, since)
    for second in range(since, until, DAY):
        following = min(second + DAY, until)
        if _offset(zone, following) == held:
            continue
        low, high = second, following
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == held else (low, middle)
        found.append((start, high, held))
        start, held = high, _offset(zone, high)
    return (*found, (start, until, held))


def worked(o: Openings, at: Instants) -> Instants:
    """Working time from the start of the range to each moment, in microseconds."""
    if not len(o.starts):
        return np.zeros(len(at), dtype=np.int64)
    place = np.searchsorted(o.starts, at, side="right") - 1
    held = np.maximum(place, 0)
    done = np.where(place > 0, o.worked[np.maximum(place - 1, 0)], 0)
    inside = np.minimum(at - o.starts[held], o.ends[held] - o.starts[held])
    return np.where(place >= 0, done + inside, 0)


def after(o: Openings, at: Instants, amount: Instants) -> Instants:
    """The first moment at which ``amount`` (more than 0) of working time has passed since ``at``."""
    wanted = worked(o, at) + amount
    place = np.searchsorted(o.worked, wanted, side="left")
    there = place < len(o.worked)
    held = np.where(there, place, 0)
    if not len(o.worked):
        return np.full(len(at), NEVER)
    found = o.ends[held] - (o.worked[held] - wanted)
    return np.where(there & _in_reach(at, found), found, NEVER)


def opening(o: Openings, at: Instants) -> Instants:
    """The first working moment at or after each moment."""
    if not len(o.starts):
        return np.full(len(at), NEVER)
    place = np.searchsorted(o.ends, at, side="right")
    there = place < len(o.ends)
    found = np.maximum(o.starts[np.where(there, place, 0)], at)
    return np.where(there & _in_reach(at, found), found, NEVER)


def _in_reach(at: Instants, found: Instants) -> npt.NDArray[np.bool_]:
    # By the row, so that it does not matter what else is asked in the same call.
    return found - at <= REACH_DAYS * DAY * SECOND


def midnight(zone: str, day: date) -> int:
    """The first moment of a day by the wall clock of a zone, in microseconds since 1970."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return round(start.timestamp()) * SECOND


def around(moments: Instants) -> tuple[int, int]:
    """The range of days that answers everything about these moments; see ``openings``."""
    days = moments // (DAY * SECOND)
    return int(days.min()) - 2, int(days.max()) + REACH_DAYS + 3


def is_plausible(moments: Instants) -> npt.NDArray[np.bool_]:
    """Whether a moment is one of the years that calendars are made for."""
    days = moments // (DAY * SECOND)
    return (days >= _FIRST_DAY) & (days < _LAST_DAY)
