"""How well an order of accounts finds those that were followed by an opportunity, and what chance would find.

Belongs here: the figures of one ranking out of its groups of equal values. Does not belong here: which rankings and
which days (``backtest``), or thresholds (``curve``).

Accounts of equal value stand in no order: figures are the mean over all orders of them, so nothing depends on how
rows happen to lie.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mqa_platform.core.rates import wilson

# (value, accounts, of these followed by an opportunity)
Group = tuple[float, int, int]
_Z = 1.959963984540054
TOP = 0.1


@dataclass(frozen=True)
class Ranking:
    """Groups of equal values, the highest first."""

    groups: tuple[Group, ...]

    @classmethod
    def of(cls, groups: Iterable[Group], accounts: int = 0, positives: int = 0) -> Ranking:
        """Groups in order; accounts that none of them has stand at 0.

        Args:
            groups: each value once.
            accounts: how many there are in all.
            positives: of these.
        """
        found = {value: (n, hits) for value, n, hits in groups}
        missing = accounts - sum(n for n, _ in found.values())
        if missing > 0:
            n, hits = found.get(0.0, (0, 0))
            unseen = positives - sum(h for _, h in found.values())
            found[0.0] = n + missing, hits + unseen
        return cls(tuple((v, *found[v]) for v in sorted(found, reverse=True)))

    @property
    def accounts(self) -> int:
        """How many are ranked."""
        return sum(n for _, n, _ in self.groups)

    @property
    def positives(self) -> int:
        """How many of them were followed by an opportunity."""
        return sum(hits for _, _, hits in self.groups)

    def hits(self, first: int) -> float:
        """Positives expected among the first so many, over all orders of equal ones."""
        found, left = 0.0, first
        for _, n, hits in self.groups:
            if left <= 0:
                break
            taken = min(n, left)
            found += hits * taken / n
            left -= taken
        return found

    def auc(self) -> float | None:
        """The chance that a positive stands above another account, half where they are equal (Mann and Whitney)."""
        others = self.accounts - self.positives
        if not others or not self.positives:
            return None
        won, below = 0.0, others
        for _, n, hits in self.groups:
            below -= n - hits
            won += hits * (below + (n - hits) / 2)
        return won / (others * self.positives)

    def auc_interval(self) -> tuple[float | None, float | None]:
        """Its 95 % interval (Hanley and McNeil 1982)."""
        a = self.auc()
        if a is None:
            return None, None
        yes, no = self.positives, self.accounts - self.positives
        q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
        variance = a * (1 - a) + (yes - 1) * (q1 - a * a) + (no - 1) * (q2 - a * a)
        half = _Z * math.sqrt(max(0.0, variance) / (yes * no))
        return max(0.0, a - half), min(1.0, a + half)


def top_size(accounts: int) -> int:
    """How many accounts the top decile holds."""
    return math.ceil(accounts * TOP)


def lift(ranking: Ranking) -> tuple[float | None, float | None, float | None]:
    """The top decile's share of positives over that of all, with its 95 % interval.

    The interval is that of the logarithm by the delta method, with the top counted in the whole (as Katz et al. 1978
    do for two groups). With no hit the upper end comes of Wilson's interval of the top, and with every hit the lower
    end of that of the positives: the delta method knows no width there.
    """
    n, k, size = ranking.accounts, ranking.positives, top_size(ranking.accounts)
    if not n or not k:
        return None, None, None
    x, base = ranking.hits(size), k / n
    value = x / size / base
    if x <= 0:
        return 0.0, 0.0, (wilson(0, size)[1] or 0.0) / base
    rest, others = k - x, n - size
    of_top = (1 / x - 1 / k) ** 2 * x * (1 - x / size)
    if rest <= 0:
        return value, (wilson(k, k)[0] or 0.0) * n / size, value
    of_rest = rest * (1 - rest / others) / k**2 if others else 0.0
    half = _Z * math.sqrt(max(0.0, of_top + of_rest))
    return value, value * math.exp(-half), min(value * math.exp(half), n / size)


def permuted(ranking: Ranking) -> tuple[float, float, float] | None:
    """The top decile's lift when outcomes are dealt out anew: its central 95 %, and how often it is as high as seen.

    All permutations at once: the hits of the top decile are then hypergeometric (Fisher 1935). A fraction of a hit,
    from equal values, is rounded down, so that the share is never too small.
    """
    from scipy.stats import hypergeom

    n, k, size = ranking.accounts, ranking.positives, top_size(ranking.accounts)
    if not n or not k:
        return None
    dealt = hypergeom(n, k, size)
    unit = n / (k * size)
    p = float(dealt.sf(math.floor(ranking.hits(size) + 1e-9) - 1))
    return float(dealt.ppf(0.025)) * unit, float(dealt.ppf(0.975)) * unit, min(1.0, p)


def at_volume(ranking: Ranking, flagged: int) -> dict[str, float | None]:
    """Precision and recall of the first so many, with Wilson intervals; nulls where nobody is flagged or positive."""
    hits = ranking.hits(flagged)
    whole = round(hits)
    precision, recall = wilson(whole, flagged), wilson(whole, ranking.positives)
    return {
        "precision": hits / flagged if flagged else None,
        "precision_low": _under(precision[0], hits, flagged),
        "precision_high": _over(precision[1], hits, flagged),
        "recall": hits / ranking.positives if ranking.positives else None,
        "recall_low": _under(recall[0], hits, ranking.positives),
        "recall_high": _over(recall[1], hits, ranking.positives),
    }


def _under(low: float | None, hits: float, of: int) -> float | None:
    return None if low is None else min(low, hits / of)


def _over(high: float | None, hits: float, of: int) -> float | None:
    return None if high is None else max(high, hits / of)


def figures(ranking: Ranking, flagged: int, enough: int) -> dict[str, Any]:
    """All figures of one ranking; ``cannot_rank`` where there are too few positives, or too few others.

    Args:
        ranking: of the accounts of a day.
        flagged: how many are handed over.
        enough: positives, and others, without which nothing is claimed.
    """
    value, low, high = lift(ranking)
    null = permuted(ranking) or (None, None, None)
    few = min(ranking.positives, ranking.accounts - ranking.positives)
    return {
        "accounts": ranking.accounts,
        "positives": ranking.positives,
        "flagged": flagged,
        **at_volume(ranking, flagged),
        "lift_top_decile": value,
        "lift_low": low,
        "lift_high": high,
        "null_low": null[0],
        "null_high": null[1],
        "p_value": null[2],
        "auc": ranking.auc(),
        "status": "ranked" if few >= enough else "cannot_rank",
    }


def pooled(groups: Sequence[Group]) -> tuple[int, int]:
    """Accounts and positives of some groups."""
    return sum(n for _, n, _ in groups), sum(hits for _, _, hits in groups)
