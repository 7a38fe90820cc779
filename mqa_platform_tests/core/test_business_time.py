"""Business time: working hours of a wall clock, across summer time, holidays, weekends and odd zones.

The reference here walks minute by minute and asks the wall clock; it shares nothing with the arithmetic
that it judges but the tables of time zones and holidays.
"""

from __future__ import annotations

import os
import time as machine
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.business_time import (
    NEVER,
    WorkingTime,
    after,
    around,
    midnight,
    opening,
    openings,
    worked,
)

MINUTE = 60 * 1_000_000
WEEK = frozenset(range(5))
GULF = frozenset({6, 0, 1, 2, 3})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def office(zone: str, opens: float = 9, closes: float = 17, **more: object) -> WorkingTime:
    weekdays = more.pop("weekdays", WEEK)
    return WorkingTime(zone, weekdays, int(opens * 3600), int(closes * 3600), **more)


def instant(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(at))


def due(time: WorkingTime, since: datetime, hours: float) -> datetime | None:
    at = np.array([instant(since)])
    o = openings(time, *around(at))
    (found,) = after(o, at, np.array([round(hours * 60) * MINUTE])).tolist()
    return None if found == NEVER else moment(found)


def hours_between(time: WorkingTime, since: datetime, until: datetime) -> float:
    at = np.array([instant(since), instant(until)])
    done = worked(openings(time, *around(at)), at)
    return (int(done[1]) - int(done[0])) / MINUTE / 60


def local(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def is_open(time: WorkingTime, at: datetime) -> bool:
    """Whether the wall clock shows working time: the definition, one moment at a time."""
    wall = at.astimezone(ZoneInfo(time.zone))
    day, second = wall.date(), wall.hour * 3600 + wall.minute * 60 + wall.second
    public = time.country is not None and day in holidays.country_holidays(time.country)
    away = any(a <= day and (b is None or day < b) for a, b in time.away)
    return (
        day.weekday() in time.weekdays
        and time.opens <= second < time.closes
        and day not in time.closed_on
        and not public
        and not away
    )


def minutes_open(time: WorkingTime, since: datetime, until: datetime) -> int:
    found, at = 0, since
    while at < until:
        found += is_open(time, at)
        at += timedelta(minutes=1)
    return found


def walked_due(time: WorkingTime, since: datetime, minutes: int) -> datetime:
    at = since
    while minutes:
        minutes -= is_open(time, at)
        at += timedelta(minutes=1)
    return at


NEW_YORK, LONDON, HOWE = "America/New_York", "Europe/London", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("zone", "since", "hours", "wanted"),
    [
        # Within a day, over the night, over the weekend.
        (LONDON, "2025-01-06T10:00", 4, "2025-01-06T14:00"),
        (LONDON, "2025-01-06T15:00", 4, "2025-01-07T11:00"),
        (LONDON, "2025-01-10T16:00", 4, "2025-01-13T12:00"),
        # Asked at night or on a Sunday: the clock starts when the office opens.
        (LONDON, "2025-01-07T03:00", 1, "2025-01-07T10:00"),
        (LONDON, "2025-01-12T20:00", 1, "2025-01-13T10:00"),
        # What fills the day is due when it closes, not the next morning.
        (LONDON, "2025-01-06T09:00", 8, "2025-01-06T17:00"),
        # The nights of 9 March and 2 November 2025 are an hour shorter, and longer, in New York.
        (NEW_YORK, "2025-03-07T16:00", 2, "2025-03-10T10:00"),
        (NEW_YORK, "2025-10-31T16:00", 2, "2025-11-03T10:00"),
        (LONDON, "2025-03-28T16:30", 1, "2025-03-31T09:30"),
        # Summer time of half an hour.
        (HOWE, "2025-04-04T16:00", 2, "2025-04-07T10:00"),
        (HOWE, "2025-10-03T16:00", 2, "2025-10-06T10:00"),
        ("Asia/Kathmandu", "2025-05-02T16:45", 1, "2025-05-05T09:45"),
        ("Pacific/Kiritimati", "2025-01-06T16:30", 1, "2025-01-07T09:30"),
        ("Pacific/Pago_Pago", "2025-01-06T16:30", 1, "2025-01-07T09:30"),
    ],
)
def test_the_time_is_counted_by_the_wall_clock_of_the_rep(
    zone: str, since: str, hours: float, wanted: str
) -> None:
    assert due(office(zone), local(zone, since), hours) == local(zone, wanted)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (NEW_YORK, "2025-03-09", 23),
        (NEW_YORK, "2025-11-02", 25),
        (LONDON, "2025-03-30", 23),
        (LONDON, "2025-10-26", 25),
        (HOWE, "2025-04-06", 24.5),
        (HOWE, "2025-10-05", 23.5),
        ("Asia/Kathmandu", "2025-03-09", 24),
        # The clock goes forward at midnight: the day begins at one o'clock.
        ("Africa/Cairo", "2025-04-25", 23),
        # The day that Samoa left out when it crossed the date line.
        ("Pacific/Apia", "2011-12-30", 0),
        ("Pacific/Apia", "2011-12-31", 24),
        ("Pacific/Apia", "2011-12-29", 24),
    ],
)
def test_a_desk_that_never_closes_works_the_hours_that_the_day_has(
    zone: str, day: str, hours: float
) -> None:
    always = office(zone, 0, 24, weekdays=frozenset({date.fromisoformat(day).weekday()}))
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
    found = hours_between(always, noon - timedelta(days=3), noon + timedelta(days=3))
    assert found == hours


