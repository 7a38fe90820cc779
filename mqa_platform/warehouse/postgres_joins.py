"""Joins that only ask whether there is a row, said as PostgreSQL says it.

Belongs here: one repair of what the compiler gives. Does not belong here: connections (``postgres``).

PostgreSQL has no SEMI and ANTI JOIN. sqlglot 28 writes them as EXISTS, but it takes each out of the list that
it is going through and so leaves every second one of a chain as it is, which the server refuses.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
from ibis.backends.sql.compilers.postgres import PostgresCompiler
from sqlglot import exp
from sqlglot.transforms import eliminate_semi_and_anti_joins

_ASKING = ("SEMI", "ANTI")


class ChainedJoinCompiler(PostgresCompiler):
    """ibis's own compiler, with every semi and anti join of a chain as EXISTS."""

    def to_sqlglot(self, expr: ir.Expr, **options: Any) -> exp.Expression:
        """The statement; ``options`` are ibis's."""
        query: exp.Expression = super().to_sqlglot(expr, **options)
        for select in list(query.find_all(exp.Select)):
            while any(join.kind in _ASKING for join in select.args.get("joins") or []):
                eliminate_semi_and_anti_joins(select)
        return query
