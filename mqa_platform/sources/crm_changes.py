"""Field history of a CRM: one landed row for every column of ours that a change touched.

Belongs here: which of our columns a changed field fills, and its values in our words. Does not
belong here: what a record looked like before (``core.crm_history``).

The object that changed is read with its own mapping, so a picklist is translated once and in one
place. Changes of fields that nothing is mapped from are left out (``unmapped_field``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.crm_words import CLOSED
from mqa_platform.policy.mapping import FILTERED, NOTHING, CrmObject
from mqa_platform.sources.columns import booleans, each_unique, integers, numbers, present
from mqa_platform.sources.crm_cells import TABLES
from mqa_platform.sources.crm_links import OBJECTS
from mqa_platform.sources.crm_values import MappedRecords, folded, good_rows, translation
from mqa_platform.sources.landed import conform
from mqa_platform.sources.names import registrable_domains, snake_case
from mqa_platform.sources.record_table import canonical
from mqa_platform.sources.schemas import delivered
from mqa_platform.sources.timestamps import parse_timestamps

UNMAPPED_FIELD: Final = "unmapped_field"
_PREFIX: Final = re.compile(r"^(properties\.|property_)")
# Columns of ours that are no cells of the landed record, and what they fill there.
_FILLS: Final = {"state": ("is_closed", "is_won"), "website": ("domain",)}
# What identifies a record or says when it changed never goes back in time.
_FIXED: Final = frozenset({"source", "modified_at", "created_at", "is_deleted"})
_SNAKE: Final = frozenset({"loss_reason", "sales_status_reason"})

Cells = list[tuple[int, str, str | None, str | None]]


def changed_columns(objects: Iterable[CrmObject], whose: str) -> dict[str, list[tuple[str, Any]]]:
    """Canonical field name → the (column, object) pairs that it fills; ``whose`` is ``opportunity``."""
    found: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for each in objects:
        if OBJECTS.get(each.lands_as) != whose:
            continue
        table, key = TABLES[each.lands_as]
        cells = (set(delivered(table).names) | set(_FILLS)) - _FIXED - {key}
        for column in sorted(set(each.fields) & cells):
            for name in each.fields_of(column):
                pairs = found[canonical(_PREFIX.sub("", name))]
                if column not in [known for known, _ in pairs]:
                    pairs.append((column, each))
    return dict(found)


def changes(
    m: MappedRecords, objects: Mapping[str, CrmObject]
) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """The checked columns of a history file, and ``landed_field_changes`` of its good records."""
    record = m.needed("record_id", "missing_id")
    whose = m.text("object")
    m.check("missing_object", ~present(whose))
    at = m.time("changed_at")
    m.check("missing_timestamp", ~present(at))
    cells, unmapped = _cells(m, objects, whose)
    m.filtered[unmapped & (m.filtered == None)] = UNMAPPED_FIELD  # noqa: E711
    m.leave_out_repeated()
    good = good_rows(m)
    kept = [cell for cell in cells if good[cell[0]]]
    rows = pa.array([cell[0] for cell in kept], pa.int64())
    by_record = {"object": whose, "record_id": record, "changed_at": at}
    columns = {
        **{name: values.take(rows) for name, values in by_record.items()},
        "source": m.source,
        "column_name": pa.array([cell[1] for cell in kept], pa.string()),
        "old_value": pa.array([cell[2] for cell in kept], pa.string()),
        "new_value": pa.array([cell[3] for cell in kept], pa.string()),
    }
    table = conform("landed_field_changes", len(kept), columns)
    return {**by_record, "column_name": m.given("column_name")}, {"landed_field_changes": table}


def _cells(
    m: MappedRecords, objects: Mapping[str, CrmObject], whose: pa.Array
) -> tuple[Cells, npt.NDArray[np.bool_]]:
    """(row, column, old, new) of every change that fills a column, and where no column is filled."""
    own = translation(m.mapped, "column_name")
    named = m.given("column_name").to_pylist()
    groups: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for row, (name, kind) in enumerate(zip(named, whose.to_pylist(), strict=True)):
        groups[kind, name or ""].append(row)
    unmapped = np.zeros(len(named), dtype=bool)
    cells: Cells = []
    for (kind, name), rows in groups.items():
        filled = changed_columns(objects.values(), kind or "")
        pairs = filled.get(canonical(_PREFIX.sub("", name)), [])
        if folded(name) in own:
            wanted = own[folded(name)]
            pairs = [p for v in filled.values() for p in v if p[0] == wanted][:1]
        unmapped[rows] = not pairs
        for column, mapped in pairs:
            cells += _translated(m, column, mapped, rows)
    return cells, unmapped


def _translated(m: MappedRecords, column: str, mapped: CrmObject, rows: list[int]) -> Cells:
    """Both values of these rows as the landed column, or columns, would hold them."""
    picked = pa.array(rows, pa.int64())
    sides = []
    for side in ("old_value", "new_value"):
        given = m.given(side).take(picked)
        words = translation(mapped, column)
        ours, wrong = _in_our_words(column, given, words)
        _remember(m, column, given, wrong, rows)
        sides.append(ours)
    cells: Cells = []
    for target in _FILLS.get(column, (column,)):
        table = TABLES[mapped.lands_as][0]
        pair = []
        for ours in sides:
            text, bad = _as_landed(target, _unfolded(column, target, ours), table)
            mask = np.zeros(len(m.records), dtype=bool)
            mask[np.array(rows)[bad]] = True
            m.check("bad_value", mask)
            pair.append(text.to_pylist())
        cells += [(r, target, a, b) for r, a, b in zip(rows, *pair, strict=True)]
    return cells


def _in_our_words(
    column: str, given: pa.Array, words: dict[str, str]
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    known = CLOSED.get(column)
    if not words and known is None:
        return given, np.zeros(len(given), dtype=bool)
    lookup = words or {word: word for word in known or ()}
    ours = each_unique(given, lambda value: lookup.get(folded(value)))
    wrong = present(given) & ~present(ours)
    empty = pc.is_in(ours, pa.array([FILTERED, NOTHING]))
    return pc.if_else(empty, pa.scalar(None, pa.string()), ours), wrong


def _remember(
    m: MappedRecords, column: str, given: pa.Array, wrong: npt.NDArray[np.bool_], rows: list[int]
) -> None:
    if wrong.any():
        whole = pa.nulls(len(m.records), pa.string()).to_numpy(zero_copy_only=False)
        mask = np.zeros(len(m.records), dtype=bool)
        mask[np.array(rows)[wrong]] = True
        whole = np.array(whole, dtype=object)
        whole[np.array(rows)] = given.to_pylist()
        m.unmapped(column, pa.array(whole, pa.string()), mask)


def _unfolded(column: str, target: str, ours: pa.Array) -> pa.Array:
    """The flag that a state stands for; every other column is itself."""
    if column != "state":
        return ours
    means = {"is_closed": ("won", "lost"), "is_won": ("won",)}[target]
    said = pc.if_else(pc.is_in(ours, pa.array(means)), "true", "false")
    return pc.if_else(ours.is_valid(), said, pa.scalar(None, pa.string()))


def _as_landed(target: str, values: pa.Array, table: str) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """A value as the text of the landed type, and where it is none of that type."""
    kind = delivered(table).field(target).type
    wrong = np.zeros(len(values), dtype=bool)
    if pa.types.is_boolean(kind):
        values, wrong = booleans(values)
    elif pa.types.is_integer(kind):
        values, wrong = integers(values)
    elif pa.types.is_floating(kind):
        values, wrong = numbers(values)
    elif pa.types.is_timestamp(kind):
        values, wrong = parse_timestamps(values)
    elif target == "domain":
        values = registrable_domains(values)
    elif target in _SNAKE:
        values = each_unique(values, snake_case)
    return values.cast(pa.string()), wrong
