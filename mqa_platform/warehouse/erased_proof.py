"""What is left of a person in stored tables: the proof of an erasure.

Belongs here: looking for texts and references, in the warehouse, the snapshot and the bytes of files.
Does not belong here: taking anything out (``erasing``).
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ibis
import pyarrow as pa

from mqa_platform.contracts.rules import quoted
from mqa_platform.warehouse.erasing import tables, text_columns
from mqa_platform.warehouse.spellings import may_hold

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Session

# Columns that hold a person's id, or that of a browser or record, wherever they stand.
_IDS: Final = frozenset(
    {
        "person_ref",
        "person_key",
        "person_id",
        "anonymous_id",
        "contact_id",
        "lead_id",
        "person_ids",
        "converted_contact_id",
    }  # fmt: skip
)


def occurrences(session: Session, texts: Sequence[str]) -> dict[str, int]:
    """Table → rows in which one of the texts stands in a text column, in any case of letters."""
    found = {}
    for table in tables(session):
        held = may_hold(text_columns(session, table), texts)
        if held:
            ((rows,),) = session.fetch(f"SELECT COUNT(*) FROM {quoted(table)} WHERE {held}")
            found[table] = rows
    return found


def named(session: Session, refs: Collection[str]) -> dict[str, int]:
    """Table → rows whose columns of ids hold one of the references."""
    rows = pa.table({"ref": pa.array(sorted(set(refs)), pa.string())})
    stored = session.constant("erased_ids", rows).get_name()
    found = {}
    for table in tables(session):
        columns = [c for c in text_columns(session, table) if c in _IDS]
        held = " OR ".join(f"{quoted(c)} IN (SELECT ref FROM {quoted(stored)})" for c in columns)
        if held:
            ((n,),) = session.fetch(f"SELECT COUNT(*) FROM {quoted(table)} WHERE {held}")
            found[table] = n
    return found


def snapshot_occurrences(path: Path, texts: Sequence[str]) -> dict[str, int]:
    """The same as ``occurrences`` in a snapshot file."""
    con = ibis.duckdb.connect(path, read_only=True)
    try:
        found = {}
        for table in con.list_tables():
            schema = con.table(table).schema()
            held = may_hold([c for c, dtype in schema.items() if dtype.is_string()], texts)
            if held:
                query = f"SELECT COUNT(*) FROM {quoted(table)} WHERE {held}"
                found[table] = con.raw_sql(query).fetchall()[0][0]
        return found
    finally:
        con.disconnect()


def raw_bytes(path: Path, texts: Sequence[str]) -> int:
    """How many of the texts stand in a file's bytes as they are."""
    if not path.stat().st_size:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        return sum(octets.find(text.encode()) >= 0 for text in texts)
