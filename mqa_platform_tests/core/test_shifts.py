"""One week against the weeks before it: against scipy, by hand, and how often a quiet week is called a shift."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mqa_platform.core.calibration.shifts import (
    against_known,
    of_counts,
    of_distributions,
    of_shares,
    of_weekly_shares,
    psi,
)

LEVEL = 1 / 104


def test_a_count_against_a_known_mean_is_scipys_exact_poisson_test():
    found = against_known(5, 20.0, LEVEL)
    assert found.p_value == pytest.approx(2 * stats.poisson.cdf(5, 20))
    assert found.alarm
    assert not against_known(14, 20.0, LEVEL).alarm


@given(st.integers(0, 80), st.floats(0.5, 60))
def test_the_range_and_the_alarm_of_a_known_mean_say_the_same(count, mean):
    found = against_known(count, mean, LEVEL)
    assert found.alarm == (not found.low <= count <= found.high)


def test_nothing_that_could_be_taken_is_no_ground_to_say_anything():
    assert against_known(3, 0.0, LEVEL).alarm is None


def test_half_of_ten_a_week_is_seen_within_three_weeks_and_a_good_week_is_not_a_shift():
    before = [10, 12, 8, 9, 11] * 5
    assert of_counts([5, 5, 4], before, LEVEL).alarm
    assert not of_counts([12, 13, 9], before, LEVEL).alarm


def test_the_poisson_part_is_the_exact_conditional_test():
    # Six in one week after 8 weeks of five: 46 events, of which a ninth are expected in the last.
    before = [5] * 8
    found = of_counts([16], before, LEVEL)
    exact = 2 * stats.binom.sf(15, 56, 1 / 9)
    # All weeks alike: the spread of a root is the Poisson one, a half.
    away = (4 - math.sqrt(5)) / (0.5 * math.sqrt(1 + 1 / 8))
    student = 2 * stats.t.sf(away, 7)
    assert found.p_value == pytest.approx(max(exact, student))


def test_weeks_that_differ_a_lot_of_themselves_need_more_to_be_a_shift():
    calm, wild = [20] * 12, [2, 60, 5, 40, 1, 55, 3, 30, 8, 20, 10, 6]
    assert sum(calm) == sum(wild)
    assert of_counts([4, 4, 4], calm, LEVEL).alarm
    assert not of_counts([4, 4, 4], wild, LEVEL).alarm


@pytest.mark.parametrize(("recent", "before"), [([], [5] * 20), ([5], [5] * 7), ([0], [1] * 10)])
def test_too_few_weeks_or_events_say_nothing(recent, before):
    assert of_counts(recent, before, LEVEL).alarm is None


@given(st.integers(1, 40), st.integers(0, 40), st.integers(20, 80), st.integers(0, 80))
def test_two_shares_are_compared_by_fishers_exact_test(trials, hits, trials_before, hits_before):
    hits, hits_before = min(hits, trials), min(hits_before, trials_before)
    found = of_shares((hits, trials), (hits_before, trials_before), LEVEL)
    table = [[hits, trials - hits], [hits_before, trials_before - hits_before]]
    sides = [stats.fisher_exact(table, alternative=a).pvalue for a in ("less", "greater")]
    assert found.p_value == pytest.approx(min(1.0, 2 * min(sides)), rel=1e-6, abs=1e-12)


def test_a_match_rate_that_falls_from_four_fifths_to_a_half_is_seen_and_not_said_of_eight_trials():
    weeks = [(80, 100), (82, 100), (78, 100), (81, 100)] * 3
    assert of_weekly_shares((50, 100), weeks, LEVEL).alarm
    assert not of_weekly_shares((79, 100), weeks, LEVEL).alarm
    assert of_weekly_shares((0, 0), weeks, LEVEL).alarm is None
    assert of_weekly_shares((50, 100), weeks[:7], LEVEL).alarm is None


def test_the_stability_index_is_the_one_of_the_books():
    # 100.5/301 and so on: half an observation in each bin of 100 and 200.
    p, q = np.array([50.5, 50.5]) / 101, np.array([150.5, 50.5]) / 201
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert psi([50, 50], [150, 50]) == pytest.approx(by_hand)
    assert psi([30, 70], [30, 70]) == 0


def test_a_distribution_moves_only_beyond_chance_and_beyond_what_practice_calls_a_shift():
    assert of_distributions([500, 100, 400], [200, 400, 400], LEVEL, 0.25).alarm
    # Far beyond chance at a million accounts, and of no practical meaning.
    big = of_distributions([520_000, 480_000], [500_000, 500_000], LEVEL, 0.25)
    assert big.p_value < 1e-9
    assert not big.alarm
    # Far in practice, and nothing that 21 accounts could not do by chance.
    assert not of_distributions([13, 8], [8, 13], LEVEL, 0.1).alarm
    assert of_distributions([3, 4], [8, 13], LEVEL, 0.1).alarm is None


@pytest.mark.parametrize("mean", [1, 4, 30])
def test_a_quiet_week_is_called_a_shift_no_more_often_than_the_level(mean):
    rng = np.random.default_rng(mean)
    n = 1500
    weeks = rng.poisson(mean, (n, 29))
    wrong = sum(bool(of_counts(list(w[26:]), list(w[:26]), LEVEL).alarm) for w in weeks)
    assert wrong <= stats.binom.ppf(0.999, n, LEVEL)


def test_two_samples_of_one_distribution_shift_no_more_often_than_the_level():
    rng = np.random.default_rng(7)
    share = [0.5, 0.2, 0.15, 0.1, 0.04, 0.01]
    n = 1500
    pairs = zip(rng.multinomial(120, share, n), rng.multinomial(120, share, n), strict=True)
    wrong = sum(bool(of_distributions(list(a), list(b), LEVEL, 1e-9).alarm) for a, b in pairs)
    assert wrong <= stats.binom.ppf(0.999, n, LEVEL)
