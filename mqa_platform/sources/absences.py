"""absences.csv: when each rep is away, and who stands in.

Belongs here: the names that such a file, or an export of an HR system, gives our columns. Does not belong
here: what an absence does to routing (``core.routing_steps``) or to a clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives, day_in_name, midnight
from mqa_platform.sources.columns import coalesce, each_unique, joined, mask, present
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import snake_case

NAMES: Final = {
    "absence_id": ("absenceid", "requestid", "leaveid", "id"),
    "rep_id": ("repid", "userid", "crmuserid", "ownerid", "salesforceid", "hubspotownerid"),
    "starts_on": ("startson", "start", "startdate", "from", "firstday", "firstdayaway"),
    "ends_on": ("endson", "firstdayback", "back", "backon", "returnson", "until"),
    "last_day": ("lastday", "enddate", "lastdayaway", "to", "through"),
    "kind": ("kind", "type", "absencetype", "leavetype", "reason"),
    "cover": ("coverid", "cover", "coveredby", "standin", "delegate", "delegateid"),
    "modified": ("modifiedat", "modifiedon", "updatedat", "lastmodified", "lastupdated"),
}  # fmt: skip


def absences(path: Path, source: Source) -> Landed:
    """Read one file, one absence a row.

    ``ends_on`` is the first day back; a file that has the last day away instead (``last_day``,
    ``end_date``) is read as that. Neither means that nobody knows yet. An absence that is told again with
    the same id, or of the same rep with the same first day, replaces what was told before.

    Raises:
        SourceError: the file cannot be read, or names no rep or no first day.
    """
    t = Alternatives(source, path, NAMES)
    t.require("rep_id")
    t.require("starts_on")
    rep = t.needed("rep_id", "missing_rep")
    t.check("missing_date", ~present(t.text("starts_on")))
    starts = t.time("starts_on").cast(pa.date32())
    last = t.time("last_day").cast(pa.date32())
    after_last = pc.add(last.cast(pa.int32()), pa.scalar(1, pa.int32())).cast(pa.date32())
    ends = coalesce(t.time("ends_on").cast(pa.date32()), after_last)
    t.check("ends_before_it_starts", mask(pc.less_equal(ends, starts)))
    own = np.array(t.text("cover").to_pylist(), dtype=object)
    t.check("covers_for_himself", present(t.text("cover")) & (own == np.array(rep.to_pylist())))
    named = day_in_name(path)
    told = t.time("modified")
    if named:
        told = coalesce(told, pa.repeat(midnight(named), len(t)))
    known = joined([rep, starts.cast(pa.string())], " ")
    columns = {
        "absence_id": coalesce(t.text("absence_id"), known),
        "rep_id": rep,
        "starts_on": starts,
        "ends_on": ends,
        "kind": pc.fill_null(each_unique(t.text("kind"), lambda word: snake_case(word) or None), "away"),
        "cover_id": t.text("cover"),
        "modified_at": told,
    }  # fmt: skip
    return t.landed_once("landed_absences", columns)
