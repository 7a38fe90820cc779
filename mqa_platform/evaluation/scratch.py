"""A warehouse for the length of an evaluation.

Belongs here: opening one in a folder that is removed. Does not belong here: what is computed in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
