"""Records of any file form as text columns, and what a file's columns must be.

Belongs here: ``Records``, how column names compare, and the checks of a header. Does not belong
here: reading one form (``delimited``, ``json_records``, ``parquet_records``) or types and meanings
(each connector).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mqa_platform.sources.columns import flat, joined, nulls, tidy
from mqa_platform.sources.landed import SourceError

WRONG_COUNT: Final = "wrong_column_count"


@dataclass(frozen=True)
class Records:
    """The records of one file.

    ``table`` holds text columns as written (never null), ``misfits`` the raw text of records that
    do not fit (``misfit_reason``: a wrong number of fields, no JSON object). The header and blank
    lines are in neither. ``written_as`` says whether a record is shown as a line of CSV, or as a
    JSON object of the columns it has.
    """

    table: pa.Table
    misfits: list[str]
    misfit_reason: str = WRONG_COUNT
    written_as: str = "csv"

    def __len__(self) -> int:
        return len(self.table)

    def text(self, *names: str) -> pa.Array:
        """The first of these columns that the file has, tidied; null throughout if it has none."""
        for name in names:
            if name in self.table.column_names:
                return tidy(self.table[name])
        return nulls(len(self.table))

    def has(self, name: str) -> bool:
        """Whether the file has this column."""
        return name in self.table.column_names

    def content(self) -> pa.Array:
        """Each record as one text, the same however its fields were quoted or ordered."""
        if not len(self):
            return nulls(0)
        if self.written_as == "json":
            return pa.array(self.raw(np.arange(len(self))), pa.string())
        return joined([flat(column) for column in self.table.columns])

    def raw(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """These records written as text again."""
        picked = self.table.take(pa.array(rows, pa.int64()))
        if self.written_as == "json":
            return [_object(row) for row in picked.to_pylist()]
        if picked.num_columns == 1:
            return list(picked.column(0).to_pylist())
        return [_line(row) for row in zip(*(c.to_pylist() for c in picked.columns), strict=True)]


def _line(fields: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()


def _object(row: Mapping[str, str]) -> str:
    given = {name: value for name, value in row.items() if value != ""}
    return json.dumps(given, ensure_ascii=False, sort_keys=True)


def canonical(name: str) -> str:
    """A column name as it is compared: ``Term_Months__c`` and ``term_months_c`` are one column."""
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def no_records(required: Sequence[str]) -> Records:
    """What a file of zero bytes holds."""
    return Records(pa.table({canonical(n): nulls(0) for n in required}), [])


def column_names(
    path: Path, header: Sequence[str], required: Sequence[str], synonyms: Mapping[str, str] | None
) -> list[str]:
    """The ``canonical`` name of every column.

    Args:
        path: the file, for messages.
        header: the names as written.
        required: columns the file must have, in the vendor's spelling.
        synonyms: canonical names to read as another canonical name, unless that one is there.

    Raises:
        SourceError: no columns, a column twice, or a required column missing.
    """
    names = [canonical(name) for name in header]
    for old, new in (synonyms or {}).items():
        if old in names and new not in names:
            names[names.index(old)] = new
    if not any(names):
        raise SourceError(path, "its header names no column", "Export it with a header.")
    names = [name or f"unnamed{at}" for at, name in enumerate(names)]
    names = _told_apart(path, header, names, {canonical(name) for name in required})
    missing = [name for name in required if canonical(name) not in names]
    if missing:
        raise SourceError(
            path,
            f"lacks the column {', '.join(missing)}",
            f"It has {', '.join(header[:12])}; export the missing ones or name another connector.",
        )
    return names


def _told_apart(
    path: Path, header: Sequence[str], names: list[str], required: set[str]
) -> list[str]:
    """Names that occur once. Wide exports have custom columns that differ only in punctuation.

    Of those the first keeps the name and no connector sees the others; a column that must be there, or
    one that is spelled the same way twice, leaves no choice.
    """
    alike = {n for n in names if names.count(n) > 1}
    spelled = [h.strip().casefold() for h in header]
    twice = {
        h.strip()
        for h, s, n in zip(header, spelled, names, strict=True)
        if n in alike and (spelled.count(s) > 1 or n in required)
    }
    if twice:
        raise SourceError(
            path, f"has the column {', '.join(sorted(twice))} twice", "Export each column once."
        )
    seen: Counter[str] = Counter()
    kept = []
    for name in names:
        seen[name] += 1
        kept.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return kept
