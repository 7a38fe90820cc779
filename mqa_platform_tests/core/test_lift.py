"""Lift of one signal, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.contingency import relative_risk

from mqa_platform.core.calibration.lift import CANNOT_SAY, LIFTS, LOWERS, NO_DIFFERENCE, lifts
from mqa_platform_tests.core.weight_cases import rows


def table(with_won, with_all, without_won, without_all):
    x = [[1.0]] * with_all + [[0.0]] * without_all
    y = [1] * with_won + [0] * (with_all - with_won)
    y += [1] * without_won + [0] * (without_all - without_won)
    return rows(x, y)


def test_lift_is_one_share_over_the_other():
    # 20 of 100 with it won, and 10 of 400 without: 0.2 ÷ 0.025.
    found = lifts(table(20, 100, 10, 400))[0]
    assert (found.rate_with, found.rate_without) == (0.2, 0.025)
    assert found.lift == pytest.approx(8.0)
    assert found.coverage == 0.2
    assert (found.accounts, found.winners_with, found.winners) == (100, 20, 30)
    assert found.verdict == LIFTS
    assert "more often" in found.says


def test_with_one_look_an_account_the_interval_is_that_of_katz():
    found = lifts(table(20, 100, 10, 400))[0]
    theirs = relative_risk(20, 100, 10, 400).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_an_account_looked_at_four_times_is_still_one_account():
    once = table(20, 100, 10, 400)
    again = rows(
        np.repeat(once.x, 4, axis=0), np.repeat(once.y, 4), account=np.repeat(np.arange(500), 4)
    )
    a, b = lifts(once)[0], lifts(again)[0]
    assert (b.lift, b.low, b.high) == pytest.approx((a.lift, a.low, a.high))
    assert (b.accounts, b.winners_with) == (100, 20)


def test_an_account_that_stands_for_others_counts_as_them():
    # Half of those who did not win were read: their weight of 2 gives the shares back.
    whole = table(20, 100, 10, 400)
    keep = np.concatenate(
        [np.arange(20), np.arange(20, 60), np.arange(100, 110), np.arange(110, 305)]
    )
    part = rows(whole.x[keep], whole.y[keep], weight=np.where(whole.y[keep] > 0, 1.0, 2.0))
    found = lifts(part)[0]
    assert (found.rate_with, found.rate_without) == pytest.approx((0.2, 0.025))


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((20, 100, 10, 400), LIFTS),
        ((10, 500, 30, 200), LOWERS),
        ((20, 200, 20, 200), NO_DIFFERENCE),
        ((9, 20, 10, 4000), CANNOT_SAY),  # nine winners with it are too few
        ((20, 100, 0, 400), CANNOT_SAY),  # nobody without it won: no ratio
        ((0, 100, 20, 400), CANNOT_SAY),
        ((0, 100, 0, 400), CANNOT_SAY),
    ],
)
def test_what_may_be_claimed(counts, verdict):
    assert lifts(table(*counts))[0].verdict == verdict


def test_overlap_names_the_signal_that_comes_along_most():
    # Of four accounts with a, three show b and one shows c; of the three with b, all show a.
    x = [[1, 1, 0], [2, 1, 0], [1, 3, 1], [1, 0, 0], [0, 0, 1]]
    a, b, c = lifts(rows(x, [1, 0, 0, 0, 0], names="abc"))
    assert (a.overlaps_with, a.overlap) == ("b", 0.75)
    assert (b.overlaps_with, b.overlap) == ("a", 1.0)
    assert (c.overlaps_with, c.overlap) == ("a", 0.5)
    assert (a.coverage, b.coverage, c.coverage) == pytest.approx((0.8, 0.6, 0.4))


def test_shuffled_outcomes_rarely_lift():
    # 95 % intervals: of 200 shuffles about 10 lie apart from 1, and more than 22 do so once in 10,000 worlds.
    rng = np.random.default_rng(3)
    x = (rng.random((600, 1)) < 0.4).astype(float)
    y = (np.arange(600) < 90).astype(float)
    found = [lifts(rows(x, rng.permutation(y)))[0].verdict for _ in range(200)]
    assert sum(v in (LIFTS, LOWERS) for v in found) <= 22


def test_no_rows_say_nothing():
    found = lifts(rows(np.zeros((0, 2)), []))
    assert [f.verdict for f in found] == [CANNOT_SAY, CANNOT_SAY]
    assert found[0].lift is None
