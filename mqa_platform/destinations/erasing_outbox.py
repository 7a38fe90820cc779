"""A person in the outbox: what was told of them, to whom and when stays; who they are goes.

Belongs here: every text of the file that holds the outbox and the write-back. Does not belong here: what names
the person (``sources.needles``), or the other places (``erasure``). What left the house cannot be taken back
from here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, MetaData, String, Table, select, type_coerce, update

from mqa_platform.core.decisions import ERASED
from mqa_platform.destinations.journal_tables import compacted, opened

# Whether a text has something of the person in it.
Hit = Callable[[str], bool]


def erase_from_outbox(path: Path, hit: Hit) -> tuple[int, int]:
    """Takes a person out of every table of the file: how many values went, and how many are left.

    Args:
        path: ``Home.outbox``; nothing is made where there is none.
        hit: whether a text names the person.
    """
    if not path.exists():
        return 0, 0
    engine = opened(path)
    removed = sum(_without(engine, column, hit) for column in _texts(engine))
    if removed:
        compacted(engine)
    left = sum(1 for column in _texts(engine) for _, text in _rows(engine, column) if hit(text))
    return removed, left


def _texts(engine: Engine) -> list[Column[Any]]:
    """Columns that hold text; by the keys nothing could be found again if they changed."""
    found = MetaData()
    found.reflect(engine)
    return [
        column
        for table in found.sorted_tables
        for column in table.columns
        if not column.primary_key and not column.foreign_keys and _is_text(column)
    ]


def _is_text(column: Column[Any]) -> bool:
    return str(column.type).upper().startswith(("VARCHAR", "TEXT", "JSON", "CHAR"))


def _rows(engine: Engine, column: Column[Any]) -> list[tuple[tuple[Any, ...], str]]:
    """(primary key, text) of every row that has one."""
    table = _table(column)
    text = type_coerce(column, String)
    asked = select(*table.primary_key.columns, text).where(text.is_not(None))
    with engine.begin() as connection:
        return [(tuple(row[:-1]), str(row[-1])) for row in connection.execute(asked)]


def _without(engine: Engine, column: Column[Any], hit: Hit) -> int:
    removed, table = 0, _table(column)
    hits = [(key, text) for key, text in _rows(engine, column) if hit(text)]
    with engine.begin() as connection:
        for key, text in hits:
            where = [c == value for c, value in zip(table.primary_key.columns, key, strict=True)]
            changed = update(table).where(*where)
            value = type_coerce(_scrubbed(text, hit), String)
            connection.execute(changed.values({table.c[column.name]: value}))
            removed += 1
    return removed


def _scrubbed(text: str, hit: Hit) -> str:
    """A text without the person; of JSON only the values that name them go, and no key does."""
    try:
        found = json.loads(text)
    except ValueError:
        return ERASED
    return json.dumps(_leaves(found, hit)) if isinstance(found, dict | list) else ERASED


def _leaves(value: Any, hit: Hit) -> Any:
    if isinstance(value, dict):
        return {(ERASED if hit(str(k)) else k): _leaves(item, hit) for k, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item, hit) for item in value]
    return ERASED if isinstance(value, str) and hit(value) else value


def _table(column: Column[Any]) -> Table:
    table = column.table
    if not isinstance(table, Table):
        raise TypeError(f"{column} is of no table")
    return table
