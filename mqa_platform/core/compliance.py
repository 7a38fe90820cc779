"""How often the SLA is kept, by rep, team, tier and class, in each week and month.

Belongs here: the shares over many handoffs. Does not belong here: whether one handoff kept its SLA
(``clocks``), or rates of outcomes (``rates``, whose interval is used here).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from statistics import median
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.clocks import Apply
from mqa_platform.core.due import HAND_RAISE
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.rates import wilson

DIMENSIONS: Final = ("rep", "team", "tier", "class", "motion")
COMPLIANCE: Final = pa.schema(
    [
        ("dimension", pa.string()),
        ("segment", pa.string()),
        ("period_kind", pa.string()),
        ("period", pa.string()),
        ("n", pa.int64()),
        ("met", pa.int64()),
        ("breached", pa.int64()),
        ("running", pa.int64()),
        ("stopped", pa.int64()),
        ("rate", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("median_touch_hours", pa.float64()),
        ("median_touch_business_hours", pa.float64()),
    ]
)
_COUNTED: Final = ("met", "breached", "running", "stopped")


def sla_compliance(clocked: ir.Table, apply: Apply) -> ir.Table:
    """One row a dimension, segment and period: how many handoffs kept their SLA, with a Wilson 95 % interval.

    A handoff counts in the week (ISO) and month, by UTC, in which it was delivered, for the rep who had it
    when it was touched or due. ``rate`` is met ÷ (met + breached): what still runs or was stopped says nothing
    yet, and is counted beside it. What has no clock, or was not delivered, is not counted.
    """
    t = clocked.filter(clocked["sla_state"].isin(_COUNTED))
    raised = (t["evidence_rule"] == HAND_RAISE).fill_null(False)
    rows = t.select(
        "handoff_id", "tier", "motion", "sla_state", "touch_hours", "touch_business_hours",
        rep="sla_rep_id", team="sla_team", delivered_on=t["delivered_at"].date(),
        **{"class": ibis.ifelse(raised, ibis.literal(HAND_RAISE), t["tier"])},
        shard=ibis.literal(0),
    )  # fmt: skip
    return apply(COMPLIANCE_KERNEL, rows, "shard")


def _periods(day: date) -> Iterator[tuple[str, str]]:
    year, week, _ = day.isocalendar()
    yield "all", "all"
    yield "week", f"{year}-W{week:02}"
    yield "month", f"{day:%Y-%m}"


def _run(table: pa.Table) -> pa.Table:
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        for period in _periods(row["delivered_on"]):
            groups["all", "all", *period].append(row)
            for dimension in DIMENSIONS:
                groups[dimension, row[dimension] or "unknown", *period].append(row)
    made = [_line(key, rows) for key, rows in sorted(groups.items())]
    return pa.Table.from_pylist(made, schema=COMPLIANCE)


def _line(key: tuple[str, str, str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    states = Counter(row["sla_state"] for row in rows)
    decided = states["met"] + states["breached"]
    low, high = wilson(states["met"], decided)
    return {
        **dict(zip(COMPLIANCE.names[:4], key, strict=True)),
        "n": len(rows),
        **{state: states[state] for state in _COUNTED},
        "rate": states["met"] / decided if decided else None,
        "low": low,
        "high": high,
        **{f"median_{c}": _median(rows, c) for c in ("touch_hours", "touch_business_hours")},
    }


def _median(rows: list[dict[str, Any]], column: str) -> float | None:
    found = [row[column] for row in rows if row[column] is not None]
    return float(median(found)) if found else None


_LINEAGE: dict[str, tuple[str, ...]] = dict.fromkeys(COMPLIANCE.names, ("sla_state",))
_LINEAGE |= {
    "segment": DIMENSIONS,
    "period": ("delivered_on",),
    "median_touch_hours": ("touch_hours",),
    "median_touch_business_hours": ("touch_business_hours",),
}
COMPLIANCE_KERNEL: Final = Kernel("sla_compliance", _run, COMPLIANCE, _LINEAGE)
