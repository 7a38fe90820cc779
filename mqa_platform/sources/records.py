"""CSV records with a verdict each → what a connector returns.

Belongs here: splitting records into one landed table and defects. Does not belong here: the
verdicts (each connector).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mqa_platform.policy.sources import Source
from mqa_platform.sources.delimited import Records
from mqa_platform.sources.landed import Landed, conform, defects
from mqa_platform.sources.signals import kept, signals_table


def landed_records(
    source: Source,
    records: Records,
    table: str,
    columns: Mapping[str, Any],
    reasons: npt.NDArray[np.object_],
    filtered: npt.NDArray[np.object_] | None = None,
) -> Landed:
    """One landed row for every record without a reason, one defect for every other one.

    Args:
        source: what was read.
        records: the records; its misfits become defects too.
        table: the landed table.
        columns: its columns, as long as ``records``, or scalars.
        reasons: why a record does not land, None where it does.
        filtered: why a sound record says nothing that we want, None where it does. A record with
            both a reason and this is filtered: nobody has to correct what nobody wants.
    """
    unwanted = np.full(len(reasons), None, dtype=object) if filtered is None else filtered
    left_out = unwanted != None  # noqa: E711 (element by element)
    good = (reasons == None) & ~left_out  # noqa: E711 (element by element)
    wrong = np.flatnonzero(~good & ~left_out)
    raw = records.raw(wrong) + records.misfits
    why = [*reasons[wrong], *([records.misfit_reason] * len(records.misfits))]
    chosen = kept(columns, good)
    rows = int(good.sum())
    is_signals = table == "landed_signals"
    built = signals_table(rows, chosen) if is_signals else conform(table, rows, chosen)
    return Landed(
        rows=len(records) + len(records.misfits),
        accepted=rows,
        tables={table: built},
        defects=defects(source.connector, raw, why),
        filtered=dict(Counter(unwanted[left_out])),
    )
