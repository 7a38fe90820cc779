"""Weights asked of deals: planted ones come back, chance brings nothing, and signs hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mqa_platform.core.calibration.lift import lifts
from mqa_platform.core.calibration.logistic import fit, in_points
from mqa_platform.core.calibration.weights import (
    AGREES,
    CANNOT_RANK,
    CHANGE,
    RULES_STAY,
    Weight,
    judged,
)
from mqa_platform.core.calibration.weights import (
    ranked as ranked_by,
)
from mqa_platform_tests.core.weight_cases import planted, rows


def ranked(o, enough=30, widest=1.0):
    return ranked_by(o, enough, widest, np.random.default_rng(1))


def asked(o, **more):
    return {w.component: w for w in ranked(o, **more).weights}


def test_where_no_bound_binds_it_is_the_model_of_scikit_learn():
    x, y = planted([1.0, 0.5, 0.2])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(z, y)
    ours = fit(x, y, np.ones(len(y)), np.ones(3))
    assert ours.beta * x.std(axis=0) == pytest.approx(theirs.coef_[0], abs=2e-3)
    assert ours.intercept == pytest.approx(
        theirs.intercept_[0] - (theirs.coef_[0] / x.std(axis=0)) @ x.mean(axis=0), abs=5e-3
    )


def test_planted_weights_come_back_in_their_order_and_within_their_intervals():
    # Log-odds of 1.2, 0.6 and 0.3 a unit are weights of 4 : 2 : 1. All three have weight 10 today, so that the
    # mean score is 10 × 0.5 × 3; with weights of 4w, 2w and w it is that at w = 30 ÷ 7.
    x, y = planted([1.2, 0.6, 0.3], accounts=8000)
    found = asked(rows(x, y))
    truth = {"s0": 4 * 30 / 7, "s1": 2 * 30 / 7, "s2": 30 / 7}
    for name, weight in truth.items():
        assert found[name].low <= weight <= found[name].high
    assert found["s0"].proposed > found["s1"].proposed > found["s2"].proposed
    assert found["s0"].status == found["s2"].status == CHANGE
    assert all(w.proposed == int(w.proposed) for w in found.values() if w.status == CHANGE)


def test_weights_that_are_right_stay():
    x, y = planted([1.2, 0.6, 0.3], accounts=8000)
    found = asked(rows(x, y, now=[40, 20, 10]))
    assert {w.status for w in found.values()} == {AGREES}
    assert [w.proposed for w in found.values()] == [40, 20, 10]


def test_the_mean_score_stays_so_that_a_threshold_means_what_it_meant():
    x, y = planted([1.2, 0.6, 0.3])
    o = rows(x, y, now=[3, 8, 20])
    points = in_points(fit(o.x, o.y, o.weight, np.sign(o.now)).beta, o)
    assert float((o.x @ points).mean()) == pytest.approx(float((o.x @ o.now).mean()))


def test_a_signal_of_interest_never_counts_against_an_account():
    x, y = planted([1.2, -1.0, 0.6], accounts=8000)
    free = LogisticRegression().fit(x, y).coef_[0]
    assert free[1] < -0.3
    bound = fit(x, y, np.ones(len(y)), np.array([1.0, 1.0, 1.0])).beta
    assert bound[1] == 0
    # The others then answer as if it were not there.
    alone = fit(x[:, [0, 2]], y, np.ones(len(y)), np.ones(2)).beta
    assert bound[[0, 2]] == pytest.approx(alone, abs=2e-3)
    found = asked(rows(x, y))
    assert all(w.proposed >= 0 for w in found.values())


def sampled(stands_for):
    """150 that won, 1,200 with a deal that was lost, and one of ``stands_for`` of 16,000 without a deal.

    The first signal comes before deals, won or lost; the second only before those that are won.
    """
    rng = np.random.default_rng(3)
    rest = 16_000 // stands_for
    groups = ((150, 0.8, 0.6, 1, 1), (1200, 0.8, 0.3, 0, 1), (rest, 0.1, 0.3, 0, stands_for))
    x = [np.column_stack([rng.random(n) < a, rng.random(n) < b]) for n, a, b, _, _ in groups]
    y = [np.full(n, won) for n, _, _, won, _ in groups]
    weight = [np.full(n, w) for n, _, _, _, w in groups]
    return rows(np.concatenate(x), np.concatenate(y), weight=np.concatenate(weight))


def test_reading_a_part_of_the_accounts_does_not_change_what_the_deals_say():
    # Of all 17,350 accounts, by a model of another make: what both signals are worth beside each other.
    whole = sampled(1)
    theirs = LogisticRegression(C=1.0).fit(whole.x, whole.y).coef_[0]
    part = asked(sampled(16))
    for name, weight in zip(("s0", "s1"), in_points(theirs, whole), strict=True):
        assert part[name].low <= weight <= part[name].high


def test_a_change_of_less_than_half_a_point_is_no_change():
    # So many deals that 10.1 to 10.4 is all they allow; in whole points that is the 10 in force.
    now = Weight("s0", 10.0, 10.3, 10.1, 10.4, 10.0, 900, "", "")
    x, y = planted([1.2, 0.6], accounts=8000)
    found = judged(now, lifts(rows(x, y))[0], 1.0)
    assert (found.status, found.proposed) == (AGREES, 10.0)
    assert judged(replace(now, asked=11.3, low=11.0, high=11.6), lifts(rows(x, y))[0], 1.0).proposed == 11  # fmt: skip


def test_bad_news_never_counts_for_an_account():
    x, y = planted([1.2, 0.6, 0.9], accounts=8000)
    found = asked(rows(x, y, now=[10, 10, -8]))
    assert found["s2"].proposed <= 0
    against = fit(*planted([1.2, 0.6, -0.9], accounts=8000), np.ones(8000), np.array([1.0, 1, -1]))
    assert against.beta[2] == pytest.approx(-0.9, abs=0.3)


@pytest.mark.parametrize("seed", range(6))
def test_shuffled_outcomes_propose_nothing(seed):
    x, y = planted([1.2, 0.6, 0.3], accounts=1500)
    dealt = np.random.default_rng(seed).permutation(y)
    real, chance = ranked(rows(x, y)), ranked(rows(x, dealt))
    assert real.p_value == 0.01
    assert chance.p_value > 0.01
    assert {w.status for w in chance.weights} == {CANNOT_RANK}
    assert all(w.proposed == w.now and RULES_STAY in w.says for w in chance.weights)


def test_with_few_winners_the_rules_stay():
    x, y = planted([1.2, 0.6, 0.3], accounts=500, base=-6.0)
    found = ranked(rows(x, y))
    assert 0 < found.winners < 30
    assert found.p_value is None
    assert all(w.status == CANNOT_RANK and w.proposed == w.now for w in found.weights)
    assert f"{found.winners} accounts won, of 500" in found.weights[0].says


def test_a_signal_that_few_winners_showed_is_not_ranked_and_the_others_are():
    x, y = planted([1.2, 0.6, 0.3], accounts=4000)
    rare = np.zeros(len(y))
    rare[np.flatnonzero(y)[:9]] = 1
    found = asked(rows(np.column_stack([x, rare]), y))
    assert found["s3"].status == CANNOT_RANK
    assert found["s3"].says == f"9 accounts that won showed it, and 10 are needed: {RULES_STAY}."
    assert found["s0"].status == CHANGE


def test_a_wide_interval_ranks_nothing():
    x, y = planted([1.2, 0.6, 0.3], accounts=8000)
    found = asked(rows(x, y), widest=0.01)
    assert CHANGE not in {w.status for w in found.values()}
    assert "too wide" in found["s0"].says


def test_looking_twice_at_every_account_makes_no_interval_narrower():
    x, y = planted([1.2, 0.6, 0.3], accounts=2000)
    once = asked(rows(x, y))
    twice = asked(
        rows(np.repeat(x, 2, axis=0), np.repeat(y, 2), account=np.repeat(np.arange(2000), 2))
    )
    width = {n: w.high - w.low for n, w in once.items()}
    assert all(w.high - w.low > 0.85 * width[n] for n, w in twice.items())


def test_nobody_and_everybody_winning_say_nothing():
    x, y = planted([1.2, 0.6, 0.3], accounts=200)
    for outcomes in (np.zeros(200), np.ones(200)):
        found = ranked(rows(x, outcomes))
        assert {w.status for w in found.weights} == {CANNOT_RANK}
    nothing = rows(np.zeros((0, 3)), [])
    assert {w.status for w in ranked(nothing).weights} == {CANNOT_RANK}
    # A column that everybody shows alike says nothing beside the others.
    o = rows(*planted([1.2, 0.6, 0.3]))
    flat = replace(o, x=np.column_stack([o.x[:, 0], np.ones(len(o.y)), o.x[:, 2]]))
    assert fit(flat.x, flat.y, flat.weight, np.ones(3)).beta[1] == 0


def test_the_same_rows_give_the_same_answer():
    o = rows(*planted([1.2, 0.6, 0.3], accounts=1000))
    assert ranked(o) == ranked(o)


def test_a_signal_that_comes_along_with_another_is_not_struck_out():
    # Prices are seen by whoever compares, and by students as well, of whom none buys.
    x, y = planted([1.5, -0.8], accounts=6000)
    found = asked(rows(np.column_stack([x[:, 0], x.sum(axis=1)]), y, names=("compared", "prices")))
    assert found["prices"].asked < 1
    assert (found["prices"].status, found["prices"].proposed) == (CANNOT_RANK, 10)
    assert (
        found["prices"].says
        == f"By itself it shows lift, and beside compared it gets no points: {RULES_STAY}."
    )


def test_a_signal_that_shows_no_lift_by_itself_is_not_raised():
    # It is shown by those who did nothing else, and next to doing nothing it helps: alone it looks like nothing.
    rng = np.random.default_rng(6)
    strong = rng.poisson(1.0, 12000) * (rng.random(12000) < 0.5)
    weak = (strong == 0) & (rng.random(12000) < 0.5)
    log_odds = -4.5 + 1.0 * strong + 1.2 * weak
    y = (rng.random(12000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    found = asked(rows(np.column_stack([strong, weak]), y, now=[10.0, 2.0]))
    assert found["s1"].low > 2
    assert (found["s1"].status, found["s1"].proposed) == (CANNOT_RANK, 2)
    assert "by itself it shows no lift" in found["s1"].says


def test_what_shows_lift_neither_alone_nor_beside_the_others_is_struck_out():
    x, y = planted([1.2, 0.6, -0.2], accounts=8000)
    found = asked(rows(x, y))
    assert (found["s2"].status, found["s2"].proposed) == (CHANGE, 0)
    assert "neither alone nor beside the others" in found["s2"].says


def test_of_many_who_did_not_win_ten_for_each_who_did_tell_the_same():
    x, y = planted([1.2, 0.6, 0.3], accounts=20000, base=-5.5)
    o = rows(x, y)
    assert 10 * o.winners < 0.9 * len(y)
    found = {w.component: w for w in ranked(o).weights}
    whole = in_points(fit(o.x, o.y, o.weight, np.ones(3)).beta, o)
    assert found["s0"].asked == pytest.approx(whole[0], rel=0.1)
    assert found["s0"].low <= whole[0] <= found["s0"].high
