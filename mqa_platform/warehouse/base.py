"""What every engine offers: a warehouse, and a session that computes.

Belongs here: the part that DuckDB, PostgreSQL and Spark have in common. Does not belong here:
keeping tables (``session``), or anything of one engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql import SQLBackend

from mqa_platform.contracts.model import Contract
from mqa_platform.core.kernel import Kernel
from mqa_platform.warehouse.tables import Catalogue

if TYPE_CHECKING:
    import pandas as pd


class Warehouse(ABC):
    """A place where tables are kept; all work happens inside a session."""

    engine: ClassVar[str]

    def __init__(self, contracts: Mapping[str, Contract], landed: Mapping[str, pa.Schema]) -> None:
        """Know the published tables and the landed ones; nothing is opened yet."""
        self.catalogue = Catalogue(contracts, landed)

    @abstractmethod
    def session(self) -> AbstractContextManager[ComputeSession]:
        """One connection with all a step needs; closed, with its scratch tables, at the end."""


class ComputeSession(ABC):
    """What every engine can do: read tables and compute on them."""

    con: SQLBackend

    @abstractmethod
    def table(self, name: str) -> ir.Table:
        """The published, landed, rejected or ledger table, empty if nothing was written yet.

        Never keep the result across a publication: ask again.

        Raises:
            UnknownTableError: no contract and no landed schema of that name.
        """

    @abstractmethod
    def constant(self, name: str, table: pa.Table) -> ir.Table:
        """A small Arrow table to join with, readable until the session ends."""

    @abstractmethod
    def keep(self, expr: ir.Table) -> ir.Table:
        """The rows of ``expr``, computed once and readable until the session ends."""

    @abstractmethod
    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        """Run a kernel over the rows of ``expr``; the result is readable until the session ends.

        ``shard_by`` names an integer column of ``expr`` with few values; rows of one value stay
        together.

        Raises:
            ContractError: the kernel's output does not have the columns or types it declares.
            ValueError: a row without a shard.
        """

    @abstractmethod
    def arrow(self, expr: ir.Table, schema: pa.Schema | None = None) -> pa.Table:
        """The rows as Arrow, cast to ``schema`` (default: the expression's own types)."""

    def frame(self, expr: ir.Table) -> pd.DataFrame:
        """The rows as pandas, with the types the Arrow table has."""
        return self.arrow(expr).to_pandas()

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """The rows as plain dictionaries; for small results."""
        return self.arrow(expr).to_pylist()
