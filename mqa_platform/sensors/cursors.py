"""What a sensor has seen, so that nothing starts two runs and nothing is passed over.

Belongs here: the pure comparison under every sensor, and how it is kept between ticks. Does not belong here:
where anything is read (the sensors), or Dagster.

A cursor is the latest moment that was seen, and the keys of what lies less than the overlap before it. What
turns up late, but within the overlap, is new; what was there already is not, in whatever order it comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

_MARK: Final = 16


@dataclass(frozen=True)
class Item:
    """Something that a sensor reacts to.

    Attributes:
        key: its content; the same content is the same thing, and is reacted to once.
        at: the moment it belongs to, in UTC; the cursor moves by it.
    """

    key: str
    at: datetime


@dataclass(frozen=True)
class Seen:
    """What was seen: nothing at first.

    Attributes:
        until: the latest moment of anything that was seen.
        marks: of what lies less than the overlap before ``until``, with its moment.
    """

    until: datetime | None = None
    marks: Mapping[str, datetime] | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Seen:
        """What ``kept`` gave as JSON; nothing for an empty cursor."""
        if not kept:
            return cls()
        marks = {mark: datetime.fromisoformat(at) for mark, at in kept["marks"].items()}
        return cls(datetime.fromisoformat(kept["until"]), marks)

    def kept(self) -> dict[str, Any]:
        """As JSON can hold it."""
        if self.until is None:
            return {}
        marks = {mark: at.isoformat() for mark, at in sorted((self.marks or {}).items())}
        return {"until": self.until.isoformat(), "marks": marks}


def mark(key: str) -> str:
    """A short stand-in for a key, which may be long or name somebody."""
    return hashlib.sha256(key.encode()).hexdigest()[:_MARK]


def news(items: Iterable[Item], seen: Seen, overlap: timedelta) -> tuple[list[Item], Seen]:
    """What has not been seen, by moment and key, and what has been seen with it.

    Args:
        items: what there is now, in any order, things of before among them, some of them twice.
        seen: what had been seen by the last tick that started its runs.
        overlap: how late something may turn up; what is older than this before ``seen.until`` is left alone.
    """
    there = {item.key: item for item in items}
    marks = dict(seen.marks or {})
    since = None if seen.until is None else seen.until - overlap
    found = [
        item
        for item in there.values()
        if mark(item.key) not in marks and (since is None or item.at >= since)
    ]
    moments = [item.at for item in there.values()] + ([seen.until] if seen.until else [])
    if not moments:
        return [], seen
    until = max(moments)
    marks.update({mark(item.key): item.at for item in found})
    kept = {one: at for one, at in marks.items() if at >= until - overlap}
    return sorted(found, key=lambda item: (item.at, item.key)), Seen(until, kept)


def reached(seen: Seen, at: datetime | None, overlap: timedelta) -> Seen:
    """What has been seen, once everything up to a moment has been looked at."""
    if at is None or (seen.until is not None and at <= seen.until):
        return seen
    kept = {one: when for one, when in (seen.marks or {}).items() if when >= at - overlap}
    return Seen(at, kept)


def run_key(sensor: str, keys: Iterable[str]) -> str:
    """The name of the run that some content asks for: the same whenever and in whatever order it is seen."""
    content = "\n".join(sorted(set(keys)))
    return hashlib.sha256(f"{sensor}\n{content}".encode()).hexdigest()[:32]
