"""A value that is no number is refused on every engine that keeps tables, and says where it is."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse import AuditFailed, Publication
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform.warehouse.session import Session
from mqa_platform_tests.conformance.cases import WINDOW, Stages


def refused(session: Session, stages: Stages, value: float) -> None:
    contract = load_contracts()["touchpoints"]
    good = stages.found["touchpoints"]
    at = good.schema.get_field_index("match_confidence")
    broken = pa.array([value] + good["match_confidence"].to_pylist()[1:], pa.float64())
    table = good.set_column(at, good.schema.field(at), broken)
    staged = session.constant("broken", table)
    with pytest.raises(AuditFailed) as problem:
        session.publish(Publication(contract, staged), window=WINDOW, run_id="test")
    assert "match_confidence" in str(problem.value)
    assert not session.rows(session.table("touchpoints"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_duckdb_refuses(on_duckdb: Stages, tmp_path: Path, value: float) -> None:
    with DuckDBWarehouse(tmp_path / "w.duckdb", load_contracts(), LANDED).session() as session:
        refused(session, on_duckdb, value)


@pytest.mark.pg
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_postgresql_refuses(on_duckdb: Stages, postgres_url: str, value: float) -> None:
    warehouse = PostgresWarehouse(postgres_url, load_contracts(), LANDED, schema="not_a_number")
    with warehouse.session() as session:
        refused(session, on_duckdb, value)
