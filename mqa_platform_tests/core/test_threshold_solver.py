"""The solver fills the room, never crosses the floor, and says when it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mqa_platform.core.calibration.curve import Curve, Point, curve_rows
from mqa_platform.core.calibration.entries import STEPS, at_step
from mqa_platform.core.calibration.proposals import (
    Lowering,
    lowering,
    mql_threshold_needed,
    proposal_rows,
)
from mqa_platform.core.calibration.room import room, weekly_room
from mqa_platform.core.calibration.solver import band, lowest_legal, solve
from mqa_platform.core.rates import wilson
from mqa_platform_tests.core.engine import default_policy, policy_with

POLICY = default_policy()
MONDAY = date(2026, 3, 2)
SUNDAY = MONDAY - timedelta(days=1)


def curve(volume, precision, tier="scaled", threshold=90.0, weeks=13, mature=300):
    """A curve whose weekly volume and precision are functions of the step."""
    points = {}
    for step in STEPS:
        n = max(0, round(volume(step)))
        seen = round(mature * volume(step) / max(volume(STEPS[0]), 1e-9))
        points[step] = Point((n,) * weeks, seen, round(seen * precision(step)), 0)
    return Curve(tier, threshold, points, 0, weeks)


def falling(step):
    return 60 - 0.7 * (step - STEPS[0])


def test_the_step_is_the_one_whose_volume_is_the_room():
    found = solve([curve(falling, lambda s: 0.6)], room=40, floor=0.1, enough=20)
    # 60 - 0.7 x (s + 24) = 40 where s is 4.6; counts are whole numbers, 40 at steps 4 and 5.
    assert found.status == "solved"
    assert found.choices[0].step == 4
    assert found.volume == 40
    assert found.shortfall == 0


def test_reps_with_time_are_no_reason_to_raise_a_threshold():
    # Hand-raises only: no threshold brings more, and none is moved.
    found = solve([curve(lambda s: 10, lambda s: 0.6)], 50, 0.1, 20)
    assert (found.status, found.choices[0].step, found.shortfall) == ("starved", 0, 40)


def test_tiers_move_together_so_that_a_larger_account_keeps_its_lower_threshold():
    two = [curve(falling, lambda s: 0.6, t, b) for t, b in (("strategic", 80.0), ("scaled", 90.0))]
    found = solve(two, room=80, floor=0.1, enough=20)
    assert [c.step for c in found.choices] == [4, 4]


def test_the_floor_is_never_crossed_and_what_it_costs_is_said():
    # Below step 0 one in twenty becomes an opportunity; above it six in ten.
    found = solve([curve(falling, lambda s: 0.6 if s >= 0 else 0.05)], 60, 0.3, 20)
    choice = found.choices[0]
    assert found.status == "starved"
    assert choice.floor_binds
    assert choice.step == choice.lowest
    assert found.shortfall == pytest.approx(60 - found.volume)
    assert choice.band.low is not None
    assert choice.band.low >= 0.3


def test_a_tier_at_its_floor_stays_and_the_other_makes_up_for_it():
    good = curve(falling, lambda s: 0.6, "strategic", 80.0)
    bad = curve(falling, lambda s: 0.6 if s >= 0 else 0.05, "scaled", 90.0)
    found = solve([good, bad], room=95, floor=0.3, enough=20)
    steps = {c.tier: c.step for c in found.choices}
    assert steps["strategic"] < steps["scaled"]
    assert found.volume == pytest.approx(95, rel=0.1)


def test_a_threshold_that_is_below_the_floor_already_is_raised():
    found = solve([curve(falling, lambda s: 0.6 if s >= 10 else 0.0)], 60, 0.3, 20)
    assert found.choices[0].step > 0
    assert found.status == "starved"


def test_without_mature_entries_the_threshold_is_not_lowered():
    found = solve([curve(falling, lambda s: 0.6, mature=4)], 55, 0.1, 20)
    assert found.choices[0].step == 0
    assert found.status == "starved"
    assert found.choices[0].band.low is None


def test_a_thin_tier_goes_by_all_tiers_together():
    thin = curve(lambda s: 1, lambda s: 0.0, "strategic", 80.0, mature=2)
    found = solve([thin, curve(falling, lambda s: 0.6)], 55, 0.1, 20)
    assert found.choices[0].step < 0


def test_more_than_the_reps_can_take_at_every_threshold_is_said():
    found = solve([curve(lambda s: 50, lambda s: 0.6)], 10, 0.1, 20)
    assert found.status == "overfull"
    assert found.choices[0].step == 0


@pytest.mark.parametrize("odd", ["no reps", "no entries", "young"])
def test_where_nothing_is_known_nothing_changes(odd):
    c = curve(falling, lambda s: 0.6, weeks=3 if odd == "young" else 13)
    if odd == "no entries":
        c = curve(lambda s: 0, lambda s: 0.0)
    found = solve([c], 0 if odd == "no reps" else 40, 0.1, 20)
    assert found.status == "cannot_say"
    assert found.choices[0].step == 0
    assert solve([], 10, 0.1, 20).status == "cannot_say"


@given(
    room_=st.floats(0.5, 200),
    floor=st.floats(0, 1),
    good=st.floats(0, 1),
    bad=st.floats(0, 1),
    edge=st.integers(-24, 40),
    mature=st.integers(0, 500),
)
def test_volume_is_never_bought_below_the_floor(room_, floor, good, bad, edge, mature):
    c = curve(falling, lambda s: good if s >= edge else bad, mature=mature)
    found = solve([c], room_, floor, 20)
    choice = found.choices[0]
    assert choice.step >= choice.lowest or found.status == "cannot_say"
    if choice.step < 0:
        known = band(dict(c.points), choice.step, 20)
        assert known.low is not None
        assert known.low >= floor
    assert (found.status == "starved") == (found.shortfall > 0)


def test_a_band_is_what_enters_here_and_not_a_quarter_higher():
    points = {s: Point((1,), 100 - s, 50 if s < 8 else 40, 0) for s in (0, 8, 16, 24)}
    # 100 entries at step 0, 92 at step 8: eight of them are too few for ten, sixteen are not.
    found = band(points, 0, 10)
    assert (found.mature, found.hits) == (16, 10)
    assert (found.low, found.high) == wilson(10, 16)
    assert band(points, 0, 1000).low is None


REP = {"user_id": "ann", "valid_from": date(2025, 1, 1), "valid_to": None, "is_active": True,
       "capacity_per_week": 10, "team": "EMEA", "workdays": None}  # fmt: skip


def test_a_week_holds_its_capacity_less_absence_and_open_work():
    away = [
        {
            "rep_id": "ann",
            "starts_on": MONDAY + timedelta(days=7),
            "ends_on": MONDAY + timedelta(days=9),
        }
    ]
    found = room([REP], away, {"ann": 12}, SUNDAY, 3)
    # Two of five days away in the second week; twelve open handoffs fill the first week and two places more.
    assert [(w.capacity, w.absent, w.open_work, w.room) for w in found] == [
        (10, 0, 10, 0), (10, 4, 2, 4), (10, 0, 0, 10)
    ]  # fmt: skip
    assert weekly_room(found, 3) == pytest.approx(14 / 3)


def test_a_part_time_week_is_judged_by_its_own_days():
    rep = {**REP, "workdays": "mon;tue", "capacity_per_week": 4}
    away = [{"rep_id": "ann", "starts_on": MONDAY, "ends_on": MONDAY + timedelta(days=1)}]
    assert room([rep], away, {}, SUNDAY, 1)[0].room == 2


@pytest.mark.parametrize(
    "odd",
    [{"is_active": False}, {"capacity_per_week": None}, {"valid_to": date(2026, 1, 1)}],
)
def test_who_left_or_has_no_capacity_has_no_room(odd):
    assert room([{**REP, **odd}], [], {}, SUNDAY, 2) == []


def test_an_absence_without_an_end_is_an_absence_and_no_capacity_is_none():
    away = [{"rep_id": "ann", "starts_on": MONDAY, "ends_on": None}]
    assert weekly_room(room([REP], away, {}, SUNDAY, 2), 2) == 0
    assert weekly_room(room([{**REP, "capacity_per_week": 0}], [], {}, SUNDAY, 2), 2) == 0
    assert weekly_room([], 13) == 0


@given(
    st.integers(0, 40), st.integers(0, 60), st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=4)
)  # fmt: skip
def test_a_week_is_made_of_its_parts(capacity, waiting, away):
    told = [{"rep_id": "ann", "starts_on": MONDAY + timedelta(days=a), "ends_on": MONDAY + timedelta(days=a + n)}
            for a, n in away]  # fmt: skip
    found = room([{**REP, "capacity_per_week": capacity}], told, {"ann": waiting}, SUNDAY, 6)
    for week in found:
        assert week.room >= 0
        assert week.capacity == pytest.approx(week.absent + week.open_work + week.room)
    assert sum(w.open_work for w in found) <= waiting


def episode(n, months, won):
    start = date(2025, 1, 1) + timedelta(days=30 * months)
    return {
        "mqa_on": start + timedelta(days=n),
        "opportunity_on": start + timedelta(days=n + 5) if won else None,
    }


def test_a_threshold_lowered_while_conversion_did_not_rise_is_flagged():
    history = [(date.min, 90.0), (date(2025, 5, 1), 80.0)]
    before = [episode(n, 0, n < 5) for n in range(10)]
    after = [episode(n, 5, n < 4) for n in range(10)]
    found = lowering(history, before + after, date(2026, 1, 1), 90)
    assert (found.on, found.before, found.after) == (date(2025, 5, 1), 0.5, 0.4)
    assert found.without_gain is True
    better = lowering(
        history, before + [episode(n, 5, True) for n in range(10)], date(2026, 1, 1), 90
    )
    assert better.without_gain is False


@pytest.mark.parametrize(
    "history", [[(date.min, 90.0)], [(date.min, 80.0), (date(2025, 5, 1), 90.0)]]
)
def test_what_was_never_lowered_is_not_flagged(history):
    assert lowering(history, [episode(0, 0, True)], date(2026, 1, 1), 90) == Lowering()


def test_young_episodes_say_nothing_of_a_lowering():
    history = [(date.min, 90.0), (date(2025, 12, 1), 80.0)]
    found = lowering(history, [episode(0, 0, True), episode(0, 12, False)], date(2026, 1, 1), 90)
    assert (found.before, found.after, found.without_gain) == (1.0, None, None)


def test_a_threshold_above_what_five_people_reach_asks_for_another_mql_threshold():
    # 1.5 x 50 + 4 x 10 is 115.
    assert mql_threshold_needed(POLICY, [80, 115]) is None
    assert mql_threshold_needed(POLICY, [116]) == 51
    policy_with(stages={"mql_threshold": 51})


def test_the_proposal_says_its_figures_in_words():
    c = curve(falling, lambda s: 0.6)
    found = solve([c], 40, 0.1, 20)
    row = proposal_rows([c], found, POLICY, 5, {})[0]
    assert row["threshold_proposed"] == pytest.approx(90 * 1.03**4, abs=0.05)
    assert row["per_rep_quarter"] == pytest.approx(40 * 13 / 5)
    assert row["usual"] == "above"
    assert "40.0 accounts a week" in row["says"]
    assert "From 90 to 101.3" in row["says"]
    nobody = proposal_rows([c], solve([c], 0, 0.1, 20), POLICY, 0, {})[0]
    assert (nobody["per_rep_quarter"], nobody["usual"]) == (None, None)
    assert "Too little is known" in nobody["says"]


def test_where_the_curve_ends_it_is_not_the_floor_that_binds():
    # Six in ten at every threshold, and reps who could take ten times as many as any brings.
    c = curve(falling, lambda s: 0.6)
    found = solve([c], 600, 0.1, 20)
    assert (found.status, found.choices[0].step) == ("starved", STEPS[0])
    assert not found.choices[0].floor_binds
    says = proposal_rows([c], found, POLICY, 5, {})[0]["says"]
    assert "no threshold brings more" in says
    assert "floor" not in says


def test_a_tier_whose_precision_is_below_the_floor_at_every_threshold_says_so():
    # One in a hundred becomes an opportunity, whatever the score; the packaged floor asks for one in ten.
    c = curve(falling, lambda s: 0.01)
    told = proposal_rows([c], solve([c], 40, 0.1, 20), POLICY, 5, {})
    assert "not known to keep the precision floor of 10%" in told[0]["says"]
    good = curve(falling, lambda s: 0.6)
    told = proposal_rows([good], solve([good], 40, 0.1, 20), POLICY, 5, {})
    assert "floor" not in told[0]["says"]


def test_the_interval_of_a_volume_is_that_of_the_weeks_it_is_made_of():
    # Ten a week for a quarter and sixteen since: the volume is sixteen, of 208 entries in 13 weeks.
    c = curve(lambda s: 0, lambda s: 0.0)
    points = {s: Point((10,) * 13 + (16,) * 13, 0, 0, 0) for s in STEPS}
    row = curve_rows([replace(c, points=points)], 4)[0]
    assert row["volume_per_week"] == 16
    exact = stats.poisson.interval
    low, high = stats.chi2.ppf(0.025, 416) / 26, stats.chi2.ppf(0.975, 418) / 26
    assert (row["volume_low"], row["volume_high"]) == pytest.approx((low, high))
    assert exact(0.95, 16) == (row["week_low"], row["week_high"])


@given(
    st.lists(st.lists(st.integers(0, 40), min_size=26, max_size=26), min_size=1, max_size=3),
    st.sampled_from([0.0, -0.03, 0.04]),
)
def test_every_volume_of_the_curve_lies_in_its_interval(counts, slope):
    found = [
        replace(
            curve(lambda s: 0, lambda s: 0.0, tier=f"t{n}"),
            points={s: Point(tuple(weeks), 0, 0, 0) for s in (0, 1)},
            slope=slope,
        )
        for n, weeks in enumerate(counts)
    ]
    for row in curve_rows(found, 2):
        assert row["volume_low"] - 1e-9 <= row["volume_per_week"] <= row["volume_high"] + 1e-9


def test_no_threshold_goes_below_what_the_policys_own_check_allows():
    # The packaged ceilings for news are 20 points: a threshold below 80 would be refused.
    assert lowest_legal(POLICY) == 80
    found = solve([curve(falling, lambda s: 0.6)], 60, 0.1, 20, legal=80)
    # 90 ÷ 1.03 to the fourth is 79.96, and 80 as it is proposed: to a tenth.
    assert (found.choices[0].step, found.choices[0].lowest) == (-4, -4)
    assert at_step(90, -4) == 80.0
    assert found.status == "starved"
    assert not found.choices[0].floor_binds
