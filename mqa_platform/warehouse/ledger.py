"""The warehouse's own small tables: days published, days to compute again, batches landed.

Belongs here: their columns and the statements that keep them. Does not belong here: anything a
reader of the published tables would look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import pyarrow as pa

from mqa_platform.contracts.rules import literal
from mqa_platform.core.window import Window

DAYS, REOPENED, LANDED_BATCHES = "_published_days", "_reopened", "landed_batches"

LEDGERS: dict[str, pa.Schema] = {
    DAYS: pa.schema(
        [
            ("table_name", pa.string()),
            ("day", pa.date32()),
            ("rows", pa.int64()),
            ("run_id", pa.string()),
        ]
    ),
    REOPENED: pa.schema([("consumer", pa.string()), ("day", pa.date32())]),
}
# Used where the project has no contract of that name.
DEFAULT_LANDED_BATCHES = pa.schema(
    [
        ("batch_id", pa.string()),
        ("source", pa.string()),
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("status", pa.string()),
        ("rows", pa.int64()),
        ("accepted", pa.int64()),
        ("defects", pa.int64()),
        ("first_event_at", pa.timestamp("us", tz="UTC")),
        ("last_event_at", pa.timestamp("us", tz="UTC")),
        ("landed_at", pa.timestamp("us", tz="UTC")),
    ]
)


def withdraw(landed: Iterable[str], batch_ids: Iterable[str], again: str) -> list[str]:
    """Statements that take batches out of the landed tables.

    Their ledger rows say so, except that of ``again``, which is about to be written anew.
    """
    ids = f"({', '.join(map(literal, sorted(batch_ids)))})"
    rows = [f'DELETE FROM "{name}" WHERE batch_id IN {ids}' for name in landed]
    return [
        *rows,
        f"DELETE FROM {LANDED_BATCHES} WHERE batch_id = {literal(again)} AND batch_id IN {ids}",
        f"UPDATE {LANDED_BATCHES} SET status = 'superseded' WHERE batch_id IN {ids}",
    ]


def move_cursor(batch_id: str, cursor: str, at: datetime) -> str:
    """The statement that lets a stream go on from a new cursor behind a page that it gave again."""
    return (
        f"UPDATE {LANDED_BATCHES} SET cursor = {literal(cursor)}, "
        f"pulled_at = TIMESTAMPTZ {literal(at.isoformat())} WHERE batch_id = {literal(batch_id)}"
    )


def fill(columns: Mapping[str, object]) -> str:
    """The statement that fills what the ledger of an earlier version did not say of its batches."""
    values = ", ".join(f"{name} = {literal(value)}" for name, value in columns.items())
    return f"UPDATE {LANDED_BATCHES} SET {values} WHERE status IS NULL"


def inside(column: str, window: Window | None) -> str:
    """The SQL condition that a day lies in the window; true for the whole table."""
    if window is None:
        return "TRUE"
    return f'"{column}" >= {literal(window.lo)} AND "{column}" < {literal(window.hi)}'


def record_days(
    table: str, window: Window | None, rows: Mapping[date, int], run_id: str
) -> list[str]:
    """Statements that record the days of ``rows`` as published; known days get new counts."""
    clear = f"DELETE FROM {DAYS} WHERE table_name = {literal(table)}"
    if window is not None:
        clear += f" AND day IN ({', '.join(map(literal, rows))})" if rows else " AND FALSE"
    tuples = (
        f"({literal(table)}, {literal(day)}, {count}, {literal(run_id)})"
        for day, count in sorted(rows.items())
    )
    added = f"INSERT INTO {DAYS} (table_name, day, rows, run_id) VALUES {', '.join(tuples)}"
    return [clear, added] if rows else [clear]


def reopen(consumers: Iterable[str], day: date) -> list[str]:
    """Statements that ask each consumer to compute from ``day`` again."""
    return [
        f"INSERT INTO {REOPENED} (consumer, day) VALUES ({literal(consumer)}, {literal(day)})"
        for consumer in consumers
    ]


def reopen_days(consumer: str, days: Iterable[date]) -> str:
    """The statement that asks a consumer for single days."""
    asked = ", ".join(f"({literal(consumer)}, {literal(day)})" for day in days)
    return f"INSERT INTO {REOPENED} (consumer, day) VALUES {asked}"


def settle(consumer: str, day: date | None) -> str:
    """The statement that drops what ``consumer`` was asked for from ``day`` on (None: all)."""
    since = "" if day is None else f" AND day >= {literal(day)}"
    return f"DELETE FROM {REOPENED} WHERE consumer = {literal(consumer)}{since}"
