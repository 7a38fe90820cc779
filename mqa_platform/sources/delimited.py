"""CSV files as text columns, with the records that do not fit set apart.

Belongs here: RFC 4180 with the dirt of real exports (marks, three line endings, stray quotes).
Does not belong here: types and meanings of columns (each connector).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from mqa_platform.sources.files import open_text, without_long_lines
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import WRONG_COUNT, Records, canonical, column_names

__all__ = [
    "WRONG_COUNT",
    "Records",
    "canonical",
    "csv_records",
    "read_with_header",
    "read_without_header",
]
# A record may not span more than this; beyond it, a stray quote has swallowed the file.
_BLOCK = 256 * 1024 * 1024
# How often a file may be read again, in total, to get back what stray quotes have swallowed.
_REREAD = 16


def read_with_header(
    path: Path, required: Sequence[str], synonyms: Mapping[str, str] | None = None
) -> Records:
    """Read a file of records that name their columns: CSV with a header, JSON or Parquet.

    See ``record_files.read_records``, which decides by content.
    """
    # Here, because that module reads CSV with this one.
    from mqa_platform.sources.record_files import read_records

    return read_records(path, required, synonyms)


def csv_records(
    path: Path, content: bytes, required: Sequence[str], synonyms: Mapping[str, str] | None = None
) -> Records:
    """Read CSV whose first record names the columns; names are then ``canonical``.

    Args:
        path: the file, for messages.
        content: its text, as UTF-8.
        required: columns it must have, in the vendor's spelling.
        synonyms: canonical names to read as another canonical name, unless that one is there.

    Raises:
        SourceError: no columns, a column twice, or a required column missing.
    """
    header, body = _split_header(content)
    return _records(path, body, column_names(path, header, required, synonyms))


def read_without_header(path: Path, names: Sequence[str], remedy: str) -> Records:
    """Read a CSV file of which every record is data; ``names`` are its columns in order.

    Raises:
        SourceError: unreadable, or no record has that many columns (``remedy`` says what to do).
    """
    records = _records(path, open_text(path), list(names))
    if records.misfits and not len(records):
        raise SourceError(path, f"none of its rows has {len(names)} columns", remedy)
    return records


def _split_header(content: bytes) -> tuple[list[str], bytes]:
    """The first record, and the rest; a quoted name may contain a line break."""
    start = len(content) - len(content.lstrip(b"\r\n"))
    quoted, at = False, start
    while at < len(content):
        byte = content[at : at + 1]
        if byte == b'"':
            quoted = not quoted
        elif byte in b"\r\n" and not quoted:
            break
        at += 1
    first = content[start:at].decode()
    header = next(csv.reader(io.StringIO(first, newline="")), [])
    return header, content[at:]


def _records(path: Path, body: bytes, names: list[str]) -> Records:
    body, misfits = without_long_lines(body)
    tables = [_parse(path, b"", names, misfits)]
    pending, budget = [body], _REREAD * len(body)
    while pending and budget >= 0:
        text = pending.pop()
        budget -= len(text)
        found: list[str] = []
        table = _parse(path, text, names, found)
        if _never_closed(text, table):
            before, line, after = _around_last_quote(text)
            misfits.append(line.decode())
            pending += [after, before]
            continue
        tables.append(table)
        for record in filter(str.strip, found):
            first, rest = _after_first_line(record)
            misfits.append(first)
            if rest.strip():
                # An opening quote without its end swallows the lines below it: read those again.
                pending.append(rest.encode())
    misfits.extend(rest.decode() for rest in pending)
    return Records(pa.concat_tables(tables), misfits)


def _never_closed(text: bytes, table: pa.Table) -> bool:
    """Whether a quote was opened and the rest of the file taken for the field behind it."""
    if not len(table) or text.count(b'"') % 2 == 0:
        return False
    last = table.column(table.num_columns - 1)[-1].as_py()
    return "\n" in last or "\r" in last


def _around_last_quote(text: bytes) -> tuple[bytes, bytes, bytes]:
    """What is above the line with the last quote, that line, and what is below it."""
    quote = text.rfind(b'"')
    start = max(text.rfind(b"\n", 0, quote), text.rfind(b"\r", 0, quote)) + 1
    ends = [at for at in (text.find(b"\n", quote), text.find(b"\r", quote)) if at >= 0]
    end = min(ends, default=len(text))
    return text[:start], text[start:end], text[end:]


def _after_first_line(text: str) -> tuple[str, str]:
    head, *_ = text.encode().splitlines() or [b""]
    first = head.decode()
    return first, text[len(first) :].lstrip("\r\n")


def _parse(path: Path, body: bytes, names: list[str], misfits: list[str]) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in names])
    if not body.strip():
        return schema.empty_table()

    def set_apart(row: pacsv.InvalidRow) -> str:
        misfits.append(row.text)
        return "skip"

    try:
        return pacsv.read_csv(
            io.BytesIO(body),
            pacsv.ReadOptions(
                column_names=names, use_threads=False, block_size=min(len(body) + 1, _BLOCK)
            ),
            pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=set_apart),
            pacsv.ConvertOptions(column_types=schema, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise SourceError(path, f"is no CSV ({error})", "Export it as CSV again.") from error
