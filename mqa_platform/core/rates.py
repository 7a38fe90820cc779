"""Figures with their intervals: what may be claimed from so many observations.

Belongs here: the arithmetic of one figure out of its observations. Does not belong here: which observations a
metric counts (``metrics``), or time to an event (``survival``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from statistics import fmean, median, stdev
from typing import Any

_Z = 1.959963984540054
Interval = tuple[float | None, float | None]
NO_INTERVAL: Interval = (None, None)


def wilson(successes: int, trials: int) -> Interval:
    """The 95 % Wilson score interval of a proportion (Wilson 1927); nulls without trials."""
    if not trials:
        return NO_INTERVAL
    p, z2 = successes / trials, _Z * _Z
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson mean of which ``count`` was seen (Garwood 1936)."""
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2)) / 2


def median_interval(values: Sequence[float]) -> Interval:
    """An interval of at least 95 % of a median, free of any distribution, between two order statistics.

    The ranks are those of the sign test (Conover, Practical Nonparametric Statistics, 3.2). Below six values no
    two of them are 95 % apart: nulls.
    """
    from scipy.stats import binom

    n = len(values)
    rank = int(binom.ppf(0.025, n, 0.5)) if n else 0
    if rank < 1:
        return NO_INTERVAL
    ordered = sorted(values)
    return ordered[rank - 1], ordered[n - rank]


def mean_interval(values: Sequence[float]) -> Interval:
    """Student's 95 % interval of a mean (Student 1908); nulls below two values."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return NO_INTERVAL
    half = float(t.ppf(0.975, n - 1)) * stdev(values) / math.sqrt(n)
    middle = fmean(values)
    return middle - half, middle + half


def sum_interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of a sum whose number of terms is random as well: a compound Poisson sum.

    Its variance is estimated by Σ x² (Feller, An Introduction to Probability Theory, XII.2); the low end is not
    below 0, unless the sum is: credit notes are negative. Nulls below two terms.
    """
    if len(values) < 2:
        return NO_INTERVAL
    half = _Z * math.sqrt(math.fsum(x * x for x in values))
    total = math.fsum(values)
    return max(min(0.0, total), total - half), total + half


def middle_of(values: Sequence[float]) -> float | None:
    """The median, null without values."""
    return float(median(values)) if len(values) else None


def rate(
    name: str, rows: list[dict[str, Any]], window: int, as_of: date, hit: str
) -> dict[str, Any]:
    """The share of mature episodes with an outcome; those whose window has not passed are censored."""
    mature = [r for r in rows if (as_of - r["mqa_on"]).days >= window]
    hits = sum(1 for r in mature if r[hit])
    low, high = wilson(hits, len(mature))
    return {
        "metric": name,
        "value": hits / len(mature) if mature else None,
        "low": low,
        "high": high,
        "numerator": hits,
        "denominator": len(mature),
        "n_mature": len(mature),
        "censored": len(rows) - len(mature),
        "unit": "share",
        "method": "wilson_95",
    }
