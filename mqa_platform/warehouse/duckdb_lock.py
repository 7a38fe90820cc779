"""Waiting for a DuckDB file that someone else holds.

Belongs here: retry with back-off, and telling who holds the file. Does not belong here: using the
file.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mqa_platform.warehouse.errors import WarehouseBusyError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

_GUARD = threading.Lock()
_LOCKS: dict[Path, threading.Lock] = {}
_OWNERS: dict[Path, int] = {}


@contextmanager
def only_session(path: Path, timeout: float) -> Iterator[None]:
    """One session of a file at a time in this process: two would see each other's half-done work.

    Raises:
        WarehouseBusyError: this thread has one open already, or another thread kept it for
            ``timeout`` seconds.
    """
    with _GUARD:
        lock = _LOCKS.setdefault(path, threading.Lock())
    if _OWNERS.get(path) == threading.get_ident():
        raise WarehouseBusyError(
            f"{path} is already open in this thread: use the session that is open"
        )
    if not lock.acquire(timeout=timeout):
        raise WarehouseBusyError(f"{path} is in use by another thread of this process")
    _OWNERS[path] = threading.get_ident()
    try:
        yield
    finally:
        del _OWNERS[path]
        lock.release()


def open_file(path: Path, config: Mapping[str, str], timeout: float) -> duckdb.DuckDBPyConnection:
    """Open the file for writing, waiting at most ``timeout`` seconds for another process.

    Raises:
        WarehouseBusyError: naming the process that holds it.
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        try:
            return duckdb.connect(str(path), config=dict(config))
        except duckdb.IOException as problem:
            if "lock" not in str(problem).lower():
                raise
            if time.monotonic() + pause > deadline:
                raise WarehouseBusyError(_told(path, str(problem), timeout)) from problem
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _told(path: Path, message: str, timeout: float) -> str:
    found = _HOLDER.search(message)
    holder = "another process"
    if found:
        holder = f"process {found['pid']} ({_command(int(found['pid'])) or found['program']})"
    return (
        f"{path} is held by {holder}, for {timeout:g} seconds now. Wait for it to end, or "
        "read the snapshot instead: only the pipeline opens the live file."
    )


def _command(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return " ".join(line.decode(errors="replace").split("\0")).strip()[:200]
