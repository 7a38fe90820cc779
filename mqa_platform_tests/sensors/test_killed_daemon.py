"""Dagster's own daemon, killed and started again: every file is run for, and none twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from mqa_platform_tests.system.pipeline import ROOT

KILLS, FILES_A_LIFE, PATIENCE_SECONDS = 1, 3, 240
# A location with the sensor and nothing to compute: a run writes down which files it found.
LOCATION = """
import json, os
from datetime import date
from pathlib import Path
import dagster as dg
from mqa_platform.home import Home
from mqa_platform.partitions import daily
from mqa_platform.policy.loader import load_policy
from mqa_platform.sensors import Jobs, on_new_files

home = Home(Path(os.environ["MQA_HOME"]))
days = daily(date(2026, 1, 1))

@dg.asset(partitions_def=days)
def landed(context):
    there = sorted(p.name for p in (home.inbox / "segment").glob("*.jsonl"))
    (home.root / f"run-{context.run_id}.json").write_text(json.dumps(there))

refresh = dg.define_asset_job("refresh_and_deliver", selection=[landed])
sensor = on_new_files(Jobs(refresh, refresh, days), home, load_policy(None))
defs = dg.Definitions(assets=[landed], jobs=[refresh], sensors=[sensor], executor=dg.in_process_executor)
"""


@pytest.mark.slow
def test_a_daemon_that_is_killed_and_started_again_loses_no_file_and_runs_for_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "home" / "inbox" / "segment"
    inbox.mkdir(parents=True)
    (tmp_path / "location.py").write_text(LOCATION)
    instance_folder = tmp_path / "dagster"
    instance_folder.mkdir()
    (instance_folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    told = {"MQA_HOME": str(tmp_path / "home"), "MQA_SENSORS": "on", "MQA_SENSOR_SECONDS": "5"}
    told |= {"DAGSTER_HOME": str(instance_folder), "PYTHONPATH": str(ROOT)}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MQA_")} | told
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run"]
    command += ["-f", str(tmp_path / "location.py")]
    monkeypatch.setenv("DAGSTER_HOME", str(instance_folder))
    # Made before the daemon begins: two that make it at once leave one that nobody can open.
    dg.DagsterInstance.get().dispose()
    written = 0
    for life in range(KILLS + 1):
        daemon = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            for _ in range(FILES_A_LIFE):
                (inbox / f"{written}.jsonl").write_text("{}\n")
                written += 1
                time.sleep(0.3)
            with dg.DagsterInstance.get() as instance:
                wait_for(tmp_path / "home", written if life == KILLS else 1, life == KILLS)
                # In the midst of whatever it does now.
                runs = instance.get_runs()
        finally:
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
    keys = [run.tags["dagster/run_key"] for run in runs]
    assert len(set(keys)) == len(keys)
    last = max((tmp_path / "home").glob("run-*.json"), key=lambda p: p.stat().st_mtime)
    assert last.read_text().count(".jsonl") == written


def wait_for(home: Path, files: int, is_last: bool) -> None:
    """Until a run has found so many files; before the last life only until anything has begun."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        found = [p.read_text().count(".jsonl") for p in home.glob("run-*.json")]
        if max(found, default=0) >= files:
            return
        time.sleep(0.2)
    if is_last:
        raise AssertionError(f"no run found {files} files")
