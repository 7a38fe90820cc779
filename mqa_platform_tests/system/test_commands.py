"""``mqa`` as a process: what it leaves on disk, and how it behaves beside another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import (
    FIRST,
    LAST,
    copy_home,
    environment,
    mqa,
)
from mqa_platform_tests.system.test_landing import page

pytestmark = pytest.mark.slow

HOLD = """
import sys, duckdb
con = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def holding(path: Path) -> Iterator[int]:
    """Another process has the file open; yields its number."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process.pid
    finally:
        process.communicate("\n")


def test_a_run_waits_for_a_held_file_and_then_names_the_holder(home: Home) -> None:
    with holding(home.warehouse) as pid:
        waiting = subprocess.Popen(
            [sys.executable, "-m", "mqa_platform.cli", "run", "--from", str(LAST), "--json"],
            env=environment(home),
            cwd=home.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Readers go on meanwhile: they have the snapshot.
        read = mqa(home, "export", "scores", "--format", "json")
        assert read.returncode == 0, read.stderr
        account = json.loads(read.stdout)[0]["account_id"]
        explained = mqa(home, "explain", account, "--as-of", str(LAST), "--json")
        assert explained.returncode in (0, 2), explained.stderr
        assert waiting.poll() is None
        out, err = waiting.communicate(timeout=180)
    assert waiting.returncode == 1, out
    assert f"held by process {pid}" in err
    assert "snapshot" in err
    assert out == ""


def test_a_day_outside_the_history_is_refused_before_anything_is_made(
    market: Home, tmp_path: Path
) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")
    answer = mqa(home, "run", "--from", "2019-01-01")
    assert answer.returncode == 2, answer.stderr
    assert "outside the history" in answer.stderr
    assert "history_starts_on" in answer.stderr
    assert not home.warehouse.exists()


def test_a_file_with_too_many_bad_rows_is_held_alone_and_the_run_goes_on(home: Home) -> None:
    broken = home.inbox / "segment" / "broken.jsonl"
    broken.write_text("\n".join([*map(page, range(5)), *["not json"] * 190]))
    answer = mqa(home, "run", "--from", str(FIRST), "--json")
    assert answer.returncode == 0, answer.stderr
    told = " ".join(json.dumps(json.loads(answer.stdout)).split())
    for word in ("segment", "broken.jsonl", "190 of 195"):
        assert word in told
    broken.unlink()
    again = mqa(home, "run", "--from", str(FIRST), "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["facts"]["landed_batches"]["degraded"] in (False, 0)
