"""Measures that every part of an evaluation reports in the same way.

Belongs here: confidence bands, shares, the error of an evaluation. Does not belong here: where answers and
truth come from (``openstack``, ``market_identity``, ``intent_sample``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

BANDS = ((0.5, 0.7), (0.7, 0.9), (0.9, 1.0))
HIGH = 0.9
Facts = dict[str, Any]


class EvaluationError(Exception):
    """An evaluation cannot be made; the text names the file and the remedy."""


def share(part: float, whole: float) -> float | None:
    """``part ÷ whole`` to four digits, None of nothing."""
    return round(float(part) / float(whole), 4) if whole else None


def confidence_bands(stated: np.ndarray, right: np.ndarray) -> list[Facts]:
    """For each band: the share of all answers in it, the precision stated and the one observed.

    The upper bound belongs to the last band only. A band without answers claims nothing: its precisions
    are None.
    """
    bands = []
    for low, high in BANDS:
        inside = (stated >= low) & ((stated < high) | (high == BANDS[-1][1]))
        count = int(inside.sum())
        bands.append(
            {
                "low": low,
                "high": high,
                "answers": count,
                "share": share(count, len(stated)),
                "stated": share(stated[inside].sum(), count),
                "observed": share(right[inside].sum(), count),
            }
        )
    return bands


def high_confidence(stated: np.ndarray, right: np.ndarray, asked: int) -> Facts:
    """Coverage and precision of the answers stated with at least 0.9."""
    sure = stated >= HIGH
    return {
        "coverage": share(sure.sum(), asked),
        "precision": share(right[sure].sum(), int(sure.sum())),
    }
