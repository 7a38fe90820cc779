"""Points of signals by account and week, as plain sums, to see which signals say the same.

Belongs here: the sums and their correlation. Does not belong here: scores (caps, decay and ceilings are left
out on purpose), or what is worth a warning (``policy_warnings``).
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy


@dataclass(frozen=True)
class Pair:
    """Two signals, their correlation over account-weeks, and in how many weeks either was seen."""

    one: str
    other: str
    correlation: float
    weeks: int


def weekly_points(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """(account_id, week, signal_type) → points before weight, and the number of touchpoints."""
    t = typed(touchpoints, policy)
    t = t.filter(
        t["signal_type"].isin(list(policy.signals.signals)) & (t["direction"] == "inbound")
    )
    worth = t["strength"] * t["seniority"] * t["share"] * t["match_confidence"]
    t = t.mutate(week=t["touchpoint_date"].truncate("W"), worth=worth)
    return t.group_by("account_id", "week", "signal_type").aggregate(
        points=t["worth"].sum(), touchpoints=t.count()
    )


def correlated(weeks: pa.Table, at_least: float, seen_in: int) -> list[Pair]:
    """Pairs of signals whose points of account-weeks are correlated, the most alike first.

    Args:
        weeks: rows of ``weekly_points``.
        at_least: Pearson correlation.
        seen_in: account-weeks that both signals of a pair need; fewer say nothing.
    """
    if not weeks.num_rows:
        return []
    names = pc.dictionary_encode(weeks["signal_type"]).combine_chunks()
    cells = pc.binary_join_element_wise(
        weeks["account_id"], weeks["week"].cast(pa.string()), pa.scalar("|")
    )
    row = pc.dictionary_encode(cells).combine_chunks()
    grid = np.zeros((len(row.dictionary), len(names.dictionary)))
    grid[row.indices.to_numpy(), names.indices.to_numpy()] = weeks["points"].to_numpy()
    signals = names.dictionary.to_pylist()
    filled = (grid != 0).sum(axis=0)
    usable = np.flatnonzero((filled >= seen_in) & (grid.std(axis=0) > 0))
    found = []
    for at, i in enumerate(usable):
        for j in usable[at + 1 :]:
            value = float(np.corrcoef(grid[:, i], grid[:, j])[0, 1])
            if value >= at_least:
                both = int(((grid[:, i] != 0) | (grid[:, j] != 0)).sum())
                one, other = sorted((signals[i], signals[j]))
                found.append(Pair(one, other, value, both))
    return sorted(found, key=lambda p: (-p.correlation, p.one, p.other))
