"""A copy of the published tables that others may read while the pipeline works.

Belongs here: making the copy, replacing it in one step, opening it. Does not belong here: deciding
when.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import ibis

from mqa_platform.contracts.rules import literal, quoted
from mqa_platform.warehouse.errors import SnapshotMissingError

if TYPE_CHECKING:
    import ibis.backends.duckdb

    from mqa_platform.warehouse.session import Session

FILE_NAME = "snapshot.duckdb"


def refresh_snapshot(session: Session, path: Path) -> None:
    """Replace the snapshot at ``path`` by the published tables as they are now.

    Readers that have the old one open go on reading it; whoever opens the file afterwards sees the
    new one. A crash leaves the old one in place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_leftovers(path)
    fresh = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        session.copy_published(str(fresh))
        _sync(fresh)
        os.replace(fresh, path)
        _sync(path.parent)
    finally:
        for left in (fresh, Path(f"{fresh}.wal")):
            with suppress(FileNotFoundError):
                left.unlink()


def open_snapshot(home: Path) -> ibis.backends.duckdb.Backend:
    """The snapshot of a home directory (or a snapshot file), read-only; the caller disconnects.

    Raises:
        SnapshotMissingError: no run has made one yet.
    """
    path = home / FILE_NAME if home.is_dir() else home
    if not path.is_file():
        raise SnapshotMissingError(
            f"there is no snapshot at {path}; it is written at the end of a run"
        )
    return ibis.duckdb.connect(path, read_only=True)


def seed_from_snapshot(snapshot: Path, target: Path, without: Collection[str]) -> None:
    """A new DuckDB file with the tables of a snapshot, but for some; the snapshot is only read."""
    con = ibis.duckdb.connect(target)
    try:
        con.raw_sql(f"ATTACH {literal(str(snapshot))} AS live (READ_ONLY)")
        for name in con.list_tables(database=("live", "main")):
            if name not in without:
                con.raw_sql(f"CREATE TABLE {quoted(name)} AS FROM live.{quoted(name)}")
        con.raw_sql("DETACH live")
    finally:
        con.disconnect()


def _drop_leftovers(path: Path) -> None:
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
