"""Counts a week: chance, trends and alarms, against scipy, simulation and hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mqa_platform.core.calibration.counts import (
    LIMIT,
    Cusum,
    alarms,
    drifting,
    expected,
    level_begins,
    mean_interval,
    poisson_band,
    trend,
    visible_change,
)


@given(st.floats(0.1, 300), st.sampled_from([0.5, 0.8, 0.95, 0.996]))
def test_a_band_leaves_no_more_outside_than_it_says(mean, level):
    low, high = poisson_band(mean, level)
    inside = stats.poisson.cdf(high, mean) - stats.poisson.cdf(low - 1, mean)
    assert inside >= level - 1e-12
    assert stats.poisson.cdf(low - 1, mean) <= (1 - level) / 2 + 1e-12


def test_nothing_expected_is_nothing_seen():
    assert poisson_band(0) == (0, 0)


@pytest.mark.parametrize("total", [0, 1, 7, 120])
def test_the_interval_of_a_mean_is_where_chance_would_give_the_total_in_one_of_forty(total):
    low, high = mean_interval(total, 13)
    assert stats.poisson.cdf(total, high * 13) == pytest.approx(0.025, abs=1e-9)
    if total:
        assert stats.poisson.sf(total - 1, low * 13) == pytest.approx(0.025, abs=1e-9)
    else:
        assert low == 0


def test_counts_that_grow_by_a_tenth_a_week_have_that_slope():
    counts = [round(1000 * 1.1**k) for k in range(12)]
    slope, error = trend(counts)
    assert slope == pytest.approx(math.log(1.1), abs=1e-3)
    # Fisher information of the slope: the sum of mean x centred week², less what the level takes.
    x, mu = np.arange(12.0), np.array(counts, dtype=float)
    information = (mu * x**2).sum() - (mu * x).sum() ** 2 / mu.sum()
    assert error == pytest.approx(1 / math.sqrt(information), rel=1e-2)


@pytest.mark.parametrize("counts", [[], [5, 5], [0] * 20])
def test_too_little_says_nothing_of_a_trend(counts):
    assert trend(counts) == (0.0, math.inf)
    assert drifting(counts) == 0.0


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.integers(1, 26))
def test_a_forecast_is_finite_and_never_below_nothing(counts, ahead):
    value = expected(counts, ahead, drifting(counts))
    assert math.isfinite(value)
    assert value >= 0


def test_without_a_trend_the_last_weeks_are_the_next_and_with_one_it_goes_on():
    assert expected([9, 9, 10, 12, 11], 3) == pytest.approx(11.0)
    halving = [800, 400, 200, 100, 50]
    # 25 and 12.5 follow.
    assert expected(halving, 2, -math.log(2)) == pytest.approx(18.75)


def test_quiet_counts_show_a_trend_about_once_in_twenty_looks():
    rng = np.random.default_rng(4)
    shown = [drifting(rng.poisson(20, 26)) != 0 for _ in range(600)]
    assert 0.02 < np.mean(shown) < 0.09


@given(st.floats(0.5, 500), st.booleans())
def test_what_is_visible_is_between_a_tenth_and_double(mean, rising):
    r = visible_change(mean, rising)
    assert (1.1 <= r <= 2.0) if rising else (0.5 <= r <= 0.9)


def test_the_visible_change_carries_three_weeks_of_information():
    r = visible_change(45, rising=False)
    assert 3 * 45 * (r * math.log(r) - r + 1) == pytest.approx(LIMIT, rel=1e-6)


@pytest.mark.parametrize("mean", [3, 12, 45])
def test_fifty_two_quiet_weeks_have_one_false_alarm_at_most_on_average(mean):
    rng = np.random.default_rng(8)
    found = [len(alarms(rng.poisson(mean, 52), mean)) for _ in range(300)]
    assert np.mean(found) <= 1
    # More than one in a year is rare: fewer than one programme in ten.
    assert np.mean(np.array(found) > 1) < 0.1


@pytest.mark.parametrize(("mean", "factor", "which"), [(20, 0.5, "fallen"), (20, 1.6, "risen")])
def test_half_or_more_than_half_again_is_heard_within_three_weeks(mean, factor, which):
    rng = np.random.default_rng(2)
    first = [alarms(rng.poisson(mean * factor, 30), mean)[0] for _ in range(200)]
    assert np.median([week + 1 for week, _ in first]) <= 3
    assert np.mean([w == which for _, w in first]) > 0.99


def test_a_sum_by_hand():
    watch = Cusum(20)
    r = watch.fallen
    watch.add(10)
    assert watch.fall == pytest.approx(10 * math.log(r) + 20 * (1 - r))
    assert watch.rise == 0.0


def test_a_half_week_of_half_the_count_is_no_change():
    watch = Cusum(30)
    assert [watch.add(15, exposure=0.5) for _ in range(30)] == [None] * 30


def test_a_change_of_level_is_dated_by_the_week_in_which_it_began():
    assert level_begins([40] * 18 + [20] * 8) == 18
    assert level_begins([20] * 15 + [40] * 11) == 15
    # Down and up again: the last change counts.
    assert level_begins([40] * 13 + [15] * 6 + [40] * 7) == 19


def test_without_a_change_all_weeks_are_of_one_level_and_few_weeks_say_nothing():
    assert level_begins([40] * 26) == 0
    assert level_begins([]) == 0
    assert level_begins([90, 90, 90, 1, 1, 1, 1]) == 0


def test_a_change_just_now_leaves_enough_weeks_to_take_a_mean_of():
    assert level_begins([40] * 25 + [0]) == 22


def test_chance_alone_is_seldom_taken_for_a_change_of_level():
    rng = np.random.default_rng(8)
    cut = [level_begins(rng.poisson(30, 26).tolist()) > 0 for _ in range(400)]
    # Thirteen weeks are watched, and a false alarm comes once in 52 at most; the mean itself is of 13 weeks.
    assert np.mean(cut) < 0.25
