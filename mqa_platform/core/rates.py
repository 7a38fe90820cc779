"""Rates with their intervals: the arithmetic of ``conversion_metrics``, written once.

Belongs here: Wilson intervals, maturity, the definition of each metric. Does not belong here: finding the
outcomes of an episode (``conversions``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from statistics import median
from typing import Any

import pyarrow as pa

from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy

DIMENSIONS = ("tier", "segment", "score_type", "evidence_rule", "rep_id")
METRICS = pa.schema(
    [
        ("metric", pa.string()),
        ("dimension", pa.string()),
        ("segment", pa.string()),
        ("cohort", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("numerator", pa.int64()),
        ("denominator", pa.int64()),
        ("n_mature", pa.int64()),
        ("censored", pa.int64()),
        ("unit", pa.string()),
        ("method", pa.string()),
    ]
)
_Z = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float | None, float | None]:
    """The 95 % Wilson score interval of a proportion (Wilson 1927); nulls without trials."""
    if not trials:
        return None, None
    p, z2 = successes / trials, _Z * _Z
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


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


def _volume(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metric": "mqa_volume", "value": float(len(rows)), "low": None, "high": None,
        "numerator": len(rows), "denominator": 1, "n_mature": len(rows), "censored": 0,
        "unit": "accounts", "method": "count",
    }  # fmt: skip


def _velocity(rows: list[dict[str, Any]]) -> dict[str, Any]:
    days = [(r["opportunity_on"] - r["mqa_on"]).days for r in rows if r["opportunity_on"]]
    return {
        "metric": "opportunity_velocity", "value": float(median(days)) if days else None, "low": None,
        "high": None, "numerator": sum(days), "denominator": len(days), "n_mature": len(days),
        "censored": len(rows) - len(days), "unit": "days", "method": "median",
    }  # fmt: skip


def _groups(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        for cohort in ("all", f"{row['mqa_on']:%Y-%m}"):
            groups["all", "all", cohort].append(row)
            for dimension in DIMENSIONS:
                groups[dimension, row[dimension] or "unknown", cohort].append(row)
    return groups


def metrics_kernel(policy: Policy, as_of: date) -> Kernel:
    """Kernel: rows of ``conversions`` → rows of ``conversion_metrics``.

    An episode enters a rate only when the rate's whole window has passed by ``as_of``: young cohorts
    are counted as censored, not as failures.
    """
    w = policy.conversions

    def run(table: pa.Table) -> pa.Table:
        out = []
        for (dimension, segment, cohort), rows in sorted(_groups(table.to_pylist()).items()):
            found = [
                _volume(rows),
                rate("mqa_to_meeting_rate", rows, w.meeting_window_days, as_of, "meeting_on"),
                rate(
                    "mqa_to_opportunity_rate",
                    rows,
                    w.opportunity_window_days,
                    as_of,
                    "opportunity_on",
                ),
                rate("mqa_to_won_rate", rows, w.won_window_days, as_of, "won"),
                _velocity(rows),
            ]
            out += [
                {**f, "dimension": dimension, "segment": segment, "cohort": cohort} for f in found
            ]
        return pa.Table.from_pylist(out, schema=METRICS)

    outcomes = ("mqa_on", "meeting_on", "opportunity_on", "won")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(METRICS.names, outcomes)
    lineage |= {"cohort": ("mqa_on",), "segment": DIMENSIONS}
    return Kernel("conversion_metrics", run, METRICS, lineage)
