"""What a ranking is worth: by hand, against scipy and scikit-learn, and against chance itself."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from mqa_platform.core.calibration.leaks import leaks
from mqa_platform.core.calibration.ranking import (
    Ranking,
    at_volume,
    figures,
    lift,
    permuted,
    top_size,
)

DAY = date(2026, 3, 1)
GROUPS = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 12)).map(lambda t: (t[0], min(t))),
    min_size=1,
    max_size=8,
).map(lambda found: Ranking.of([(float(k), n, hits) for k, (n, hits) in enumerate(found)]))


def test_hits_among_equal_accounts_are_the_mean_over_all_orders_of_them():
    ranking = Ranking.of([(5.0, 1, 1), (3.0, 3, 1), (0.0, 2, 1)])
    # The first two: the best one, and one of three with a third of a hit.
    assert ranking.hits(2) == pytest.approx(1 + 1 / 3)
    orders = [[1, *middle, 1, 0] for middle in permutations([1, 0, 0])]
    assert ranking.hits(2) == pytest.approx(np.mean([sum(o[:2]) for o in orders]))


def test_accounts_without_a_row_stand_at_zero():
    ranking = Ranking.of([(2.0, 3, 2), (-1.0, 1, 0)], accounts=10, positives=3)
    assert ranking.groups == ((2.0, 3, 2), (0.0, 6, 1), (-1.0, 1, 0))


def test_lift_by_hand():
    # A hundred accounts, ten positives, six of them among the ten highest.
    ranking = Ranking.of([(1.0, 10, 6), (0.0, 90, 4)])
    value, low, high = lift(ranking)
    assert value == pytest.approx((6 / 10) / (10 / 100))
    assert low < value < high
    # The interval covers as often as it says: the top has 0.6, the rest 4/90.
    rng = np.random.default_rng(1)
    tops, rests = rng.binomial(10, 0.6, 400), rng.binomial(90, 4 / 90, 400)
    inside = 0
    for a, b in zip(tops, rests, strict=True):
        _, lo, hi = lift(Ranking.of([(1.0, 10, int(a)), (0.0, 90, int(b))]))
        inside += lo <= 6.0 <= hi
    assert inside >= 400 * 0.92


def test_no_positives_have_no_lift_and_no_hit_has_an_upper_end():
    assert lift(Ranking.of([(1.0, 10, 0)])) == (None, None, None)
    assert permuted(Ranking.of([(1.0, 10, 0)])) is None
    value, low, high = lift(Ranking.of([(1.0, 10, 0), (0.0, 90, 9)]))
    assert (value, low) == (0.0, 0.0)
    assert high == pytest.approx(stats.binomtest(0, 10).proportion_ci(method="wilson").high / 0.09)


def test_a_top_decile_that_has_every_positive_is_no_proof_that_it_always_will():
    # Twenty of twenty among the ten highest of a hundred: Wilson's interval of 20 of 20 begins at 0.839.
    value, low, high = lift(Ranking.of([(1.0, 30, 20), (0.0, 270, 0)]))
    assert (value, high) == pytest.approx((10.0, 10.0))
    assert low == pytest.approx(10 * stats.binomtest(20, 20).proportion_ci(method="wilson").low)


@given(GROUPS)
def test_the_area_under_the_curve_is_scikit_learns(ranking):
    truth = [k < hits for _, n, hits in ranking.groups for k in range(n)]
    value = [v for v, n, _ in ranking.groups for _ in range(n)]
    if len(set(truth)) < 2:
        assert ranking.auc() is None
    else:
        assert ranking.auc() == pytest.approx(roc_auc_score(truth, value))


@given(GROUPS, st.integers(0, 40))
def test_every_figure_lies_in_its_interval(ranking, flagged):
    found = at_volume(ranking, min(flagged, ranking.accounts))
    for name in ("precision", "recall"):
        if found[name] is not None:
            assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
    value, low, high = lift(ranking)
    if value is not None:
        assert low <= value <= high


def test_the_permutation_null_is_what_shuffling_gives():
    ranking = Ranking.of([(float(k), 1, int(k % 3 == 0)) for k in range(60)])
    truth = np.array([hits for _, _, hits in ranking.groups])
    rng = np.random.default_rng(5)
    size = top_size(60)
    lifts = [rng.permutation(truth)[:size].mean() / truth.mean() for _ in range(4000)]
    low, high, p = permuted(ranking)
    assert np.quantile(lifts, [0.025, 0.975]) == pytest.approx([low, high], abs=0.5)
    seen = lift(ranking)[0]
    assert p == pytest.approx(np.mean(np.array(lifts) >= seen - 1e-9), abs=0.03)


def test_shuffled_outcomes_give_no_lift():
    rng = np.random.default_rng(11)
    lifts, found = [], 0
    for _ in range(200):
        scores, truth = rng.exponential(size=300).round(1), rng.permutation([1] * 30 + [0] * 270)
        values = np.unique(scores)
        ranking = Ranking.of(
            [(float(v), int((scores == v).sum()), int(truth[scores == v].sum())) for v in values]
        )
        lifts.append(lift(ranking)[0])
        found += permuted(ranking)[2] <= 0.05
    mean, error = np.mean(lifts), np.std(lifts, ddof=1) / np.sqrt(len(lifts))
    assert abs(mean - 1) < 3 * error
    assert found <= stats.binom.ppf(0.999, 200, 0.05)


def test_too_few_positives_rank_nothing():
    few = figures(Ranking.of([(1.0, 10, 9), (0.0, 90, 10)]), 10, 20)
    enough = figures(Ranking.of([(1.0, 10, 9), (0.0, 90, 11)]), 10, 20)
    assert (few["status"], enough["status"]) == ("cannot_rank", "ranked")
    assert enough["precision"] == pytest.approx(0.9)
    assert enough["recall"] == pytest.approx(9 / 20)


def market(seed: int = 3):
    """Two thousand accounts, a twentieth with an opportunity, and an honest signal that raises it fourfold."""
    rng = np.random.default_rng(seed)
    active = rng.random(2000) < 0.2
    bought = rng.random(2000) < np.where(active, 0.16, 0.04)
    return active, bought, rng


def ranked(value, bought):
    return Ranking.of(
        [
            (float(v), int((value == v).sum()), int(bought[value == v].sum()))
            for v in np.unique(value)
        ]
    )


def judged(late=None, banned=(), **features):
    _, bought, _ = market()
    found = leaks({n: ranked(v, bought) for n, v in features.items()}, late or {}, DAY, banned)
    return {r["feature"]: r for r in found}


def test_a_planted_leak_is_found_and_honest_features_are_not_accused():
    active, bought, rng = market()
    days_until = np.where(bought, rng.integers(1, 90, 2000), 0)
    stage = bought & (rng.random(2000) < 0.3)
    found = judged(
        honest=active * 1.0,
        noise=rng.integers(0, 9, 2000) * 1.0,
        days_until_the_opportunity=days_until * 1.0,
        stage_of_a_third_of_them=stage * 1.0,
    )
    assert {name for name, r in found.items() if r["is_leak"]} == {
        "days_until_the_opportunity", "stage_of_a_third_of_them",
    }  # fmt: skip
    assert "too good to be true" in found["stage_of_a_third_of_them"]["says"]
    assert found["days_until_the_opportunity"]["auc"] == pytest.approx(1.0)


def test_a_single_value_from_after_the_day_is_enough():
    active, _, _ = market()
    found = judged(late={"honest": 1}, honest=active * 1.0)
    assert found["honest"]["is_leak"]
    assert found["honest"]["later_than_split"] == 1


def test_what_our_own_outreach_causes_is_named_and_ranks_nothing():
    active, _, _ = market()
    found = judged(banned=["email_reply"], email_reply=active * 1.0)["email_reply"]
    assert found["is_banned"]
    assert not found["is_leak"]
    assert "our own outreach" in found["says"]
