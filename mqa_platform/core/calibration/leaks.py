"""Features that know the future: a backtest that has one proves nothing.

Belongs here: what gives a feature away. Does not belong here: the ranking (``ranking``), or which features there are
(``backtest``).

A leak shows in one of three ways (after Kaufman, Rosset, Perlich and Stitelman, Leakage in Data Mining, 2012): the
value rests on something dated after the day for which it stands; the feature alone tells nearly all positives from the
others; or nearly all accounts that have most of it become positives. The last two only suspect: somebody has to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from mqa_platform.core.calibration.ranking import Ranking
from mqa_platform.core.rates import wilson

# No signal of a market says so much of an opportunity that is not there yet.
TOO_GOOD = 0.95
TOO_PURE = 0.8
_BANNED = (
    "Banned from every ranking: our own outreach causes it, and it knows whom sales had chosen."
)


def leaks(
    rankings: Mapping[str, Ranking],
    late: Mapping[str, int],
    day: date,
    banned: Iterable[str] = (),
    enough: int = 20,
) -> list[dict[str, Any]]:
    """One row a feature, the suspected ones with the reason; a banned one is named as such and ranks nothing.

    Args:
        rankings: the accounts of the day by each feature alone.
        late: by feature, accounts whose value rests on something dated after the day.
        day: of the ranking.
        banned: features that our own outreach causes: they know whom sales had chosen.
        enough: positives without which nothing is suspected.
    """
    refused = set(banned)
    found = []
    for name in sorted(rankings):
        ranking = rankings[name]
        low, high = ranking.auc_interval()
        why = _why(ranking, low, late.get(name, 0), enough)
        is_banned = name in refused
        found.append(
            {
                "feature": name, "split_on": day, "accounts": ranking.accounts,
                "positives": ranking.positives, "auc": ranking.auc(), "auc_low": low,
                "auc_high": high, "later_than_split": late.get(name, 0),
                "is_banned": is_banned, "is_leak": why is not None and not is_banned,
                "says": _BANNED if is_banned else why or "Nothing suspicious.",
            }
        )  # fmt: skip
    return found


def _why(ranking: Ranking, low: float | None, late: int, enough: int) -> str | None:
    if late:
        return f"It rests on something dated after the day, for {late} accounts."
    if ranking.positives < enough:
        return None
    if low is not None and low > TOO_GOOD:
        return f"Alone it tells positives from others in {ranking.auc():.1%} of all pairs: too good to be true."
    pure = _purest(ranking, enough)
    if pure is not None:
        hits, n = pure
        return f"{hits} of the {n} accounts that it ranks highest were followed by an opportunity: too good to be true."
    return None


def _purest(ranking: Ranking, enough: int) -> tuple[int, int] | None:
    """The highest accounts, at least so many and no tie cut, where nearly all of them are positives."""
    n = hits = 0
    for _, accounts, positives in ranking.groups:
        n, hits = n + accounts, hits + positives
        if n >= enough:
            low, _ = wilson(hits, n)
            return (hits, n) if low is not None and low > TOO_PURE else None
    return None
