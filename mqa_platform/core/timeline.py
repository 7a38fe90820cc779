"""Arithmetic over (row × listed day) grids that does not depend on where a run starts.

Belongs here: sliding counts and sums, decay over a list of days, decimals from integers. Does not belong
here: what is counted and why (``decay``, ``breadth``, ``ladder``).

Every sum is either over integers or in a fixed order of days, so that a day's value is the same to the
last bit whether it is computed alone, in a year's run or beside other accounts.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

FIXED = float(2**32)
POINT = 10_000.0
Ints = np.ndarray
Floats = np.ndarray


def whole(values: Floats) -> Ints:
    """Doubles as ten-thousandths of a point, rounded half to even."""
    return np.rint(values * POINT).astype(np.int64)


def decimals(values: Ints) -> pa.Array:
    """Ten-thousandths as decimal128(18, 4) without going through text."""
    words = np.empty((len(values), 2), dtype=np.int64)
    words[:, 0] = values
    words[:, 1] = values >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(values), [None, pa.py_buffer(words)])


class Grid:
    """Rows × listed days; an entry of day d counts on the days t with d ≤ t < d + window."""

    def __init__(self, rows: int, days: Ints) -> None:
        self.rows, self.days = rows, days
        self.width = len(days)

    def spread(self, row: Ints, start: Ints, end: Ints, value: Ints | int = 1) -> Ints:
        """Σ of integer values over the half-open day ranges [start, end) of each row."""
        step = np.zeros((self.rows, self.width + 1), dtype=np.int64)
        np.add.at(step, (row, np.searchsorted(self.days, start)), value)
        np.add.at(step, (row, np.searchsorted(self.days, end)), -np.asarray(value))
        return np.cumsum(step, axis=1)[:, :-1]

    def distinct(self, row: Ints, who: Ints, day: Ints, window: int | Ints) -> Ints:
        """Number of different ``who`` with an entry in the window, by row and day.

        A window for each entry must be the same for all entries of a row.
        """
        live = self.live(day, window)
        spans = np.broadcast_to(window, day.shape)[live]
        start, end, row = unions(row[live], who[live], day[live], spans)[:3]
        return self.spread(row, start, end)

    def live(self, day: Ints, window: int | Ints) -> np.ndarray:
        """Which entries count on any listed day; a run of one day need not sort all others."""
        return (day + window > self.days[0]) & (day <= self.days[-1])

    def latest(self, row: Ints, day: Ints, window: int) -> Ints:
        """The last day of an entry within the window, by row and day; −1 when there is none."""
        last = np.full((self.rows, self.width + 1), -1, dtype=np.int64)
        np.maximum.at(last, (row, np.searchsorted(self.days, day)), day)
        last = np.maximum.accumulate(last[:, :-1], axis=1)
        return np.where((last >= 0) & (self.days[None, :] - last < window), last, -1)

    def decayed(
        self, row: Ints, day: Ints, until: Ints, value: Floats, kind: Ints, factor: Floats
    ) -> Floats:
        """Σ value × factor[kind, t − day], added in ascending order of day and until for each row.

        ``factor`` is kinds × ages; an age beyond its width adds nothing, nor does a value on its day
        ``until`` or later. A row has one entry a day and until.
        """
        out = np.zeros((self.rows, self.width))
        order = np.lexsort((until, day))
        row, day, until, value, kind = (x[order] for x in (row, day, until, value, kind))
        lookback = factor.shape[1]
        changed = np.ones(len(day), dtype=bool)
        changed[1:] = (day[1:] != day[:-1]) | (until[1:] != until[:-1])
        edges = np.append(np.flatnonzero(changed), len(day))
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            today = int(day[first])
            low = int(np.searchsorted(self.days, today))
            high = int(np.searchsorted(self.days, min(today + lookback, int(until[first]))))
            if low < high:
                at = row[first:last]
                ages = self.days[low:high] - today
                out[at, low:high] += value[first:last, None] * factor[kind[first:last]][:, ages]
        return out


def unions(row: Ints, who: Ints, day: Ints, window: int | Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Disjoint [start, end) ranges in which a (row, who) has an entry of the last ``window`` days.

    Returns start, end, row, who; sorted by row, who and start.
    """
    order = np.lexsort((day, who, row))
    row, who, day = row[order], who[order], day[order]
    window = np.broadcast_to(window, order.shape)[order]
    same = np.zeros(len(row), dtype=bool)
    same[:-1] = (row[1:] == row[:-1]) & (who[1:] == who[:-1])
    following = np.append(day[1:], 0)
    end = np.where(same, np.minimum(day + window, following), day + window)
    keep = end > day
    return day[keep], end[keep], row[keep], who[keep]


def both(
    one: tuple[Ints, Ints, Ints, Ints], other: tuple[Ints, Ints, Ints, Ints]
) -> tuple[Ints, Ints, Ints]:
    """Ranges (start, end, row) in which both unions of the same (row, who) hold."""
    row = np.concatenate([one[2], one[2], other[2], other[2]])
    who = np.concatenate([one[3], one[3], other[3], other[3]])
    at = np.concatenate([one[0], one[1], other[0], other[1]])
    step = np.repeat([1, -1, 1, -1], [len(one[0]), len(one[1]), len(other[0]), len(other[1])])
    order = np.lexsort((step, at, who, row))
    row, who, at, level = row[order], who[order], at[order], np.cumsum(step[order])
    if not len(row):
        return at, at, row
    held = np.flatnonzero((level[:-1] == 2) & (at[1:] > at[:-1]))
    return at[held], at[held + 1], row[held]


def halving(half_life: float, lookback: int) -> Floats:
    """``2^(−age ÷ half-life)`` for the ages 0 … lookback − 1.

    Computed age by age: vectorised powers may differ in the last bit with the length of the vector.
    """
    return np.array([math.pow(2.0, -age / half_life) for age in range(lookback)])


def summed(group: Ints, groups: int, value: Floats, order: Ints) -> Floats:
    """Σ of doubles a group, added one by one in the given order."""
    # Without rows, bincount counts in integers whatever the weights are.
    return np.bincount(group[order], weights=value[order], minlength=groups).astype(float)
