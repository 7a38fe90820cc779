"""How a figure and its interval are computed from what was counted, by method.

Belongs here: one function a method. Does not belong here: intervals as such (``rates``, ``survival``), or
grouping (``summaries``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mqa_platform.core.metrics.definitions import Metric
from mqa_platform.core.rates import (
    NO_INTERVAL,
    Interval,
    mean_interval,
    median_interval,
    middle_of,
    poisson,
    sum_interval,
    wilson,
)
from mqa_platform.core.survival import share_by
from mqa_platform.policy.models import Policy

ALL: Final = "all"


@dataclass(frozen=True)
class Beside:
    """What figures are held against that no account stands behind.

    Attributes:
        since: first day of the programme's history.
        as_of: last published day.
        spend: month → money spent in the programme's currency; a month without spend has no entry.
        reps: quarter → active rep → team, see ``reps.active_reps``.
    """

    since: date
    as_of: date
    spend: Mapping[str, float] = field(default_factory=dict)
    reps: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """What one figure is computed from.

    Attributes:
        metric: its definition.
        dimension: what it is cut by, or all.
        segment: which part.
        cohort: which period, or all.
        hit: counts above the line.
        below: counts below the line; the rest is censored.
        amount: of each row, not a number where there is none.
        reps: the rep of each row.
    """

    metric: Metric
    dimension: str
    segment: str
    cohort: str
    hit: npt.NDArray[np.bool_]
    below: npt.NDArray[np.bool_]
    amount: npt.NDArray[np.float64]
    reps: npt.NDArray[Any]

    @property
    def hits(self) -> int:
        """How many count above the line."""
        return int(self.hit.sum())

    @property
    def trials(self) -> int:
        """How many count below it."""
        return int(self.below.sum())

    @property
    def amounts(self) -> list[float]:
        """The amounts of what counts above the line, where known, in ascending order."""
        found = self.amount[self.hit]
        return sorted(float(x) for x in found[~np.isnan(found)])


Figure = dict[str, Any]
Method = Callable[[Group, Beside, Policy], Figure]


def _figure(
    g: Group,
    value: float | None,
    interval: Interval = NO_INTERVAL,
    numerator: float | None = None,
    denominator: float | None = None,
) -> Figure:
    low, high = interval if value is not None else NO_INTERVAL
    return {
        "value": value,
        "low": low,
        "high": high,
        "numerator": float(g.hits if numerator is None else numerator),
        "denominator": float(g.trials if denominator is None else denominator),
        "n_mature": g.trials,
        "censored": len(g.hit) - g.trials,
    }


def _count(g: Group, beside: Beside, policy: Policy) -> Figure:
    return _figure(g, float(g.hits))


def _wilson(g: Group, beside: Beside, policy: Policy) -> Figure:
    value = g.hits / g.trials if g.trials else None
    return _figure(g, value, wilson(g.hits, g.trials))


def _kaplan_meier(g: Group, beside: Beside, policy: Policy) -> Figure:
    horizon = g.metric.horizon(policy) if g.metric.horizon else 0
    value, interval = share_by(g.amount, g.hit, horizon)
    return _figure(g, value, interval, denominator=len(g.hit))


def _median(g: Group, beside: Beside, policy: Policy) -> Figure:
    found = g.amounts
    return _figure(g, middle_of(found), median_interval(found))


def _mean(g: Group, beside: Beside, policy: Policy) -> Figure:
    found = g.amounts
    return _figure(g, fmean(found) if found else None, mean_interval(found))


def _sum(g: Group, beside: Beside, policy: Policy) -> Figure:
    total = math.fsum(g.amounts)
    return _figure(g, total, numerator=total, denominator=g.hits)


def months(since: date, as_of: date) -> list[date]:
    """The first day of every month from that of ``since`` to that of ``as_of``."""
    found, month = [], since.replace(day=1)
    while month <= as_of:
        found.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def _spent(g: Group, beside: Beside, policy: Policy) -> float | None:
    """The spend of a cohort; of all, that of the months whose episodes count. Null without any."""
    if g.cohort != ALL:
        return beside.spend.get(g.cohort)
    wait = policy.conversions.opportunity_window_days
    counted = []
    for month in months(beside.since, beside.as_of):
        last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        if g.metric.name == "cost_per_mqa" or (beside.as_of - last).days >= wait:
            counted.append(beside.spend.get(f"{month:%Y-%m}"))
    known = [x for x in counted if x is not None]
    return math.fsum(known) if known else None


def _spend_per(g: Group, beside: Beside, policy: Policy) -> Figure:
    spent, n = _spent(g, beside, policy), g.hits
    if spent is None or not g.trials or not n or spent < 0:
        return _figure(g, None, numerator=spent or 0.0, denominator=n)
    low, high = poisson(n)
    return _figure(g, spent / n, (spent / high, spent / low), spent, n)


def _roi(g: Group, beside: Beside, policy: Policy) -> Figure:
    spent, found = _spent(g, beside, policy), g.amounts
    if spent is None or not g.trials or spent <= 0:
        return _figure(g, None, numerator=math.fsum(found), denominator=spent or 0.0)
    value = (math.fsum(found) - spent) / spent
    low, high = sum_interval(found)
    ends = NO_INTERVAL if low is None or high is None else (low / spent - 1, high / spent - 1)
    return _figure(g, value, ends, math.fsum(found) - spent, spent)


def _per_rep(g: Group, beside: Beside, policy: Policy) -> Figure:
    year, quarter = int(g.cohort[:4]), int(g.cohort[-1])
    starts = date(year, 3 * quarter - 2, 1)
    ends = (starts + timedelta(days=95)).replace(day=1)
    reps = {**dict.fromkeys(g.reps.tolist()), **beside.reps.get(g.cohort, {})}
    if g.dimension == "rep_id":
        n = 1
    elif g.dimension == "team":
        n = sum(
            1 for rep, team in reps.items() if rep in g.reps or (team or "unknown") == g.segment
        )
    else:
        n = len(reps)
    whole = beside.since <= starts and ends <= beside.as_of + timedelta(days=1)
    if not whole:
        return _figure(g, None, denominator=n) | {"n_mature": 0, "censored": g.hits}
    low, high = poisson(g.hits)
    return _figure(g, g.hits / n, (low / n, high / n), denominator=n)


METHODS: Final[dict[str, Method]] = {
    "count": _count,
    "wilson_95": _wilson,
    "kaplan_meier_95": _kaplan_meier,
    "median_95": _median,
    "mean_95": _mean,
    "sum": _sum,
    "spend_per_poisson_95": _spend_per,
    "roi_compound_poisson_95": _roi,
    "per_rep_poisson_95": _per_rep,
}
# What a method is, for whoever reads the figures.
METHOD_WORDS: Final[dict[str, str]] = {
    "count": "counted, so it has no interval",
    "wilson_95": "share with Wilson's 95 % score interval",
    "kaplan_meier_95": "Kaplan-Meier share with Greenwood's 95 % interval (log-minus-log)",
    "median_95": "median with the 95 % order-statistics interval; no interval below six values",
    "mean_95": "mean with Student's 95 % interval",
    "sum": "added up, so it has no interval",
    "spend_per_poisson_95": "spend ÷ count, with the exact 95 % Poisson interval of the count",
    "roi_compound_poisson_95": "ratio, with the 95 % compound Poisson interval of the amount",
    "per_rep_poisson_95": "count ÷ reps, with the exact 95 % Poisson interval of the count",
}