def test_hours_of_the_night_in_which_the_clock_goes_back_count_twice() -> None:
    night = office(NEW_YORK, 1, 2, weekdays=frozenset({6}))
    first = local(NEW_YORK, "2025-11-02T01:00")
    assert due(night, first, 2) == local(NEW_YORK, "2025-11-02T02:00")
    assert hours_between(night, first, first + timedelta(hours=3)) == 2
    gone = office(NEW_YORK, 2, 3, weekdays=frozenset({6}))
    assert due(gone, local(NEW_YORK, "2025-03-08T12:00"), 1) == local(NEW_YORK, "2025-03-16T03:00")


def test_friday_and_saturday_are_the_weekend_of_the_gulf() -> None:
    dubai = office("Asia/Dubai", weekdays=GULF)
    thursday = local("Asia/Dubai", "2025-01-09T16:00")
    assert due(dubai, thursday, 2) == local("Asia/Dubai", "2025-01-12T10:00")


@pytest.mark.parametrize(
    ("country", "zone", "since", "wanted"),
    [
        ("DE", "Europe/Berlin", "2025-10-02T16:30", "2025-10-06T09:30"),
        ("US", NEW_YORK, "2025-07-03T16:30", "2025-07-07T09:30"),
        # On a Saturday; the Friday before is off.
        ("US", NEW_YORK, "2026-07-02T16:30", "2026-07-06T09:30"),
        ("GB", LONDON, "2025-12-24T16:30", "2025-12-29T09:30"),
        ("JP", "Asia/Tokyo", "2025-05-02T16:30", "2025-05-07T09:30"),
        # Two calendars of the year end, and a leap day.
        ("DE", "Europe/Berlin", "2024-12-31T16:30", "2025-01-02T09:30"),
        (None, "Europe/Berlin", "2024-02-28T16:30", "2024-02-29T09:30"),
    ],
)
def test_nobody_works_on_the_public_holidays_of_the_country(
    country: str | None, zone: str, since: str, wanted: str
) -> None:
    assert due(office(zone, country=country), local(zone, since), 1) == local(zone, wanted)


def test_days_off_and_closed_days_stop_the_clock() -> None:
    away = ((date(2025, 1, 7), date(2025, 1, 9)),)
    closed = frozenset({date(2025, 1, 9)})
    time = office(LONDON, away=away, closed_on=closed)
    assert due(time, local(LONDON, "2025-01-06T16:30"), 1) == local(LONDON, "2025-01-10T09:30")


def test_a_calendar_without_working_time_never_ends() -> None:
    since = local(LONDON, "2025-01-06T10:00")
    assert due(office(LONDON, away=((date(2025, 1, 6), None),)), since, 1) is None
    assert due(office(LONDON, weekdays=frozenset()), since, 1) is None
    long = office(LONDON, away=((date(2025, 1, 6), date(2026, 2, 11)),))
    assert due(long, since, 1) is None


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        ("2025-01-06T08:00", "2025-01-06T09:00"),
        ("2025-01-06T09:00", "2025-01-06T09:00"),
        ("2025-01-06T12:34", "2025-01-06T12:34"),
        ("2025-01-06T17:00", "2025-01-07T09:00"),
        ("2025-01-11T12:00", "2025-01-13T09:00"),
    ],
)
def test_the_office_opens_at_the_first_working_moment(since: str, wanted: str) -> None:
    at = np.array([instant(local(LONDON, since))])
    (found,) = opening(openings(office(LONDON), *around(at)), at).tolist()
    assert moment(found) == local(LONDON, wanted)


