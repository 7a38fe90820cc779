"""What a delivered file is to the ledger: new, known, held, or to be read again.

Belongs here: what the ledger knows, digests of files seen before. Does not belong here: how a file is
read (``readings``), or entering it (``landing``).

A batch is known by its source, its content, and its reading: the same bytes land once under any name,
and once more when their mapping or a setting of their source changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from mqa_platform.home import Home
from mqa_platform.sources.batches import Batch
from mqa_platform.sources.readings import batch_id, is_of_another_day, is_plain

_FORMAT: Final = 2
_TICK: Final = timedelta(microseconds=1)
_FAILED: Final = ("unreachable", "lost_permission")


class Digests(NamedTuple):
    """Of one file: SHA-256 of its content, and of its source's name and content."""

    content: str
    named: str


def digests(source: str, path: Path) -> Digests:
    """Read a file once for both digests."""
    content, named = hashlib.sha256(), hashlib.sha256(source.encode() + b"\0")
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
            named.update(chunk)
    return Digests(content.hexdigest(), named.hexdigest())


def stamp_of(path: Path) -> str:
    """What changes with a local file, even where its time was set back.

    Raises:
        OSError: there is no such file, or it cannot be looked at.
    """
    stat = path.stat()
    return f"{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}"


@dataclass
class Seen:
    """Digests by source, place and stamp, so that old files are not read every run."""

    path: Path
    known: dict[str, list[str]]
    used: dict[str, list[str]]

    @classmethod
    def of(cls, home: Home) -> Seen:
        """What former runs have seen; nothing when that cannot be read."""
        path = home.landing / "seen.json"
        try:
            told = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            told = {}
        if not isinstance(told, dict) or told.get("format") != _FORMAT:
            return cls(path, {}, {})
        known = told.get("digests")
        return cls(path, known if isinstance(known, dict) else {}, {})

    def get(self, source: str, place: str, stamp: str) -> Digests | None:
        """The digests of a file that has not changed since."""
        key = f"{source}|{place}|{stamp}"
        if key in self.known:
            self.used[key] = self.known[key]
            return Digests(*self.known[key])
        return None

    def put(self, source: str, place: str, stamp: str, found: Digests) -> None:
        """Remember a file."""
        self.used[f"{source}|{place}|{stamp}"] = list(found)

    def keep(self, source: str) -> None:
        """Keep what is known of a source that could not be looked at in this run."""
        mine = {k: v for k, v in self.known.items() if k.startswith(f"{source}|")}
        self.used = {**mine, **self.used}

    def save(self) -> None:
        """Write it down, without the files that are gone."""
        if self.used != self.known:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(f".{os.getpid()}.partial")
            partial.write_text(json.dumps({"format": _FORMAT, "digests": self.used}))
            partial.replace(self.path)


class Ledger:
    """What ``landed_batches`` knows, kept up to date while a run lands more."""

    def __init__(self, rows: Iterable[dict[str, Any]], at: datetime) -> None:
        """Take the rows of the table; ``at`` is when this run began."""
        self.rows: dict[str, dict[str, Any]] = {}
        self._of_content: dict[tuple[str, str], list[str]] = defaultdict(list)
        # By source and stream: the page that was pulled last.
        self._pulled_last: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self._last = at - _TICK
        for row in rows:
            self.enter(row)

    def enter(self, row: dict[str, Any]) -> None:
        """Remember a row, in the place of one with the same id."""
        same = self._of_content[row["source"], row["sha256"]]
        if row["batch_id"] not in self.rows:
            same.append(row["batch_id"])
        self.rows[row["batch_id"]] = row
        self._last = max(self._last, row["landed_at"])
        if row.get("cursor") is not None and row["pulled_at"] is not None:
            streams = self._pulled_last[row["source"]]
            other = streams.get(row["stream"])
            if other is None or other["pulled_at"] <= row["pulled_at"]:
                streams[row["stream"]] = row

    def moment(self) -> datetime:
        """When the next batch is entered: later than all before, so that rows have an order."""
        self._last += _TICK
        return self._last

    def add(self, batch: Batch, replaced: Iterable[str]) -> None:
        """Remember a batch that was landed and those that left for it."""
        self.leave(set(replaced) - {batch.batch_id})
        self.enter({**batch.ledger, "source": batch.source, "batch_id": batch.batch_id})

    def leave(self, batch_ids: Iterable[str]) -> None:
        """Remember that batches are superseded."""
        for one in batch_ids:
            self.rows[one] = {**self.rows[one], "status": "superseded"}

    def _same(self, source: str, sha256: str) -> list[dict[str, Any]]:
        """Everything that was ever entered of the same bytes of a source, oldest first."""
        found = [self.rows[one] for one in self._of_content.get((source, sha256), [])]
        return sorted(found, key=lambda row: row["landed_at"])

    def streams_of(self, source: str, found: Digests) -> dict[str, dict[str, Any]]:
        """The streams that gave a page, each with the newest row of it."""
        return {row["stream"]: row for row in self._same(source, found.content)}

    def is_held(self, source: str, found: Digests) -> bool:
        """Whether a page is held back at the moment."""
        return any(row["status"] == "held" for row in self._same(source, found.content))

    def batch_id(self, found: Digests, reading: str) -> str:
        """The name of a batch; after a changed connector not the one of the former's."""
        whole = found.named[:16]
        row = self.rows.get(whole)
        if is_plain(reading) and (row is None or row["read_as"] in ("", reading)):
            return whole
        return batch_id(found.named, reading)

    def former(
        self, source: str, found: Digests, stream: str, current: str, reading: str
    ) -> list[dict[str, Any]]:
        """Other readings of the same bytes that still stand, landed or held."""
        # The ledger of an earlier version has the digest of name and content in its place.
        same = [*self._same(source, found.content), *self._same(source, found.named)]
        # A delivery that was shortened by an erasure has an entry of its own beside its batch.
        behind = {row.get("stands_for") for row in same if row["batch_id"] != current}
        same += [self.rows[one] for one in sorted(filter(None, behind))]
        return [
            row
            for row in same
            if row["batch_id"] != current
            and row["stream"] == stream
            and row["status"] in ("landed", "held")
            and not is_of_another_day(row["read_as"], reading)
        ]

    def cursors(self, source: str) -> dict[str, str]:
        """Where each stream of a service goes on: the cursor of the page that was pulled last."""
        return {stream: row["cursor"] for stream, row in self._pulled_last[source].items()}

    def has_failed(self, source: str) -> bool:
        """Whether the last that is known of a source is that it did not answer."""
        rows = [row for row in self.rows.values() if row["source"] == source]
        newest = max(rows, key=lambda row: row["landed_at"], default=None)
        return newest is not None and newest["status"] in _FAILED
