"""What a contract is to the rest of the platform: a table, its columns, its rules.

Belongs here: plain frozen values. Does not belong here: reading YAML (``loader``), deriving rules
(``rules``), or Great Expectations (``gx``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import ibis.expr.schema as sch
    import pyarrow as pa

RuleKind = Literal[
    "inside_window",
    "not_null",
    "unique",
    "in_range",
    "in_set",
    "matches",
    "length",
    "finite",
    "sql",
]
Bound = int | float | str


@dataclass(frozen=True)
class Column:
    """One published column; ``ibis_type`` is the portable type text, such as ``decimal(18, 4)``."""

    name: str
    logical_type: str
    ibis_type: str
    required: bool = False
    description: str = ""
    classification: str | None = None

    @cached_property
    def dtype(self) -> dt.DataType:
        """The ibis type (nullable: a missing value is a rule's finding, not a failed insert)."""
        import ibis.expr.datatypes as dt

        return dt.dtype(self.ibis_type)


@dataclass(frozen=True)
class Rule:
    """One statement about every staged row; it fails when ``violations`` > 0.

    Attributes:
        name: the rule id: the GX meta id and the asset check name.
        kind: decides how the rule is written in SQL.
        columns: the columns it speaks of (empty for ``sql``).
        blocking: a failed blocking rule refuses the publication; the others warn.
        minimum, maximum: inclusive bounds of ``in_range``, or of the text length of ``length``.
        values: the allowed values of ``in_set``.
        pattern: for ``matches``: a regular expression the whole text must match.
        query: for ``sql``: selects the offending rows; see ``rules.render``.
    """

    name: str
    kind: RuleKind
    columns: tuple[str, ...] = ()
    blocking: bool = True
    description: str = ""
    minimum: Bound | None = None
    maximum: Bound | None = None
    values: tuple[Bound | bool, ...] = ()
    pattern: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class Contract:
    """A published table as its readers may rely on it.

    Attributes:
        key: the columns that identify a row; empty when rows have no identity.
        day_column: the date column by which the table is replaced day by day; None: replaced as a
            whole.
        owner: the team that answers for it; ``group``: the stage (asset group) that makes it.
        freshness: the longest acceptable age, or None where none is promised.
    """

    table: str
    columns: tuple[Column, ...]
    title: str = ""
    description: str = ""
    key: tuple[str, ...] = ()
    day_column: str | None = None
    rules: tuple[Rule, ...] = field(default=())
    owner: str | None = None
    group: str | None = None
    freshness: timedelta | None = None

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.table} has no column {name}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names in contract order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def schema(self) -> sch.Schema:
        """The ibis schema: names, order and types."""
        import ibis.expr.schema as sch

        return sch.Schema({c.name: c.dtype for c in self.columns})

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of the published rows; timestamps are microseconds in UTC."""
        return self.schema.to_pyarrow()
