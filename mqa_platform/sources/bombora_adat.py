"""Bombora ADAT exports: the same surges as Master Surge, but one row a metro area.

Belongs here: the twelve columns, and telling a company's surge from the rows it was cut into. Does
not belong here: Master Surge (``bombora``). Rows: every record is a signal, a metro's share of one
(filtered), a duplicate or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.bombora import surge_records, weekly
from mqa_platform.sources.columns import flat, mask, present
from mqa_platform.sources.intent_records import Research, landed_research, research_keys
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.repeats import REPEAT

COLUMNS: Final = (
    "companyname",
    "domain",
    "size",
    "industry",
    "category",
    "topic",
    "compositescore",
    "bucketcode",
    "metroarea",
    "metrocompositescore",
    "metrobucketcode",
    "domainorigincountry",
)
METRO_SPLIT: Final = "metro_split"
CONFLICT: Final = "conflicting_composite"
_REMEDY: Final = "Export the ADAT layout, or name the connector bombora_surge for nine columns."


def bombora_adat(path: Path, source: Source) -> Landed:
    """Read one weekly file, with or without a header, the week as ``bombora_surge`` finds it.

    The composite score is the company's and stands in each of its rows, so a company's topic counts
    once and is never summed: one row lands, the others are filtered (``metro_split``). Where rows of
    one topic disagree on it nobody can say which is right, and all of them are quarantined
    (``conflicting_composite``). The event id is that of Master Surge, so that a week delivered in
    both layouts counts once.

    Raises:
        SourceError: the file cannot be read, has another layout, or no date is known.
    """
    records = surge_records(path, COLUMNS, _REMEDY)
    said = weekly(records, path, source)
    filtered, conflict = _one_a_topic(records, said)
    return landed_research(
        source, records, said, [(CONFLICT, conflict)], filtered, domain_needed=True
    )


def _one_a_topic(
    records: Records, said: Research
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """For each record why it is left out, and whether its topic's rows disagree.

    Which row stands for the topic does not depend on the order of the file.
    """
    sound = present(said.score) & present(registrable_domains(said.domain))
    filtered = np.full(len(records), None, dtype=object)
    conflict = np.zeros(len(records), dtype=np.bool_)
    if not sound.any():
        return filtered, conflict
    rows = pa.table(
        {
            "key": research_keys(said),
            "score": said.score,
            # Rows that know the company's name come first.
            "named": pa.array(~present(said.company_name)),
            "content": records.content(),
            "row": pa.array(np.arange(len(records)), pa.int64()),
        }
    ).filter(pa.array(sound))
    rows = rows.sort_by([(name, "ascending") for name in ("key", "named", "content", "row")])
    row = rows["row"].to_numpy()
    groups = rows.group_by("key").aggregate([("score", "min"), ("score", "max")])
    torn = groups.filter(pc.not_equal(groups["score_min"], groups["score_max"]))
    conflict[row] = mask(pc.is_in(flat(rows["key"]), flat(torn["key"])))
    later = _like_the_one_above(rows["key"])
    again = later & _like_the_one_above(rows["content"])
    filtered[row[later]] = METRO_SPLIT
    filtered[row[again]] = REPEAT
    filtered[conflict] = None
    return filtered, conflict


def _like_the_one_above(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    values = np.array(column.to_pylist(), dtype=object)
    return np.concatenate(([False], values[1:] == values[:-1])).astype(np.bool_)
