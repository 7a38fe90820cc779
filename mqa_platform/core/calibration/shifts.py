"""Whether this week's number is one that the weeks before would have given: tests with a bound on false alarms.

Belongs here: one number against its reference, each test at a stated level. Does not belong here: which numbers are
watched and how the levels are shared out (``drift``), or sums over many weeks (``counts``).

Each test is given the share of quiet weeks in which it may be wrong. Shares of several tests add up whatever their
dependence (Boole's inequality), and expected alarms of several weeks add up as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Fewer weeks or events behind than these, and nothing is said.
ENOUGH_WEEKS = 8
ENOUGH_EVENTS = 20


@dataclass(frozen=True)
class Shift:
    """What was seen, what was expected, and the range outside which it is an alarm; nulls where nothing is said."""

    seen: float | None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    alarm: bool | None = None


def against_known(count: int, mean: float, level: float) -> Shift:
    """A count against a mean that is known, by the exact Poisson test.

    Args:
        count: events.
        mean: of as many weeks, from 0.
        level: at most this share of false alarms; half of it on either side.
    """
    from scipy.stats import poisson

    if mean <= 0:
        return Shift(float(count))
    low, high = poisson.ppf(level / 2, mean), poisson.ppf(1 - level / 2, mean)
    p = 2 * min(poisson.cdf(count, mean), poisson.sf(count - 1, mean))
    p = float(min(1.0, p))
    return Shift(float(count), mean, float(low), float(high), p, p < level)


def of_counts(recent: Sequence[int], before: Sequence[int], level: float) -> Shift:
    """The mean of the last weeks' counts against the weeks before; figures are events a week.

    An alarm only where two tests agree, so that it is bounded by each: the exact conditional test of two Poisson
    rates (Przyborowski and Wilenski 1940), and the prediction interval of Student's t for the square roots of weekly
    counts, which allows the weeks to differ by more than chance does.

    Args:
        recent: the last weeks, from one.
        before: the weeks before them.
        level: at most this share of false alarms.
    """
    from scipy.stats import binom, t

    k, n = len(recent), len(before)
    seen, total, events = sum(recent) / max(k, 1), sum(before), sum(recent) + sum(before)
    if not k or n < ENOUGH_WEEKS or total < ENOUGH_EVENTS:
        return Shift(seen if k else None)
    share = k / (k + n)
    chance = 2 * min(
        binom.cdf(sum(recent), events, share), binom.sf(sum(recent) - 1, events, share)
    )
    roots = np.sqrt(np.asarray(before, dtype=float))
    middle = float(np.sqrt(np.asarray(recent, dtype=float)).mean())
    # The variance of a root is at least that of a Poisson count's, a quarter.
    spread = max(float(roots.std(ddof=1)), 0.5) * math.sqrt(1 / k + 1 / n)
    away = (middle - float(roots.mean())) / spread
    p = min(1.0, max(float(chance), 2 * float(t.sf(abs(away), n - 1))))
    half = float(t.isf(level / 2, n - 1)) * spread
    low, high = max(0.0, float(roots.mean()) - half) ** 2, (float(roots.mean()) + half) ** 2
    mean = total / n
    poisson = _conditional_bounds(k, n, total, level)
    return Shift(seen, mean, min(low, poisson[0]), max(high, poisson[1]), p, p < level)


def _conditional_bounds(k: int, n: int, total: int, level: float) -> tuple[float, float]:
    """About where the conditional test begins to refuse a weekly mean, by the negative binomial it inverts to."""
    from scipy.stats import nbinom

    # The count of k weeks given the total of n: a Poisson whose mean has a gamma posterior.
    stop = n / (n + k)
    low, high = nbinom.ppf(level / 2, total, stop), nbinom.isf(level / 2, total + 1, stop)
    return float(low) / k, float(high) / k


def of_shares(recent: tuple[int, int], before: tuple[int, int], level: float) -> Shift:
    """A share of the last weeks against the share before, by Fisher's exact test (Fisher 1935).

    Args:
        recent: hits and trials.
        before: hits and trials.
        level: at most this share of false alarms.
    """
    from scipy.stats import hypergeom

    (hits, trials), (hits_before, trials_before) = recent, before
    seen = hits / trials if trials else None
    if not trials or trials_before < ENOUGH_EVENTS:
        return Shift(seen)
    every, hit = trials + trials_before, hits + hits_before
    drawn = hypergeom(every, hit, trials)
    p = min(1.0, 2 * min(float(drawn.cdf(hits)), float(drawn.sf(hits - 1))))
    low, high = float(drawn.ppf(level / 2)) / trials, float(drawn.isf(level / 2)) / trials
    return Shift(seen, hits_before / trials_before, low, high, p, p < level)


def of_weekly_shares(
    recent: tuple[int, int], before: Sequence[tuple[int, int]], level: float
) -> Shift:
    """A week's share against the shares of the weeks before, whose own spread is allowed for.

    An alarm only where Fisher's test and Student's prediction interval of the weeks' arcsine roots agree.
    """
    from scipy.stats import t

    pooled = (sum(h for h, _ in before), sum(n for _, n in before))
    exact = of_shares(recent, pooled, level)
    used = [(h, n) for h, n in before if n]
    if exact.p_value is None or len(used) < ENOUGH_WEEKS:
        return Shift(exact.seen)
    angles = np.asarray([math.asin(math.sqrt(h / n)) for h, n in used])
    angle = math.asin(math.sqrt(recent[0] / recent[1]))
    least = 0.5 / math.sqrt(recent[1])
    spread = max(float(angles.std(ddof=1)), least) * math.sqrt(1 + 1 / len(used))
    middle = float(angles.mean())
    p = max(exact.p_value, 2 * float(t.sf(abs(angle - middle) / spread, len(used) - 1)))
    half = float(t.isf(level / 2, len(used) - 1)) * spread
    low = math.sin(max(0.0, middle - half)) ** 2
    high = math.sin(min(math.pi / 2, middle + half)) ** 2
    low, high = min(low, exact.low or 0.0), max(high, 1.0 if exact.high is None else exact.high)
    return Shift(exact.seen, exact.expected, low, high, p, p < level)


def psi(now: Sequence[int], before: Sequence[int]) -> float:
    """The population stability index of two histograms with the same bins: Σ (p − q) · ln(p ÷ q).

    Half an observation is added to each bin, so that an empty one is finite (Siddiqi, Credit Risk Scorecards, 2006).
    """
    p, q = np.asarray(now, dtype=float) + 0.5, np.asarray(before, dtype=float) + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def of_distributions(
    now: Sequence[int], before: Sequence[int], level: float, least: float
) -> Shift:
    """The PSI of two histograms against what chance gives, and against what practice calls a shift.

    For two samples of one distribution ``psi ÷ (1/n + 1/m)`` is about chi-square with bins − 1 degrees of freedom
    (Yurdakul, Statistical Properties of Population Stability Index, 2018). Snapshots of the same accounts differ by
    less than two samples do, so chance is bounded by it.

    Args:
        now: counts of each bin.
        before: of the same bins.
        level: at most this share of false alarms.
        least: below it practice sees no shift.
    """
    from scipy.stats import chi2

    n, m = sum(now), sum(before)
    if n < ENOUGH_EVENTS or m < ENOUGH_EVENTS:
        return Shift(None)
    found, unit, free = psi(now, before), 1 / n + 1 / m, len(now) - 1
    bound = max(least, float(chi2.isf(level, free)) * unit)
    p = float(chi2.sf(found / unit, free))
    return Shift(found, 0.0, 0.0, bound, p, found > bound)
