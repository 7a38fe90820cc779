"""Records read column by column, with every conversion that fails remembered.

Belongs here: text → type with a defect reason. Does not belong here: one vendor's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import booleans, integers, numbers, present
from mqa_platform.sources.delimited import Records, canonical
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.timestamps import parse_timestamps


class TypedRecords:
    """Typed columns of one file, named in the vendor's spelling.

    A blank is null and a value that is not of the type makes its record a defect: a lost headcount
    would otherwise read as "not known" and move the account's fit. Columns not in the file are
    null throughout.
    """

    def __init__(self, source: Source, records: Records) -> None:
        self._source = source
        self._records = records
        self._checks: list[tuple[str, npt.NDArray[np.bool_]]] = []

    def has(self, name: str) -> bool:
        """Whether the file has this column."""
        return self._records.has(canonical(name))

    def check(self, reason: str, wrong: npt.NDArray[np.bool_]) -> None:
        """Records that do not land, and why; the first reason that applies is kept."""
        self._checks.append((reason, wrong))

    def text(self, name: str) -> pa.Array:
        """Text, null where blank."""
        return self._records.text(canonical(name))

    def needed(self, name: str, reason: str) -> pa.Array:
        """Text that every record must have."""
        values = self.text(name)
        self.check(reason, ~present(values))
        return values

    def time(self, name: str) -> pa.Array:
        """Timestamps, null where blank."""
        values, wrong = parse_timestamps(self.text(name))
        self.check("bad_timestamp", wrong)
        return values

    def needed_time(self, name: str) -> pa.Array:
        """Timestamps that every record must have."""
        self.check("missing_timestamp", ~present(self.text(name)))
        return self.time(name)

    def number(self, name: str) -> pa.Array:
        """Doubles, null where blank."""
        values, wrong = numbers(self.text(name))
        self.check("bad_number", wrong)
        return values

    def integer(self, name: str) -> pa.Array:
        """Whole numbers, null where blank."""
        values, wrong = integers(self.text(name))
        self.check("bad_number", wrong)
        return values

    def boolean(self, name: str) -> pa.Array:
        """True or false, null where blank."""
        values, wrong = booleans(self.text(name))
        self.check("bad_boolean", wrong)
        return values

    def flag(self, name: str) -> pa.Array:
        """True or false, false where blank."""
        return pc.fill_null(self.boolean(name), False)

    def reasons(self) -> npt.NDArray[np.object_]:
        """The first check that each record failed, None where it passed all so far."""
        return first_reason(len(self._records), self._checks)

    def landed(self, table: str, columns: Mapping[str, Any]) -> Landed:
        """One row of ``table`` for every record that passed every check."""
        reasons = self.reasons()
        complete = {"source": self._source.connector, **columns}
        return landed_records(self._source, self._records, table, complete, reasons)
