"""Running a kernel in this process, shard range by shard range.

Belongs here: how many rows go through a kernel at once. Does not belong here: what a kernel
computes (the stage in ``core``), or Spark's own way of doing it (``spark``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import ibis.expr.schema as sch
import ibis.expr.types as ir

from mqa_platform.core.kernel import Kernel
from mqa_platform.warehouse.arrow import conform

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Kind, Session

ROWS_AT_ONCE = 2_000_000


def apply_by_shards(
    session: Session,
    kernel: Kernel,
    expr: ir.Table,
    shard_by: str,
    rows_at_once: int = ROWS_AT_ONCE,
) -> ir.Table:
    """The kernel's rows for all of ``expr``, in a scratch table of the session.

    The input is materialised once: a shard range read straight from the expression would compute
    all of it again for every range.
    """
    given, made = session.scratch_name(f"in_{kernel.name}"), session.scratch_name(kernel.name)
    session.create(given, expr.schema(), kind="scratch")
    session.insert(given, expr)
    stored = session.con.table(given)
    shards = session.fetch(
        f'SELECT "{shard_by}", COUNT(*) FROM "{given}" GROUP BY "{shard_by}" ORDER BY "{shard_by}"'
    )
    if any(shard is None for shard, _ in shards):
        raise ValueError(f"kernel {kernel.name}: a row without a shard in {shard_by}")
    ranges = list(shard_ranges(shards, min(rows_at_once, kernel.rows_at_once or rows_at_once)))
    # What is too much to go through at once is too much to keep in memory.
    kind: Kind = "bulk" if len(ranges) > 1 else "scratch"
    session.create(made, sch.Schema.from_pyarrow(kernel.schema), kind=kind)
    for first, last in ranges:
        part = session.arrow(
            stored.filter(stored[shard_by].between(first, last)), expr.schema().to_pyarrow()
        )
        session.load(made, conform(kernel.fn(part), kernel.schema, f"kernel {kernel.name}"))
    session.run(f'DROP TABLE "{given}"')
    session.analyse(made)
    session.origins.kernels[made] = (kernel, expr)
    return session.con.table(made)


def shard_ranges(shards: Iterable[tuple[int, int]], rows_at_once: int) -> Iterator[tuple[int, int]]:
    """Inclusive ranges of ordered (shard, rows) pairs, each of few enough rows or of one shard."""
    first = last = None
    held = 0
    for shard, rows in shards:
        if first is not None and last is not None and held + rows > rows_at_once:
            yield first, last
            first, held = None, 0
        first = shard if first is None else first
        last, held = shard, held + rows
    if first is not None and last is not None:
        yield first, last
