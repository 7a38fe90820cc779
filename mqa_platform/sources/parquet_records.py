"""Parquet as records: every column as the text that a CSV of it would hold.

Belongs here: opening Parquet, the limits against hostile files, and its types as text. Does not
belong here: meanings of columns (each connector).

Moments become ISO text in UTC, decimals their digits, whole numbers held as doubles lose the
``.0``; nested columns are flattened as in ``json_records``.

What a file says of its own size is not believed: one long text in a dictionary and a run of indices
pack to nothing. So texts are read as dictionaries, in batches, and measured before they are spelled out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mqa_platform.sources.files import MAX_CONTENT, MAX_RATIO, MAX_UNPACKED
from mqa_platform.sources.json_lines import BAD_JSON
from mqa_platform.sources.json_records import flattened
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import Records, column_names

MARK: Final = b"PAR1"
# A run of equal values packs to nothing, so a file's size does not bound its cells.
_MAX_CELLS: Final = 500_000_000
_BATCH_CELLS: Final = 1 << 20
_BATCH_BYTES: Final = 64 * 1024 * 1024
# For columns whose values are spelled out as they are read.
_FEW_ROWS: Final = 256
# What a value costs while nested columns are Python objects.
_OBJECT: Final = 64


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
        SourceError: truncated or damaged, over 256 MiB of text and over 200 times its bytes, over
            2 GiB of text, a column twice, or a required column missing.
    """
    size = _Size(path, len(content))
    fields: list[_Texts] | None = None
    for batch in _batches(path, content, size):
        fields = fields or [_Texts(each.name) for each in batch.schema]
        for each, column, texts in zip(batch.schema, batch.columns, fields, strict=True):
            added = dict(_text_columns(each.name, column))
            texts.append(len(batch), added)
            size.add(sum(map(_length, added.values())))
    named = [pair for texts in fields or [] for pair in texts.columns()]
    names = column_names(path, [name for name, _ in named], required, synonyms)
    columns = [column for _, column in named]
    return Records(pa.Table.from_arrays(columns, names=names), [], BAD_JSON, "json")


@dataclass
class _Size:
    """The bytes that a file's values take as text, refused where they are too many."""

    path: Path
    packed: int
    total: int = 0

    def add(self, more: int) -> None:
        self.check(more)
        self.total += more

    def check(self, more: int) -> None:
        total = self.total + more
        if total > MAX_UNPACKED and total > MAX_RATIO * self.packed:
            raise self.too_wide()
        if total > MAX_CONTENT:
            raise SourceError(
                self.path,
                f"holds more than {MAX_CONTENT >> 30} GiB",
                "Deliver it in smaller files.",
            )

    def too_wide(self) -> SourceError:
        return SourceError(
            self.path,
            f"unpacks to more than {MAX_RATIO} times its size",
            "Deliver it in smaller files, if that is right.",
        )


@dataclass
class _Texts:
    """The columns that one field of the file became, batch by batch."""

    name: str
    rows: list[int] = field(default_factory=list)
    parts: list[dict[str, pa.Array]] = field(default_factory=list)

    def append(self, rows: int, added: dict[str, pa.Array]) -> None:
        self.rows.append(rows)
        self.parts.append(added)

    def columns(self) -> Iterator[tuple[str, pa.ChunkedArray]]:
        names = list(dict.fromkeys(name for part in self.parts for name in part))
        if len(names) > 1:
            # The object that is null in some rows is no column of its own.
            names = [name for name in names if name != self.name]
        for name in names:
            chunks = [
                part[name] if name in part else pa.repeat("", rows)
                for rows, part in zip(self.rows, self.parts, strict=True)
            ]
            yield name, pa.chunked_array(chunks, pa.string())


def _batches(path: Path, content: bytes, size: _Size) -> Iterator[pa.RecordBatch]:
    """Batches whose texts are dictionaries, each small enough to be spelled out; at least one."""
    try:
        metadata = pq.read_metadata(io.BytesIO(content))
        _check_size(metadata, size)
        packed = _dictionaries(metadata)
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=packed)
        yield pa.RecordBatch.from_pylist([], file.schema_arrow)
        for batch in file.iter_batches(_rows(metadata, packed)):
            size.check(sum(map(_measured, batch.columns)))
            yield batch
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            path,
            f"is a damaged or truncated Parquet file ({_first_line(error)})",
            "Deliver it again; the transfer may have broken off.",
        ) from error


