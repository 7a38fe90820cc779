"""Intervals: each against a published table or another implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mqa_platform.core.rates import mean_interval, median_interval, poisson, sum_interval, wilson
from mqa_platform.core.survival import curve, share_by


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Newcombe (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_the_interval_of_a_share_is_wilsons(hits, of, low, high):
    assert wilson(hits, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_without_observations_there_is_no_interval():
    nothing = (None, None)
    assert [wilson(0, 0), median_interval([]), mean_interval([1.0]), sum_interval([1.0])] == [
        nothing
    ] * 4


@pytest.mark.parametrize("count", [1, 2, 10, 57])
def test_a_poisson_interval_leaves_a_fortieth_on_either_side(count):
    low, high = poisson(count)
    assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025)


def test_none_seen_is_up_to_three_point_seven():
    # Garwood (1936): −ln 0.025.
    assert poisson(0) == (0.0, pytest.approx(3.6889, abs=1e-4))


def test_the_interval_of_a_median_is_between_two_of_the_values():
    # The sign test at n = 10: the second from either end (97.9 %).
    assert median_interval([float(x) for x in range(1, 11)]) == (2.0, 9.0)
    # Of six values the smallest and the largest are 96.9 % apart; of five, 93.8 %.
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == (None, None)


def test_the_interval_of_a_mean_is_students():
    values = [4.0, 8.0, 9.0, 15.0]
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected)


WATCHED = st.lists(st.tuples(st.integers(1, 90), st.booleans()), min_size=2, max_size=40)


@settings(max_examples=60, deadline=None)
@given(WATCHED)
@pytest.mark.filterwarnings("ignore:The confidence interval is undefined:RuntimeWarning")
def test_kaplan_meier_and_greenwood_are_those_of_scipy(watched):
    days = np.array([d for d, _ in watched], dtype=float)
    had = np.array([h for _, h in watched])
    found = stats.ecdf(stats.CensoredData.right_censored(days, ~had))
    seen = curve(days, had)
    for day in (10.0, 45.0, 90.0):
        assert seen.survival(day) == pytest.approx(float(found.sf.evaluate(day)))
    if days.max() < 60:
        return
    value, (low, high) = share_by(days, had, 60.0)
    assert value == pytest.approx(float(found.cdf.evaluate(60.0)))
    if 0 < value < 1 and had[days <= 60].sum() > 0:
        bounds = found.cdf.confidence_interval(method="log-log")
        expected = [float(b.evaluate(60.0)) for b in (bounds.low, bounds.high)]
        if np.isfinite(expected).all():
            assert [low, high] == pytest.approx(expected, abs=1e-9)


def test_an_event_before_the_entry_was_dated_widens_the_interval_like_any_other():
    had = np.arange(40) < 12
    early, usual = (share_by(np.where(had, d, 90.0), had, 90.0) for d in (-3.0, 5.0))
    assert early == usual


def test_nothing_is_said_of_what_nobody_was_watched_for():
    young = np.array([10.0, 20.0, 30.0])
    assert share_by(young, np.array([True, False, False]), 90.0) == (None, (None, None))


def test_where_nobody_had_the_event_the_interval_is_still_one():
    value, (low, high) = share_by(np.full(20, 90.0), np.zeros(20, dtype=bool), 90.0)
    assert (value, low, high) == (0.0, 0.0, pytest.approx(0.1611, abs=5e-5))
