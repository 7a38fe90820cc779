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
FALLEN, RISEN = 0.5, 1.5
_Z = 1.959963984540054
# How far from its mean a band of 0.25 % in each tail lies, at most.
_ROUNDS = 30


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


def expected(counts: Sequence[int], ahead: int, most: float = 0.05) -> float:
    """The mean of the next ``ahead`` weeks, from the counts of the last weeks, oldest first.

    The trend is shrunk towards none by how little it is known (positive-part Stein factor
    ``1 − se² ÷ b²``) and held within ``most`` a week, so that noise is not extrapolated.
    """
    y = np.asarray(counts, dtype=float)
    if not len(y):
        return 0.0
    slope, error = trend(counts)
    kept = max(0.0, 1 - (error / slope) ** 2) if slope and math.isfinite(error) else 0.0
    slope = float(np.clip(slope * kept, -most, most))
    x = np.arange(len(y)) - (len(y) - 1) / 2
    level = y.sum() / np.exp(slope * x).sum()
    following = x[-1] + 1 + np.arange(ahead)
    return float((level * np.exp(slope * following)).mean())


class Cusum:
    """Two Poisson cumulative sums against one expected count: has it fallen to half, or risen by half?

    Page's test with log-likelihood ratios. The mean time to a false alarm of one sum is at least ``e^LIMIT``
    weeks (Lorden 1971), so that both together give at most one in 52 quiet weeks on average. They ask for
    ``LIMIT ÷ (expected × 0.153)`` weeks to see a fall by half: about three at ten a week, fewer above.
    """

    def __init__(self, expected: float) -> None:
        self.expected = max(expected, 1e-9)
        self.fall = self.rise = 0.0

    def add(self, count: int, exposure: float = 1.0) -> str | None:
        """Takes the next week's count; ``"fallen"`` or ``"risen"`` when a sum passes its limit, and starts again.

        Args:
            count: events of the week.
            exposure: part of a usual week that it was, as with a holiday.
        """
        mean = self.expected * exposure
        self.fall = max(0.0, self.fall + count * math.log(FALLEN) + mean * (1 - FALLEN))
        self.rise = max(0.0, self.rise + count * math.log(RISEN) - mean * (RISEN - 1))
        if max(self.fall, self.rise) < LIMIT:
            return None
        found = "fallen" if self.fall >= self.rise else "risen"
        self.fall = self.rise = 0.0
        return found


def alarms(counts: Sequence[int], expected: float) -> list[tuple[int, str]]:
    """The weeks, from 0, in which the counts no longer agree with what was expected, and which way."""
    sums = Cusum(expected)
    found = ((week, sums.add(int(count))) for week, count in enumerate(counts))
    return [(week, which) for week, which in found if which]
