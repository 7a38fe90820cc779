"""One scale for the intent scores of all vendors: 50 is average, 60 is surging, 100 is the most.

Belongs here: each vendor's scale in those numbers, with the reason. Does not belong here: what a
surge is worth (``core`` reads 50 as nothing and 100 as full strength, in between linearly).

Bombora's Composite Score is this scale: 50 is what the company always reads, 60 and more a surge.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import coalesce, flat
from mqa_platform.sources.signals import mapped

AVERAGE: Final = 50.0
SURGING: Final = 60.0
MOST: Final = 100.0

# 6sense predicts from 0 to 100 how near a purchase is, and names bands of it. Its own qualified
# accounts are those from Decision on, so Decision starts where our surges start. Target and
# Awareness are the state of most of the market, which is no surge.
SIXSENSE_STAGES: Final = {
    "target": 0.0,
    "awareness": 20.0,
    "consideration": 50.0,
    "decision": 70.0,
    "purchase": 85.0,
}
_SIXSENSE: Final = ((0.0, AVERAGE), (50.0, AVERAGE), (70.0, SURGING), (100.0, MOST))
# Demandbase says how much a company reads about a keyword beside other companies (its strength), and
# whether that is more than the company itself used to (trending), which is what a surge is. LOW is
# the many; MEDIUM is Demandbase's own bar for acting; no company of HIGH is told from the next, so
# HIGH stays below the most. trendingScore has no published scale and is not read.
DEMANDBASE: Final = {"low": AVERAGE, "medium": SURGING, "high": 80.0}
_TRENDING: Final = 10.0
# One reader more is no surge: three after one would be "+200 %".
_LEAST_COUNT: Final = 5.0


def from_sixsense(score: pa.Array, stage: pa.Array, qualified: pa.Array) -> pa.Array:
    """6sense's intent score on our scale; null where neither score nor stage is given.

    Args:
        score: 0 to 100, or null.
        stage: the buying stage in lower case; stands in for a missing score with its lowest one.
        qualified: whether 6sense calls the account qualified, which is never less than surging.
    """
    bands = {name: str(low) for name, low in SIXSENSE_STAGES.items()}
    known = coalesce(score, mapped(stage, bands).cast(pa.float64()))
    theirs, ours = zip(*_SIXSENSE, strict=True)
    values = np.interp(known.to_numpy(zero_copy_only=False), theirs, ours)
    scaled = pa.array(values, mask=known.is_null().to_numpy(zero_copy_only=False))
    raised = pc.max_element_wise(scaled, SURGING)
    lifted = pc.and_(pc.fill_null(qualified, False), scaled.is_valid())
    return flat(pc.if_else(lifted, raised, scaled))


def from_demandbase(strength: pa.Array, trending: pa.Array) -> pa.Array:
    """Demandbase's intent strength (lower case) on our scale; null for a strength it does not have.

    A trending keyword counts 10 more, and is surging at least.
    """
    base = mapped(strength, {name: str(value) for name, value in DEMANDBASE.items()})
    scaled = base.cast(pa.float64())
    risen = pc.max_element_wise(pc.add(scaled, _TRENDING), SURGING, skip_nulls=False)
    return flat(pc.if_else(pc.fill_null(trending, False), risen, scaled))


def from_zoominfo(score: pa.Array) -> pa.Array:
    """ZoomInfo's signal score, which is our scale: it reports a signal from 60 on, up to 100.

    The audience strength (A to E) says how many people read, not how much more than usual, and is
    not part of the score.
    """
    return score


def from_zscore(z: pa.Array) -> pa.Array:
    """Standard deviations above a company's own mean on our scale: one is surging, five is the most."""
    values = AVERAGE + (SURGING - AVERAGE) * z.to_numpy(zero_copy_only=False)
    held = np.clip(values, 0.0, MOST)
    return pa.array(held, mask=z.is_null().to_numpy(zero_copy_only=False))


def from_counts(count: pa.Array, mean: pa.Array) -> pa.Array:
    """A week's count beside the company's own mean week, as z = (count − mean) ÷ √(mean + 1).

    Counts scatter by the root of their mean. Below five it is chance: never more than average.
    """
    n, usual = (a.cast(pa.float64()).to_numpy(zero_copy_only=False) for a in (count, mean))
    z = (n - usual) / np.sqrt(usual + 1.0)
    z = np.where((n < _LEAST_COUNT) & (z > 0), 0.0, z)
    return from_zscore(pa.array(z, mask=np.isnan(z)))
