"""How many accounts an experiment needs, and what may be said of one: against published figures and by hand."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.experiment_power import detectable, needed, planned, weeks_needed
from mqa_platform.core.experiment_results import (
    Outcome,
    newcombe,
    results,
    with_outcomes,
)
from mqa_platform.core.experiments import drawn
from mqa_platform.policy.routing import Experiment

TODAY = date(2026, 6, 30)
OPPORTUNITY = Outcome("opportunity", "opportunity_on", 90)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_the_interval_of_a_difference_is_that_of_newcombes_table(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    assert newcombe(*counts) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_without_trials_there_is_no_interval() -> None:
    assert newcombe(0, 0, 3, 10) == newcombe(3, 10, 0, 0) == (None, None)


counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_the_interval_holds_the_difference_and_turns_with_the_arms(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    low, high = newcombe(*one, *other)
    assert low is not None
    assert high is not None
    assert -1 <= low <= one[0] / one[1] - other[0] / other[1] <= high <= 1
    back = newcombe(*other, *one)
    assert back == (pytest.approx(-high), pytest.approx(-low))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    p, q, n, m, times = 0.35, 0.2, 180, 20, 4000
    held = 0
    for hits, other in zip(draw.binomial(n, p, times), draw.binomial(m, q, times), strict=True):
        low, high = newcombe(int(hits), n, int(other), m)
        assert low is not None
        assert high is not None
        held += low <= p - q <= high
    # 95 % give or take what 4,000 draws leave open, and what the method gives away in small samples.
    assert 0.93 <= held / times <= 0.985


def test_with_arms_of_one_size_the_number_is_that_of_r() -> None:
    # power.prop.test(p1 = .50, p2 = .75, power = .90) of R prints n = 76.7 in each arm.
    assert needed(0.75, 0.25, 0.5, power=0.9) / 2 == pytest.approx(76.7, abs=0.05)
    # power.prop.test(n = 50, p1 = .50, power = .90) prints p2 = 0.8026141: the smaller rate is the control's.
    assert needed(0.8026141, 0.3026141, 0.5, power=0.9) / 2 == pytest.approx(50, abs=0.01)


def test_as_many_as_are_needed_notice_the_lift_as_often_as_planned() -> None:
    rate, lift, share = 0.4, 0.2, 0.2
    whole = needed(rate, lift, share)
    held = round(whole * share)
    given_ = round(whole) - held
    draw = np.random.default_rng(8)
    times = 4000
    p = draw.binomial(given_, rate, times) / given_
    q = draw.binomial(held, rate - lift, times) / held
    mean = (p * given_ + q * held) / (given_ + held)
    z = (p - q) / np.sqrt(mean * (1 - mean) * (1 / given_ + 1 / held))
    # A count is whole and the law of large numbers is not there yet: some hundredths.
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.8, abs=0.03)


@given(st.floats(0.02, 0.98), st.integers(1, 50_000), st.floats(0.02, 0.5))
def test_what_is_detectable_needs_no_more_than_there_is(
    rate: float, accounts: int, share: float
) -> None:
    found = detectable(rate, accounts, share)
    if found is None:
        assert needed(rate, rate, share) > accounts
        return
    assert 0 < found <= rate
    assert needed(rate, found, share) <= accounts * (1 + 1e-9)


@given(st.floats(0.1, 0.9), st.floats(0.05, 0.5), st.integers(200, 5_000))
def test_more_accounts_notice_smaller_lifts(rate: float, share: float, accounts: int) -> None:
    few, many = detectable(rate, accounts, share), detectable(rate, 4 * accounts, share)
    assert few is None or (many is not None and many <= few)


def test_a_plan_says_nothing_without_a_rate_or_anybody_to_draw() -> None:
    assert planned(None, 10, 0.1, 26).detectable is None
    assert planned(0.0, 10, 0.1, 26).detectable is None
    assert planned(0.3, 0, 0.1, 26).detectable is None
    # Nineteen of them are no control, as no result would be told of them.
    assert planned(0.3, 19, 0.1, 10).detectable is None
    assert planned(0.3, 20, 0.1, 10).detectable is not None
    assert weeks_needed(0.9, 0.9, 0.1, 20) == 10
    plan = planned(0.3, 10, 0.1, 26)
    assert (plan.held_out, plan.handed_off) == (26, 234)
    assert weeks_needed(0.3, 0.1, 0.1, 0) is None
    assert weeks_needed(0.3, 0.1, 0.5, 10) == math.ceil(needed(0.3, 0.1, 0.5) / 10)
    for wrong in ((0, 0.1, 0.1), (0.3, 0.31, 0.1), (0.3, 0.1, 1)):
        with pytest.raises(ValueError, match="0 < lift"):
            needed(*wrong)


def episode(arm: str, age: int, found: int | None = None, **changed: Any) -> dict[str, Any]:
    """An episode of so many days ago, with an opportunity so many days after it began."""
    began = TODAY - timedelta(days=age)
    return {
        "experiment": "spring", "motion": "new_business", "holdout_share": 0.1, "arm": arm,
        "tier": "scaled", "mqa_on": began, "asked_on": None,
        "opportunity_on": None if found is None else began + timedelta(days=found), **changed,
    }  # fmt: skip


def world(given_hits: int, given_n: int, held_hits: int, held_n: int) -> list[dict[str, Any]]:
    rows = [episode("handed_off", 100, 9 if i < given_hits else None) for i in range(given_n)]
    return rows + [episode("held_out", 100, 9 if i < held_hits else None) for i in range(held_n)]


def whole(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(r for r in results(rows, [OPPORTUNITY], TODAY) if r["tier"] == "all")


def test_a_result_counts_each_mature_episode_in_the_arm_that_was_drawn() -> None:
    rows = [
        *world(56, 70, 48, 80),
        # Too young: in neither rate.
        episode("handed_off", 89, 3), episode("held_out", 5),
    ]  # fmt: skip
    # Asked and was called: still of the control.
    rows[-3] = rows[-3] | {"asked_on": TODAY}
    found = whole(rows)
    assert (found["handed_off_n"], found["handed_off_hits"]) == (70, 56)
    assert (found["held_out_n"], found["held_out_hits"]) == (80, 48)
    assert (found["censored"], found["asked"]) == (2, 1)
    assert found["lift"] == pytest.approx(0.2)
    assert (found["lift_low"], found["lift_high"]) == newcombe(56, 70, 48, 80)
    assert found["verdict"] == "raises"
    assert found["says"] == (
        "Given to sales, more of them come to an opportunity: +20.0 points (+5.2 to +33.4) with 80 held out "
        "and 70 given to sales."
    )


@pytest.mark.parametrize(
    ("counts", "verdict", "word"),
    [
        ((19, 19, 0, 400), "too_few", "Cannot say: 400 held out and 19"),
        ((10, 400, 0, 19), "too_few", "20 of each are the least"),
        ((0, 0, 0, 0), None, ""),
        ((30, 100, 30, 100), "no_difference_seen", "does not say that there is none"),
        ((10, 100, 60, 100), "lowers", "fewer of them"),
    ],
)
def test_only_what_the_interval_excludes_is_said(
    counts: tuple[int, int, int, int], verdict: str | None, word: str
) -> None:
    rows = world(*counts)
    if verdict is None:
        assert results(rows, [OPPORTUNITY], TODAY) == []
        return
    found = whole(rows)
    assert found["verdict"] == verdict
    assert word in found["says"]


def test_an_arm_without_episodes_has_no_rate_and_no_lift() -> None:
    found = whole(world(3, 30, 0, 0))
    assert (found["held_out_rate"], found["lift"], found["lift_low"]) == (None, None, None)
    assert (found["handed_off_rate"], found["verdict"]) == (0.1, "too_few")


def test_tiers_shares_and_motions_are_compared_by_themselves() -> None:
    rows = world(5, 30, 1, 30)
    rows += [r | {"tier": "strategic"} for r in rows]
    rows += [r | {"holdout_share": 0.2} for r in rows] + [r | {"motion": "expansion"} for r in rows]
    found = results(rows, [OPPORTUNITY], TODAY)
    sizes = {
        (r["motion"], r["holdout_share"], r["tier"]): (r["handed_off_n"], r["held_out_n"])
        for r in found
    }
    each = {"all": (60, 60), "scaled": (30, 30), "strategic": (30, 30)}
    assert sizes == {
        (m, s, t): n
        for m, s in (("new_business", 0.1), ("new_business", 0.2), ("expansion", 0.1))
        for t, n in each.items()
    }  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_arms_that_are_drawn_after_the_outcome_show_no_lift(seed: int) -> None:
    """Labels shuffled over the episodes: the chance of a claim is that of the interval, five in a hundred."""
    lot = random.Random(seed)
    claims = 0
    for _ in range(60):
        arms = ["handed_off"] * 150 + ["held_out"] * 50
        lot.shuffle(arms)
        rows = [episode(arm, 100, 9 if i < 60 else None) for i, arm in enumerate(arms)]
        claims += whole(rows)["verdict"] in ("raises", "lowers")
    # Binomial with 60 and 0.05: twelve or more come once in ten thousand.
    assert claims < 12


def course(
    *found: tuple[int, int | None], account: str = "acme", motion: str = "new_business"
) -> Any:
    """Episodes that began so many days after the first, each with its opportunity, in days after the first."""
    first = date(2026, 1, 1)
    return [
        {"account_id": account, "motion": motion, "episode": n, "tier": "scaled",
         "mqa_on": first + timedelta(days=began),
         "opportunity_on": None if opened is None else first + timedelta(days=opened)}
        for n, (began, opened) in enumerate(found, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("episodes", "wanted"),
    [
        (course((0, None)), None),
        (course((0, 12)), 12),
        # Qualified late in the evening, its ninetieth day is still in the window that was held against it.
        (course((0, 90)), 90),
        # Recycled, qualified again, and then an opportunity: it came in the window of the draw.
        (course((0, None), (40, 89)), 89),
        (course((0, None), (40, 90)), None),
        (course((0, 12), (40, 50)), 12),
        (course((0, None), (40, None), (60, 70)), 70),
        (course((0, None)) + course((0, 5), account="other") + course((0, 5), motion="expansion"), None),
    ],
)  # fmt: skip
def test_what_comes_in_the_window_counts_although_the_account_qualified_again(
    episodes: list[dict[str, Any]], wanted: int | None
) -> None:
    arm = {"account_id": "acme", "motion": "new_business", "episode": 1, "arm": "held_out"}
    (found,) = with_outcomes([arm], episodes, [OPPORTUNITY])
    day = found["opportunity_on"]
    assert (None if day is None else (day - date(2026, 1, 1)).days) == wanted
    assert (found["mqa_on"], found["arm"]) == (date(2026, 1, 1), "held_out")


def test_a_later_draw_is_not_told_what_came_before_it() -> None:
    arm = {"account_id": "acme", "motion": "new_business", "episode": 2, "arm": "handed_off"}
    (found,) = with_outcomes([arm], course((0, 12), (40, None)), [OPPORTUNITY])
    assert found["opportunity_on"] is None
    # What is drawn and has no outcome row yet is in no rate.
    assert with_outcomes([arm], course((0, 12)), [OPPORTUNITY]) == []


@pytest.mark.parametrize(("added", "verdict"), [(0.2, "raises"), (0.0, "no_difference_seen")])
def test_what_sales_adds_in_a_planted_world_is_found_and_nothing_else(
    added: float, verdict: str
) -> None:
    """A world in which 30 % buy anyway and sales adds a known share: drawn by the router's draw, then compared."""
    chance = random.Random(11)
    experiment = Experiment(name="planted", holdout_share=0.3)
    rows = []
    for n in range(1500):
        entry = {"account_id": f"account {n}", "motion": "new_business", "episode": 1,
                 "tier": "scaled", "evidence_rule": "people"}  # fmt: skip
        told = drawn(experiment, entry)
        assert told is not None
        rate = 0.3 if told.is_held_out else 0.3 + added
        rows.append(episode(told.arm, 100, 9 if chance.random() < rate else None))
    found = whole(rows)
    assert found["verdict"] == verdict
    assert found["lift_low"] <= added <= found["lift_high"]
    assert found["lift_high"] - found["lift_low"] < 0.15
