"""Demandbase intent: how much a company researches a keyword over a period.

Belongs here: the export's fields. Does not belong here: the scale (``intent_scale``). Rows: every
record is a signal, a duplicate or a defect.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import booleans, joined, mask, present
from mqa_platform.sources.intent_records import Research, landed_research
from mqa_platform.sources.intent_scale import from_demandbase
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.timestamps import parse_timestamps

_SYNONYMS: Final = {
    "companydomain": "domain",
    "website": "domain",
    "intentkeyword": "keyword",
    "name": "companyname",
    "accountname": "companyname",
}
_DAY: Final = pa.scalar(timedelta(days=1), pa.duration("us"))


def demandbase_intent(path: Path, source: Source) -> Landed:
    """Read one export (JSON, JSON lines, CSV or Parquet) into intent signals on the period's last day.

    A period is known only when it is over, so a signal is received at the end of that day. Strength
    and trend make the score; the number of people and ``trendingScore`` are not read.

    Raises:
        SourceError: the file cannot be read, or lacks keyword, intentStrength or endDate.
    """
    records = read_records(path, ("keyword", "intentStrength", "endDate"), _SYNONYMS)
    keyword = records.text("keyword")
    ends, wrong_end = parse_timestamps(records.text("enddate"))
    starts, wrong_start = parse_timestamps(records.text("startdate"))
    strength = pc.utf8_lower(records.text("intentstrength"))
    trending, wrong_flag = booleans(records.text("istrending"))
    last_day = pc.floor_temporal(ends, unit="day")
    score = from_demandbase(strength, trending)
    said = Research(
        occurred_at=last_day,
        received_at=pc.add(last_day, _DAY),
        domain=records.text("domain"),
        company_name=records.text("companyname"),
        company=records.text("companyid"),
        topic=keyword,
        score=score,
        part=joined([starts.cast(pa.date32()).cast(pa.string())]),
    )
    backwards = mask(pc.greater(starts, ends))
    checks = [
        ("missing_topic", ~present(keyword)),
        ("bad_timestamp", wrong_end | wrong_start),
        ("bad_period", backwards),
        ("bad_boolean", wrong_flag),
        ("unknown_strength", present(strength) & ~present(score)),
    ]
    return landed_research(source, records, said, checks)
