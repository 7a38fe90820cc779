"""Counts a week: what chance alone makes of them, where they are going, and when they have changed.

Belongs here: Poisson arithmetic that the solver and the watch over drift share. Does not belong here: which
counts (``entries``), or what follows from a change (``drift``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

QUIET_WEEKS = 52
# Two cumulative sums, each with e^h >= 2 x 52 quiet weeks to a false alarm on average: together 52 or more.
LIMIT = math.log(2 * QUIET_WEEKS)
SOON = 3.0
"""Weeks within which a change is to be seen."""
# Nobody asks to see a change by less than a tenth; below a half every programme asks why.
MOST, LEAST = 0.5, 0.1
_ROUNDS = 30
# A slope of so many standard errors is a trend: once in forty quiet looks each way.
SURE = 1.96


def poisson_band(mean: float, level: float = 0.95) -> tuple[int, int]:
    """The central band of a Poisson count: at most ``(1 − level) ÷ 2`` lies on either side of it.

    Args:
        mean: expected count, from 0.
        level: share of weeks inside; several weeks at once need ``level ** (1 / weeks)`` (Šidák 1967).
    """
    from scipy.stats import poisson

    tail = (1 - level) / 2
    if mean <= 0:
        return 0, 0
    return int(poisson.ppf(tail, mean)), int(poisson.ppf(1 - tail, mean))


def mean_interval(total: int, weeks: float, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a weekly mean out of ``total`` events (Garwood 1936)."""
    from scipy.stats import chi2

    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * total)) / 2 if total else 0.0
    return low / weeks, float(chi2.ppf(1 - tail, 2 * total + 2)) / 2 / weeks


def trend(counts: Sequence[int]) -> tuple[float, float]:
    """Weekly growth of counts (log-linear Poisson regression) and its standard error.

    Fisher scoring of ``log μ = a + b·week`` with the week centred; (0, infinity) where fewer than four
    weeks or no events say nothing.
    """
    y = np.asarray(counts, dtype=float)
    if len(y) < 4 or y.sum() < 1:
        return 0.0, math.inf
    x = np.arange(len(y)) - (len(y) - 1) / 2
    a, b = math.log(y.mean()), 0.0
    for _ in range(_ROUNDS):
        mu = np.exp(np.clip(a + b * x, -30, 30))
        i00, i01, i11 = mu.sum(), (mu * x).sum(), (mu * x * x).sum()
        determinant = i00 * i11 - i01 * i01
        if determinant <= 0:
            return 0.0, math.inf
        g0, g1 = (y - mu).sum(), ((y - mu) * x).sum()
        da, db = (i11 * g0 - i01 * g1) / determinant, (i00 * g1 - i01 * g0) / determinant
        # All events in one week have no finite slope: a step is held to what is believable.
        a, b = a + float(np.clip(da, -1, 1)), b + float(np.clip(db, -0.2, 0.2))
        if abs(da) + abs(db) < 1e-10:
            break
    return b, math.sqrt(float(i00 / determinant))


def expected(counts: Sequence[int], ahead: int, slope: float = 0.0) -> float:
    """The mean of the next ``ahead`` weeks, from the counts of the last weeks, oldest first.

    Without a slope the mean of as many weeks behind as are asked for ahead; with one, all of the counts
    carried on by it.

    Args:
        counts: of the weeks behind.
        ahead: weeks, from 1.
        slope: weekly growth of the logarithm, as ``drifting`` gives it.
    """
    y = np.asarray(counts, dtype=float)
    if not len(y):
        return 0.0
    if not slope:
        return float(y[-ahead:].mean())
    x = np.arange(len(y)) - (len(y) - 1) / 2
    level = y.sum() / np.exp(slope * x).sum()
    following = x[-1] + 1 + np.arange(ahead)
    return float((level * np.exp(slope * following)).mean())


