"""The evaluation of the model counts what it says, and does not fool itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mqa_platform.evaluation import capacity_loop
from mqa_platform.evaluation.capacity_markets import enough_accounts
from mqa_platform.evaluation.market_truth import hits, in_market, lift, shuffled
from mqa_platform.evaluation.model import _says, _t_interval, evaluate_model
from mqa_platform.evaluation.models import Named
from mqa_platform.evaluation.seen_market import sellable
from mqa_platform.market import MarketConfig
from mqa_platform.market.watched import watched
from mqa_platform.policy.loader import load_policy


@pytest.fixture(scope="module")
def market():
    return watched(MarketConfig(400, 120, 31))


def named(*pairs):
    return Named(np.array([a for a, _ in pairs]), np.array([d for _, d in pairs]))


def one_episode(market, start, end, opens=None):
    """The market with a single episode, of an account that could be called."""
    e = market.episodes
    who = int(np.flatnonzero(sellable(market)[e.account])[0])
    kept = np.array([who])
    small = replace(
        e, account=e.account[kept], start=np.array([start]), end=np.array([end]),
        member_episode=np.zeros(0, dtype=np.int64), member_person=np.zeros(0, dtype=np.int64),
    )  # fmt: skip
    deals = [o for o in market.outcomes.opportunities if o.episode >= 0][:1]
    made = market.config.start + int((opens or 0) * 86_400_000_000)
    told = (
        [replace(deals[0], account=int(e.account[who]), episode=0, created_at=made)]
        if opens
        else []
    )
    outcomes = replace(market.outcomes, opportunities=told)
    return replace(market, episodes=small, outcomes=outcomes), int(e.account[who])


def test_a_name_is_right_on_the_days_of_the_episode_only(market):
    w, who = one_episode(market, 40.5, 70.5, opens=65.0)
    asked = sellable(market)
    other = int(np.flatnonzero(asked & (np.arange(400) != who))[0])
    found = hits(w, named((who, 39), (who, 40), (who, 70), (who, 71), (other, 50)), asked, 28, 119)
    # On day 65 the deal is opened: whoever names it on day 70 or 71 tells sales what it works already.
    assert (found.named, found.right, found.episodes, found.found) == (3, 1, 1, 1)
    assert found.lead_days == (25.0,)
    late = hits(w, named((who, 66)), asked, 28, 119)
    assert (late.named, late.episodes, late.found) == (0, 1, 0)


def test_a_lost_deal_may_be_named_again_and_a_won_one_may_not(market):
    w, who = one_episode(market, 40.5, 110.5, opens=50.0)
    deal = w.outcomes.opportunities[0]
    closed = market.config.start + 60 * 86_400_000_000
    for won, right in ((False, 1), (True, 0)):
        told = replace(w.outcomes, opportunities=[replace(deal, closed_at=closed, is_won=won)])
        found = hits(replace(w, outcomes=told), named((who, 55), (who, 61)), sellable(w), 28, 119)
        assert found.right == right


def test_an_episode_that_the_measurement_cuts_is_not_asked_for_and_still_right(market):
    w, who = one_episode(market, 20.0, 60.0)
    found = hits(w, named((who, 50)), sellable(market), 28, 119)
    assert (found.right, found.episodes, found.lead_days) == (1, 0, ())


def test_lift_by_hand():
    # Twenty accounts, the best two are the top tenth; four are in the market, one of them on top.
    ranking = np.arange(20, dtype=float)[:, None]
    truth = np.zeros((20, 1), dtype=bool)
    truth[[19, 3, 4, 5], 0] = True
    everybody, tie = np.ones((20, 1), dtype=bool), np.zeros(20)
    assert lift(ranking, truth, everybody, tie) == pytest.approx((1 / 2) / (4 / 20))
    assert lift(ranking, np.zeros_like(truth), everybody, tie) is None


def test_shuffled_truth_is_as_frequent_and_gives_no_lift(market):
    snapshots = np.arange(30, 120, 7)
    truth = in_market(market, snapshots)
    callable_ = np.repeat(sellable(market)[:, None], len(snapshots), axis=1)
    truth &= callable_
    perfect = truth.astype(float)
    tie = np.random.default_rng(1).random(400)
    rng = np.random.default_rng(2)
    dealt = [shuffled(truth, callable_, rng) for _ in range(60)]
    assert all((d.sum(axis=0) == truth.sum(axis=0)).all() for d in dealt)
    assert not any((d & ~callable_).any() for d in dealt)
    # With everybody in the market on top the lift is as high as it can be; with shuffled truth it is 1.
    assert lift(perfect, truth, callable_, tie) > 5
    found = [lift(perfect, d, callable_, tie) for d in dealt]
    assert np.mean(found) == pytest.approx(1.0, abs=4 * np.std(found) / np.sqrt(60))


def test_the_interval_over_seeds_is_students():
    values = [1.0, 2.0, 4.0, 5.0]
    low, high = stats.t.interval(0.95, 3, loc=3.0, scale=stats.sem(values))
    assert _t_interval(values) == pytest.approx((3.0, low, high))
    assert _t_interval([2.0, None]) == (2.0, None, None)
    assert _t_interval([None]) == (None, None, None)


@pytest.mark.slow
def test_committees_are_found_better_by_accounts_and_single_buyers_by_people():
    # In two markets of 500 there are some thirty episodes: the recall of committees differs by less than chance.
    for world, better, figure in (
        ("committee", "mqa", "lift_top_decile"),
        ("single_buyer", "mql", "recall"),
    ):
        found = evaluate_model(500, range(21, 23), world)
        worse = "mql" if better == "mqa" else "mqa"
        assert found[better][figure] > found[worse][figure]
        assert found["mqa"]["lift_top_decile"] > found["fit_only"]["lift_top_decile"]
        for name in ("mqa", "mql", "recency", "fit_only"):
            f = found[name]
            assert f["precision_low"] <= f["precision"] <= f["precision_high"]
            assert f["recall_low"] <= f["recall"] <= f["recall_high"]
        assert found["shuffled"]["lift"] < 0.5 * found["mqa"]["lift_top_decile"]


def pool_of(weekly, accounts=4000, seed=1):
    """A pool in which each account may enter once, at all steps up to one of its own."""
    rng = np.random.default_rng(seed)
    weeks = capacity_loop.WEEKS - capacity_loop.WARM_UP
    rows = []
    number = 0
    for week in range(1, weeks):
        for _ in range(rng.poisson(weekly(week))):
            top = int(rng.integers(-24, 41))
            rows += [(number, 1, s, week, 1) for s in range(-24, top + 1)]
            number += 1
    columns = np.array(rows, dtype=np.int64).T
    return capacity_loop.Pool(*columns, accounts=number)


def test_quiet_quarters_are_filled_as_well_as_chance_allows():
    policy = load_policy(None)
    pool = pool_of(lambda week: 200)
    room, quarters, again = capacity_loop._programme(pool, policy, None)
    assert room == pytest.approx(200 * 41 / 65 / 2, rel=0.1)
    assert len(quarters) == 7
    assert again <= 1
    assert all(abs(q.counts.mean() / room - 1) < 0.1 for q in quarters)


def test_a_threshold_that_nobody_touches_rings_after_intent_has_halved():
    policy = load_policy(None)
    begin = capacity_loop.SEEN + capacity_loop.QUIET
    pool = pool_of(lambda week: 200 if week < begin else 100)
    found = capacity_loop._stale(pool, policy, [None])
    assert found["heard"] == found["stale"] == 1
    assert found["weeks_since_drift_began"] <= 3
    assert found["false_alarms_most"] <= 1


def test_what_chance_leaves_of_a_perfect_threshold():
    # 13 weeks of 10 a week are 130: within 117 and 143.
    inside = stats.poisson.cdf(143, 130) - stats.poisson.cdf(116, 130)
    assert capacity_loop._by_chance(10.0) == pytest.approx(inside)


def test_solved_thresholds_follow_a_fall_that_untouched_ones_do_not():
    policy = load_policy(None)
    begin = capacity_loop.SEEN + capacity_loop.QUIET
    pool = pool_of(lambda week: 200 if week < begin else 100)
    solved, untouched = (
        capacity_loop._shares([capacity_loop._programme(pool, policy, None, once)])
        for once in (False, True)
    )
    assert all(r < 0.7 for r in untouched["ratios"][-4:])
    assert all(r > 0.85 for r in solved["ratios"][-3:])
    assert solved["within_share"] > untouched["within_share"]


def test_a_programme_without_a_single_mqa_gives_figures_of_nothing():
    nothing = np.zeros(0, dtype=np.int64)
    pool = capacity_loop.Pool(*[nothing] * 5, accounts=10)
    policy = load_policy(None)
    found = capacity_loop._capacity([capacity_loop._programme(pool, policy, None)])
    assert (found["within_share"], found["quarters"], found["halves"]["programmes"]) == (None, 0, 0)
    assert "nothing can be said" in found["says"][0]
    stale = capacity_loop._stale(pool, policy, [None])
    assert (stale["weeks"], stale["stale"], stale["false_alarms_most"]) == (None, 0, None)


def test_few_mqas_a_week_say_that_chance_hides_the_solver():
    rare = capacity_loop._capacity(
        [capacity_loop._programme(pool_of(lambda week: 2), load_policy(None), None)]
    )
    assert rare["within_share_by_chance"] < capacity_loop.SAYS_ENOUGH
    assert "Take more accounts" in rare["says"][-1]


@pytest.mark.parametrize(
    ("asked", "seeds", "each"),
    [(2000, 10, 4000), (200, 1, 10_000), (9000, 10, 9000), (100_000, 10, 10_000), (200, 100, 400)],
)
def test_a_programme_has_enough_accounts_to_say_something(asked, seeds, each):
    assert enough_accounts(asked, seeds) == each


def test_one_market_is_not_made_to_say_which_model_is_better():
    none = {"difference": 1.0, "low": None, "high": None, "verdict": "cannot say"}
    measures = dict.fromkeys(("precision", "recall", "lift_top_decile", "balance"), none)
    compared = dict.fromkeys(("mql", "mql_any_fit", "recency", "fit_only"), measures)
    (said,) = _says("committee", {}, compared)
    assert "two seeds" in said


@pytest.mark.slow
def test_the_figures_of_one_small_market_have_the_shape_that_is_promised():
    found = evaluate_model(200, [11])
    for name in ("mqa", "mql", "recency", "fit_only"):
        for figure in ("precision", "recall", "lift_top_decile"):
            assert {figure, f"{figure}_low", f"{figure}_high"} <= set(found[name])
    assert set(found["shuffled"]) == {"lift", "lift_low", "lift_high"}
