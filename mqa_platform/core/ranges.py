"""Range search: which of many ranges holds an address, by one sort and one binary search.

Belongs here: the sorted ranges, the most specific one, ties between owners. Does not belong here: what
a range says about the company behind an address (``matching``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mqa_platform.core.addresses import sizes

Rows = npt.NDArray[np.int64]
NONE = -1
TIE = -2


class Ranges:
    """Inclusive ranges of one address version, searched by their start.

    Args:
        start: first address, int64 (IPv4) or 16 bytes (IPv6).
        end: last address.
        owner: a number an owner; two equally specific ranges of two owners belong to nobody.
    """

    def __init__(self, start: np.ndarray, end: np.ndarray, owner: Rows) -> None:
        size = sizes(start, end)
        # Of one start the widest first: what begins later or ends sooner lies inside it.
        self.order: Rows = np.lexsort((owner, -size, start)).astype(np.int64)
        self.start, self.end = start[self.order], end[self.order]
        self.owner, self.size = owner[self.order], size[self.order]
        self.parent = self._parents()

    def _parents(self) -> Rows:
        """For each range the nearest earlier one that is still open where it starts, −1 for none."""
        parent = np.full(len(self.order), NONE, dtype=np.int64)
        if len(self.order) < 2 or bool(np.all(self.start[1:] > self.end[:-1])):
            # Networks as they are announced do not overlap, and there are half a million of them.
            return parent
        starts, ends = self.start.tolist(), self.end.tolist()
        stack: list[int] = []
        for i, first in enumerate(starts):
            while stack and ends[stack[-1]] < first:
                stack.pop()
            parent[i] = stack[-1] if stack else NONE
            stack.append(i)
        return parent

    def find(self, numbers: np.ndarray, valid: npt.NDArray[np.bool_]) -> Rows:
        """Row of the most specific range that holds each number.

        Args:
            numbers: addresses of the version of the ranges.
            valid: where ``numbers`` is an address at all.

        Returns:
            Rows of what was given to the constructor; −1 where no range holds the number, −2 where
            equally specific ones of several owners do.
        """
        best = np.full(len(numbers), NONE, dtype=np.int64)
        if not len(self.start) or not len(numbers):
            return best
        tied = np.zeros(len(numbers), dtype=np.bool_)
        at = np.where(valid, np.searchsorted(self.start, numbers, side="right") - 1, NONE)
        left = np.flatnonzero(at >= 0)
        while len(left):
            here, now = at[left], best[left]
            holds = self.end[here] >= numbers[left]
            better = holds & ((now < 0) | (self.size[here] < self.size[now]))
            equal = holds & ~better & (self.size[here] == self.size[now])
            tied[left] = np.where(
                better, False, tied[left] | (equal & (self.owner[here] != self.owner[now]))
            )
            best[left] = np.where(better, here, now)
            at[left] = self.parent[here]
            left = left[at[left] >= 0]
        found = np.where(best >= 0, self.order[best], NONE)
        return np.where(tied, TIE, found)

    def all_that_hold(self, number: object) -> list[int]:
        """Every row whose range holds one number, in no order of meaning."""
        if not len(self.start):
            return []
        at = int(np.searchsorted(self.start, np.array(number, self.start.dtype), side="right")) - 1
        rows = []
        while at >= 0:
            if self.end[at] >= number:
                rows.append(int(self.order[at]))
            at = int(self.parent[at])
        return rows
