"""The day a file speaks of, for exports whose rows carry no date.

Belongs here: a date in a file's name, a date column, what sources.yaml says. Does not belong here:
timestamps inside rows (``timestamps``).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import present
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.schemas import TIMESTAMP
from mqa_platform.sources.timestamps import EARLIEST, parse_timestamps

# How vendors and loaders call the column that says of when a record is.
DATE_COLUMNS: Final = (
    "asof",
    "asofdate",
    "date",
    "scoredate",
    "snapshotdate",
    "updatedat",
    "lastmodifieddate",
    "modifiedat",
    "fivetransynced",
)


def file_day(path: Path, source: Source) -> date | None:
    """The date in the file's name, else ``week`` of the source, else None."""
    named = re.search(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)", path.name)
    if named:
        try:
            return date.fromisoformat(named.group())
        except ValueError:
            pass
    return source.week


def known_day(path: Path, source: Source) -> date:
    """``file_day``, which must be known.

    Raises:
        SourceError: neither the name nor the source says it.
    """
    day = file_day(path, source)
    if day is None:
        raise SourceError(
            path,
            "neither its name nor the source says which week it is of",
            "Name it like surge-YYYY-MM-DD.csv, or set week in sources.yaml.",
        )
    return day


def midnight(day: date) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), UTC)


def dated(
    records: Records, path: Path, source: Source, *, always: bool
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Of when each record is: its own date, else the file's.

    Args:
        records: the file's records.
        path: the file.
        source: its declaration.
        always: whether a record without any date has always been true (a list of companies), and
            not only on one day (a score).

    Returns:
        Timestamps (null where the date is wrong), and where it is.

    Raises:
        SourceError: no date anywhere, and ``always`` is false.
    """
    column = next((name for name in DATE_COLUMNS if records.has(name)), None)
    if column is not None:
        given = records.text(column)
        moments, wrong = parse_timestamps(given)
        if not len(records) or present(given).all():
            return moments, wrong
        rest = _file_moment(path, source, always=always)
        own = pc.if_else(pa.array(present(given)), moments, pa.scalar(rest, TIMESTAMP))
        return own, wrong
    moment = _file_moment(path, source, always=always)
    whole = pa.repeat(pa.scalar(moment, TIMESTAMP), len(records))
    return whole, np.zeros(len(records), dtype=np.bool_)


def _file_moment(path: Path, source: Source, *, always: bool) -> datetime:
    day = file_day(path, source) if always else known_day(path, source)
    return EARLIEST if day is None else midnight(day)
