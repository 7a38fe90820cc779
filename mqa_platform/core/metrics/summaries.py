"""The figures: one a metric, dimension, segment and cohort, out of what was counted.

Belongs here: grouping ``metric_accounts`` and calling the method of each metric. Does not belong here: the
methods (``methods``) or what counts (``definitions``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.kernel import Kernel
from mqa_platform.core.metrics.counted import CENSORED, NUMERATOR
from mqa_platform.core.metrics.definitions import DIMENSIONS, Metric
from mqa_platform.core.metrics.facts import Apply
from mqa_platform.core.metrics.methods import ALL, METHODS, Beside, Group
from mqa_platform.core.metrics.register import METRICS
from mqa_platform.policy.models import Policy

FIGURES: Final = pa.schema(
    [
        ("metric", pa.string()),
        ("dimension", pa.string()),
        ("segment", pa.string()),
        ("cohort", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("n_mature", pa.int64()),
        ("censored", pa.int64()),
        ("unit", pa.string()),
        ("method", pa.string()),
    ]
)
# What the kernel reads of ``metric_accounts``.
READ: Final = ("metric", "cohort", "counted_as", "amount", *DIMENSIONS)
UNKNOWN: Final = "unknown"
_Rows = npt.NDArray[np.intp]


def conversion_metrics(counted: ir.Table, policy: Policy, beside: Beside, apply: Apply) -> ir.Table:
    """Every metric by dimension, segment and cohort, out of ``metric_accounts``.

    Args:
        counted: of ``counted.metric_accounts``.
        policy: the windows.
        beside: spend, reps and days that figures are held against.
        apply: of the session.
    """
    rows = counted.select(*READ).mutate(shard=ibis.literal(0))
    return apply(figures_kernel(policy, beside), rows, "shard")


def figures_kernel(policy: Policy, beside: Beside) -> Kernel:
    """Kernel: rows of ``metric_accounts`` → rows of ``conversion_metrics``.

    A segment that nobody knows is called unknown. The work is linear in the rows, but for sorting them once a
    dimension.
    """

    def run(table: pa.Table) -> pa.Table:
        out = []
        for metric in METRICS.values():
            mine = table.filter(pc.equal(table["metric"], metric.name))
            if mine.num_rows:
                out += [_line(g, beside, policy) for g in _groups(metric, mine)]
        return pa.Table.from_pylist(out, schema=FIGURES)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(FIGURES.names, ("counted_as", "amount"))
    lineage |= {"metric": ("metric",), "cohort": ("cohort",), "segment": DIMENSIONS}
    return Kernel("conversion_metrics", run, FIGURES, lineage)


def _line(group: Group, beside: Beside, policy: Policy) -> dict[str, Any]:
    metric = group.metric
    return {
        "metric": metric.name,
        "dimension": group.dimension,
        "segment": group.segment,
        "cohort": group.cohort,
        **METHODS[metric.method](group, beside, policy),
        "unit": metric.unit,
        "method": metric.method,
    }


def _groups(metric: Metric, rows: pa.Table) -> Iterator[Group]:
    """Every group that the metric has a figure of, in the order of dimension, segment and cohort."""
    role = rows["counted_as"].to_numpy(zero_copy_only=False)
    hit = role == NUMERATOR
    below = role != CENSORED
    amount = pc.cast(rows["amount"], pa.float64()).to_numpy(zero_copy_only=False)
    reps = pc.fill_null(rows["rep_id"], UNKNOWN).to_numpy(zero_copy_only=False)
    cohorts = rows["cohort"].to_numpy(zero_copy_only=False)
    for dimension in (ALL, *metric.dimensions):
        if dimension == ALL:
            segments = np.full(rows.num_rows, ALL, dtype=object)
        else:
            segments = pc.fill_null(rows[dimension], UNKNOWN).to_numpy(zero_copy_only=False)
        found = list(_cells(segments, cohorts))
        if metric.rolls_up:
            found += list(_cells(segments, np.full(rows.num_rows, ALL, dtype=object)))
        for segment, cohort, mine in sorted(found, key=lambda cell: cell[:2]):
            yield Group(
                metric, dimension, segment, cohort, hit[mine], below[mine], amount[mine], reps[mine]
            )


def _cells(
    segments: npt.NDArray[Any], cohorts: npt.NDArray[Any]
) -> Iterator[tuple[str, str, _Rows]]:
    """The rows of every segment and cohort that there are."""
    names, segment = np.unique(segments.astype(str), return_inverse=True)
    periods, period = np.unique(cohorts.astype(str), return_inverse=True)
    cell = segment * len(periods) + period
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        at = int(cell[rows[0]])
        yield str(names[at // len(periods)]), str(periods[at % len(periods)]), rows
