"""A folder with an export of a CRM, looked through: which file is which object, and what it shows.

Belongs here: going through files and counting. Does not belong here: what an object is recognised by
(``crm_recognition``), or landing any row (``crm_export``).
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.mapping import CrmObject
from mqa_platform.sources.columns import booleans, coalesce, flat, mask, nulls, present
from mqa_platform.sources.crm_changes import changed_columns
from mqa_platform.sources.crm_properties import PropertyTables
from mqa_platform.sources.crm_recognition import found, recognised, words_of
from mqa_platform.sources.crm_schema import Schema, Seen, Values, bare, picklists
from mqa_platform.sources.crm_stages import is_stage_list, read_stages
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records, canonical

_ENDINGS: Final = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet"})
_HEAD: Final = 256 * 1024
# Tables of a CRM that are events, not records: words of the name, columns they need, the connector.
_FEEDS: Final = {
    "hubspot": (
        ({"email", "event"}, {"id", "type", "recipient", "created"}, "hubspot_email_events"),
        (
            {"form", "submission"},
            {"contactid", "formid", "timestamp"},
            "hubspot_form_submissions",
        ),
    )
}


def read_folder(folder: Path, crm: str, objects: Mapping[str, CrmObject]) -> Schema:
    """Look through the files of an export; subfolders as well, links to other places not.

    Args:
        folder: with CSV, JSON, JSON lines or Parquet files, packed or not.
        crm: whose export it is.
        objects: what the mapping knows of that CRM.

    Raises:
        SourceError: the folder is none, or no file in it holds an object of the CRM.
    """
    schema, copies, properties = Schema(), _Copies(), PropertyTables(objects)
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            records = read_records(path)
        except SourceError as problem:
            schema.left_out[name] = f"cannot be read: {problem.reason}"
            continue
        if told := properties.take(path.name, records):
            schema.left_out[name] = told
            continue
        _take(schema, copies, path, name, records, crm, objects)
    schema.properties, schema.options = properties.labels(), properties.options()
    if not schema.objects:
        told = "; ".join(f"{n}: {why}" for n, why in [*schema.left_out.items()][:5])
        raise SourceError(
            folder,
            f"no file in it holds an object of {crm}" + (f" ({told})" if told else ""),
            f"Export {', '.join(sorted(objects))}, one file an object, named like the object.",
        )
    return schema


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceError(folder, "is no folder", "Name the folder that holds the export's files.")
    found_here = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            ending = Path(name.removesuffix(".gz")).suffix.lower()
            inside = path.resolve().is_relative_to(folder.resolve())
            if ending in _ENDINGS and not name.startswith(".") and inside and path.is_file():
                found_here.append(path)
    return sorted(found_here)


def _take(
    schema: Schema,
    copies: _Copies,
    path: Path,
    name: str,
    records: Records,
    crm: str,
    objects: Mapping[str, CrmObject],
) -> None:
    """Add one file to the schema, or say why it is left out."""
    stem, columns = path.name.removesuffix(".gz").rsplit(".", 1)[0], records.table.column_names
    if not len(records):
        schema.left_out[name] = "has no records"
    elif is_stage_list(stem, columns):
        stages = read_stages(records, path.name, schema)
        schema.left_out[name] = f"lands nothing; read as the list of {stages} stages"
    elif feed := _feed(stem, crm):
        connector, lacking = feed[0], sorted(feed[1] - set(columns))
        if lacking:
            schema.left_out[name] = f"no {connector}: it has no {', '.join(lacking)}"
        else:
            schema.feeds[name] = connector
    else:
        object, why = recognised(stem, columns, objects)
        if object is None:
            schema.left_out[name] = why
        elif original := copies.original(object, name, records, objects[object]):
            schema.left_out[name] = f"repeats records of {original}, and adds none"
        else:
            schema.files[name] = object
            schema.add(tallied(object, name, records, objects[object], _spellings(path, columns)))
            if objects[object].lands_as == "field_changes":
                _count_changes(schema, records, objects[object], objects)


def _feed(stem: str, crm: str) -> tuple[str, set[str]] | None:
    """The connector of a table of events, and the columns it needs."""
    for words, needed, connector in _FEEDS.get(crm, ()):
        if words <= set(words_of(stem)):
            return connector, needed
    return None


class _Copies:
    """The records of every file so far, as the mapping reads them, to find files that add nothing."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[str, set[int]]]] = {}

    def original(self, object: str, name: str, records: Records, mapped: CrmObject) -> str | None:
        read = [given(records, mapped, column) for column in sorted(mapped.fields)]
        shown = pc.binary_join_element_wise(
            *read, "\x1f", null_handling="replace", null_replacement=""
        )
        mine = {hash(text) for text in pc.unique(shown).to_pylist()}
        for other, theirs in self._known.get(object, []):
            if mine <= theirs:
                return other
        self._known.setdefault(object, []).append((name, mine))
        return None