def _check_size(metadata: pq.FileMetaData, size: _Size) -> None:
    """Refuse early by what the file says itself."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    size.check(sum(group.total_byte_size for group in groups))
    inner = sum(group.column(at).num_values for group in groups for at in range(group.num_columns))
    cells = max(inner, metadata.num_rows * max(1, metadata.num_columns))
    if cells > _MAX_CELLS and cells > MAX_RATIO * size.packed:
        raise size.too_wide()


def _dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """The columns of text that Arrow can read as dictionaries."""
    delta = {
        chunk.path_in_schema
        for at in range(metadata.num_row_groups)
        for chunk in map(metadata.row_group(at).column, range(metadata.num_columns))
        if any("DELTA" in encoding for encoding in chunk.encodings)
    }
    columns = map(metadata.schema.column, range(metadata.num_columns))
    return [c.path for c in columns if _is_text(c) and c.path not in delta]


def _is_text(column: pq.ColumnSchema) -> bool:
    return column.physical_type == "BYTE_ARRAY" and column.logical_type.type != "DECIMAL"


def _rows(metadata: pq.FileMetaData, dictionaries: list[str]) -> int:
    """How many rows to read at once, so that a batch fits whatever its values are."""
    columns = list(map(metadata.schema.column, range(metadata.num_columns)))
    spelled = any(
        c.physical_type == "BYTE_ARRAY" and c.path not in set(dictionaries) for c in columns
    )
    width = sum(max(0, c.length) for c in columns)
    rows = min(_BATCH_CELLS // max(1, len(columns)), _BATCH_BYTES // max(1, width))
    return max(1, min(rows, _FEW_ROWS) if spelled else rows)


def _measured(values: pa.Array) -> int:
    """Bytes of an array's values, each in full, without spelling out its dictionaries."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(values.dictionary.cast(pa.large_binary())).cast(pa.int64())
        return len(values) + (pc.sum(lengths.take(values.indices)).as_py() or 0)
    if pa.types.is_struct(kind):
        return len(values) + sum(map(_measured, values.flatten()))
    if pa.types.is_map(kind):
        begin, end = values.offsets[0].as_py(), values.offsets[-1].as_py()
        inner = (part.slice(begin, end - begin) for part in (values.keys, values.items))
        return _OBJECT * len(values) + sum(map(_measured, inner))
    if pa.types.is_nested(kind):
        inner = values.flatten()
        return _OBJECT * (len(values) + len(inner)) + _measured(inner)
    return int(values.nbytes)


def _length(texts: pa.Array) -> int:
    """Bytes of a column of text with a separator after each value."""
    return len(texts) + (pc.sum(pc.binary_length(texts).cast(pa.int64())).as_py() or 0)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _text_columns(name: str, column: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    if pa.types.is_nested(column.type):
        yield from _nested(name, column)
    else:
        yield name, pc.fill_null(_text(column), "")


def _nested(name: str, column: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    # Maps come as lists of pairs, which read as the object that was meant.
    is_map = pa.types.is_map(column.type)
    values = [dict(v) if is_map and v is not None else v for v in column.to_pylist()]
    rows = [dict(flattened({name: value})) for value in values]
    for key in list(dict.fromkeys(key for row in rows for key in row)) or [name]:
        yield key, pa.array([row.get(key, "") for row in rows], pa.string())


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        if len(values.dictionary) <= len(values):
            return _text(values.dictionary).take(values.indices)
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) and values.type.tz:
        values = values.cast(pa.timestamp(values.type.unit, tz="UTC"))
    if _is_binary(values.type):
        return _checked(values.cast(pa.binary()))
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


def _checked(values: pa.Array) -> pa.Array:
    """Text that a writer did not check to be any; NUL is stored by no engine."""
    try:
        texts = values.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(map(_decoded, values.to_pylist()), pa.string())
    if pc.any(pc.match_substring(texts, "\x00")).as_py():
        texts = pc.replace_substring(texts, "\x00", "")
    return texts


def _decoded(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return text.replace("\x00", "")


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)
