"""What open MQAs are expected to bring: their hazard by Kaplan-Meier, times what an opportunity is worth.

Belongs here: ``pipeline_forecast``. Does not belong here: what has happened already (``metrics``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from mqa_platform.core.kernel import Kernel
from mqa_platform.core.metrics.facts import Apply
from mqa_platform.core.survival import Curve, curve
from mqa_platform.policy.models import Policy

HORIZONS: Final = (30, 60, 90)
# Below these nothing is said: the interval of so few is wider than any plan.
FEWEST_OPPORTUNITIES: Final = 10
FEWEST_AMOUNTS: Final = 5
_Z: Final = 1.959963984540054
FORECAST: Final = pa.schema(
    [
        ("dimension", pa.string()),
        ("segment", pa.string()),
        ("horizon_days", pa.int64()),
        ("open_mqas", pa.int64()),
        ("opportunities", pa.float64()),
        ("opportunities_low", pa.float64()),
        ("opportunities_high", pa.float64()),
        ("mean_acv", pa.float64()),
        ("pipeline", pa.float64()),
        ("pipeline_low", pa.float64()),
        ("pipeline_high", pa.float64()),
        ("seen_opportunities", pa.int64()),
        ("seen_amounts", pa.int64()),
        ("verdict", pa.string()),
    ]
)


@dataclass(frozen=True)
class _Worth:
    """What an opportunity of an episode is worth: mean, variance and number of known annual values."""

    mean: float
    spread: float
    n: int


def pipeline_forecast(episodes: ir.Table, policy: Policy, apply: Apply) -> ir.Table:
    """One row a dimension (all, tier), segment and horizon: opportunities and annual value expected of open MQAs.

    Open is an episode without an opportunity whose window runs on and that has not ended. Of age a it brings an
    opportunity in the next h days with probability 1 − S(min(a + h, window)) ÷ S(a), where S is Kaplan-Meier's of
    all episodes. The interval adds what chance does to so few accounts, Greenwood's variance of S, which all of
    them share, and the variance of the mean annual value.

    Args:
        episodes: of ``metrics.facts.episodes``.
        policy: the window.
        apply: of the session.
    """
    rows = episodes.select(
        "tier", "age_days", "acv",
        days_to=episodes["opportunity_on"].delta(episodes["mqa_on"], unit="day"),
        is_over=episodes["ended_on"].notnull() | episodes["rejected_at"].notnull(),
        shard=ibis.literal(0),
    )  # fmt: skip
    return apply(forecast_kernel(policy), rows, "shard")


def forecast_kernel(policy: Policy) -> Kernel:
    """Kernel: age_days, days_to (an opportunity, or null), is_over, acv and tier → rows of ``FORECAST``."""
    window = policy.conversions.opportunity_window_days

    def run(table: pa.Table) -> pa.Table:
        rows = [r for r in table.to_pylist() if r["age_days"] is not None]
        had = np.array([r["days_to"] is not None for r in rows], dtype=bool)
        days = [min(r["age_days"], window) if r["days_to"] is None else r["days_to"] for r in rows]
        seen = curve(np.array(days, dtype=np.float64), had)
        values = sorted(float(r["acv"]) for r in rows if r["acv"] is not None)
        spread = variance(values) if len(values) > 1 else 0.0
        worth = _Worth(fmean(values) if values else 0.0, spread, len(values))
        ages: dict[tuple[str, str], list[int]] = defaultdict(list)
        ages["all", "all"] = []
        for r in rows:
            if r["days_to"] is None and not r["is_over"] and r["age_days"] < window:
                ages["all", "all"].append(r["age_days"])
                ages["tier", r["tier"]].append(r["age_days"])
        made = [
            dict(zip(FORECAST.names[:2], key, strict=True))
            | _line(sorted(of), horizon, window, seen, worth)
            for key, of in sorted(ages.items())
            for horizon in HORIZONS
        ]
        return pa.Table.from_pylist(made, schema=FORECAST)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(FORECAST.names, ("age_days", "days_to"))
    lineage |= {"segment": ("tier",), "mean_acv": ("acv",), "pipeline": ("acv", "days_to")}
    return Kernel("pipeline_forecast", run, FORECAST, lineage)


def _line(
    ages: Sequence[int], horizon: int, window: int, seen: Curve, worth: _Worth
) -> dict[str, Any]:
    events = int(seen.events.sum())
    line: dict[str, Any] = dict.fromkeys(FORECAST.names[2:])
    line |= {"horizon_days": horizon, "open_mqas": len(ages), "seen_opportunities": events}
    line |= {"seen_amounts": worth.n, "mean_acv": worth.mean if worth.n else None}
    if events < FEWEST_OPPORTUNITIES:
        return line | {"verdict": f"cannot say: {events} of {FEWEST_OPPORTUNITIES} opportunities"}
    # What nothing has been watched for is not known, whatever the hazard was before.
    if ages and seen.watched_to < min(ages[-1] + horizon, window):
        return line | {"verdict": f"cannot say: nothing watched beyond day {seen.watched_to:.0f}"}
    chances, slopes = [], []
    for age in ages:
        until = min(age + horizon, window)
        alive = seen.survival(age)
        left = seen.survival(until) / alive if alive else 0.0
        # Delta method: the variance of S(until) ÷ S(age) is its square times Greenwood's sum.
        noise = seen.log_variance(age, until) if left else 0.0
        chances.append(1 - left)
        slopes.append(left * math.sqrt(noise))
    expected = math.fsum(chances)
    chance = math.fsum(p * (1 - p) for p in chances)
    # One curve for all: when it is wrong, it is wrong for all of them in the same direction.
    shared = math.fsum(slopes) ** 2
    low, high = _around(expected, chance + shared)
    line |= {"opportunities": expected, "opportunities_low": low}
    line |= {"opportunities_high": min(high, float(len(ages)))}
    if worth.n < FEWEST_AMOUNTS:
        return line | {"verdict": f"cannot say: {worth.n} of {FEWEST_AMOUNTS} amounts"}
    m, s2 = worth.mean, worth.spread
    noise = expected * s2 + chance * m * m + shared * m * m + expected**2 * s2 / worth.n
    low, high = _around(expected * m, noise)
    money = {"pipeline": expected * m, "pipeline_low": low, "pipeline_high": high}
    return line | money | {"verdict": "ok"}


def _around(middle: float, noise: float) -> tuple[float, float]:
    half = _Z * math.sqrt(noise)
    return max(min(0.0, middle), middle - half), middle + half