def given(records: Records, mapped: CrmObject, column: str) -> pa.Array:
    """One of our columns as the CRM wrote it: the first of its fields that a record fills."""
    names = found(set(records.table.column_names), mapped, column)
    return coalesce(*[records.text(name) for name in names]) if names else nulls(len(records))


def tallied(
    object: str, name: str, records: Records, mapped: CrmObject, spelled: Mapping[str, str]
) -> Seen:
    """What one file shows of its object.

    Args:
        object: its name in the mapping.
        name: of the file.
        records: the file.
        mapped: the object.
        spelled: canonical name of a field → as the CRM writes it.
    """
    columns = records.table.column_names
    seen = Seen(object, mapped, {name: len(records)}, {c: spelled.get(c, c) for c in columns})
    for column in columns:
        seen.filled[column] = int(present(records.text(column)).sum())
    for column in picklists(mapped):
        if found(set(columns), mapped, column):
            seen.values[column] = Values(_counted(given(records, mapped, column)))
    if {"state", "is_closed", "is_won"} <= set(mapped.fields):
        parts = [given(records, mapped, "state")]
        for flag in ("is_closed", "is_won"):
            parts.append(booleans(given(records, mapped, flag))[0])
        told = pa.array(present(parts[0]) & present(parts[1]) & present(parts[2]))
        rows = zip(*(part.filter(told).to_pylist() for part in parts), strict=True)
        seen.flags.update(rows)
    return seen


def _counted(values: pa.Array) -> Counter[str]:
    pairs = pc.value_counts(flat(values).drop_null()).to_pylist()
    return Counter({pair["values"]: pair["counts"] for pair in pairs})


def _count_changes(
    schema: Schema, records: Records, history: CrmObject, objects: Mapping[str, CrmObject]
) -> None:
    """Values in a field history are values of the object that changed."""
    rows = len(records)
    named = _constant_or(records, history, "column_name", rows)
    whose = _constant_or(records, history, "object", rows)
    for kind in pc.unique(whose.drop_null()).to_pylist():
        for field, pairs in changed_columns(objects.values(), kind).items():
            matching = pc.and_(pc.equal(whose, kind), _is_field(named, field))
            chosen = pa.array(mask(matching))
            for column, mapped in pairs:
                if column in picklists(mapped) and pc.any(chosen).as_py():
                    _add_changes(schema, records, history, objects, column, mapped, chosen)


def _add_changes(
    schema: Schema,
    records: Records,
    history: CrmObject,
    objects: Mapping[str, CrmObject],
    column: str,
    mapped: CrmObject,
    chosen: pa.Array,
) -> None:
    name = next(n for n, each in objects.items() if each is mapped)
    values = Values()
    for side in ("old_value", "new_value"):
        values.changes.update(_counted(given(records, history, side).filter(chosen)))
    schema.add(Seen(name, mapped, values={column: values}))


def _constant_or(records: Records, mapped: CrmObject, column: str, rows: int) -> pa.Array:
    constant = mapped.constants.get(column)
    return pa.array([constant] * rows, pa.string()) if constant else given(records, mapped, column)


def _is_field(named: pa.Array, field: str) -> pa.Array:
    unique = pc.unique(named.drop_null()).to_pylist()
    same = [name for name in unique if canonical(bare(name)) == field]
    return pc.is_in(named, pa.array(same, pa.string()))


def _spellings(path: Path, columns: list[str]) -> dict[str, str]:
    """Canonical name → as the file's header writes it, where the file has a header of text."""
    with path.open("rb") as raw:
        head = raw.read(_HEAD)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as packed:
            head = packed.read(_HEAD)
    if head.startswith(b"PAR1"):
        import pyarrow.parquet as pq

        return {canonical(name): name for name in pq.read_schema(path).names}
    best: dict[str, str] = {}
    text = head.decode("utf-8-sig", errors="replace")
    for delimiter in ",;\t|":
        try:
            row = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        except csv.Error:
            # No header: one line of JSON may be longer than any field.
            continue
        names = {canonical(name): name.strip() for name in row}
        if len(set(names) & set(columns)) > len(set(best) & set(columns)):
            best = names
    return best
