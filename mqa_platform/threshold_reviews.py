"""Reviews of the thresholds: that somebody looked at them on a day and left them as they are.

Belongs here: the log of reviews of a home, and the age of its thresholds. Does not belong here: what makes one stale
(``core.calibration.stale``), or changing one (``promoting``).

The log is one file a review, ``policies/reviews/0001.json`` and on, written once and never changed: a promotion
says that a threshold changed, a review that it did not and why.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mqa_platform.core.calibration.stale import Age, stale_thresholds
from mqa_platform.core.history import PolicyHistory
from mqa_platform.home import Home


class ReviewRefusedError(Exception):
    """The review says too little, or is of a day that is still to come; nothing was written."""


@dataclass(frozen=True)
class Review:
    """One entry: the last day of what was looked at, who looked, why nothing changes, and the policy in force then."""

    review_id: str
    reviewed_on: date
    reviewed_by: str
    rationale: str
    policy_version: str
    recorded_at: datetime


def reviews(home: Home) -> list[Review]:
    """The log in the order in which it was written."""
    return [_read(json.loads(path.read_text("utf-8"))) for path in _log(home)]


def record_review(home: Home, day: date, by: str, rationale: str, version: str) -> Review:
    """Appends a review to the log.

    Args:
        home: the installation.
        day: the last day of the data that was looked at.
        by: who looked.
        rationale: why the thresholds stay.
        version: the policy in force on that day.

    Raises:
        ReviewRefusedError: nobody is named, no reason is given, or the day is to come.
        FileExistsError: somebody else wrote the same entry at the same time.
    """
    now = datetime.now(UTC)
    if not by.strip() or not rationale.strip():
        raise ReviewRefusedError("a review needs a name and a reason")
    if day > now.date():
        raise ReviewRefusedError(f"{day.isoformat()} is still to come")
    number = f"{len(_log(home)) + 1:04d}"
    review = Review(number, day, by.strip(), rationale.strip(), version, now)
    target = _folder(home) / f"{number}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    written = {**asdict(review), "reviewed_on": day.isoformat(), "recorded_at": now.isoformat()}
    partial.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    try:
        # A link fails where a rename would overwrite: an entry is never written twice.
        os.link(partial, target)
    finally:
        partial.unlink()
    return review


def ages(home: Home, history: PolicyHistory, as_of: date) -> list[Age]:
    """The age of every threshold in force on a day, of all motions, oldest decision first."""
    return stale_thresholds(history, [r.reviewed_on for r in reviews(home)], as_of)


def _read(row: dict[str, Any]) -> Review:
    days = {"reviewed_on": date.fromisoformat(row["reviewed_on"])}
    return Review(**{**row, **days, "recorded_at": datetime.fromisoformat(row["recorded_at"])})


def _folder(home: Home) -> Path:
    return home.policies / "reviews"


def _log(home: Home) -> list[Path]:
    return sorted(_folder(home).glob("[0-9]*.json"))
