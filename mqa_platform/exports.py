"""Published tables as files: CSV, Parquet or JSON.

Belongs here: formats, and text made harmless for spreadsheets. Does not belong here: choosing rows.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mqa_platform.home import Home
from mqa_platform.marts import open_marts

FORMATS = ("csv", "parquet", "json")
# The full-width forms count: spreadsheets of East Asian locales fold them to the plain ones.
_TRIGGERS = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")
# What shows nothing at the head of a cell, and is stripped by some programs before they look for a formula.
_UNSEEN = re.compile(
    "^[\\s\\x00-\\x08\\x0b-\\x1f\\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+"
)
_TURNED = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# A list with semicolons is cut at those inside a cell, where no quotes protect them.
_LINES = re.compile(r"(\r\n|\r|\n|;)")


def plain(value: Any) -> Any:
    """A value that JSON has: days and times as ISO text, points as numbers."""
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        # Shortest text of a double: four decimals of a score survive unchanged.
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula, in any of its lines (OWASP, CSV injection).

    Signs that turn the direction of writing are left out: they make a cell read as what it is not.
    """
    parts = _LINES.split(_TURNED.sub("", text))
    if not any(_is_risky(part) for part in parts[::2]):
        # A line end before the text is itself a trigger, even when what follows is none.
        whole = "".join(parts)
        return f"'{whole}" if whole[:1] in ("\r", "\n") else whole
    parts[::2] = [f"'{part}" if _is_risky(part) else part for part in parts[::2]]
    return "".join(parts)


def _is_risky(line: str) -> bool:
    return line.startswith("\t") or _UNSEEN.sub("", line).startswith(_TRIGGERS)


def to_csv(table: pa.Table) -> bytes:
    """RFC 4180 text with a header; null is an empty field.

    Lines end with CRLF, as the RFC has it: only then does the writer quote a lone CR inside a field.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=50_000):
        columns = [batch.column(i).to_pylist() for i in range(batch.num_columns)]
        for row in zip(*columns, strict=True):
            writer.writerow([_cell(v) for v in row])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value)


def to_json(table: pa.Table) -> bytes:
    """A list of objects, one a row."""
    return (
        json.dumps([plain(r) for r in table.to_pylist()], ensure_ascii=False, indent=1) + "\n"
    ).encode()


def to_parquet(table: pa.Table) -> bytes:
    """Parquet with the contract's types."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def export(home: Home, table: str, form: str, target: Path | None) -> bytes:
    """A published table in a format; written to ``target`` in one step if given.

    Rows come in the order of the table's key, so that two exports of equal tables are equal files.

    Raises:
        MartError: no such table.
    """
    from mqa_platform.contracts.loader import load_contracts

    with open_marts(home) as marts:
        expr = marts.table(table)
        rows = marts.arrow(expr.order_by([expr[c] for c in load_contracts()[table].key]))
    content = {"csv": to_csv, "json": to_json, "parquet": to_parquet}[form](rows)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_bytes(content)
        partial.replace(target)
    return content