def test_a_day_starts_when_the_wall_clock_says_so() -> None:
    assert moment(midnight("Asia/Kathmandu", date(2025, 1, 6))) == datetime(
        2025, 1, 5, 18, 15, tzinfo=UTC
    )
    # No midnight on this day: the clock goes from 00:00 to 01:00.
    assert moment(midnight("Africa/Cairo", date(2025, 4, 25))) == datetime(
        2025, 4, 24, 22, tzinfo=UTC
    )


ZONES = [
    NEW_YORK, LONDON, HOWE, "Asia/Kathmandu", "Pacific/Apia", "Pacific/Chatham", "Africa/Cairo",
    "America/Sao_Paulo", "Asia/Kolkata", "UTC", "America/St_Johns", "Antarctica/Troll",
]  # fmt: skip
# Around the nights on which clocks change, and any other time.
CHANGES = [
    datetime(2025, 3, 9, 7, tzinfo=UTC), datetime(2025, 11, 2, 6, tzinfo=UTC),
    datetime(2025, 3, 30, 1, tzinfo=UTC), datetime(2025, 4, 5, 15, tzinfo=UTC),
    datetime(2025, 10, 4, 15, tzinfo=UTC), datetime(2025, 4, 24, 22, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=UTC),
]  # fmt: skip


@st.composite
def calendars(draw: st.DrawFn) -> WorkingTime:
    opens = draw(st.integers(0, 47)) * 1800
    closes = draw(st.integers(opens // 1800 + 1, 48)) * 1800
    weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1))
    country = draw(st.sampled_from([None, "US", "DE", "IN"]))
    return WorkingTime(draw(st.sampled_from(ZONES)), weekdays, opens, closes, country)


moments = st.builds(
    lambda base, minutes: base + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3 * 1440, 3 * 1440),
)


@settings(max_examples=60, deadline=None)
@given(calendars(), moments, st.integers(1, 3 * 1440))
def test_the_arithmetic_agrees_with_a_walk_minute_by_minute(
    time: WorkingTime, since: datetime, span: int
) -> None:
    until = since + timedelta(minutes=span)
    open_minutes = minutes_open(time, since, until)
    assert hours_between(time, since, until) == pytest.approx(open_minutes / 60)
    if open_minutes:
        assert due(time, since, open_minutes / 60) == walked_due(time, since, open_minutes)


@settings(max_examples=150, deadline=None)
@given(calendars(), moments, st.integers(0, 5000), st.integers(1, 2400), st.integers(1, 2400))
def test_laws_of_business_time(
    time: WorkingTime, since: datetime, later: int, one: int, two: int
) -> None:
    a, both = due(time, since, one / 60), due(time, since, (one + two) / 60)
    if a is None or both is None:
        return
    # In parts or at once is the same, and more hours end later.
    assert due(time, a, two / 60) == both
    assert since < a < both
    # Who is asked later is not due earlier.
    other = due(time, since + timedelta(minutes=later), one / 60)
    assert other is None or other >= a
    # It ends in working time, and exactly so much of it has passed.
    assert is_open(time, a - timedelta(minutes=1))
    assert hours_between(time, since, a) == pytest.approx(one / 60)


@pytest.fixture
def machine_zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    machine.tzset()


@pytest.mark.usefixtures("machine_zone")
def test_the_zone_of_the_machine_changes_nothing() -> None:
    found = set()
    for zone in (
        "UTC",
        "Asia/Tokyo",
        "America/Los_Angeles",
        HOWE,
        "Pacific/Apia",
        "Asia/Kathmandu",
    ):
        os.environ["TZ"] = zone
        machine.tzset()
        found.add(due(office(NEW_YORK, country="US"), local(NEW_YORK, "2025-03-07T16:00"), 5))
        found.add(moment(midnight(NEW_YORK, date(2025, 3, 10))) + timedelta(hours=13))
    assert found == {local(NEW_YORK, "2025-03-10T13:00")}


def test_what_else_is_asked_changes_no_answer() -> None:
    time = office(NEW_YORK, country="US")
    days = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=37 * n) for n in range(40)]
    at = np.array([instant(d) for d in days])
    amount = np.full(len(at), 5 * 60 * MINUTE)
    together = after(openings(time, *around(at)), at, amount).tolist()
    assert [moment(t) for t in together] == [due(time, d, 5) for d in days]
