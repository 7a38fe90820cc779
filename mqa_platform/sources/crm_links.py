"""What CRM records say of each other, and of people: links, merges, and whose e-mail a lead's is.

Belongs here: rows that land beside a record. Does not belong here: the record (``crm_columns``).

A merge is a link from the record that is gone to ``survivor``; the survivor's id is ``to_id``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mqa_platform.sources.crm_cells import TABLES
from mqa_platform.sources.crm_values import MappedRecords
from mqa_platform.sources.landed import conform, empty

SURVIVOR: Final = "survivor"
OBJECTS: Final = {
    "accounts": "account",
    "contacts": "contact",
    "leads": "lead",
    "opportunities": "opportunity",
    "activities": "activity",
}
_LISTS: Final = {
    "account_ids": "account",
    "contact_ids": "contact",
    "opportunity_ids": "opportunity",
}
_BETWEEN: Final = re.compile(r"[;,\s]+")


def links(m: MappedRecords, columns: dict[str, Any], good: npt.NDArray[np.bool_]) -> pa.Table:
    """``landed_associations`` that the landed records name, in the order of the file."""
    whose = OBJECTS.get(m.mapped.lands_as)
    found: list[tuple[str, str, str, str, Any]] = []
    if whose:
        key = TABLES[m.mapped.lands_as][1]
        rows = np.flatnonzero(good).tolist()
        ids = columns[key].to_pylist()
        moments = columns["modified_at"].to_pylist()
        found = [
            (*link, moments[row])
            for column, target in (*_LISTS.items(), ("survivor_id", SURVIVOR), ("merged_ids", ""))
            if m.has(column)
            for row, link in _of_column(m, column, target, whose, ids, rows)
        ]
    if not found:
        return empty("landed_associations")
    names = ("from_object", "from_id", "to_object", "to_id", "modified_at")
    parts = dict(zip(names, map(pa.array, map(list, zip(*found, strict=True))), strict=True))
    columns = {**parts, "source": m.source, "is_deleted": False}
    return conform("landed_associations", len(found), columns)


def _of_column(
    m: MappedRecords, column: str, target: str, whose: str, ids: list[str], rows: list[int]
) -> Iterator[tuple[int, tuple[str, str, str, str]]]:
    values = m.text(column).to_pylist()
    for row in rows:
        for other in dict.fromkeys(filter(None, _BETWEEN.split(values[row] or ""))):
            if column == "merged_ids":
                yield row, (whose, other, SURVIVOR, ids[row])
            else:
                yield row, (whose, ids[row], target, other)


def identities(m: MappedRecords, columns: dict[str, Any], good: npt.NDArray[np.bool_]) -> pa.Table:
    """``landed_identities`` of leads: whose address a lead number is."""
    rows = np.flatnonzero(good & np.asarray(columns["person_ref"].is_valid()))
    picked = pa.array(rows, pa.int64())
    return conform(
        "landed_identities",
        len(rows),
        {
            "source": m.source,
            "kind": "lead",
            "ref": columns["lead_id"].take(picked),
            "person_ref": columns["person_ref"].take(picked),
            "email_domain": columns["email_domain"].take(picked),
            "seen_at": columns["modified_at"].take(picked),
        },
    )
