"""The whole pipeline over a market gives the same published tables on DuckDB and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.market import MarketConfig, generate
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform_tests.system.pipeline import ALL, DAYS, FIRST, day, differing, fingerprints, run


@pytest.mark.slow
@pytest.mark.pg
def test_a_market_ends_in_equal_tables_on_duckdb_and_on_postgresql(
    postgres_url: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    generate(MarketConfig(accounts=200, days=DAYS, seed=3, starts_on=FIRST), home.root)
    duckdb = DuckDBWarehouse(home.warehouse, load_contracts(), LANDED)
    postgres = PostgresWarehouse(postgres_url, load_contracts(), LANDED, schema="market")
    run(home, ALL, warehouse=duckdb)
    run(home, ALL, warehouse=postgres)
    one, other = fingerprints(home, duckdb), fingerprints(home, postgres)
    assert differing(other, one) == {}
    assert not any(run(home, day(17), warehouse=postgres).values())
