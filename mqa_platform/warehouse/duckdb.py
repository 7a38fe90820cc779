"""The embedded engine: one DuckDB file, one process, one session at a time.

Belongs here: opening the file, and the SQL that is DuckDB's own. Does not belong here: waiting for
the file (``duckdb_lock``), or copies of it for readers (``snapshot``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import ibis
import ibis.expr.schema as sch
import ibis.expr.types as ir
import psutil
import pyarrow as pa

from mqa_platform.contracts.model import Contract
from mqa_platform.contracts.rules import literal, quoted
from mqa_platform.warehouse import ledger
from mqa_platform.warehouse.arrow import conform
from mqa_platform.warehouse.audit import Auditor
from mqa_platform.warehouse.base import Warehouse
from mqa_platform.warehouse.duckdb_lock import only_session, open_file
from mqa_platform.warehouse.session import Kind, Session

MEMORY_VARIABLE = "MQA_DUCKDB_MEMORY"
_INCOMING = "_incoming_rows"
_MOST_MEGABYTES = 3000


def _usual_limit() -> str:
    return f"{min(_MOST_MEGABYTES, psutil.virtual_memory().total // 2 // 10**6)}MB"


@contextmanager
def _unmerged() -> Iterator[None]:
    """Every step of an expression as a query of its own: merging them costs ibis more than it saves DuckDB."""
    before, ibis.options.sql.fuse_selects = ibis.options.sql.fuse_selects, False
    try:
        yield
    finally:
        ibis.options.sql.fuse_selects = before


class DuckDBWarehouse(Warehouse):
    """Tables in one DuckDB file.

    Args:
        path: the file; created with its folder on first use.
        contracts: the published tables.
        landed: the landed tables' Arrow schemas.
        memory_limit: such as ``"4GB"``; default MQA_DUCKDB_MEMORY, else half of the machine's, 3 GB at
            most: its other processes and the kernels need theirs. What does not fit goes to ``<path>.tmp``.
        lock_timeout: seconds to wait for another process or thread that holds the file.
    """

    engine: ClassVar[str] = "duckdb"

    def __init__(
        self,
        path: Path | str,
        contracts: Mapping[str, Contract],
        landed: Mapping[str, pa.Schema],
        memory_limit: str | None = None,
        lock_timeout: float = 30,
    ) -> None:
        """Remember where; nothing is opened yet."""
        super().__init__(contracts, landed)
        self.path = Path(path).absolute()
        self._config = {
            "temp_directory": f"{self.path}.tmp",
            "memory_limit": memory_limit or os.environ.get(MEMORY_VARIABLE) or _usual_limit(),
        }
        self._lock_timeout = lock_timeout

    @contextmanager
    def session(self) -> Iterator[DuckDBSession]:
        """Hold the file for this block.

        Raises:
            WarehouseBusyError: another process or thread held it for ``lock_timeout`` seconds.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with only_session(self.path, self._lock_timeout):
            root = open_file(self.path, self._config, self._lock_timeout)
            try:
                # On the connection alone, GX's cursor would judge days in the machine's zone.
                root.execute("SET GLOBAL TimeZone='UTC'")
                session = DuckDBSession(root, self)
                try:
                    session.sweep()
                    yield session
                    session.sweep()
                finally:
                    session.close_auditor()
            finally:
                root.close()

    def compact(self) -> None:
        """Write the file anew, so that rows that are gone are gone from its bytes as well.

        Raises:
            WarehouseBusyError: another process or thread holds the file.
        """
        fresh = self.path.with_name(f".{self.path.name}.compact")
        fresh.unlink(missing_ok=True)
        with only_session(self.path, self._lock_timeout):
            root = open_file(self.path, self._config, self._lock_timeout)
            try:
                root.execute(f"ATTACH {literal(str(fresh))} AS fresh")
                (name,) = root.execute("SELECT current_database()").fetchall()[0]
                root.execute(f"COPY FROM DATABASE {quoted(name)} TO fresh")
                root.execute("CHECKPOINT fresh")
                root.execute("DETACH fresh")
                # While the old file is still held, so that nobody writes to it after the copy.
                fresh.replace(self.path)
            finally:
                root.close()


