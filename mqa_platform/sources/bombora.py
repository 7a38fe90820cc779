"""Bombora Company Surge exports: one domain's interest in one topic in one week.

Belongs here: the nine columns of the Master Surge file, and what both of Bombora's layouts share.
Does not belong here: the layout with a row a metro (``bombora_adat``), or what counts as surging
(``core``). Rows: every record is a signal, a duplicate or a defect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import numbers, present
from mqa_platform.sources.delimited import read_without_header
from mqa_platform.sources.file_dates import known_day, midnight
from mqa_platform.sources.files import open_bytes
from mqa_platform.sources.intent_records import Research, landed_research
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records, canonical
from mqa_platform.sources.schemas import TIMESTAMP

COLUMNS: Final = (
    "companyname",
    "domain",
    "size",
    "industry",
    "category",
    "topic",
    "compositescore",
    "metro",
    "domaincountry",
)
_REMEDY: Final = (
    "Export the Master Surge layout, or name the connector bombora_adat for a row a metro."
)
# The week's file is there some hours into the day its name gives.
DELIVERED_AFTER: Final = timedelta(hours=6)


def bombora_surge(path: Path, source: Source) -> Landed:
    """Read one weekly file; every row happened at 00:00 UTC of the file's date.

    The date comes from the file's name (``surge-2025-07-07.csv``), else from ``source.week``. With
    domain and topic it is the event id: a week later the same score is another event, and a second
    score for the same week is a conflict and not a second surge.

    A row without a topic says that the domain was looked for and nothing was seen; it lands.

    Raises:
        SourceError: the file cannot be read, has another layout, or no date is known.
    """
    records = surge_records(path, COLUMNS, _REMEDY)
    said = weekly(records, path, source)
    return landed_research(source, records, said, [], domain_needed=True)


def surge_records(path: Path, columns: Sequence[str], remedy: str) -> Records:
    """Records of a layout that Bombora delivers without a header, and other tools add one to.

    A header is told by the column ``Composite Score``; its order then counts, not Bombora's.

    Raises:
        SourceError: the file cannot be read, or has another layout (``remedy`` says what to do).
    """
    start = open_bytes(path)[:65_536].lstrip()
    first = canonical(start.splitlines()[0].decode("utf-8", "replace")) if start else ""
    if start[:1] in (b"{", b"[") or start.startswith(b"PAR1") or "compositescore" in first:
        return read_records(path, ("Domain", "Topic", "Composite Score"))
    return read_without_header(path, columns, remedy)


def weekly(records: Records, path: Path, source: Source) -> Research:
    """What each record says of a company and a topic in the file's week.

    Raises:
        SourceError: no date is known.
    """
    starts = midnight(known_day(path, source))
    domain = records.text("domain")
    return Research(
        occurred_at=pa.repeat(pa.scalar(starts, TIMESTAMP), len(records)),
        received_at=pa.repeat(pa.scalar(starts + DELIVERED_AFTER, TIMESTAMP), len(records)),
        domain=domain,
        company_name=records.text("companyname"),
        company=domain,
        topic=records.text("topic"),
        score=_composite(records.text("compositescore")),
    )


def _composite(given: pa.Array) -> pa.Array:
    """Scores from 0 to 100; null for anything else."""
    score, _ = numbers(given)
    values = score.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        right = present(score) & (values >= 0) & (values <= 100)
    return pc.if_else(pa.array(right), score, pa.scalar(None, pa.float64()))
