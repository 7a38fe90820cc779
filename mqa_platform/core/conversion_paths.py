"""The channels that an account came by before each opportunity, in the order of time.

Belongs here: ``conversion_paths``. Does not belong here: credit for any of them (``attribution``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.deal_touches import by_deal, lineage
from mqa_platform.core.expressions import none_of_type
from mqa_platform.core.kernel import Kernel

PATHS: Final = pa.schema(
    [
        ("opportunity_id", pa.string()),
        ("account_id", pa.string()),
        ("path", pa.string()),
        ("touches", pa.int64()),
        ("people", pa.int64()),
        ("days", pa.int64()),
        ("first_touch_at", pa.timestamp("us", tz="UTC")),
    ]
)
# A path longer than this is told by its beginning and its end.
_STEPS: Final = 10


def paths_kernel() -> Kernel:
    """Kernel: rows of ``touches_before`` → rows of ``PATHS``: the channels in the order of time, repeats once."""

    def run(table: pa.Table) -> pa.Table:
        made = [_path(deal, rows) for deal, rows in by_deal(table)]
        return pa.Table.from_pylist(made, schema=PATHS)

    return Kernel("conversion_paths", run, PATHS, lineage(PATHS.names))


def _path(deal: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    steps: list[str] = []
    for row in rows:
        channel = row["channel"] or "unknown"
        if steps[-1:] != [channel]:
            steps.append(channel)
    if len(steps) > _STEPS:
        steps = [*steps[: _STEPS // 2], "…", *steps[-_STEPS // 2 :]]
    first: datetime | None = rows[0]["occurred_at"] if rows else None
    return {
        "opportunity_id": deal["opportunity_id"],
        "account_id": deal["account_id"],
        "path": " > ".join(steps) or "none",
        "touches": len(rows),
        "people": len({r["person_id"] for r in rows} - {None}),
        "days": (deal["created_at"] - first).days if first else None,
        "first_touch_at": first,
    }


def paths_with_outcome(paths: ir.Table, origins: ir.Table) -> ir.Table:
    """Paths beside what became of each opportunity."""
    o = origins.select(
        "created_on", "is_closed", "is_won", "amount", "origin", o_opportunity="opportunity_id"
    )
    t = paths.join(o, paths["opportunity_id"] == o["o_opportunity"]).drop("o_opportunity")
    return t.mutate(is_won=ibis.ifelse(t["is_closed"], t["is_won"], none_of_type("boolean"))).drop(
        "is_closed"
    )
