"""Corrections of identity: merges taken back and merges made by hand, one a line.

Belongs here: the file that ``mqa unmerge`` and ``mqa merge`` write. Does not belong here: what a
correction changes (``core.corrections``). Rows: every record is one correction or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from mqa_platform.core.corrections import ACTIONS, KINDS, SPLIT
from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import present
from mqa_platform.sources.landed import Landed, conform, defects, first_reason
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.signals import kept
from mqa_platform.sources.timestamps import parse_timestamps

_REQUIRED: Final = ("kind", "ref", "action", "at")


def corrections(path: Path, source: Source) -> Landed:
    """Read one file of corrections.

    Columns: kind (cookie, lead, person or account), ref, onto (the person or account it was merged with;
    none means all), action (split or merge), at, reason, actor.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_records(path, _REQUIRED)
    kind, ref, onto, action = (records.text(c) for c in ("kind", "ref", "onto", "action"))
    moment = records.text("at")
    at, wrong_time = parse_timestamps(moment)
    reasons = first_reason(
        len(records),
        [
            ("unknown_kind", ~_among(kind, KINDS)),
            ("unknown_action", ~_among(action, ACTIONS)),
            ("missing_ref", ~present(ref)),
            ("missing_other_side", ~present(onto) & ~_among(action, (SPLIT,))),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    good = reasons == None  # noqa: E711 (element by element)
    columns = {
        "source": source.connector,
        "kind": kind,
        "ref": ref,
        "onto": onto,
        "action": action,
        "at": at,
        "reason": records.text("reason"),
        "actor": records.text("actor"),
    }
    wrong = np.flatnonzero(~good)
    why = [*reasons[wrong], *([records.misfit_reason] * len(records.misfits))]
    table = conform("landed_corrections", int(good.sum()), kept(columns, good))
    return Landed(
        rows=len(records) + len(records.misfits),
        accepted=int(good.sum()),
        tables={"landed_corrections": table},
        defects=defects(source.connector, records.raw(wrong) + records.misfits, why),
    )


def _among(values: pa.Array, words: tuple[str, ...]) -> np.ndarray:
    return np.isin(np.asarray(values.to_pylist(), dtype=object), words)
