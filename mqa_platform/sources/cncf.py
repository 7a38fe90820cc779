"""The CNCF landscape's list of organisations: homepages, headcounts, parents and acquisitions.

Belongs here: the list's columns, and which of several organisations a domain belongs to. Does not
belong here: joining them to accounts (``core``). Rows: every organisation is an enrichment record, a
duplicate or a defect; each purchase of a company is a further record, of the company bought.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.bands import OPEN
from mqa_platform.sources.columns import present
from mqa_platform.sources.file_dates import dated
from mqa_platform.sources.landed import Landed, conform
from mqa_platform.sources.names import clean_company_name, registrable_domains
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.timestamps import parse_timestamps
from mqa_platform.sources.typed_records import TypedRecords

_COLUMNS: Final = ("crunchbase", "name", "homepage")
_TABLE: Final = "landed_enrichment"
_BARE: Final = re.compile(r"^([a-z][a-z0-9+.-]*:)?(//)?(www\.)?[^/?#]+/?$", re.IGNORECASE)


@dataclass(frozen=True)
class _Organisation:
    key: str
    homepage: str
    domain: str | None
    parents: list[str]


def cncf_companies(path: Path, source: Source) -> Landed:
    """Read the list into enrichment records.

    A headcount band is its lower bound; the upper one (1000000 stands for none) is not read. A domain
    is claimed once: of several organisations with one domain it is that of the one whose homepage is
    the bare domain and whose parent has another one; the others keep only their name. An
    organisation is of the day in the file's name, else it has always been so; a company that it
    bought has it as its parent from the day of the purchase.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_records(path, _COLUMNS)
    t = TypedRecords(source, records)
    key, name = t.needed("crunchbase", "missing_id"), t.needed("name", "missing_name")
    homepage = t.text("homepage")
    given = registrable_domains(homepage)
    t.check("bad_domain", present(homepage) & ~present(given))
    parents = [_list(text, str) for text in t.text("parents").to_pylist()]
    bought = [_list(text, dict) for text in t.text("acquisitions").to_pylist()]
    torn = [p is None or b is None for p, b in zip(parents, bought, strict=True)]
    t.check("bad_json", np.array(torn, dtype=np.bool_))
    modified, wrong_date = dated(records, path, source, always=True)
    t.check("bad_timestamp", wrong_date)
    employees, country = t.integer("num_employees_min"), t.text("country")
    most = t.integer("num_employees_max")
    # Without an upper end the band is open; both ends alike are a number.
    upper = pc.if_else(
        pc.fill_null(pc.equal(employees, most), False), None, pc.fill_null(most, int(OPEN))
    )
    good = [row for row, reason in enumerate(t.reasons()) if reason is None]
    known = [
        _Organisation(
            key[row].as_py(), homepage[row].as_py() or "", given[row].as_py(), parents[row] or []
        )
        for row in good
    ]
    own, above = _claimed(known)
    columns = {
        "record_id": key,
        "modified_at": modified,
        "domain": _at(len(records), good, own),
        "company_name": name,
        "employees": employees,
        "employees_max": pc.if_else(employees.is_valid(), upper, None),
        "country": country,
        "parent_domain": _at(len(records), good, above),
    }
    landed = without_repeats(t.landed(_TABLE, columns), _TABLE, [*columns])
    purchases = [(given[row].as_py(), purchase) for row in good for purchase in bought[row] or []]
    further = _bought(source, landed.tables[_TABLE], purchases)
    return replace(landed, tables={_TABLE: pa.concat_tables([landed.tables[_TABLE], further])})


def _list(text: str | None, kind: type) -> list[Any] | None:
    """A JSON list of one kind of value; blank and ``null`` are empty, None where it is none."""
    try:
        values = json.loads(text or "[]") or []
    except (ValueError, RecursionError):
        return None
    right = isinstance(values, list) and all(isinstance(value, kind) for value in values)
    return values if right else None


def _at(rows: int, places: Sequence[int], values: Sequence[str | None]) -> pa.Array:
    column: list[str | None] = [None] * rows
    for place, value in zip(places, values, strict=True):
        column[place] = value
    return pa.array(column, pa.string())


def _claimed(known: list[_Organisation]) -> tuple[list[str | None], list[str | None]]:
    """For each organisation the domain that is its own, and its parent's."""
    domains = {each.key: each.domain for each in known}
    above = []
    for each in known:
        found = (domains.get(parent) for parent in each.parents if parent != each.key)
        above.append(next((domain for domain in found if domain), None))
    ranked = sorted(
        range(len(known)),
        key=lambda at: (above[at] == known[at].domain, not _BARE.match(known[at].homepage), at),
    )
    owners: dict[str | None, str] = {}
    for at in ranked:
        owners.setdefault(known[at].domain, known[at].key)
    own = [each.domain if owners[each.domain] == each.key else None for each in known]
    return own, above


def _bought(
    source: Source, listed: pa.Table, purchases: list[tuple[str | None, dict[str, Any]]]
) -> pa.Table:
    """Records of companies bought: the list's own record of the name from that day on, or a name."""
    names = {clean_company_name(row["company_name"]): row for row in listed.to_pylist()}
    rows = list(_children(names, purchases))
    moments, _ = parse_timestamps(pa.array([row["modified_at"] for row in rows], pa.string()))
    dated_rows = [
        {**row, "modified_at": moment}
        for row, moment in zip(rows, moments.to_pylist(), strict=True)
        if isinstance(moment, datetime)
    ]
    fields = (
        "record_id", "modified_at", "domain", "company_name", "employees", "employees_max", "country",
    )  # fmt: skip
    columns = {
        name: pa.array([row.get(name) for row in dated_rows], listed.schema.field(name).type)
        for name in (*fields, "parent_domain")
    }
    return conform(_TABLE, len(dated_rows), {"source": source.connector, **columns})


def _children(
    names: dict[str | None, dict[str, Any]], purchases: list[tuple[str | None, dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    for parent, purchase in purchases:
        name, day = str(purchase.get("acquiree") or "").strip(), str(purchase.get("date") or "")
        key = clean_company_name(name)
        if not key or not day or not parent:
            continue
        fresh = {"record_id": f"acquired:{key.replace(' ', '-')}", "company_name": name}
        child = names.get(key, fresh)
        if child.get("domain") != parent:
            yield {**child, "modified_at": day, "parent_domain": parent}