def drifting(counts: Sequence[int], sure: float = SURE, most: float = 0.05) -> float:
    """The weekly growth that the counts show beyond doubt, else 0.

    A trend that chance alone would show is no trend: extrapolated over a quarter it costs more than it finds.
    One that is shown is held within ``most`` a week.
    """
    slope, error = trend(counts)
    if not math.isfinite(error) or abs(slope) < sure * error:
        return 0.0
    return float(np.clip(slope, -most, most))


def visible_change(expected: float, rising: bool, weeks: float = SOON) -> float:
    """The smallest change, as a factor, that a sum of its own sees within some weeks on average.

    Solves ``expected × (r ln r − r + 1) × weeks = LIMIT``: information a week times weeks. Never less than half
    or more than double, and never closer to 1 than a tenth.
    """
    low, high = (MOST, 1 - LEAST) if not rising else (1 + LEAST, 1 / MOST)
    wanted = LIMIT / (max(expected, 1e-9) * weeks)
    for _ in range(60):
        r = (low + high) / 2
        seen = r * math.log(r) - r + 1 > wanted
        # The information grows with the distance from 1.
        low, high = (r, high) if seen is not rising else (low, r)
    return (low + high) / 2


class Cusum:
    """Two Poisson cumulative sums against one expected count: has it fallen, or has it risen?

    Page's test with log-likelihood ratios against the smallest change that can be seen within three weeks. The
    mean time to a false alarm of one sum is at least ``e^LIMIT`` weeks (Lorden 1971), so that both together
    give at most one in 52 quiet weeks on average, whatever the change is that they look for.
    """

    def __init__(self, expected: float) -> None:
        self.expected = max(expected, 1e-9)
        self.fallen = visible_change(self.expected, rising=False)
        self.risen = visible_change(self.expected, rising=True)
        self.fall = self.rise = 0.0

    def add(self, count: int, exposure: float = 1.0) -> str | None:
        """Takes the next week's count; ``"fallen"`` or ``"risen"`` when a sum passes its limit, and starts again.

        Args:
            count: events of the week.
            exposure: part of a usual week that it was, as with a holiday.
        """
        mean = self.expected * exposure
        self.fall = max(0.0, self.fall + count * math.log(self.fallen) + mean * (1 - self.fallen))
        self.rise = max(0.0, self.rise + count * math.log(self.risen) - mean * (self.risen - 1))
        if max(self.fall, self.rise) < LIMIT:
            return None
        found = "fallen" if self.fall >= self.rise else "risen"
        self.fall = self.rise = 0.0
        return found


def level_begins(counts: Sequence[int], fewest: int = 4) -> int:
    """The first week, from 0, of the level at which the counts are now: 0 where they have not changed.

    The second half is watched against the mean of the first. Where a sum passes its limit, the change began in the
    week in which that sum last left zero (Page 1954), and what follows is watched against the new level.

    Args:
        counts: of the weeks behind, oldest first.
        fewest: weeks that are left at least, however late the change was.
    """
    half = len(counts) // 2
    if half < fewest:
        return 0
    begins, watch = 0, Cusum(float(np.mean(counts[:half])))
    left = {"fallen": half, "risen": half}
    for week in range(half, len(counts)):
        found = watch.add(int(counts[week]))
        if found:
            begins = min(left[found], len(counts) - fewest)
            watch = Cusum(float(np.mean(counts[begins : week + 1])))
            left = {"fallen": week + 1, "risen": week + 1}
            continue
        if not watch.fall:
            left["fallen"] = week + 1
        if not watch.rise:
            left["risen"] = week + 1
    return begins


def alarms(counts: Sequence[int], expected: float) -> list[tuple[int, str]]:
    """The weeks, from 0, in which the counts no longer agree with what was expected, and which way."""
    sums = Cusum(expected)
    found = ((week, sums.add(int(count))) for week, count in enumerate(counts))
    return [(week, which) for week, which in found if which]
