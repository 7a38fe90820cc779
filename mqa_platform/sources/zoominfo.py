"""ZoomInfo intent: topics that a company's people read more about than before.

Belongs here: the fields of the export and of the service's answer. Does not belong here: the scale
(``intent_scale``). Rows: every record is a signal, a duplicate or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import numbers, present
from mqa_platform.sources.intent_records import Research, landed_research
from mqa_platform.sources.intent_scale import from_zoominfo
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.timestamps import parse_timestamps

# The columns of the app's CSV, of a flat JSON record, and of the service, where the company is an
# object and the rest may lie below ``attributes``.
_SYNONYMS: Final = {
    "companywebsite": "domain",
    "companydomain": "domain",
    "website": "domain",
    "attributescompanywebsite": "domain",
    "attributescompanyname": "companyname",
    "attributescompanyid": "companyid",
    "zoominfocompanyid": "companyid",
    "intenttopic": "topic",
    "attributestopic": "topic",
    "intentsignalscore": "signalscore",
    "attributessignalscore": "signalscore",
    "intentsignaldate": "signaldate",
    "attributessignaldate": "signaldate",
}


def zoominfo_intent(path: Path, source: Source) -> Landed:
    """Read one export (CSV, JSON, JSON lines or Parquet) into intent signals on the signal's date.

    Raises:
        SourceError: the file cannot be read, or lacks topic, signalScore or signalDate.
    """
    records = read_records(path, ("topic", "signalScore", "signalDate"), _SYNONYMS)
    topic = records.text("topic")
    moment, wrong_moment = parse_timestamps(records.text("signaldate"))
    score, wrong_score = numbers(records.text("signalscore"))
    values = score.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        wrong_score |= (values < 0) | (values > 100)
    said = Research(
        occurred_at=moment,
        received_at=moment,
        domain=records.text("domain"),
        company_name=records.text("companyname"),
        company=records.text("companyid"),
        topic=topic,
        score=from_zoominfo(score),
    )
    checks = [
        ("missing_topic", ~present(topic)),
        ("bad_timestamp", wrong_moment),
        ("bad_score", wrong_score),
    ]
    return landed_research(source, records, said, checks)
