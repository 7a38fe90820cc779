"""Half-lives: account-days by hand, a planted decay, and what may not be said."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from mqa_platform.core.calibration.half_lives import (
    AGES,
    CANNOT_SAY,
    DOES_NOT_FADE,
    ESTIMATED,
    Ages,
    ages,
    half_life,
)

START = date(2026, 1, 1)


def on(n):
    return START + timedelta(days=n)


def test_account_days_and_opportunities_by_age():
    # Acme is touched on days 0 and 3 and has its deal on day 5: age 1 to 3, then 1 and 2.
    # Bolt is touched on day 0 and watched to day 4: age 1 to 4.
    found = ages(
        [("acme", on(0)), ("acme", on(3)), ("acme", on(3)), ("bolt", on(0))], {"acme": on(5)}, on(4)
    )
    # As of day 4 the deal of day 5 has not happened.
    assert found.opportunities.sum() == 0
    found = ages(
        [("acme", on(0)), ("acme", on(3)), ("acme", on(3)), ("bolt", on(0))], {"acme": on(5)}, on(6)
    )
    assert list(found.exposure[1:8]) == [3, 3, 2, 1, 1, 1, 0]
    assert list(found.opportunities[:4]) == [0, 0, 1, 0]


def test_a_touch_on_the_day_of_the_deal_or_later_tells_nothing():
    found = ages([("acme", on(5)), ("acme", on(9))], {"acme": on(5)}, on(20))
    assert found.exposure.sum() == found.opportunities.sum() == 0


def test_nobody_is_followed_for_longer_than_half_a_year():
    found = ages([("acme", on(0))], {"acme": on(300)}, on(400))
    assert found.exposure.sum() == AGES
    assert found.opportunities.sum() == 0


def world(half, base, added, accounts=3000, days=365, seed=2):
    """Accounts touched every now and then; each day the deal comes at ``base + added × 2^(−age ÷ half)``."""
    rng = np.random.default_rng(seed)
    touches, deals = [], {}
    for n in range(accounts):
        last = None
        for day in range(days):
            if last is not None:
                rate = base + (added * 2 ** (-(day - last) / half) if half else added)
                if rng.random() < rate:
                    deals[f"a{n}"] = on(day)
                    break
            if rng.random() < 0.02:
                last = day
                touches.append((f"a{n}", on(day)))
    return ages(touches, deals, on(days - 1))


@pytest.fixture(scope="module")
def fading():
    return [world(45, 0.0002, 0.004, accounts=1500, seed=seed) for seed in range(5)]


def test_a_planted_decay_lies_within_its_interval(fading):
    # Of five 95 % intervals one may miss; two do so in 2 of 100 such tests.
    found = [half_life("pricing_view", 30, a) for a in fading]
    assert {f.status for f in found} == {ESTIMATED}
    assert sum(f.low <= 45 <= f.high for f in found) >= 4
    assert 38 <= np.mean([f.days for f in found]) <= 52
    assert all(f.high <= 4 * f.low for f in found)


def test_a_half_life_is_proposed_where_the_one_in_force_is_outside(fading):
    everything = Ages(sum(f.exposure for f in fading), sum(f.opportunities for f in fading))
    assert half_life("x", 45, everything).proposed == 45
    found = half_life("x", 25, everything)
    assert found.low > 25
    assert found.proposed == round(found.days)
    assert found.says.startswith(f"It fades by half in {found.days:.0f} days")


def test_the_grid_finds_the_maximum_that_a_free_search_finds(fading):
    from scipy.optimize import minimize

    a = fading[0]
    age, e, d = np.arange(1, AGES + 1), a.exposure[1:], a.opportunities[1:]

    def loss(p):
        rate = np.exp(p[0]) + np.exp(p[1]) * 2 ** (-age / np.exp(p[2]))
        return rate @ e - np.log(rate) @ d

    fine = {"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-6}
    start = np.log([0.0005, 0.002, 30])
    best = minimize(loss, start, method="Nelder-Mead", options=fine)
    assert half_life("x", 30, a).days == pytest.approx(np.exp(best.x[2]), rel=0.06)


def test_a_fast_decay_is_seen_and_held_to_what_policy_allows():
    found = half_life("pricing_view", 45, world(10, 0.0002, 0.008, accounts=1500))
    assert found.low <= 10 <= found.high < 30
    assert found.proposed == 30
    assert "policy allows 30 to 60" in found.says


def test_what_does_not_fade_is_not_given_a_half_life():
    found = half_life("pricing_view", 30, world(0, 0.001, 0.0005, accounts=1500))
    assert found.status == DOES_NOT_FADE
    assert (found.days, found.proposed) == (None, 30)


def test_few_opportunities_say_nothing(fading):
    few = Ages(fading[0].exposure, np.where(np.arange(AGES + 1) < 30, 0.9, 0.0))
    found = half_life("pricing_view", 30, few)
    assert (found.status, found.days, found.proposed) == (CANNOT_SAY, None, 30)
    nothing = half_life("pricing_view", 30, ages([], {}, on(10)))
    assert (nothing.opportunities, nothing.account_days, nothing.status) == (0, 0, CANNOT_SAY)
