"""Corrections of identity: merges taken back and merges made by hand, one a line.

Belongs here: the file that ``mqa unmerge`` and ``mqa merge`` write. Does not belong here: what a
correction changes (``core.corrections``). Rows: every record is one correction or a defect.

What two sides are must fit: a browser or lead goes with a person or a lead, a person with a person, an
account with an account.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from mqa_platform.core.corrections import ACCOUNT, ACTIONS, KINDS, LEAD, PERSON
from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, present
from mqa_platform.sources.landed import Landed, conform, defects, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.signals import kept
from mqa_platform.sources.timestamps import parse_timestamps

_REQUIRED: Final = ("kind", "ref", "action", "at")
_EMAIL: Final = "email:"
_PEOPLE: Final = (_EMAIL, "lead:", "contact:")


def corrections(path: Path, source: Source) -> Landed:
    """Read one file of corrections.

    Columns: kind (cookie, lead, person or account), ref, onto (whom with: an e-mail address or
    ``email:<key>``, ``lead:<id>``, or an account's id; none means all), action (split or merge; a merge
    without ``onto`` takes back the splits before it), at, reason, actor.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_records(path, _REQUIRED)
    kind, ref, onto, action = (records.text(c) for c in ("kind", "ref", "onto", "action"))
    ref, onto = (coalesce(person_refs(side)[0], side) for side in (ref, onto))
    moment = records.text("at")
    at, wrong_time = parse_timestamps(moment)
    reasons = first_reason(
        len(records),
        [
            ("unknown_kind", ~_among(kind, KINDS)),
            ("unknown_action", ~_among(action, ACTIONS)),
            ("missing_ref", ~present(ref)),
            ("sides_do_not_fit", ~_fit(kind, ref, onto)),
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


def _fit(kind: pa.Array, ref: pa.Array, onto: pa.Array) -> np.ndarray:
    sides = zip(*(column.to_pylist() for column in (kind, ref, onto)), strict=True)
    return np.array([fits(*each) for each in sides], dtype=bool)


def fits(kind: str | None, ref: str | None, onto: str | None) -> bool:
    """Whether a correction of this kind may name this other side; no side at all is everybody."""
    if kind == PERSON and not (ref or "").startswith(_EMAIL):
        return False
    if onto is None:
        return True
    if onto in (ref, f"{LEAD}:{ref}" if kind == LEAD else ref):
        return False
    if kind == ACCOUNT:
        return not onto.startswith(_PEOPLE)
    return onto.startswith(_EMAIL if kind == PERSON else _PEOPLE)
