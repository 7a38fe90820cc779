"""Records of researched topics → intent signals, the same for every intent vendor.

Belongs here: the checks and columns that all of them share. Does not belong here: one vendor's
columns, or scales (``intent_scale``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import joined, present
from mqa_platform.sources.landed import Landed, Mask, first_reason
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import counted, without_repeats


@dataclass(frozen=True)
class Research:
    """What a vendor says of one company and one topic, as equally long columns.

    ``domain`` as written; ``score`` on the scale of ``intent_scale``, null where wrong; ``part``
    tells apart what one company has several of on one topic and day (a product, a period).
    """

    occurred_at: pa.Array
    received_at: pa.Array
    domain: pa.Array
    company_name: pa.Array
    company: pa.Array
    topic: pa.Array
    score: pa.Array
    part: pa.Array | None = None


def research_keys(said: Research) -> pa.Array:
    """What names each row for ever, in whatever order and file it comes: day, company, topic, part."""
    day = said.occurred_at.cast(pa.date32()).cast(pa.string())
    company = pc.coalesce(pc.utf8_lower(said.domain), said.company, said.company_name)
    parts = [day, company, said.topic]
    return joined(parts if said.part is None else [*parts, said.part], "|")


def landed_research(
    source: Source,
    records: Records,
    said: Research,
    checks: Sequence[tuple[str, Mask]],
    filtered: npt.NDArray[np.object_] | None = None,
    *,
    domain_needed: bool = False,
) -> Landed:
    """One intent signal a record; rows that repeat a company's topic word for word are duplicates.

    Args:
        source: what was read.
        records: the file's records.
        said: their meaning.
        checks: the vendor's own reasons against a record, after those on the company.
        filtered: why a sound record is left out, or None.
        domain_needed: whether a company's name alone is not enough.
    """
    domain = registrable_domains(said.domain)
    nobody = ~present(said.domain)
    if not domain_needed:
        nobody &= ~present(said.company_name)
    reasons = first_reason(
        len(records),
        [
            ("missing_domain" if domain_needed else "missing_company", nobody),
            ("bad_domain", present(said.domain) & ~present(domain)),
            *checks,
            ("missing_timestamp", ~present(said.occurred_at)),
            ("bad_score", ~present(said.score)),
        ],
    )
    columns = {
        "source": source.connector,
        "event_id": research_keys(said),
        "occurred_at": said.occurred_at,
        "received_at": said.received_at,
        "event": "intent",
        "channel": "intent",
        "topic": said.topic,
        "intent_score": said.score,
        "company_name": said.company_name,
        "company_domain": domain,
    }
    landed = landed_records(source, records, "landed_signals", columns, reasons, filtered)
    return without_repeats(counted(landed))
