"""Web visits delivered by hand, and landing without the stages.

Belongs here: what the tests of sources share. Does not belong here: tests.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from mqa_platform.assets import sources
from mqa_platform.assets.reporting import Outcome
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.source_reports import FIGURES
from mqa_platform_tests.system.pipeline import ALL, opened, rows


def page(number: int, day: date, path: str = "/pricing") -> str:
    """A Segment page call; its message id is its number."""
    at = f"{day.isoformat()}T10:{number % 60:02d}:07.250Z"
    return json.dumps(
        {
            "type": "page", "messageId": f"m{number}", "anonymousId": f"cookie{number}",
            "timestamp": at, "sentAt": at, "properties": {"path": path},
            "context": {"userAgent": "Mozilla/5.0", "consent": "granted"},
        }
    )  # fmt: skip


def deliver(home: Home, name: str, *lines: str) -> Path:
    path = home.inbox / "segment" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def land(home: Home, window: Window | None = ALL) -> Outcome:
    with opened(home) as step:
        return sources.land(step, window)


def figures(home: Home, source: str = "segment") -> tuple[int, ...]:
    """landed, accepted, duplicate, quarantined, filtered, conflict, held batches."""
    names = ", ".join((*FIGURES, "conflict", "held_batches"))
    (found,) = rows(home, f"SELECT {names} FROM source_report WHERE source = '{source}'")
    return found


def only_day(day: date) -> Window:
    return Window.of(day, day)
