"""Which warehouse a home has: its own DuckDB file, or the PostgreSQL that the environment names.

Belongs here: that one choice. Does not belong here: what an engine does (``warehouse``).
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Protocol

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse import Session

WAREHOUSE_VARIABLE = "MQA_WAREHOUSE_URL"


class KeptWarehouse(Protocol):
    """An engine that keeps tables: DuckDB or PostgreSQL."""

    def session(self) -> AbstractContextManager[Session]:
        """An open session."""


def open_warehouse(home: Home, url: str | None = None) -> KeptWarehouse:
    """The warehouse of a home: PostgreSQL when a URL (or MQA_WAREHOUSE_URL) says so, else its DuckDB file.

    A shadow is always in its own file: it must not write what is live.
    """
    url = url or os.environ.get(WAREHOUSE_VARIABLE)
    if url and not home.is_shadow:
        from mqa_platform.warehouse.postgres import PostgresWarehouse

        return PostgresWarehouse(url, contracts=load_contracts(), landed=LANDED)
    from mqa_platform.warehouse.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(home.warehouse, load_contracts(), LANDED)
