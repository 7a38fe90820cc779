"""Reassignments: handoffs that somebody gave to another rep, one order a line.

Belongs here: the file that ``mqa handoffs reassign`` writes. Does not belong here: which handoffs an order
is about, and who gets them (``core.routing``). Rows: every record is one order or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import mask, present
from mqa_platform.sources.landed import Landed, conform, defects, first_reason
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.signals import kept
from mqa_platform.sources.timestamps import parse_timestamps

_REQUIRED: Final = ("reassignment_id", "from_rep", "starts_on", "reason", "by", "at")
_OPTIONAL: Final = ("to_rep", "handoff_id", "ends_on")


def reassignments(path: Path, source: Source) -> Landed:
    """Read one file of reassignments.

    Columns: reassignment_id, from_rep, to_rep (none means by the rules), handoff_id (none means all that
    are open), starts_on, ends_on (first day on which they go back; none means for good), reason, by, at.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    # Records are read without the underscores of their names.
    records = read_records(path, tuple(c.replace("_", "") for c in _REQUIRED))
    text = {c: records.text(c.replace("_", "")) for c in (*_REQUIRED, *_OPTIONAL)}
    at, wrong_time = parse_timestamps(text["at"])
    starts, wrong_start = parse_timestamps(text["starts_on"])
    ends, wrong_end = parse_timestamps(text["ends_on"])
    named = present(text["reassignment_id"]) & present(text["from_rep"])
    told = present(text["reason"]) & present(text["by"])
    dated = present(text["at"]) & present(text["starts_on"])
    same = mask(pc.equal(text["from_rep"], text["to_rep"]))
    reasons = first_reason(
        len(records),
        [
            ("missing_rep", ~named),
            ("moves_to_the_same_rep", same),
            ("missing_reason", ~told),
            ("missing_timestamp", ~dated),
            ("bad_timestamp", wrong_time | wrong_start | (present(text["ends_on"]) & wrong_end)),
            ("ends_before_it_starts", mask(pc.less_equal(ends, starts))),
        ],
    )
    good = reasons == None  # noqa: E711 (element by element)
    columns = {
        "source": source.connector,
        **{c: text[c] for c in ("reassignment_id", "from_rep", "to_rep", "handoff_id", "reason")},
        "by": text["by"],
        "starts_on": starts.cast(pa.date32()),
        "ends_on": ends.cast(pa.date32()),
        "at": at,
    }
    wrong = np.flatnonzero(~good)
    why = [*reasons[wrong], *([records.misfit_reason] * len(records.misfits))]
    table = conform("landed_reassignments", int(good.sum()), kept(columns, good))
    return Landed(
        rows=len(records) + len(records.misfits),
        accepted=int(good.sum()),
        tables={"landed_reassignments": table},
        defects=defects(source.connector, records.raw(wrong) + records.misfits, why),
    )
