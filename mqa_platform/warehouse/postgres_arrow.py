"""Arrow in and out of PostgreSQL over ADBC, which is ten to forty times faster than rows.

Belongs here: the second connection of a session, which speaks Arrow. Does not belong here: SQL of
the platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa

from mqa_platform.contracts.rules import quoted


class ArrowLine:
    """A connection opened on first use; it sees only what other connections have committed.

    Args:
        url: a libpq URL.
        schema: the search path.
    """

    def __init__(self, url: str, schema: str) -> None:
        """Remember where; nothing is opened yet."""
        self._url, self._schema = url, schema
        self._connection: Any = None

    def read(self, sql: str) -> pa.Table:
        """The rows of a query; numeric columns come as text."""
        with closing(self._open().cursor()) as cursor:
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
        self._connection.rollback()
        return table

    def append(
        self,
        tables: Mapping[str, pa.Table],
        *,
        lock: str | None = None,
        first: Sequence[str] = (),
        unless: str | None = None,
    ) -> bool:
        """Append rows to existing tables in one transaction.

        Args:
            tables: table name to rows with the table's columns.
            lock: a table that no one else may write meanwhile.
            first: statements that are run before anything else.
            unless: a query; if it finds a row, nothing is appended and the answer is False.
        """
        connection = self._open()
        try:
            with closing(connection.cursor()) as cursor:
                if lock:
                    cursor.execute(f"LOCK TABLE {quoted(lock)} IN SHARE ROW EXCLUSIVE MODE")
                for statement in first:
                    cursor.execute(statement)
                if unless:
                    cursor.execute(unless)
                    if cursor.fetchone() is not None:
                        connection.rollback()
                        return False
                for name, table in tables.items():
                    if len(table):
                        cursor.adbc_ingest(name, table, mode="append", db_schema_name=self._schema)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return True

    def close(self) -> None:
        """Close the connection if it was opened."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = adbc.connect(self._url, autocommit=False)
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(f"SET search_path TO {quoted(self._schema)}")
                cursor.execute("SET timezone TO 'UTC'")
            self._connection.commit()
        return self._connection
