"""A run that is killed at any moment is repaired by the same command, with nothing to clean up."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import (
    FIRST,
    copy_home,
    day,
    differing,
    environment,
    fingerprints,
    mqa,
    run,
)

pytestmark = pytest.mark.slow

# The place is a step, and what has been staged in it: the kill falls while that is being published.
DIE = """
import os, signal, sys
from mqa_platform.warehouse import ledger, publishing, swapping
from mqa_platform.sources import entering
table, moment = sys.argv.pop(1).split("@")

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "audited":
    real = publishing.compare
    publishing.compare = lambda s, step: die() if step.table == table else real(s, step)
elif moment == "half_swapped":
    was = swapping._replacing
    def half(step):
        lines = was(step)
        return [lines[0], "SELECT die()"] if step.table == table else lines
    swapping._replacing = half
    from mqa_platform.warehouse.duckdb import DuckDBSession
    plain = DuckDBSession.run
    DuckDBSession.run = lambda self, sql: die() if sql == "SELECT die()" else plain(self, sql)
else:
    wrote = entering.write
    count = []
    def write(*a):
        count.append(1)
        return die() if len(count) == 6 else wrote(*a)
    entering.write = write
from mqa_platform.cli import main
main()
"""


def command(first: int, last: int) -> list[str]:
    days = [str(d) for n in (first, last) for d in day(n).days()]
    return ["run", "--from", days[0], "--to", days[1], "--json"]


def kill_after(home: Home, seconds: float, *arguments: str) -> bool:
    """Starts ``mqa`` and kills it with all it started after a while; whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mqa_platform.cli", *arguments],
        env=environment(home),
        cwd=home.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


def kill_at(home: Home, place: str, *arguments: str) -> None:
    """Starts ``mqa`` so that it kills itself while it publishes a table."""
    killed = subprocess.run(
        [sys.executable, "-c", DIE, place, *arguments],
        env=environment(home),
        cwd=home.root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]


@pytest.fixture(scope="module")
def undisturbed(market: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Twelve days in one pass that nobody killed."""
    home = copy_home(market, tmp_path_factory.mktemp("undisturbed"), "inbox")
    run(home, Window(FIRST, day(11).hi))
    return home


@pytest.fixture
def fresh(market: Home, tmp_path: Path) -> Home:
    return copy_home(market, tmp_path / "home", "inbox")


@pytest.fixture(autouse=True)
def _no_server_stays(fresh: Home) -> Iterator[None]:
    yield
    pid_file = fresh.postgres / "postmaster.pid"
    if pid_file.exists():
        # Gone already when the last command has stopped it while we looked.
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(int(pid_file.read_text().split()[0]))
            server.terminate()
            server.wait(20)


def test_killed_while_landing_and_publishing_then_run_again(fresh: Home, undisturbed: Home) -> None:
    kill_at(fresh, "landed_batches@landing", *command(0, 11))
    kill_at(fresh, "touchpoints@audited", *command(0, 11))
    kill_at(fresh, "score_receipts@half_swapped", *command(0, 11))
    again = mqa(fresh, *command(0, 11))
    assert again.returncode == 0, again.stderr
    assert differing(fingerprints(fresh), fingerprints(undisturbed)) == {}


def test_killed_at_any_time_then_another_day_is_run_then_the_first_again(
    fresh: Home, undisturbed: Home
) -> None:
    assert kill_after(fresh, 6, *command(0, 5))
    kill_after(fresh, 14, *command(0, 5))
    kill_at(fresh, "stage_transitions@half_swapped", *command(0, 5))
    for span in (command(6, 11), command(0, 5)):
        done = mqa(fresh, *span)
        assert done.returncode == 0, done.stderr
    assert differing(fingerprints(fresh), fingerprints(undisturbed)) == {}
