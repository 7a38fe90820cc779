"""Rows of one file that say the same thing twice.

Belongs here: dropping and counting exact repeats. Does not belong here: the same event in another
file, or one id with two payloads (``core.signals`` counts both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.landed import Landed

# What makes two signals of a source the same event with the same content.
SAME_SIGNAL: Final = ("event_id", "payload_hash")
# A filter reason that stands for a repeat until ``counted`` has moved it.
REPEAT: Final = "duplicate"


def without_repeats(
    landed: Landed, table: str = "landed_signals", same: Sequence[str] = SAME_SIGNAL
) -> Landed:
    """The result with every row of ``table`` once; the others are its duplicates.

    Of signals the one received first is kept, else the first of the file. Only for tables that have
    one row for each accepted row of the file.

    Args:
        landed: what a file gave.
        table: the landed table to look at.
        same: the columns in which repeats agree.
    """
    rows = landed.tables[table]
    if len(pc.unique(rows[same[0]])) == len(rows):
        return landed
    number = pa.array(np.arange(len(rows)), pa.int64())
    numbered = rows.append_column("number", number)
    if "received_at" in rows.column_names:
        numbered = numbered.sort_by([("received_at", "ascending"), ("number", "ascending")])
    ranked = numbered.select([*same, "number"]).append_column("rank", number)
    first = ranked.group_by(list(same)).aggregate([("rank", "min")])
    if len(first) == len(rows):
        return landed
    kept = np.sort(ranked["number"].take(first["rank_min"]).to_numpy())
    tables = {**landed.tables, table: rows.take(pa.array(kept))}
    fewer = len(rows) - len(kept)
    return replace(
        landed,
        tables=tables,
        accepted=landed.accepted - fewer,
        duplicates=landed.duplicates + fewer,
    )


def counted(landed: Landed) -> Landed:
    """The result with rows filtered as ``REPEAT`` counted as duplicates."""
    filtered = dict(landed.filtered)
    repeats = filtered.pop(REPEAT, 0)
    return replace(landed, filtered=filtered, duplicates=landed.duplicates + repeats)
