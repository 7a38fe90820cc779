"""The whole pipeline without an orchestrator, and fingerprints of what it published.

Belongs here: running the assets' work functions on a home, and comparing tables. Does not belong here:
tests, or how an asset tells Dagster what it did.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mqa_platform.assets import (
    accounts,
    conversions,
    feeds,
    handoffs,
    reps,
    scores,
    sessions,
    signals,
    sources,
    stages,
)
from mqa_platform.assets.platform import Step, collect_rarely
from mqa_platform.assets.reporting import Outcome
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.promotions import policy_now
from mqa_platform.storage import KeptWarehouse, open_warehouse
from mqa_platform.warehouse.snapshot import refresh_snapshot

ROOT = Path(__file__).parents[2]
FIRST = date(2025, 7, 1)
DAYS = 30
ALL = Window(FIRST, FIRST + timedelta(days=DAYS))
LAST = ALL.days()[-1]
# By what it works on, so that a test can do one part without counting steps.
LANDING = (sources.land, sources.crm, feeds.feeds, reps.reps)
DAILY = (signals.signals, sessions.sessions, accounts.accounts, scores.scores, stages.stages)
WORK: tuple[Callable[..., Outcome], ...] = (
    *LANDING,
    *DAILY,
    handoffs.handoffs,
    conversions.conversions,
)
# When a batch arrived differs between two installations; everything else must not.
_ARRIVAL = {"landed_at", "landed_on", "path", "last_landed_at"}
# The ledger's row is inside the file, so two installations never have the same file.
_ARRIVAL |= {"rewritten_at", "old_sha256", "new_sha256"}
_ARRIVAL |= {"published_from", "published_to"}
# They tell what was known when, which is another story in every order of runs; test_decisions has them.
_KNOWN_THEN = {"decisions", "decision_drift", "known_entries", "late_arrivals"}


@contextmanager
def opened(home: Home, warehouse: KeptWarehouse | None = None) -> Iterator[Step]:
    """A step of a run on the home's warehouse, or on the one given."""
    collect_rarely()
    now = policy_now(home)
    with (warehouse or open_warehouse(home)).session() as session:
        yield Step(session, home, now.policy, now.version, "test")


def run(
    home: Home,
    *windows: Window,
    work: Sequence[Callable[..., Outcome]] = WORK,
    warehouse: KeptWarehouse | None = None,
) -> dict[str, bool]:
    """Runs the windows one after the other; which tables changed in any of them."""
    changed: dict[str, bool] = {}
    with opened(home, warehouse) as step:
        for window in windows:
            for asset in work:
                for table, published in asset(step, window).published.items():
                    changed[table] = changed.get(table, False) or published.changed
        if warehouse is None:
            refresh_snapshot(step.session, home.snapshot)
    return changed


def day(number: int) -> Window:
    """One day of the market, 0 is its first."""
    return Window.of(FIRST + timedelta(days=number), FIRST + timedelta(days=number))


def copy_home(home: Home, folder: Path, *names: str) -> Home:
    """A home of its own with some files and folders of another."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or ("inbox", "landing", "warehouse.duckdb", "snapshot.duckdb"):
        source = home.root / name
        if source.is_dir():
            # copy2 keeps the times of change, by which landing knows the files it has seen.
            shutil.copytree(source, folder / name, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, folder / name)
    return Home(folder)


def fingerprint(table: pa.Table) -> str:
    """A hash of the rows, whatever their order."""
    kept = [c for c in table.column_names if c not in _ARRIVAL]
    rows = sorted(
        # A negative zero is equal to zero; only its text is not.
        repr(tuple(v + 0.0 if isinstance(v, float) else v for v in r.values()))
        for r in table.select(kept).to_pylist()
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def fingerprints(home: Home, warehouse: KeptWarehouse | None = None) -> dict[str, str]:
    """Every published table's hash with its number of rows, and the days recorded as published."""
    found = {}
    with (warehouse or open_warehouse(home)).session() as session:
        for name, contract in load_contracts().items():
            if name in _KNOWN_THEN:
                continue
            rows = session.arrow(session.table(name), contract.arrow_schema)
            found[name] = f"{rows.num_rows} rows, {fingerprint(rows)}"
        days = session.fetch("SELECT table_name, day, rows FROM _published_days ORDER BY 1, 2")
        found["_published_days"] = f"{len(days)} rows, {hash(tuple(map(tuple, days)))}"
        found["_reopened"] = str(session.fetch("SELECT * FROM _reopened"))
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The tables whose hashes differ, with both."""
    return {t: (one[t], other[t]) for t in one if one[t] != other[t]}


def rows(home: Home, sql: str) -> list[tuple[Any, ...]]:
    """The answer of the home's live warehouse."""
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        con.execute("SET TimeZone='UTC'")
        return con.execute(sql).fetchall()


def environment(home: Home, **more: str) -> dict[str, str]:
    """The environment of a command on a home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MQA_", "DAGSTER_"))}
    return {**kept, "MQA_HOME": str(home.root), "PYTHONPATH": str(ROOT), **more}


def mqa(home: Home, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """``mqa`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mqa_platform.cli", *arguments],
        env=environment(home, **more),
        cwd=home.root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
