"""Reactions to the outside, each a pure comparison under a thin sensor.

Belongs here: what starts a run before its schedule does. Does not belong here: what the run does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sources.globs import expand
from mqa_platform.sources.landed import SourceError

_INTERVAL_SECONDS = 30


def fingerprints(paths: list[Path]) -> dict[str, str]:
    """File → size and time of change."""
    found = {}
    for path in paths:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # taken away between listing and looking: nothing to run for
        found[str(path)] = f"{stat.st_size}-{stat.st_mtime_ns}"
    return found


def arrived(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Files that are new or changed, sorted; files that went away start nothing."""
    return sorted(path for path, mark in now.items() if before.get(path) != mark)


def on_new_files(
    job: dg.UnresolvedAssetJobDefinition,
    home: Home,
    policy: Policy,
    partitions: dg.DailyPartitionsDefinition,
) -> dg.SensorDefinition:
    """Refreshes today when a source delivers: trigger events, intent, CRM exports, web logs."""

    @dg.sensor(
        name="on_new_files",
        job=job,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="A file of any source arrived: land it and refresh today.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            paths = [
                p for s in policy.sources.sources.values() for p in expand(s, home.root, home.data)
            ]
        except (SourceError, OSError) as problem:
            # A failed read is not an empty inbox: the cursor stays where it was.
            return dg.SkipReason(f"the sources cannot be listed: {problem}")
        now = fingerprints(paths)
        before = json.loads(context.cursor) if context.cursor else {}
        new = arrived(now, before)
        if not new:
            return dg.SkipReason("no new files")
        key = hashlib.sha256("\n".join(f"{p} {now[p]}" for p in new).encode()).hexdigest()[:32]
        today = partitions.get_last_partition_key()
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=key, partition_key=today)], cursor=json.dumps(now)
        )

    return _sensor
