"""A file of any source arrived: land it, refresh today and deliver.

Belongs here: noticing files that are new or changed. Does not belong here: what the receiver has taken in
(``received``), services that have to be asked (``crm_answers``), or reading files (``sources``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import Jobs, asked, cursor_of, interval, nothing, switched
from mqa_platform.sources.globs import expand
from mqa_platform.sources.landed import SourceError

NAME = "on_new_files"
RECEIVED = "received"


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


def on_new_files(jobs: Jobs, home: Home, policy: Policy) -> dg.SensorDefinition:
    """Refreshes today when a source delivers: trigger events, intent, CRM exports, web logs."""

    @dg.sensor(
        name=NAME,
        job=jobs.refresh,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A file of any source arrived: land it, refresh today and deliver.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        sources = [s for s in policy.sources.sources.values() if s.connector != RECEIVED]
        try:
            now = fingerprints([p for s in sources for p in expand(s, home.root, home.data)])
        except (SourceError, OSError) as problem:
            # A failed read is not an empty inbox: the cursor stays where it was.
            return nothing(f"the sources cannot be listed: {problem}")
        new = arrived(now, cursor_of(context))
        if not new:
            return nothing("no new files")
        return asked(context, NAME, jobs.refresh, [f"{p} {now[p]}" for p in new], now, jobs.today())

    return _sensor
