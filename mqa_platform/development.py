"""The Dagster UI and daemon on a home, and the receiver with them, for as long as the command runs.

Belongs here: starting and ending the processes. Does not belong here: the instance (``instance``), or what the
receiver takes in (``receiver``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mqa_platform.dead_runs import report_dead_runs
from mqa_platform.home import Home
from mqa_platform.instance import running_instance

_MODULE = "mqa_platform.definitions"


def serve(
    home: Home, port: int | None, ready: Callable[[str], None], receive: int | None = None
) -> int:
    """Runs webserver (loopback only: it has no login) and daemon until one ends or Ctrl-C.

    Args:
        home: whose instance it is.
        port: of the webserver; None runs the daemon without one.
        ready: is told the address once the processes have been started.
        receive: port of the receiver, which takes signed webhooks on this machine; None runs none.

    Returns:
        The exit code of the process that ended first, 0 when interrupted.
    """
    with running_instance(home) as instance:
        report_dead_runs(instance)
        environment = {**os.environ, "MQA_HOME": str(home.root), "PYTHONUNBUFFERED": "1"}
        if home.data:
            environment["MQA_DATA"] = str(home.data)
        commands = _commands(port, receive)
        processes = [subprocess.Popen(c, env=environment) for c in commands]
        try:
            ready(f"http://127.0.0.1:{port}" if port else "none")
            while all(p.poll() is None for p in processes):
                time.sleep(0.5)
            return next(p.returncode for p in processes if p.poll() is not None)
        except KeyboardInterrupt:
            return 0
        finally:
            for process in processes:
                if process.poll() is None:
                    process.terminate()
            for process in processes:
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _commands(port: int | None, receive: int | None) -> list[list[str]]:
    folder = Path(sys.executable).parent
    commands = [[str(folder / "dagster-daemon"), "run", "-m", _MODULE]]
    if port is not None:
        address = ["-h", "127.0.0.1", "-p", str(port)]
        commands.append([str(folder / "dagster-webserver"), "-m", _MODULE, *address])
    if receive is not None:
        commands.append([str(folder / "mqa"), "receive", "--port", str(receive)])
    return commands
