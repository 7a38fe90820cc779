"""Bombora Company Surge exports: one domain's interest in one topic in one week.

Belongs here: the nine columns of the Master Surge file, which has no header. Does not belong here:
what counts as surging (``core``). Rows: every record is a signal or a defect.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import joined, line_ids, numbers, present
from mqa_platform.sources.delimited import Records, read_without_header
from mqa_platform.sources.landed import Landed, SourceError, first_reason
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.schemas import TIMESTAMP

COLUMNS: Final = (
    "company_name",
    "domain",
    "size",
    "industry",
    "category",
    "topic",
    "composite_score",
    "metro",
    "domain_country",
)
_REMEDY: Final = "Export the Master Surge layout; ADAT has one row a metro and would count double."
# The week's file is there some hours into the day its name gives.
DELIVERED_AFTER: Final = timedelta(hours=6)


def bombora_surge(path: Path, source: Source) -> Landed:
    """Read one weekly file; every row happened at 00:00 UTC of the file's date.

    The date comes from the file's name (``surge-2025-07-07.csv``), else from ``source.week``. It is
    part of the event id: the same score for the same topic a week later is another event.

    A row without a topic says that the domain was looked for and nothing was seen; it lands.

    Raises:
        SourceError: the file cannot be read, has another layout, or no date is known.
    """
    records = _without_header_row(read_without_header(path, COLUMNS, _REMEDY))
    week = _week(path, source)
    starts = datetime.combine(week, time(), UTC)
    score, wrong_score = numbers(records.text("composite_score"))
    values = score.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        wrong_score = wrong_score | ~present(score) | (values < 0) | (values > 100)
    given = records.text("domain")
    domain = registrable_domains(given)
    dated = joined([pa.repeat(week.isoformat(), len(records)), records.content()])
    columns = {
        "source": source.connector,
        "event_id": line_ids(dated),
        "occurred_at": pa.repeat(pa.scalar(starts, TIMESTAMP), len(records)),
        "received_at": pa.repeat(pa.scalar(starts + DELIVERED_AFTER, TIMESTAMP), len(records)),
        "event": "intent",
        "channel": "intent",
        "topic": records.text("topic"),
        "intent_score": score,
        "company_name": records.text("company_name"),
        "company_domain": domain,
    }
    reasons = first_reason(
        len(records),
        [
            ("missing_domain", ~present(given)),
            ("bad_domain", ~present(domain)),
            ("bad_score", wrong_score),
        ],
    )
    return landed_records(source, records, "landed_signals", columns, reasons)


def _week(path: Path, source: Source) -> date:
    named = re.search(r"\d{4}-\d\d-\d\d", path.name)
    if named:
        try:
            return date.fromisoformat(named.group())
        except ValueError:
            pass
    if source.week is None:
        raise SourceError(
            path,
            "neither its name nor the source says which week it is of",
            "Name it surge-YYYY-MM-DD.csv, or set week in sources.yaml.",
        )
    return source.week


def _without_header_row(records: Records) -> Records:
    """Some exports add a header; it is told by the name of a column where a score belongs."""
    if len(records) and "score" in records.table["composite_score"][0].as_py().casefold():
        return Records(records.table.slice(1), records.misfits)
    return records
