"""Parquet as records: every column as the text that a CSV of it would hold.

Belongs here: opening Parquet, the limits against hostile files, and its types as text. Does not
belong here: meanings of columns (each connector).

Moments become ISO text in UTC, decimals their digits, whole numbers held as doubles lose the
``.0``; nested columns are flattened as in ``json_records``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mqa_platform.sources.columns import flat
from mqa_platform.sources.files import MAX_RATIO, MAX_UNPACKED
from mqa_platform.sources.json_lines import BAD_JSON
from mqa_platform.sources.json_records import flattened
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import Records, column_names

MARK: Final = b"PAR1"
# A run of equal values packs to nothing, so a file's size does not bound its cells.
_MAX_CELLS: Final = 500_000_000


def parquet_records(
    path: Path, content: bytes, required: Sequence[str], synonyms: Mapping[str, str] | None = None
) -> Records:
    """Read Parquet.

    Args:
        path: the file, for messages.
        content: its bytes.
        required: columns it must have, in the vendor's spelling.
        synonyms: canonical names to read as another canonical name, unless that one is there.

    Raises:
        SourceError: truncated or damaged, far larger than its bytes, a column twice, or a required
            column missing.
    """
    table = _table(path, content)
    header, columns = [], []
    for name, column in _text_columns(table):
        header.append(name)
        columns.append(column)
    names = column_names(path, header, required, synonyms)
    return Records(pa.Table.from_arrays(columns, names=names), [], BAD_JSON, "json")


def _table(path: Path, content: bytes) -> pa.Table:
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        _check_size(path, file.metadata, len(content))
        return file.read()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            path,
            f"is a damaged or truncated Parquet file ({_first_line(error)})",
            "Deliver it again; the transfer may have broken off.",
        ) from error


def _check_size(path: Path, metadata: pq.FileMetaData, packed: int) -> None:
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    cells = metadata.num_rows * max(1, metadata.num_columns)
    too_wide = unpacked > MAX_UNPACKED and unpacked > MAX_RATIO * packed
    if too_wide or (cells > _MAX_CELLS and cells > MAX_RATIO * packed):
        raise SourceError(
            path,
            f"unpacks to more than {MAX_RATIO} times its size",
            "Deliver it in smaller files, if that is right.",
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _text_columns(table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_nested(field.type):
            yield from _nested(field.name, column)
        else:
            yield field.name, pc.fill_null(_text(column), "")


def _nested(name: str, column: pa.ChunkedArray) -> Iterator[tuple[str, pa.Array]]:
    # Maps come as lists of pairs, which read as the object that was meant.
    is_map = pa.types.is_map(column.type)
    values = [dict(v) if is_map and v is not None else v for v in column.to_pylist()]
    rows = [dict(flattened({name: value})) for value in values]
    names = list(dict.fromkeys(key for row in rows for key in row)) or [name]
    if len(names) > 1:
        # The object that is null in some rows is no column of its own.
        names = [key for key in names if key != name]
    for key in names:
        yield key, pa.array([row.get(key, "") for row in rows], pa.string())


def _text(column: pa.ChunkedArray) -> pa.Array:
    values = flat(column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) and values.type.tz:
        values = values.cast(pa.timestamp(values.type.unit, tz="UTC"))
    if _is_binary(values.type):
        return pa.array([_decoded(v) for v in values.cast(pa.binary()).to_pylist()], pa.string())
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_plain(v) for v in values.to_pylist()], pa.string())


def _is_binary(kind: pa.DataType) -> bool:
    checks = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
    )
    return any(check(kind) for check in checks)


def _decoded(value: bytes | None) -> str | None:
    """Text that a writer did not check to be any; NUL is stored by no engine."""
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return text.replace("\x00", "")


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)
