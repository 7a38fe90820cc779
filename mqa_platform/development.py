"""The Dagster UI and daemon on a home, for as long as the command runs.

Belongs here: starting and ending the two processes. Does not belong here: the instance (``instance``).
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


def serve(home: Home, port: int, ready: Callable[[str], None]) -> int:
    """Runs webserver (loopback only: it has no login) and daemon until one ends or Ctrl-C.

    Returns:
        The exit code of the process that ended first, 0 when interrupted.
    """
    with running_instance(home) as instance:
        report_dead_runs(instance)
        environment = {**os.environ, "MQA_HOME": str(home.root), "PYTHONUNBUFFERED": "1"}
        if home.data:
            environment["MQA_DATA"] = str(home.data)
        bin_folder = Path(sys.executable).parent
        commands = [
            [
                str(bin_folder / "dagster-webserver"),
                "-m",
                _MODULE,
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
            ],
            [str(bin_folder / "dagster-daemon"), "run", "-m", _MODULE],
        ]
        processes = [subprocess.Popen(c, env=environment) for c in commands]
        try:
            ready(f"http://127.0.0.1:{port}")
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
