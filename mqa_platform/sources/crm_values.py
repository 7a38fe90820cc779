"""One file read through one object of mapping.yaml: our columns, with the CRM's picklists translated.

Belongs here: which field fills a column, what its values stand for, and the verdicts of that. Does
not belong here: which columns a record has (``crm_columns``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.crm_words import CLOSED
from mqa_platform.policy.mapping import FILTERED, NOTHING, CrmObject
from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import booleans, coalesce, each_unique, flat, nulls, present
from mqa_platform.sources.record_table import Records, canonical
from mqa_platform.sources.schemas import CONSENTS, EVENTS
from mqa_platform.sources.typed_records import TypedRecords

# So many different values of one column are counted one by one; a free text in the place of a
# picklist would else make the ledger as long as the file.
_COUNTED: Final = 50
_SHOWN: Final = 60
REPEATED: Final = "repeated"
_VOCABULARY: Final = {**CLOSED, "event": EVENTS, "consent": CONSENTS}


def folded(value: str) -> str:
    """A picklist value as it is compared."""
    return " ".join(value.split()).casefold()


def fields_of(records: Records, mapped: CrmObject, column: str) -> list[str]:
    """The canonical names of the fields for a column that the file has, in the mapping's order."""
    names = dict.fromkeys(canonical(name) for name in mapped.fields_of(column))
    return [name for name in names if records.has(name)]


def translation(mapped: CrmObject, column: str) -> dict[str, str]:
    """Folded value of the CRM → ours, ``filtered`` or ``none``."""
    return {folded(theirs): ours for theirs, ours in mapped.values.get(column, {}).items()}


class MappedRecords(TypedRecords):
    """Columns by our names; a value that is none of ours makes its record a defect with the value.

    ``filtered`` is, record by record, why the mapping leaves it out, or None.
    """

    def __init__(self, path: Path, source: Source, records: Records, mapped: CrmObject) -> None:
        super().__init__(source, records)
        self.path = path
        self.source = source.connector
        self.records = records
        self.mapped = mapped
        self.filtered: npt.NDArray[np.object_] = np.full(len(records), None, dtype=object)
        self._read: dict[str, pa.Array] = {}

    def has(self, name: str) -> bool:
        """Whether the mapping gives this column a constant, or a field that the file has."""
        return name in self.mapped.constants or bool(self._fields(name))

    def text(self, name: str) -> pa.Array:
        """One of our columns as text, translated; null where blank, ``none`` or not in the file."""
        if name not in self._read:
            values, left_out = self.translated(name)
            self.leave_out(name, left_out)
            self._read[name] = values
        return self._read[name]

    def any_flag(self, name: str) -> pa.Array:
        """True where one of the fields that fill this column says so; false where blank."""
        if name in self.mapped.constants or name in self.mapped.values:
            return self.flag(name)
        result = pa.repeat(False, len(self.records))
        for field in self._fields(name):
            values, wrong = booleans(self.records.text(field))
            self.check("bad_boolean", wrong)
            result = pc.or_(result, pc.fill_null(values, False))
        return result

    def given(self, name: str) -> pa.Array:
        """The column as the CRM wrote it."""
        if name in self.mapped.constants:
            return pa.array([self.mapped.constants[name]] * len(self.records), pa.string())
        fields = [self.records.text(field) for field in self._fields(name)]
        return coalesce(*fields) if fields else nulls(len(self.records))

    def translated(self, name: str) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
        """One of our columns, and where the mapping says ``filtered`` (null there)."""
        given = self.given(name)
        words = translation(self.mapped, name)
        if name in self.mapped.constants or not words:
            return self._closed(name, given), np.zeros(len(given), dtype=bool)
        if "" in words:
            given = pc.fill_null(given, "")
        ours = each_unique(given, lambda value: words.get(folded(value)))
        self.unmapped(name, given, present(given) & ~present(ours) & _not_blank(given))
        left_out = np.asarray(pc.fill_null(pc.equal(ours, FILTERED), False))
        empty = pc.is_in(ours, pa.array([FILTERED, NOTHING]))
        return pc.if_else(empty, pa.scalar(None, pa.string()), ours), left_out

    def unmapped(self, name: str, given: pa.Array, rows: npt.NDArray[np.bool_]) -> None:
        """Make these records defects, counted by the value that the mapping does not know."""
        if not rows.any():
            return
        found = pc.value_counts(given.filter(pa.array(rows)))
        ranked = sorted(found.to_pylist(), key=lambda v: (-v["counts"], v["values"]))
        column = flat(given)
        for value in ranked[:_COUNTED]:
            text = value["values"]
            same = np.asarray(pc.fill_null(pc.equal(column, text), False))
            self.check(f"unmapped_value: {name}={_short(text)}", rows & same)
        self.check(f"unmapped_value: {name}=(other values)", rows)

    def leave_out_repeated(self) -> None:
        """Leave out good records that repeat an earlier one of the file, field by field."""
        good = np.flatnonzero(good_rows(self))
        content = self.records.content().take(pa.array(good, pa.int64()))
        codes = content.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        first = np.full(len(good), False)
        first[np.unique(codes, return_index=True)[1]] = True
        self.filtered[good[~first]] = REPEATED

    def leave_out(self, name: str, rows: npt.NDArray[np.bool_]) -> None:
        """Leave these records out on the mapping's word, counted by the value that says so."""
        if rows.any():
            shown = self.given(name).to_pylist()
            for row in np.flatnonzero(rows & (self.filtered == None)):  # noqa: E711
                self.filtered[row] = f"filtered_value: {name}={_short(shown[row])}"

    def _fields(self, name: str) -> list[str]:
        return fields_of(self.records, self.mapped, name)

    def _closed(self, name: str, given: pa.Array) -> pa.Array:
        """A column without ``values``: in a closed list only our own words are words."""
        known = _VOCABULARY.get(name)
        if known is None:
            return given
        ours = each_unique(given, lambda v: folded(v) if folded(v) in known else None)
        self.unmapped(name, given, present(given) & ~present(ours))
        return ours


def _not_blank(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(pc.not_equal(values, ""), False))


def _short(value: str | None) -> str:
    return (value or "(blank)")[:_SHOWN]


def good_rows(m: MappedRecords) -> npt.NDArray[np.bool_]:
    """Where a record lands."""
    return np.asarray((m.reasons() == None) & (m.filtered == None))  # noqa: E711 (by element)
