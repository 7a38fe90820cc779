"""Replacing values in stored rows: what privacy asks for, and nothing else may do.

Belongs here: the one transaction in which values change and the record of it is added. Does not belong
here: which values, and why (``sources.retention``); publishing (``publishing``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_platform.contracts.rules import literal, quoted
from mqa_platform.warehouse.tables import REJECTED

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Session


@dataclass(frozen=True)
class Column:
    """A column whose values are replaced, and the day column of its table."""

    table: str
    name: str
    day: str


def replace_values(
    session: Session,
    columns: Sequence[Column],
    pairs: pa.Table,
    before: date,
    added: Mapping[str, pa.Table],
) -> None:
    """In one transaction, replace values in rows of days before a day, and add rows elsewhere.

    Args:
        session: of the warehouse.
        columns: where the values stand; rows kept as rejected are rewritten as well.
        pairs: (batch_id, old, new): which value takes the place of which, batch by batch.
        before: the first day whose rows stay as they are.
        added: table name to rows with the table's columns, added in the same transaction.
    """
    for name in (*(column.table for column in columns), *added):
        session.ensure(name)
    stored = session.constant("replaced_values", pairs)
    given = {name: session.constant(f"added_{name}", rows) for name, rows in added.items() if rows}
    statements = [
        _update(table, column, stored.get_name(), before)
        for column in columns
        for table in (column.table, column.table + REJECTED)
        if session.exists(table)
    ]
    with session.transaction():
        session.lock(sorted({column.table for column in columns}))
        for statement in statements:
            session.run(statement)
        for name, rows in given.items():
            session.insert(name, rows.select(*session.table(name).columns))


def _update(table: str, column: Column, pairs: str, before: date) -> str:
    target, name = quoted(table), quoted(column.name)
    return (
        f"UPDATE {target} SET {name} = p.new FROM {quoted(pairs)} AS p "
        f"WHERE {target}.batch_id = p.batch_id AND {target}.{name} = p.old "
        f"AND {target}.{quoted(column.day)} < {literal(before)}"
    )
