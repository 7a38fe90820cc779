"""What sensors read of the published tables: the snapshot, and only when there is a new one.

Belongs here: opening it for a tick. Does not belong here: what follows from the rows (the sensors). The live
warehouse is never opened: a run has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.warehouse.errors import SnapshotMissingError


class NotReadableError(Exception):
    """The published tables cannot be read now, which is not the same as empty tables."""


def stamp(home: Home) -> tuple[str, datetime] | None:
    """(what changes with every snapshot, when it was made); None where there is none yet."""
    try:
        found = home.snapshot.stat()
    except FileNotFoundError:
        return None
    at = datetime.fromtimestamp(found.st_mtime, UTC)
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}", at


@contextmanager
def published(home: Home) -> Iterator[Marts]:
    """The published tables for the length of a block.

    Raises:
        NotReadableError: there are none yet, or they cannot be opened now.
    """
    # The engine's own errors are of many kinds, and all of them mean: not now.
    try:
        with open_marts(home) as marts:
            yield marts
    except NotReadableError:
        raise
    except (SnapshotMissingError, MartError) as problem:
        raise NotReadableError(str(problem)) from problem
    except Exception as problem:
        words = str(problem).splitlines() or [type(problem).__name__]
        raise NotReadableError(words[0]) from problem


def utc(moment: datetime) -> datetime:
    """A moment of a table, which every engine gives in UTC, some of them without saying so."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moments(row: dict[str, Any], *names: str) -> dict[str, datetime]:
    """The named columns of a row that have a moment."""
    return {name: utc(row[name]) for name in names if row[name] is not None}
