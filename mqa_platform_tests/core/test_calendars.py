"""Calendars as people write them: read where they can be, and named with a remedy where they cannot."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.calendar_problems import calendar_problems
from mqa_platform.core.calendars import WRITTEN, as_text, default_time, read, working_time
from mqa_platform.policy.sla import Sla
from mqa_platform_tests.core.clock_cases import HANDOFFS, calendars, handoff, rep
from mqa_platform_tests.core.engine import default_policy, policy_with

FULL = {
    "time_zone": "Europe/Berlin", "country": "DE", "workdays": "mon;tue", "workday_starts": "08:00",
    "workday_ends": "16:30",
}  # fmt: skip
WEEK = frozenset(range(5))


def told(absences=(), sla=None, **changed):
    return read({**FULL, **changed}, list(absences), sla or Sla())


@pytest.mark.parametrize(
    ("written", "weekdays"),
    [
        ("mon;tue;wed;thu;fri", WEEK),
        ("Mon-Fri", WEEK),
        ("Monday to Friday", WEEK),
        ("Sunday–Thursday", frozenset({6, 0, 1, 2, 3})),
        ("mon, tue and wed", frozenset({0, 1, 2})),
        ("fri - mon", frozenset({4, 5, 6, 0})),
        ("Tue", frozenset({1})),
    ],
)
def test_working_days_are_read_as_people_write_them(written, weekdays):
    time, problems = told(workdays=written)
    assert (time.weekdays, problems) == (weekdays, [])


@pytest.mark.parametrize(
    ("starts", "ends", "hours"),
    [
        ("09:00", "17:00", (9, 17)),
        ("9", "17.30", (9, 17.5)),
        ("9:00 am", "5 p.m.", (9, 17)),
        ("00:00:00", "24:00", (0, 24)),
        ("12am", "12pm", (0, 12)),
        (None, "20:00", (9, 20)),
    ],
)
def test_hours_are_read_as_people_write_them(starts, ends, hours):
    time, problems = told(workday_starts=starts, workday_ends=ends)
    assert (time.opens / 3600, time.closes / 3600, problems) == (*hours, [])


@pytest.mark.parametrize(
    ("written", "zone"),
    [("europe/berlin", "Europe/Berlin"), ("us_slash_eastern", "US/Eastern"), (" UTC ", "UTC"),
     ("America/New York", "America/New_York")],
)  # fmt: skip
def test_zones_are_found_however_they_are_cased(written, zone):
    time, problems = told(time_zone=written)
    assert (time.zone, problems) == (zone, [])


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"time_zone": "Mars/Olympus"}, "unknown_time_zone"),
        ({"time_zone": "UTC+2"}, "unknown_time_zone"),
        ({"time_zone": "localtime"}, "unknown_time_zone"),
        ({"time_zone": "../../etc/passwd"}, "unknown_time_zone"),
        ({"time_zone": None}, "no_time_zone"),
        ({"time_zone": "  "}, "no_time_zone"),
        ({"country": None}, "no_country"),
        ({"country": "Atlantis"}, "unknown_country"),
        ({"workdays": "funday"}, "unknown_workdays"),
        ({"workdays": "mon-wed-fri"}, "unknown_workdays"),
        ({"workday_starts": "25:00"}, "unknown_hours"),
        ({"workday_starts": "17:00", "workday_ends": "09:00"}, "unknown_hours"),
        ({"workday_starts": "early"}, "unknown_hours"),
    ],
)
def test_what_cannot_be_read_has_a_cause_and_the_usual_hours_stand_in(changed, cause):
    time, problems = told(**changed)
    assert [found for found, _ in problems] == [cause]
    usual = default_time(Sla())
    stands_in = {
        "zone": (time.zone, usual.zone), "country": (time.country, usual.country),
        "workdays": (time.weekdays, usual.weekdays),
        "hours": ((time.opens, time.closes), (usual.opens, usual.closes)),
    }  # fmt: skip
    (part,) = [p for p in stands_in if p in cause]
    assert stands_in[part][0] == stands_in[part][1]


def test_an_absence_that_ends_before_it_starts_is_named_and_the_others_count():
    absences = [
        {"starts_on": date(2026, 1, 5), "ends_on": date(2026, 1, 5)},
        {"starts_on": None, "ends_on": date(2026, 1, 9)},
        {"starts_on": date(2026, 2, 2), "ends_on": None},
        {"starts_on": date(2026, 2, 2), "ends_on": None},
    ]
    time, problems = told(absences)
    assert time.away == ((date(2026, 2, 2), None),)
    assert problems == [
        ("bad_absence", "2026-01-05 to 2026-01-05"),
        ("bad_absence", "None to 2026-01-09"),
    ]
    assert told(absences, Sla(absences_stop_the_clock=False))[0].away == ()


@given(st.fixed_dictionaries({c: st.one_of(st.none(), st.text(max_size=30)) for c in WRITTEN}))
def test_no_text_at_all_breaks_a_calendar(row):
    time, problems = read(row, [], Sla())
    assert time.opens < time.closes
    assert time.weekdays
    assert working_time(as_text(time)) == time
    assert all(isinstance(cause, str) for cause, _ in problems)


def test_a_calendar_comes_back_out_of_its_text():
    absences = [{"starts_on": date(2026, 1, 5), "ends_on": date(2026, 1, 9)}]
    sla = Sla(closed_on=[date(2026, 12, 24)])
    time, _ = told(absences, sla)
    assert working_time(as_text(time)) == time


def problems_of(engine, reps, absences=(), handoffs=None, policy=None):
    policy = policy or default_policy()
    given_to = handoffs or [handoff()]
    found = calendar_problems(
        calendars(engine, reps, absences, policy),
        engine.table(given_to, HANDOFFS),
        policy,
        date(2026, 1, 10),
        engine.apply,
    )
    return [(r["rep_id"], r["cause"], r["value"]) for r in engine.rows(found, "rep_id", "cause")]


def test_a_rep_with_handoffs_and_no_calendar_is_named(engine):
    assert problems_of(engine, []) == [("ann", "no_calendar", None)]
    blank = dict.fromkeys(WRITTEN)
    assert problems_of(engine, [rep(**blank)]) == [("ann", "no_calendar", None)]
    away = [{"rep_id": "ann", "starts_on": date(2026, 1, 1), "ends_on": date(2026, 1, 5)}]
    assert problems_of(engine, [], away) == [("ann", "no_calendar", None)]


def test_the_queues_of_every_motion_need_no_calendar(engine):
    motions = default_policy().motions()
    queues = {p.routing.fallback_queue for p in motions}
    assert len(queues) > 1
    given = [handoff(handoff_id=q, rep_id=q) for q in queues]
    assert problems_of(engine, [], handoffs=given) == []


def test_every_problem_has_a_remedy_and_what_was_written(engine):
    odd = rep(time_zone="Berlin time", country="Freedonia", workdays="?", workday_starts="nine")
    found = problems_of(engine, [odd])
    assert found == [
        ("ann", "unknown_country", "Freedonia"),
        ("ann", "unknown_hours", "nine-17:00"),
        ("ann", "unknown_time_zone", "Berlin time"),
        ("ann", "unknown_workdays", "?"),
    ]


def test_who_is_away_for_ever_has_no_working_time(engine):
    away = [{"rep_id": "ann", "starts_on": date(2026, 1, 1), "ends_on": None}]
    assert problems_of(engine, [rep()], away) == [("ann", "no_working_time", None)]


def test_nobody_is_named_who_has_no_handoff_and_no_queue_is_a_rep(engine):
    queues = [handoff(rep_id=q) for q in ("marketing_play", "unrouted_queue", "sla_queue")]
    assert problems_of(engine, [rep("ben", time_zone="?")], handoffs=[*queues, handoff()]) == [
        ("ann", "no_calendar", None)
    ]
    assert problems_of(engine, [rep()], handoffs=queues) == []
    mine = policy_with(sla={"reassign_to": "night_desk"})
    found = problems_of(engine, [rep()], handoffs=[handoff(rep_id="night_desk")], policy=mine)
    assert found == []


def test_only_the_calendar_of_today_is_complained_of(engine):
    old = rep(time_zone="?", valid_to=date(2026, 1, 10))
    new = rep(valid_from=date(2026, 1, 10))
    assert problems_of(engine, [old, new]) == []
