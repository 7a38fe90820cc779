"""The team's engine: tables in one schema of a PostgreSQL database, several sessions at a time.

Belongs here: connecting, and the SQL that is PostgreSQL's own. Does not belong here: moving Arrow
in and out (``postgres_arrow``), or starting a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import duckdb
import ibis
import ibis.expr.schema as sch
import ibis.expr.types as ir
import psycopg
import pyarrow as pa

from mqa_platform.contracts.model import Contract
from mqa_platform.contracts.rules import literal, quoted
from mqa_platform.warehouse.arrow import conform
from mqa_platform.warehouse.audit import Auditor
from mqa_platform.warehouse.base import Warehouse
from mqa_platform.warehouse.ledger import LANDED_BATCHES
from mqa_platform.warehouse.lineage import uses_memory
from mqa_platform.warehouse.postgres_arrow import ArrowLine
from mqa_platform.warehouse.postgres_joins import ChainedJoinCompiler
from mqa_platform.warehouse.session import Kind, Session

# The first half of every advisory lock key: "mqa" in ASCII. Key 0 guards the making of tables.
_LOCKS = 0x6D7161
_TEMPORARY = re.compile(r".*__(?:staged|scratch)_(?P<token>[0-9a-f]{8})")


class PostgresWarehouse(Warehouse):
    """Tables in one schema of a PostgreSQL database.

    Args:
        url: ``postgresql://…``, a Unix socket or a host; an SQLAlchemy driver in the scheme is
            ignored.
        schema: made if missing; every session's search path.
        contracts: the published tables.
        landed: the landed tables' Arrow schemas.
    """

    engine: ClassVar[str] = "postgres"

    def __init__(
        self,
        url: str,
        contracts: Mapping[str, Contract],
        landed: Mapping[str, pa.Schema],
        schema: str = "mqa",
    ) -> None:
        """Remember where; nothing is opened yet."""
        super().__init__(contracts, landed)
        self.url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)
        self.schema = schema
        quoted(schema)

    @contextmanager
    def session(self) -> Iterator[PostgresSession]:
        """A connection of its own; its scratch tables are dropped at the end."""
        with psycopg.connect(self.url, autocommit=True) as root:
            root.execute(f"SELECT pg_advisory_lock({_LOCKS}, 0)")
            root.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.schema)}")
            root.execute(f"SELECT pg_advisory_unlock({_LOCKS}, 0)")
            root.execute(f"SET search_path TO {quoted(self.schema)}")
            session = PostgresSession(root, self)
            try:
                session.sweep()
                yield session
            finally:
                session.close()


class PostgresSession(Session):
    """A session on one connection; its Arrow line and audit connection open when needed."""

    con: ibis.backends.postgres.Backend

    def __init__(self, root: psycopg.Connection, warehouse: PostgresWarehouse) -> None:
        """Wrap the connection for ibis and mark the session as alive; the owner closes ``root``."""
        con = ibis.postgres.from_connection(root)
        con.compiler = ChainedJoinCompiler()
        super().__init__(con, warehouse.catalogue)
        self._root = root
        self._warehouse = warehouse
        self._line = ArrowLine(warehouse.url, warehouse.schema)
        # Released by the server when the connection ends, however it ends: a sweep trusts it.
        self.run(f"SELECT pg_advisory_lock({_LOCKS}, {_key(self.token)})")

    def sweep(self) -> None:
        """Drop the staged and scratch tables of sessions that are no longer alive."""
        for name, token in self._temporary_tables():
            key = f"{_LOCKS}, {_key(token)}"
            if token != self.token and self.fetch(f"SELECT pg_try_advisory_lock({key})")[0][0]:
                self.run(f"DROP TABLE IF EXISTS {quoted(name)}")
                self.run(f"SELECT pg_advisory_unlock({key})")

    def close(self) -> None:
        """Let go of the other connections and drop this session's own tables."""
        self.close_auditor()
        self._line.close()
        if not self._root.broken:
            for name, token in self._temporary_tables():
                if token == self.token:
                    self.run(f"DROP TABLE IF EXISTS {quoted(name)}")

    def constant(self, name: str, table: pa.Table) -> ir.Table:
        """See ``ComputeSession.constant``; the rows go to an unlogged table of the session."""
        stored = self.scratch_name(name)
        schema = sch.Schema.from_pyarrow(table.schema)
        self.create(stored, schema, kind="scratch")
        self.load(stored, conform(table, schema.to_pyarrow(), name))
        self.analyse(stored)
        self.origins.constants[stored] = name
        return self.con.table(stored)

    def arrow(self, expr: ir.Table, schema: pa.Schema | None = None) -> pa.Table:
        """See ``ComputeSession.arrow``."""
        given = expr.schema()
        wanted = schema or given.to_pyarrow()
        if uses_memory(expr):
            # An in-memory table is on ibis's connection only: the Arrow line would not find it.
            stored = self.scratch_name("result")
            self.create(stored, given, kind="scratch")
            self.insert(stored, expr)
            expr = self.con.table(stored)
        columns = ", ".join(
            f'CAST("{name}" AS {self.sql_type(dtype)}) AS "{name}"' for name, dtype in given.items()
        )
        return conform(
            self._line.read(f"SELECT {columns} FROM ({self.con.compile(expr)}) AS result"),
            wanted,
            "result",
        )

    def run(self, sql: str) -> None:
        """See ``Session.run``."""
        self._root.execute(sql.encode())

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """See ``Session.fetch``."""
        return self._root.execute(sql.encode()).fetchall()

    def records(self, sql: str) -> list[dict[str, Any]]:
        """See ``Session.records``."""
        found = self._root.execute(sql.encode())
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See ``Session.transaction``."""
        with self._root.transaction():
            yield

    def lock(self, tables: Iterable[str]) -> None:
        """See ``Session.lock``.

        Without it two publications of one window would each delete the old rows and both insert:
            the second
        delete does not see the rows the first one brought.
        """
        for name in tables:
            self.run(f"LOCK TABLE {quoted(name)} IN SHARE ROW EXCLUSIVE MODE")

    def exists(self, name: str) -> bool:
        """See ``Session.exists``."""
        found = self.fetch(
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() "
            f"AND tablename = {literal(name)}"
        )
        return bool(found)

    def create(self, name: str, schema: sch.Schema, *, kind: Kind = "kept") -> None:
        """See ``Session.create``; only kept tables are logged, all are seen by every connection."""
        unlogged = "" if kind == "kept" else "UNLOGGED "
        with self.transaction():
            self.run(f"SELECT pg_advisory_xact_lock({_LOCKS}, 0)")
            # Another session may have made it since we looked.
            maybe = "IF NOT EXISTS " if kind == "kept" else ""
            self.run(
                f"CREATE {unlogged}TABLE {maybe}{quoted(name)} ({self.column_definitions(schema)})"
            )
            contract = self.catalogue.contracts.get(name)
            if contract is not None and contract.day_column:
                day = quoted(contract.day_column)
                index = quoted(f"{name}_by_day")
                self.run(f"CREATE INDEX IF NOT EXISTS {index} ON {quoted(name)} ({day})")

    def analyse(self, name: str) -> None:
        """See ``Session.analyse``: without it a new table is planned as if it were almost empty."""
        self.run(f"ANALYZE {quoted(name)}")

    def insert(self, name: str, expr: ir.Table) -> None:
        """See ``Session.insert``."""
        self.con._run_pre_execute_hooks(expr)
        self.run(f"INSERT INTO {quoted(name)} {self.con.compile(expr)}")

    def load(self, name: str, table: pa.Table) -> None:
        """See ``Session.load``; committed at once, on the Arrow line."""
        self._line.append({name: table})

    def copy_published(self, path: str) -> None:
        """See ``Session.copy_published``: the rows travel as Arrow."""
        with duckdb.connect(path) as copy:
            copy.execute("SET TimeZone='UTC'")
            for name, contract in self.catalogue.contracts.items():
                if self.exists(name):
                    rows = self.arrow(self.table(name), contract.arrow_schema)
                    copy.register("published_rows", rows)
                    copy.execute(f"CREATE TABLE {quoted(name)} AS FROM published_rows")
                    copy.unregister("published_rows")

    def _land(self, batch_id: str, rows: Mapping[str, pa.Table], first: Sequence[str]) -> bool:
        guard = f"SELECT 1 FROM {quoted(LANDED_BATCHES)} WHERE batch_id = {literal(batch_id)}"
        return self._line.append(rows, lock=LANDED_BATCHES, first=first, unless=guard)

    def _make_auditor(self) -> Auditor:
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.pool import NullPool

        url = make_url(self._warehouse.url).set(drivername="postgresql+psycopg")
        options = f"-c timezone=UTC -c search_path={self._warehouse.schema}"
        return Auditor(
            create_engine(
                url,
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
                connect_args={"options": options},
            )
        )

    def _temporary_tables(self) -> list[tuple[str, str]]:
        names = self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return [
            (name, found["token"]) for (name,) in names if (found := _TEMPORARY.fullmatch(name))
        ]


def _key(token: str) -> int:
    """The token as PostgreSQL's signed 32-bit lock key."""
    number = int(token, 16)
    return number - (1 << 32) if number >= 1 << 31 else number
