"""The receiver took something in: a webhook is landed and refreshes today, a press in Slack is delivered.

Belongs here: noticing what lies in ``inbox/received``. Does not belong here: taking it in (``receiver``) or
reading it (``sources``, ``destinations.answers``).

A file there is written once, under a name made of its content, into the folder of the day on which it came.
So only the folders from the last one on need a look, however many days have been received.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.sensors.asking import Job, Jobs, asked, cursor_of, interval, nothing, switched
from mqa_platform.sensors.cursors import Item, Seen, news

ON_WEBHOOKS, ON_PRESSES = "on_received_webhooks", "on_slack_answers"
FOLDER: Final = "received"
SLACK: Final = "slack"
# What was taken in just before midnight may be written just after it.
_OVERLAP: Final = timedelta(days=1)
_DAY: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def lying(folders: Iterable[Path], since: datetime | None) -> list[Item]:
    """The files of sources' folders, from the folder of a day on.

    Args:
        folders: ``inbox/received/<source>``, with a folder a day.
        since: files of days before it are left alone; None takes all.

    Raises:
        OSError: a folder cannot be listed.
    """
    first = since.date().isoformat() if since else ""
    found = []
    for folder in folders:
        for day in _names(folder):
            if not _DAY.match(day) or day < first:
                continue
            at = datetime.fromisoformat(day).replace(tzinfo=UTC)
            # Not under its last name yet: it is still being written.
            names = [n for n in _names(folder / day) if n.endswith(".json") and n[0] != "."]
            found += [Item(f"{folder.name}/{day}/{name}", at) for name in names]
    return found


def on_received_webhooks(jobs: Jobs, home: Home) -> dg.SensorDefinition:
    """Lands webhooks and refreshes today."""

    @dg.sensor(
        name=ON_WEBHOOKS,
        job=jobs.refresh,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A signed webhook was received: land it, refresh today and deliver.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return _tick(context, ON_WEBHOOKS, home, jobs.refresh, jobs.today())

    return _sensor


def on_slack_answers(jobs: Jobs, home: Home) -> dg.SensorDefinition:
    """Brings what reps pressed in Slack to the CRM."""

    @dg.sensor(
        name=ON_PRESSES,
        job=jobs.deliver,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="A rep accepted, rejected or snoozed in Slack: write it to the CRM.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return _tick(context, ON_PRESSES, home, jobs.deliver, None)

    return _sensor


def _tick(
    context: dg.SensorEvaluationContext,
    sensor: str,
    home: Home,
    job: Job,
    today: str | None,
) -> dg.SensorResult | dg.SkipReason:
    root = home.inbox / FOLDER
    seen = Seen.of(cursor_of(context))
    try:
        folders = [
            root / name for name in _names(root) if (name == SLACK) == (sensor == ON_PRESSES)
        ]
        there = lying(folders, seen.until - _OVERLAP if seen.until else None)
    except OSError as problem:
        # A failed read is not an empty folder: the cursor stays where it was.
        return nothing(f"what was received cannot be listed: {problem}")
    new, after = news(there, seen, _OVERLAP)
    if not new:
        return nothing("nothing received")
    return asked(context, sensor, job, [item.key for item in new], after.kept(), today)


def _names(folder: Path) -> list[str]:
    """What lies in a folder; nothing where there is none."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.name[0] != ".")
    except (FileNotFoundError, NotADirectoryError):
        return []
