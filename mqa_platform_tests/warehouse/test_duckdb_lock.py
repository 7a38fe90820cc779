"""Waiting for the DuckDB file, and saying who holds it."""

import subprocess
import sys
import threading
import time

import duckdb
import pytest

from mqa_platform.warehouse import WarehouseBusyError
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform_tests.warehouse.sample import CONTRACTS, LANDED, ids, publish, visit

HOLD = """
import duckdb, sys, time
root = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def hold(tmp_path):
    running = []

    def start(seconds: float) -> subprocess.Popen:
        command = [sys.executable, "-c", HOLD, str(tmp_path / "warehouse.duckdb"), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_who_holds_the_file(tmp_path, hold):
    holder = hold(60)
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb", CONTRACTS, LANDED, lock_timeout=0.3)

    with pytest.raises(WarehouseBusyError) as busy, warehouse.session():
        pass

    assert f"process {holder.pid} (" in str(busy.value)
    assert "import duckdb, sys, time" in str(busy.value)
    assert "read the snapshot" in str(busy.value)


def test_a_session_waits_for_the_file_to_be_free(tmp_path, hold):
    hold(0.5)
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb", CONTRACTS, LANDED, lock_timeout=20)

    with warehouse.session() as session:
        assert session.days("visits") == []


def test_a_session_within_a_session_is_refused_at_once(duckdb_warehouse):
    with (
        duckdb_warehouse.session(),
        pytest.raises(WarehouseBusyError, match="already open in this thread"),
        duckdb_warehouse.session(),
    ):
        pass


def test_sessions_of_two_threads_take_turns(duckdb_warehouse):
    entered = threading.Event()

    def work():
        with duckdb_warehouse.session() as session:
            entered.set()
            time.sleep(0.2)
            publish(session, visit("thread"))

    worker = threading.Thread(target=work)
    worker.start()
    entered.wait()
    with duckdb_warehouse.session() as session:
        assert ids(session) == ["thread"]
    worker.join()


def test_a_file_that_is_no_database_is_not_taken_for_a_busy_one(tmp_path):
    (tmp_path / "warehouse.duckdb").write_text(
        "not a database, and long enough to be looked at " * 100
    )
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb", CONTRACTS, LANDED)

    with pytest.raises(duckdb.Error), warehouse.session():
        pass


def test_memory_is_bounded_without_a_word_and_by_the_environment(tmp_path, monkeypatch):
    with DuckDBWarehouse(tmp_path / "w.duckdb", CONTRACTS, LANDED).session() as session:
        (usual,) = session.fetch("SELECT current_setting('memory_limit')")[0]
    monkeypatch.setenv("MQA_DUCKDB_MEMORY", "200MB")
    with DuckDBWarehouse(tmp_path / "w.duckdb", CONTRACTS, LANDED).session() as session:
        (given,) = session.fetch("SELECT current_setting('memory_limit')")[0]

    assert float(usual.split()[0]) <= 3 or "MiB" in usual
    assert given.startswith("190")


def test_a_memory_limit_is_kept(tmp_path):
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", CONTRACTS, LANDED, memory_limit="300MB")

    with warehouse.session() as session:
        assert session.fetch("SELECT current_setting('memory_limit')")[0][0].startswith("286")
