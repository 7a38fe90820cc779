"""A warehouse for the length of an evaluation.

Belongs here: opening one in a folder that is removed, and rows that no file has delivered. Does not belong
here: what is computed in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.duckdb import DuckDBWarehouse


@contextmanager
def scratch_home() -> Iterator[Home]:
    """A home in a temporary folder; nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="mqa-evaluate-") as folder:
        yield Home(Path(folder))


@contextmanager
def session_of(home: Home) -> Iterator[Session]:
    """A session of the home's own DuckDB file, whatever warehouse the environment names."""
    with DuckDBWarehouse(home.warehouse, load_contracts(), LANDED).session() as session:
        yield session


@contextmanager
def scratch_session() -> Iterator[Session]:
    """A session of an empty warehouse."""
    with scratch_home() as home, session_of(home) as session:
        yield session


def land_rows(session: Session, source: str, tables: Mapping[str, pa.Table], day: date) -> None:
    """Puts rows into landed tables as one batch of a source; ``tables`` are without ``batch_id``."""
    at = datetime.combine(day, time(), UTC)
    rows = sum(t.num_rows for t in tables.values())
    ledger: dict[str, Any] = dict.fromkeys(load_contracts()["landed_batches"].schema)
    ledger |= dict.fromkeys((c for c in ledger if c.endswith("_rows")), 0)
    ledger |= {"landed_rows": rows, "accepted_rows": rows, "status": "landed", "reasons": "{}"}
    ledger |= dict.fromkeys(("file_name", "sha256", "stream", "read_as", "declared"), "")
    ledger |= {"landed_at": at, "landed_on": day}
    for name in ("source", "batch_id", "path"):
        del ledger[name]
    session.land(source, source, source, tables, ledger)
