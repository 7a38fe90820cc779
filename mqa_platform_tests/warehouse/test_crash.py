"""A process killed in the middle of a publication loses nothing that was published."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform_tests.warehouse.sample import (
    CONTRACTS,
    FIRST,
    LANDED,
    SECOND,
    ids,
    publish,
    staged_tables,
    visit,
)

PUBLISH_AND_DIE = """
import os, signal, sys
from mqa_platform.warehouse import ledger, publishing
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse
from mqa_platform_tests.warehouse.sample import CONTRACTS, LANDED, publish, visit

engine, where, schema, moment = sys.argv[1:]
if engine == "duckdb":
    warehouse = DuckDBWarehouse(where, CONTRACTS, LANDED)
else:
    warehouse = PostgresWarehouse(where, CONTRACTS, LANDED, schema=schema)

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

with warehouse.session() as session:
    if moment == "staged":
        publishing.compare = die
    else:
        ledger.settle = die
    publish(session, visit("new"), settles="scores")
"""


def kill_while_publishing(warehouse, moment: str) -> None:
    where = str(warehouse.path) if warehouse.engine == "duckdb" else warehouse.url
    schema = getattr(warehouse, "schema", "")
    arguments = [sys.executable, "-c", PUBLISH_AND_DIE, warehouse.engine, where, schema, moment]
    killed = subprocess.run(
        arguments, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr


@pytest.mark.parametrize("moment", ["staged", "swapping"])
def test_a_killed_publication_leaves_the_last_good_rows(warehouse, moment):
    with warehouse.session() as session:
        publish(session, visit("a"), visit("b", SECOND))

    kill_while_publishing(warehouse, moment)

    with warehouse.session() as session:
        assert ids(session) == ["a", "b"]
        assert [
            row["visits"]
            for row in session.rows(session.table("visit_counts").order_by("visit_date"))
        ] == [1, 1]
        assert session.days("visits") == [FIRST, SECOND]
        assert staged_tables(session) == []
        publish(session, visit("new"))
        assert ids(session) == ["new"]


@pytest.mark.pg
def test_a_sweep_spares_the_tables_of_a_session_that_is_alive(postgres_warehouse):
    with postgres_warehouse.session() as living:
        living.create(
            "visits" + "__staged_" + living.token, CONTRACTS["visits"].schema, kind="staged"
        )
        with postgres_warehouse.session() as other:
            living.create("visits__staged_00000001", CONTRACTS["visits"].schema, kind="staged")
            other.sweep()
            assert staged_tables(other) == [f"visits__staged_{living.token}"]


@pytest.mark.pg
def test_a_session_drops_its_own_scratch_tables(postgres_warehouse):
    with postgres_warehouse.session() as session:
        publish(session, visit("a"))
    with postgres_warehouse.session() as session:
        tables = session.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
    assert sorted(name for (name,) in tables) == [
        "_published_days",
        "_reopened",
        "visit_counts",
        "visits",
    ]


@pytest.mark.pg
def test_two_publications_of_one_window_at_a_time_do_not_double_the_rows(
    postgres_url, postgres_warehouse
):
    with postgres_warehouse.session() as session:
        publish(session, visit("a"), visit("b", SECOND))
    failures = []

    def work(name):
        try:
            warehouse = PostgresWarehouse(
                postgres_url, CONTRACTS, LANDED, schema=postgres_warehouse.schema
            )
            with warehouse.session() as session:
                for turn in range(3):
                    publish(session, visit("a", page_views=turn), visit("b", SECOND, channel=name))
        except Exception as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work, args=(name,)) for name in ("web", "email")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert failures == []
    with postgres_warehouse.session() as session:
        assert ids(session) == ["a", "b"]
        assert session.days("visits") == [FIRST, SECOND]
        assert len(session.fetch("SELECT * FROM _published_days")) == 4