class DuckDBSession(Session):
    """A session on the open file."""

    con: ibis.backends.duckdb.Backend

    def __init__(self, root: duckdb.DuckDBPyConnection, warehouse: DuckDBWarehouse) -> None:
        """Wrap the connection for ibis; ``root`` stays the owner's to close."""
        super().__init__(ibis.duckdb.from_connection(root), warehouse.catalogue)
        self._root = root

    def sweep(self) -> None:
        """Drop what sessions leave, also killed ones: no other can be alive while we hold the file."""
        stale = self.fetch(
            "SELECT table_name FROM duckdb_tables() WHERE NOT temporary "
            "AND database_name = current_database() AND table_name ~ '.*__(staged|scratch)_[0-9a-f]{8}'"
        )
        for (name,) in stale:
            self.run(f"DROP TABLE {quoted(name)}")

    def constant(self, name: str, table: pa.Table) -> ir.Table:
        """See ``ComputeSession.constant``; the Arrow table is scanned where it is."""
        stored = self.scratch_name(name)
        self._root.register(stored, table)
        self.origins.constants[stored] = name
        return self.con.table(stored)

    def arrow(self, expr: ir.Table, schema: pa.Schema | None = None) -> pa.Table:
        """See ``ComputeSession.arrow``."""
        wanted = schema or expr.schema().to_pyarrow()
        with _unmerged():
            return conform(self.con.to_pyarrow(expr), wanted, "result")

    def run(self, sql: str) -> None:
        """See ``Session.run``."""
        self._root.execute(sql)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """See ``Session.fetch``."""
        return self._root.execute(sql).fetchall()

    def records(self, sql: str) -> list[dict[str, Any]]:
        """See ``Session.records``."""
        found = self._root.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See ``Session.transaction``."""
        self._root.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self._root.execute("ROLLBACK")
            raise
        self._root.execute("COMMIT")

    def lock(self, tables: Iterable[str]) -> None:
        """Nothing to do: the session holds the whole file."""

    def exists(self, name: str) -> bool:
        """See ``Session.exists``."""
        return bool(
            self.fetch(
                "SELECT 1 FROM duckdb_tables() WHERE NOT temporary "
                f"AND database_name = current_database() AND table_name = {literal(name)}"
            )
        )

    def create(self, name: str, schema: sch.Schema, *, kind: Kind = "kept") -> None:
        """See ``Session.create``; no keys, no indexes: they would cost every swap."""
        # Staged rows must be visible on GX's connection; and what is temporary lies in memory as it is,
        # ten times as large as in the file. So only what is scratch and small is temporary.
        temporary = "TEMPORARY " if kind == "scratch" else ""
        self.run(f"CREATE {temporary}TABLE {quoted(name)} ({self.column_definitions(schema)})")

    def analyse(self, name: str) -> None:
        """Nothing to do: DuckDB keeps its statistics itself."""

    def insert(self, name: str, expr: ir.Table) -> None:
        """See ``Session.insert``."""
        self.con._run_pre_execute_hooks(expr)
        with _unmerged():
            statement = f"INSERT INTO {quoted(name)} {self.con.compile(expr)}"
        self.run(statement)

    def load(self, name: str, table: pa.Table) -> None:
        """See ``Session.load``."""
        self._root.register(_INCOMING, table)
        try:
            self.run(f"INSERT INTO {quoted(name)} SELECT * FROM {_INCOMING}")
        finally:
            self._root.unregister(_INCOMING)

    def copy_published(self, path: str) -> None:
        """See ``Session.copy_published``: inside DuckDB, without the rows leaving it."""
        self.run(f"ATTACH {literal(path)} AS snapshot")
        try:
            for name in self.catalogue.contracts:
                if self.exists(name):
                    self.run(f"CREATE TABLE snapshot.{quoted(name)} AS FROM {quoted(name)}")
            self.run("CHECKPOINT snapshot")
        finally:
            self.run("DETACH snapshot")

    def _land(self, batch_id: str, rows: Mapping[str, pa.Table], first: Sequence[str]) -> bool:
        with self.transaction():
            for statement in first:
                self.run(statement)
            if self.fetch(
                f"SELECT 1 FROM {ledger.LANDED_BATCHES} WHERE batch_id = {literal(batch_id)}"
            ):
                return False
            for name, table in rows.items():
                columns = ", ".join(map(quoted, table.column_names))
                self._root.register(_INCOMING, table)
                self.run(
                    f"INSERT INTO {quoted(name)} ({columns}) SELECT {columns} FROM {_INCOMING}"
                )
                self._root.unregister(_INCOMING)
        return True

    def _make_auditor(self) -> Auditor:
        from duckdb_sqlalchemy import ConnectionWrapper
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        # A file URL would be another configuration of an open file, which DuckDB refuses.
        return Auditor(
            create_engine(
                "duckdb://",
                creator=lambda: ConnectionWrapper(self._root.cursor()),
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
            )
        )
