"""A session of an engine that keeps tables: the public face, and the hooks an engine fills.

Belongs here: what is the same on DuckDB and PostgreSQL. Does not belong here: SQL of one engine
(``duckdb``, ``postgres``) or the steps of a publication (``publishing``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Literal, final
from uuid import uuid4

import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql import SQLBackend

from mqa_platform.contracts.rules import literal
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.window import Window
from mqa_platform.warehouse import ledger, publishing
from mqa_platform.warehouse.arrow import check_columns, conform
from mqa_platform.warehouse.audit import Auditor
from mqa_platform.warehouse.base import ComputeSession
from mqa_platform.warehouse.kernels import apply_by_shards
from mqa_platform.warehouse.ledger import DAYS, LANDED_BATCHES, REOPENED
from mqa_platform.warehouse.lineage import Origins
from mqa_platform.warehouse.publication import Publication, Published
from mqa_platform.warehouse.swapping import Reopening
from mqa_platform.warehouse.tables import REJECTED, Catalogue

Kind = Literal["kept", "staged", "scratch", "bulk"]


class Session(ComputeSession):
    """One connection of an engine that also keeps tables. Not thread-safe."""

    def __init__(self, con: SQLBackend, catalogue: Catalogue) -> None:
        """Take an open connection; the engine has set its time zone to UTC."""
        self.con = con
        self.catalogue = catalogue
        # Marks every scratch table of this session, so that a sweep knows whose it is.
        self.token = uuid4().hex[:8]
        self.origins = Origins()
        self._ready: dict[str, ir.Table] = {}
        self._scratch = 0
        self._auditor: Auditor | None = None

    def table(self, name: str) -> ir.Table:
        """See ``ComputeSession.table``."""
        self.ensure(name)
        # No swap changes the columns of a table that is ready; only a rejected one is made anew.
        return self.con.table(name) if name.endswith(REJECTED) else self._ready[name]

    @final
    def publish(
        self,
        *publications: Publication,
        window: Window | None,
        run_id: str,
        days: Sequence[date] | None = None,
        reopens: Sequence[str] = (),
        settles: str | None = None,
        from_day: date | None = None,
        answers: Sequence[str] = (),
        tells: Sequence[str] = (),
    ) -> list[Published]:
        """Stage, audit and swap in the rows of one or more tables: all of them, or none.

        Args:
            publications: tables with a day column are replaced inside ``window``, the others as a
                whole.
            window: the days that are replaced; None replaces every table as a whole.
            run_id: recorded with the days.
            days: which days of the window are recorded as published (default: all of them).
            reopens: consumers that must compute again from ``from_day`` if anything changed.
            settles: the consumer whose requests from ``from_day`` on are answered by this
                publication.
            from_day: default the first day of the window.
            answers: consumers all of whose requests are answered, of whatever day.
            tells: consumers that are asked for every day of the window if anything changed.

        Raises:
            ContractError: columns are not the contract's; nothing was written.
            AuditFailed: a blocking rule failed; the published tables are as before.
        """
        first = from_day or (window.lo if window else None)
        reopening = Reopening(tuple(reopens), settles, first, tuple(answers), tuple(tells))
        return publishing.publish(self, publications, window, run_id, days, reopening)

    def days(self, table: str) -> list[date]:
        """The days recorded as published, oldest first."""
        self.ensure(DAYS)
        found = self.fetch(
            f"SELECT day FROM {DAYS} WHERE table_name = {literal(table)} ORDER BY day"
        )
        return [row[0] for row in found]

    def reopened(self, consumer: str) -> date | None:
        """The first day that ``consumer`` was asked to compute again, or None."""
        self.ensure(REOPENED)
        found = self.fetch(f"SELECT MIN(day) FROM {REOPENED} WHERE consumer = {literal(consumer)}")
        return found[0][0]

    def reopen(self, consumer: str, day: date) -> None:
        """Ask a consumer to compute again from a day on, at once and for itself."""
        self.ensure(REOPENED)
        for statement in ledger.reopen([consumer], day):
            self.run(statement)

    def reopen_days(self, consumer: str, days: Iterable[date]) -> None:
        """Ask a consumer for single days, at once and for itself."""
        self.ensure(REOPENED)
        self.run(ledger.reopen_days(consumer, days))

    def asked(self, consumer: str) -> set[date]:
        """The days that a consumer was asked to compute again."""
        self.ensure(REOPENED)
        found = self.fetch(
            f"SELECT DISTINCT day FROM {REOPENED} WHERE consumer = {literal(consumer)}"
        )
        return {row[0] for row in found}

    def settle(self, consumer: str) -> None:
        """Drop all that a consumer was asked for; after its answer is published."""
        self.ensure(REOPENED)
        self.run(ledger.settle(consumer, None))

    def land(
        self,
        source: str,
        batch_id: str,
        path: str,
        tables: Mapping[str, pa.Table],
        ledger: Mapping[str, Any],
        replaces: Collection[str] = (),
    ) -> bool:
        """Add one batch to the landed tables and the ``landed_batches`` ledger, in one transaction.

        Args:
            source: written to the ledger, as are the next two.
            batch_id: stamped on every landed row as well.
            path: where the landing file is.
            tables: landed table name to its rows, without ``batch_id``.
            ledger: further columns of the ledger.
            replaces: batches whose rows leave the landed tables in the same transaction. Their
                ledger rows become ``superseded``; that of this batch itself gives way to the new one.

        Returns:
            False if the batch was landed before and is not in ``replaces``; then nothing is written.

        Raises:
            ContractError: columns or types are not those of the landed schema or the ledger.
        """
        rows: dict[str, pa.Table] = {}
        for name, table in tables.items():
            stamped = table.append_column(
                "batch_id", pa.array([batch_id] * len(table), pa.string())
            )
            rows[name] = conform(stamped, self.catalogue.landed_schema(name), name)
        schema = self.catalogue.arrow_schema(LANDED_BATCHES)
        entry = {**ledger, "source": source, "batch_id": batch_id, "path": path}
        check_columns([*{*entry, *schema.names}], schema.names, LANDED_BATCHES)
        rows[LANDED_BATCHES] = pa.Table.from_pylist([entry], schema=schema)
        for name in rows:
            self.ensure(name)
        return self._land(batch_id, rows, self._withdrawal(replaces, batch_id))

    def supersede(self, batch_ids: Collection[str]) -> None:
        """Take the rows of batches out of the landed tables; the ledger remembers them."""
        statements = self._withdrawal(batch_ids)
        if statements:
            with self.transaction():
                for statement in statements:
                    self.run(statement)

    def _withdrawal(self, batch_ids: Collection[str], again: str = "") -> list[str]:
        if not batch_ids:
            return []
        self.ensure(LANDED_BATCHES)
        landed = [name for name in self.catalogue.landed if self.exists(name)]
        return ledger.withdraw(landed, batch_ids, again)

    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        """See ``ComputeSession.apply``; about two million rows go through at once."""
        return apply_by_shards(self, kernel, expr, shard_by)

    def keep(self, expr: ir.Table) -> ir.Table:
        """The rows of ``expr``, computed once and readable until the session ends."""
        name = self.scratch_name("kept")
        self.create(name, expr.schema(), kind="scratch")
        self.insert(name, expr)
        self.analyse(name)
        self.origins.kept[name] = expr
        return self.con.table(name)

    def ensure(self, name: str) -> None:
        """Make sure the table exists with the columns its description has.

        Raises:
            UnknownTableError: nothing describes it.
            ContractError: the stored table has columns or types that the description no longer has.
        """
        if name in self._ready:
            return
        schema = self.catalogue.schema(name)
        if not self.exists(name):
            self.create(name, schema)
        found = self.con.table(name)
        added = self.catalogue.added_columns(name, found.schema())
        for column, dtype in added.items():
            self.run(f'ALTER TABLE "{name}" ADD COLUMN "{column}" {self.sql_type(dtype)}')
        self._ready[name] = self.con.table(name) if added else found

    def scratch_name(self, stem: str) -> str:
        """A name for a table that lives as long as this session."""
        self._scratch += 1
        return f"{stem[:24]}_{self._scratch}__scratch_{self.token}"

    def staging_name(self, table: str) -> str:
        """The name under which rows of ``table`` wait for their audit."""
        return f"{table}__staged_{self.token}"

    def auditor(self) -> Auditor:
        """The session's one GX context, made on first use."""
        if self._auditor is None:
            self._auditor = self._make_auditor()
        return self._auditor

    def close_auditor(self) -> None:
        """Let go of the audit's connection; must come before the session's own is closed."""
        if self._auditor is not None:
            self._auditor.close()
            self._auditor = None

    def sql_type(self, dtype: Any) -> str:
        """The engine's name of an ibis type."""
        return self.con.compiler.type_mapper.from_ibis(dtype).sql(self.con.dialect)

    def column_definitions(self, schema: sch.Schema) -> str:
        """The column list of a CREATE TABLE."""
        return ", ".join(f'"{name}" {self.sql_type(dtype)}' for name, dtype in schema.items())

    @abstractmethod
    def run(self, sql: str) -> None:
        """Execute one statement."""

    @abstractmethod
    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one small query."""

    @abstractmethod
    def records(self, sql: str) -> list[dict[str, Any]]:
        """The rows of one small query, by column name."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All statements inside succeed together, or none has happened."""

    @abstractmethod
    def lock(self, tables: Iterable[str]) -> None:
        """Inside a transaction: keep other writers from these tables until it ends."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether the table is there."""

    @abstractmethod
    def create(self, name: str, schema: sch.Schema, *, kind: Kind = "kept") -> None:
        """Create an empty table; staged ones need not survive a crash, scratch ones the session.

        Bulk is scratch of so many rows that an engine should not hold it in memory.
        """

    @abstractmethod
    def analyse(self, name: str) -> None:
        """Tell the planner about a table that was just filled, where the engine wants that."""

    @abstractmethod
    def insert(self, name: str, expr: ir.Table) -> None:
        """Append the rows of an expression whose columns are the table's, in order."""

    @abstractmethod
    def load(self, name: str, table: pa.Table) -> None:
        """Append Arrow rows whose schema is the table's."""

    @abstractmethod
    def copy_published(self, path: str) -> None:
        """Write every existing published table to a new DuckDB file at ``path``."""

    @abstractmethod
    def _land(self, batch_id: str, rows: Mapping[str, pa.Table], first: Sequence[str]) -> bool: ...

    @abstractmethod
    def _make_auditor(self) -> Auditor: ...
