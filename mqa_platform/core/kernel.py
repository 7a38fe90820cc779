"""A kernel: one step of a stage written over Arrow and NumPy, because SQL does it badly.

Belongs here: the declaration of a kernel. Does not belong here: running one (``warehouse``), or
what a particular kernel computes (the stage's own module).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa


@dataclass(frozen=True)
class Kernel:
    """A pure function from Arrow to Arrow, run shard range by shard range.

    The engine decides which shards come together in one call, so the rows made for one shard must
    not depend on what other shards are in the table; ``fn`` is never called with an empty table.
    Row order of the input is not given: sort inside ``fn`` by a total order where order matters.

    Attributes:
        name: snake_case, for messages and scratch tables.
        fn: input table (the columns of the applied expression) to output table.
        schema: the output; the engine casts to it and refuses missing or unknown columns.
        lineage: output column to the input columns it is computed from; every output column is
            named.
        rows_at_once: how many rows of the input may go through in one call, where the kernel makes
            many rows of one; a shard always goes whole. None: as many as the engine likes.

    Raises:
        ValueError: ``lineage`` does not name exactly the columns of ``schema``.
    """

    name: str
    fn: Callable[[pa.Table], pa.Table]
    schema: pa.Schema
    lineage: Mapping[str, tuple[str, ...]]
    rows_at_once: int | None = None

    def __post_init__(self) -> None:
        """Refuse a lineage with holes: the walk through the graph would stop there silently."""
        differing = set(self.lineage) ^ set(self.schema.names)
        if differing:
            raise ValueError(
                f"kernel {self.name}: lineage and schema differ on {sorted(differing)}"
            )
        object.__setattr__(self, "lineage", MappingProxyType(dict(self.lineage)))
