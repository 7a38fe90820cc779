"""Column lineage by walking the ibis graph.

Belongs here: from an output column to the columns of stored tables it is computed from, on any
dialect and without running anything. Does not belong here: showing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import ibis.expr.operations as ops
import ibis.expr.types as ir

from mqa_platform.core.kernel import Kernel
from mqa_platform.warehouse.publication import Lineage

Leaf = tuple[str, str]


@dataclass
class Origins:
    """Tables of a session whose columns came from somewhere else.

    ``kernels``: stored name to the kernel and the expression it was applied to. ``constants``:
    stored name to the name the caller gave. ``kept``: stored name to the expression whose rows it
    holds. ``leaves``: what was found of a relation's column; a stored name never gets another origin.
    """

    kernels: dict[str, tuple[Kernel, ir.Table]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    kept: dict[str, ir.Table] = field(default_factory=dict)
    leaves: dict[tuple[ops.Relation, str], frozenset[Leaf]] = field(default_factory=dict)


def column_lineage(expr: ir.Table, origins: Origins | None = None) -> Lineage:
    """Every column of ``expr`` with its upstream (table, column) pairs, sorted.

    A column made from literals or from a row count has none.
    """
    walk = _Walk(origins or Origins())
    return {name: sorted(walk.leaves(expr.op(), name)) for name in expr.columns}


class _Walk:
    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        # Subgraphs are shared (one table read by many columns, and by many publications): without the
        # memo the walk is exponential.
        self._seen = origins.leaves

    def leaves(self, relation: ops.Relation, name: str) -> frozenset[Leaf]:
        key = (relation, name)
        if key not in self._seen:
            self._seen[key] = frozenset(self._find(relation, name))
        return self._seen[key]

    def _find(self, relation: ops.Relation, name: str) -> Iterator[Leaf]:
        if isinstance(relation, ops.PhysicalTable):
            yield from self._stored(relation, name)
        elif isinstance(relation, ops.Set):
            for side in (relation.left, relation.right):
                yield from self.leaves(side, name)
        elif isinstance(relation, ops.Reference):
            yield from self.leaves(relation.parent, name)
        else:
            yield from self._computed(relation.values[name])

    def _computed(self, value: ops.Value) -> Iterator[Leaf]:
        # Without the filter the search runs on into the parent relation and finds every column.
        for used in value.find(ops.Field, filter=ops.Value):
            yield from self.leaves(used.rel, used.name)
        # A scalar from another table ("the largest day so far") is computed from that table's
        # columns.
        for scalar in value.find(ops.Subquery, filter=ops.Value):
            for column in scalar.rel.schema:
                yield from self.leaves(scalar.rel, column)

    def _stored(self, table: ops.PhysicalTable, name: str) -> Iterator[Leaf]:
        if table.name in self._origins.kernels:
            kernel, source = self._origins.kernels[table.name]
            for column in kernel.lineage[name]:
                yield from self.leaves(source.op(), column)
        elif table.name in self._origins.kept:
            yield from self.leaves(self._origins.kept[table.name].op(), name)
        elif not isinstance(table, ops.InMemoryTable):
            yield self._origins.constants.get(table.name, table.name), name


def uses_memory(expr: ir.Expr) -> bool:
    """Whether the expression reads an in-memory table, which exists on one connection only."""
    return bool(expr.op().find(ops.InMemoryTable))
