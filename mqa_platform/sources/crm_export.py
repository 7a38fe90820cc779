"""Records of any CRM, read as mapping.yaml says: one connector for every object and every export.

Belongs here: from a file and an object of the mapping to what lands. Does not belong here: which
column is filled how (``crm_columns``, ``crm_links``, ``crm_changes``) or one CRM's names.

Rows: every record lands, repeats another one of the file word for word, is left out by the mapping,
or is a defect. Several versions of one record all land.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from mqa_platform.policy.mapping import CrmMapping, CrmObject, Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.crm_cells import TABLES
from mqa_platform.sources.crm_changes import changes
from mqa_platform.sources.crm_columns import columns_of
from mqa_platform.sources.crm_links import identities, links
from mqa_platform.sources.crm_values import REPEATED, MappedRecords, fields_of, good_rows
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records, canonical
from mqa_platform.sources.records import landed_records

# Kinds of records that are known by what they say where they have no id.
_NAMED_BY_CONTENT: Final = frozenset({"contact_roles", "enrichment", "spend"})


def crm_export(path: Path, source: Source, mappings: Mappings, crm: str, object: str) -> Landed:
    """Read one file of a CRM's records.

    Args:
        path: CSV, JSON, JSON lines or Parquet, packed or not.
        source: what is read.
        mappings: mapping.yaml.
        crm: which of its CRMs.
        object: which object of that CRM; a stream of a service has the object's name.

    Raises:
        SourceError: the file cannot be read, it lacks a field of a required column, or the mapping
            has no such CRM or object.
    """
    mapping, mapped = _object(path, mappings, crm, object)
    records = read_records(path)
    if len(records):
        _check_required(path, records, mapped, f"{object} of {crm}")
    m = MappedRecords(path, source, records, mapped)
    table = TABLES[mapped.lands_as][0]
    if mapped.lands_as == "field_changes":
        columns, beside = changes(m, mapping.objects)
    else:
        columns = columns_of(m)
        m.leave_out_repeated()
        beside = _beside(m, columns)
    columns["source"] = source.connector
    landed = landed_records(source, records, table, columns, m.reasons(), m.filtered)
    # One change may fill several columns of ours, so those rows take the place of the records'.
    return _counted(replace(landed, tables={**landed.tables, **beside}))


def _object(path: Path, mappings: Mappings, crm: str, object: str) -> tuple[CrmMapping, CrmObject]:
    mapping = mappings.crms.get(crm)
    if mapping is None:
        raise SourceError(
            path,
            f"mapping.yaml has no CRM {crm}",
            f"It has {', '.join(sorted(mappings.crms)) or 'none'}; name one of them in sources.yaml.",
        )
    found = {canonical(name): each for name, each in mapping.objects.items()}
    mapped = found.get(canonical(object))
    if mapped is None:
        raise SourceError(
            path,
            f"mapping.yaml has no object {object} of {crm}",
            f"It has {', '.join(sorted(mapping.objects)) or 'none'}; map it, or name one of them.",
        )
    return mapping, mapped


def _check_required(path: Path, records: Records, mapped: CrmObject, whose: str) -> None:
    """Refuse a file of another object: every row of it would be a defect."""
    own = () if mapped.lands_as in _NAMED_BY_CONTENT else (TABLES[mapped.lands_as][1],)
    needed = [c for c in dict.fromkeys((*own, *mapped.required)) if c in mapped.fields]
    missing = [c for c in needed if not fields_of(records, mapped, c)]
    if missing:
        wanted = "; ".join(f"{c}: {' or '.join(mapped.fields_of(c))}" for c in missing)
        has = ", ".join(records.table.column_names[:12])
        raise SourceError(
            path,
            f"lacks the column {', '.join(missing)} of {whose} ({wanted})",
            f"It has {has}; export the missing ones, or name another object.",
        )


def _beside(m: MappedRecords, columns: dict[str, Any]) -> dict[str, pa.Table]:
    good = good_rows(m)
    beside = {"landed_associations": links(m, columns, good)}
    if m.mapped.lands_as == "leads":
        beside["landed_identities"] = identities(m, columns, good)
    return {name: table for name, table in beside.items() if len(table)}


def _counted(landed: Landed) -> Landed:
    """Repeated rows are duplicates, not rows that we do not want."""
    rest = dict(landed.filtered)
    return replace(landed, filtered=rest, duplicates=rest.pop(REPEATED, 0))
