"""An inbox is whole or absent, and nobody's files are overwritten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mqa_platform.market import MarketConfig, MarketError, generate

SMALL = MarketConfig(accounts=200, days=40, seed=11)

_KILLED = """
import os, signal, sys
from pathlib import Path
from mqa_platform.market import MarketConfig, generate

def progress(step, share):
    if step == "month 2025-08":
        os.kill(os.getpid(), signal.SIGKILL)

generate(MarketConfig(accounts=200, days=40, seed=11), Path(sys.argv[1]), progress)
"""


def _times(home: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in sorted(home.rglob("*")) if p.is_file()}


def test_a_second_generation_changes_nothing_and_gives_the_same_summary(tmp_path: Path) -> None:
    first = generate(SMALL, tmp_path)
    before = {p: t for p, t in _times(tmp_path).items() if p.name != ".market.lock"}
    second = generate(SMALL, tmp_path)
    assert second == first
    assert {p: t for p, t in _times(tmp_path).items() if p.name != ".market.lock"} == before


def test_another_markets_inbox_is_refused_with_a_remedy(tmp_path: Path) -> None:
    generate(SMALL, tmp_path)
    with pytest.raises(MarketError, match="choose another home"):
        generate(MarketConfig(accounts=200, days=41, seed=11), tmp_path)


def test_a_customers_files_are_never_touched(tmp_path: Path) -> None:
    mine = tmp_path / "inbox" / "segment" / "mine.jsonl"
    mine.parent.mkdir(parents=True)
    mine.write_text("{}\n")
    with pytest.raises(MarketError, match="not a market's"):
        generate(SMALL, tmp_path)
    assert mine.read_text() == "{}\n"


def test_empty_inbox_folders_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "inbox" / "segment").mkdir(parents=True)
    assert generate(SMALL, tmp_path).accounts == 200


def test_a_kill_in_the_middle_leaves_no_inbox_and_the_next_run_succeeds(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path / "home")], cwd=root, check=False
    )
    assert ran.returncode == -9
    assert not (tmp_path / "home" / "inbox").exists()
    summary = generate(SMALL, tmp_path / "home")
    assert summary == generate(SMALL, tmp_path / "other")
    assert not (tmp_path / "home" / ".market-partial").exists()
