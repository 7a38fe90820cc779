"""Records whose columns go by several names: each vendor has its own word for the same thing.

Belongs here: reading one of our columns from whichever of its names a file has. Does not belong here:
the names (each connector), or types (``typed_records``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, line_ids, nulls
from mqa_platform.sources.landed import Landed, SourceError, first_reason
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import SAME_SIGNAL, without_repeats
from mqa_platform.sources.schemas import TIMESTAMP
from mqa_platform.sources.typed_records import TypedRecords

Names = Mapping[str, Sequence[str]]
_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)")


class Alternatives(TypedRecords):
    """Typed columns of one file of records, in our words.

    ``names`` gives, for each of our columns, the names it may have in ``canonical`` form, the best
    one first. Where a file has several of them, each record takes the first that it fills: an exact
    headcount where there is one, else the band.
    """

    def __init__(
        self, source: Source, path: Path, names: Names, records: Records | None = None
    ) -> None:
        """Read the file, unless its records are given.

        Raises:
            SourceError: it cannot be read.
        """
        self.path = path
        self.records = read_records(path) if records is None else records
        self._names = names
        super().__init__(source, self.records)

    def __len__(self) -> int:
        return len(self.records)

    def has(self, name: str) -> bool:
        """Whether the file has the column under any of its names."""
        return any(self.records.has(other) for other in self._names[name])

    def text(self, name: str) -> pa.Array:
        """Text, null where blank under every name."""
        found = [self.records.text(n) for n in self._names[name] if self.records.has(n)]
        return coalesce(*found) if found else nulls(len(self))

    def line_ids(self) -> pa.Array:
        """Ids for records that have none; see ``columns.line_ids``."""
        # A file of zero bytes has no columns to make a text of.
        has_columns = self.records.table.num_columns
        return line_ids(self.records.content()) if has_columns else nulls(len(self))

    def split(self, rows: npt.NDArray[np.bool_]) -> tuple[Alternatives, Alternatives]:
        """These rows, and the others with whatever does not fit, to be read as different things."""
        wanted = replace(self.records, table=self.records.table.filter(pa.array(rows)), misfits=[])
        others = replace(self.records, table=self.records.table.filter(pa.array(~rows)))
        mine, rest = (
            Alternatives(self._source, self.path, self._names, part) for part in (wanted, others)
        )
        return mine, rest

    def require(self, *columns: str) -> None:
        """Refuse a file with records that has none of these columns.

        Raises:
            SourceError: naming what is missing, and what the file has instead.
        """
        if not len(self) or any(self.has(name) for name in columns):
            return
        wanted = " or ".join(columns)
        has = ", ".join(self.records.table.column_names[:12])
        raise SourceError(
            self.path,
            f"has no column for {wanted}",
            f"It has {has}; export {wanted} as well, or name another connector.",
        )

    def landed_once(
        self,
        table: str,
        columns: Mapping[str, Any],
        filtered: npt.NDArray[np.object_] | None = None,
    ) -> Landed:
        """One row of ``table`` for every record that passed every check; exact repeats are counted."""
        reasons = first_reason(len(self), self._checks)
        complete = {"source": self._source.connector, **columns}
        found = landed_records(self._source, self.records, table, complete, reasons, filtered)
        same = SAME_SIGNAL if table == "landed_signals" else found.tables[table].column_names
        return without_repeats(found, table, same)


def day_in_name(path: Path) -> date | None:
    """The day that a file's name gives, as ``2026-01-31`` or ``20260131``; None without one."""
    for year, month, day in _DAY.findall(path.name):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def midnight(day: date) -> pa.Scalar:
    """The start of a day in UTC, as landed timestamps have it."""
    return pa.scalar(datetime.combine(day, time(), UTC), TIMESTAMP)
