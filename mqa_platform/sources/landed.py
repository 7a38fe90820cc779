"""What a connector returns, how it refuses a file, and the builders that every connector shares.

Belongs here: ``Landed``, ``SourceError``, columns → landed table, bad rows → defects. Does not
belong here: anything that knows one vendor's format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import flat, md5_hex
from mqa_platform.sources.redaction import redacted, shortened, without_ips
from mqa_platform.sources.schemas import delivered

RAW_LIMIT = 2_000
# How the text begins that stands for a line too long to be read; see ``files.without_long_lines``.
TOO_LONG = "\x1aa line"
# Our own people: handoffs go to their addresses.
_CLEAR = frozenset({("landed_users", "email")})
Mask = npt.NDArray[np.bool_]


class SourceError(Exception):
    """A file or a source as a whole cannot be read; nothing of it has landed.

    Args:
        path: the file, folder or glob that cannot be read.
        reason: what is wrong with it, in one clause.
        remedy: what the reader of the message can do about it.
    """

    def __init__(self, path: Path | str, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}. {remedy}")
        self.path = Path(path)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Landed:
    """One file, read: ``rows == accepted + duplicates + Σ filtered + len(defects)`` always holds.

    ``rows`` counts raw rows without header and blank lines, ``accepted`` those that became a landed
    row, ``duplicates`` rows that repeat another one of the same file, and ``filtered`` rows that say
    nothing we want, by reason (a mail delivered, one metro's share of a company's surge). ``tables``
    may hold more rows than ``accepted``: a form fill is one row of the file, but gives a signal and
    an identity. Tables and ``defects`` have the landed schemas without ``batch_id``. ``source``
    holds the connector's name until ``named`` sets the source's own.
    """

    rows: int
    accepted: int
    tables: dict[str, pa.Table]
    defects: pa.Table
    filtered: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0

    def __post_init__(self) -> None:
        told = self.accepted + self.duplicates + sum(self.filtered.values()) + len(self.defects)
        if self.rows != told:
            raise ValueError(
                f"{self.rows} rows read, but {self.accepted} accepted + {self.duplicates} duplicates "
                f"+ {sum(self.filtered.values())} filtered + {len(self.defects)} defects"
            )

    def named(self, source: str) -> Landed:
        """The same rows under the name that sources.yaml gives the source."""
        tables = {name: _under(table, source) for name, table in self.tables.items()}
        return replace(self, tables=tables, defects=_under(self.defects, source))

    def reasons(self) -> dict[str, int]:
        """Defects counted by reason, in alphabetical order."""
        counted = pc.value_counts(flat(self.defects["reason"])).to_pylist()
        return {row["values"]: row["counts"] for row in sorted(counted, key=lambda r: r["values"])}


def _under(table: pa.Table, source: str) -> pa.Table:
    at = table.schema.get_field_index("source")
    return table.set_column(at, table.schema.field(at), pa.repeat(source, len(table)))


def conform(name: str, rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """Build one landed table; columns not given are null, scalars stand in every row.

    E-mail addresses in any text are hashed on the way (``redaction``): this is the door through which
    every landed row comes.

    Args:
        name: a key of ``LANDED``.
        rows: the length of every array in ``columns``.
        columns: arrays, or scalars to repeat, by landed column name.

    Raises:
        ValueError: an unknown column, or a null where the schema allows none.
    """
    schema = delivered(name)
    unknown = sorted(set(columns) - set(schema.names))
    if unknown:
        raise ValueError(f"{name} has no column {', '.join(unknown)}")
    arrays = []
    for column in schema:
        value = columns.get(column.name)
        if isinstance(value, pa.Array | pa.ChunkedArray):
            array = flat(value).cast(column.type)
            if pa.types.is_string(column.type) and (name, column.name) not in _CLEAR:
                array = redacted(array)
        else:
            array = pa.repeat(pa.scalar(value, type=column.type), rows)
        if array.null_count and not column.nullable:
            raise ValueError(f"{name}.{column.name} is null in {array.null_count} rows")
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)


def empty(name: str) -> pa.Table:
    """A landed table without rows."""
    return delivered(name).empty_table()


def first_reason(rows: int, checks: Sequence[tuple[str, Mask]]) -> npt.NDArray[np.object_]:
    """For each row the reason of the first check that is true, or None where the row is good."""
    reasons = np.full(rows, None, dtype=object)
    for reason, wrong in reversed(checks):
        reasons[wrong] = reason
    return reasons


def defects(source: str, raw: Sequence[str], reasons: Sequence[str]) -> pa.Table:
    """The rows that did not land; the hash is of the whole text, the text is cut for the reader.

    What is kept of the text has no clear e-mail address and no whole IP address in it.
    """
    whole = pa.array(raw, pa.string())
    columns = {
        "source": source,
        "raw_hash": md5_hex(whole),
        "reason": pa.array(map(_cause, raw, reasons), pa.string()),
        "raw": pa.array([without_ips(shortened(text, RAW_LIMIT)) for text in raw], pa.string()),
    }
    return conform("landed_defects", len(whole), columns)


def _cause(text: str, reason: str) -> str:
    return "line_too_long" if text.startswith(TOO_LONG) else reason


def refuse_foreign(path: Path, reasons: npt.NDArray[np.object_], reason: str, form: str) -> None:
    """Refuse a file of which not one row has the expected form: it is some other kind of file.

    A headerless file names no columns, so this is the only way to tell a wrong file from bad rows.
    """
    if len(reasons) and all(found == reason for found in reasons):
        raise SourceError(
            path,
            f"not one of its {len(reasons)} rows is {form}",
            "Check that sources.yaml names the right connector for this file.",
        )
