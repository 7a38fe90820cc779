"""Which tables exist in principle, and the columns each must have.

Belongs here: finding the description of a table by name, and comparing it with what is stored. Does
not belong here: creating anything (the engines).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import ibis.expr.datatypes as dt
import ibis.expr.schema as sch
import pyarrow as pa

from mqa_platform.contracts.errors import ContractError
from mqa_platform.contracts.model import Contract
from mqa_platform.warehouse import ledger
from mqa_platform.warehouse.errors import UnknownTableError

REJECTED = "__rejected"


class Catalogue:
    """The contracts and landed schemas of one warehouse."""

    def __init__(self, contracts: Mapping[str, Contract], landed: Mapping[str, pa.Schema]) -> None:
        """Keep both; a contract wins over a schema of the same name."""
        self.contracts = dict(contracts)
        self._schemas = {
            ledger.LANDED_BATCHES: ledger.DEFAULT_LANDED_BATCHES,
            **landed,
            **ledger.LEDGERS,
        }
        self._landed = dict(landed)

    @property
    def landed(self) -> tuple[str, ...]:
        """The names of the landed tables."""
        return tuple(self._landed)

    def schema(self, name: str) -> sch.Schema:
        """The ibis schema of a published, rejected, landed or ledger table.

        Raises:
            UnknownTableError: with the nearest name.
        """
        contract = self.contracts.get(name.removesuffix(REJECTED))
        if contract is not None:
            return contract.schema
        if name in self._schemas:
            return sch.Schema.from_pyarrow(_nullable(self._schemas[name]))
        near = difflib.get_close_matches(name, [*self.contracts, *self._schemas], n=1)
        raise UnknownTableError(
            f"no contract or landed schema for table {name!r}"
            + "".join(f"; did you mean {other}?" for other in near)
        )

    def arrow_schema(self, name: str) -> pa.Schema:
        """The Arrow schema of the same tables; every column is nullable."""
        return self.schema(name).to_pyarrow()

    def landed_schema(self, name: str) -> pa.Schema:
        """The Arrow schema of a landed table.

        Raises:
            UnknownTableError: it is not a landed table.
        """
        if name not in self._landed:
            raise UnknownTableError(f"{name!r} is not a landed table")
        return _nullable(self._landed[name])

    def added_columns(self, name: str, stored: sch.Schema) -> dict[str, dt.DataType]:
        """The columns that the description has and the stored table has not yet.

        Raises:
            ContractError: the stored table has a column or a type that the description has not:
                history would have to be rewritten, which is a rebuild.
        """
        wanted = self.schema(name)
        dropped = sorted(set(stored) - set(wanted))
        retyped = [c for c in wanted if c in stored and not _same(stored[c], wanted[c])]
        if dropped or retyped:
            what = [f"{c} was dropped" for c in dropped]
            what += [f"{c} is stored as {stored[c]}, declared as {wanted[c]}" for c in retyped]
            raise ContractError(
                f"table {name} is stored with other columns: {'; '.join(what)}. "
                "Rebuild the warehouse from landing to take the new contract."
            )
        return {c: dtype for c, dtype in wanted.items() if c not in stored}


def _nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_nullable(True) for field in schema])


def _same(stored: dt.DataType, wanted: dt.DataType) -> bool:
    if stored.is_timestamp() and wanted.is_timestamp():
        return (stored.timezone is None) == (wanted.timezone is None)
    return stored.copy(nullable=True) == wanted.copy(nullable=True)
