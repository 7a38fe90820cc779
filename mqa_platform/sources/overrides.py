"""Overrides: what somebody decided about an account by hand, one a line.

Belongs here: the file that ``mqa override`` writes. Does not belong here: from when to when an override
holds (``core.overrides``). Rows: every record is one override or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.overrides import ACTIONS, STAGE, WITHDRAW
from mqa_platform.policy.sources import Source
from mqa_platform.policy.transitions import STAGES
from mqa_platform.sources.columns import present
from mqa_platform.sources.landed import Landed, conform, defects, first_reason
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.signals import kept
from mqa_platform.sources.timestamps import parse_timestamps

_REQUIRED: Final = ("override_id", "account_id", "action", "starts_on", "by", "at")
_OPTIONAL: Final = ("motion", "stage", "ends_on", "reason")
_MOTIONS: Final = ("new_business", "expansion")


def overrides(path: Path, source: Source) -> Landed:
    """Read one file of overrides.

    Columns: override_id, account_id, motion (none means all), action (stage, exclude, snooze or withdraw),
    stage, starts_on, ends_on (first day on which it holds no longer; none means until it is withdrawn),
    reason, by, at.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    # Records are read without the underscores of their names.
    records = read_records(path, tuple(c.replace("_", "") for c in _REQUIRED))
    text = {c: records.text(c.replace("_", "")) for c in (*_REQUIRED, *_OPTIONAL)}
    at, wrong_time = parse_timestamps(text["at"])
    starts, wrong_start = parse_timestamps(text["starts_on"])
    ends, wrong_end = parse_timestamps(text["ends_on"])
    action = text["action"]
    forces = _among(action, (STAGE,))
    # Nobody has to say why a decision is taken back.
    unexplained = ~present(text["reason"]) & ~_among(action, (WITHDRAW,))
    reasons = first_reason(
        len(records),
        [
            ("unknown_action", ~_among(action, ACTIONS)),
            ("missing_account", ~present(text["account_id"]) | ~present(text["override_id"])),
            ("unknown_motion", present(text["motion"]) & ~_among(text["motion"], _MOTIONS)),
            ("unknown_stage", forces & ~_among(text["stage"], STAGES)),
            ("missing_reason", unexplained | ~present(text["by"])),
            ("missing_timestamp", ~present(text["at"]) | ~present(text["starts_on"])),
            ("bad_timestamp", wrong_time | wrong_start | (present(text["ends_on"]) & wrong_end)),
        ],
    )
    good = reasons == None  # noqa: E711 (element by element)
    columns = {
        "source": source.connector,
        **{c: text[c] for c in ("override_id", "account_id", "motion", "action", "stage", "by")},
        "starts_on": starts.cast(pa.date32()),
        "ends_on": ends.cast(pa.date32()),
        "reason": pc.fill_null(text["reason"], "withdrawn"),
        "at": at,
    }
    wrong = np.flatnonzero(~good)
    why = [*reasons[wrong], *([records.misfit_reason] * len(records.misfits))]
    table = conform("landed_overrides", int(good.sum()), kept(columns, good))
    return Landed(
        rows=len(records) + len(records.misfits),
        accepted=int(good.sum()),
        tables={"landed_overrides": table},
        defects=defects(source.connector, records.raw(wrong) + records.misfits, why),
    )


def _among(values: pa.Array, words: tuple[str, ...]) -> np.ndarray:
    return np.isin(np.asarray(values.to_pylist(), dtype=object), words)
