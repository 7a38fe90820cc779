"""The copy that readers use while the pipeline works."""

import subprocess
import sys

import pytest

from mqa_platform.warehouse import SnapshotMissingError
from mqa_platform.warehouse.snapshot import open_snapshot, refresh_snapshot
from mqa_platform_tests.warehouse.sample import publish, visit

READ = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as root:
    found = root.execute("SELECT visit_id FROM visits ORDER BY visit_id").fetchall()
print(",".join(visit_id for (visit_id,) in found))
"""


def names(snapshot):
    return sorted(row[0] for row in snapshot.con.execute("SELECT visit_id FROM visits").fetchall())


def test_a_snapshot_holds_the_published_tables_and_nothing_else(session, tmp_path):
    publish(session, visit("a"))
    session.ensure("landed_hits")

    refresh_snapshot(session, tmp_path / "snapshot.duckdb")

    snapshot = open_snapshot(tmp_path)
    tables = snapshot.con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    row = snapshot.table("visits").to_pyarrow().to_pylist()[0]
    snapshot.disconnect()
    assert [name for (name,) in tables] == ["visit_counts", "visits"]
    assert row == visit("a")
    assert [path.name for path in tmp_path.glob("*snapshot*")] == ["snapshot.duckdb"]


def test_another_process_reads_the_snapshot_while_the_live_file_is_held(duckdb_warehouse, tmp_path):
    snapshot = tmp_path / "snapshot.duckdb"
    with duckdb_warehouse.session() as session:
        publish(session, visit("a"), visit("b"))
        refresh_snapshot(session, snapshot)
        read = [sys.executable, "-c", READ, str(snapshot)]
        assert subprocess.run(read, capture_output=True, text=True, check=True).stdout == "a,b\n"


def test_a_reader_keeps_the_snapshot_it_opened_and_the_next_one_sees_the_new(
    duckdb_warehouse, tmp_path
):
    snapshot = tmp_path / "snapshot.duckdb"
    with duckdb_warehouse.session() as session:
        publish(session, visit("old"))
        refresh_snapshot(session, snapshot)
        before = open_snapshot(snapshot)
        publish(session, visit("new"))
        refresh_snapshot(session, snapshot)

    assert names(before) == ["old"]
    before.disconnect()
    after = open_snapshot(tmp_path)
    assert names(after) == ["new"]
    after.disconnect()


def test_a_refresh_that_fails_leaves_the_old_snapshot(duckdb_warehouse, tmp_path, monkeypatch):
    snapshot = tmp_path / "snapshot.duckdb"
    with duckdb_warehouse.session() as session:
        publish(session, visit("old"))
        refresh_snapshot(session, snapshot)
        (tmp_path / ".snapshot.duckdb.deadbeef").write_text("left by a killed process")
        monkeypatch.setattr(session, "exists", lambda name: True)
        with pytest.raises(Exception, match="people_list"):
            refresh_snapshot(session, snapshot)

    left = open_snapshot(tmp_path)
    assert names(left) == ["old"]
    left.disconnect()
    assert [path.name for path in tmp_path.glob("*snapshot.duckdb*")] == ["snapshot.duckdb"]


def test_without_a_run_there_is_no_snapshot(tmp_path):
    with pytest.raises(SnapshotMissingError, match="written at the end of a run"):
        open_snapshot(tmp_path)
