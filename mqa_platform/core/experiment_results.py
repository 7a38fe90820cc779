"""After an experiment: what came of the accounts held out beside those given to sales.

Belongs here: the difference of the two rates, its interval, and what may be said of it. Does not belong here: the
draw (``experiments``), how many were needed (``experiment_power``) or reading the tables (``experimenting``).

An account is counted in the arm that was drawn for it, whatever became of it: who asked to be called and was
called stays held out. So the comparison is that of the draw, and sales' choices cannot bend it. For the same reason
what comes in the window counts although another episode has begun: who is held out is recycled sooner, as nobody
calls, and would lose to the next episode what the other arm keeps.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from mqa_platform.core.experiment_power import ENOUGH
from mqa_platform.core.experiments import HANDED_OFF, HELD_OUT
from mqa_platform.core.rates import Interval, wilson

Row = Mapping[str, Any]
ALL: Final = "all"


@dataclass(frozen=True)
class Outcome:
    """An event that is counted, the column of ``conversions`` that dates it, and its window in days."""

    name: str
    column: str
    window: int


def newcombe(hits: int, n: int, other_hits: int, other_n: int) -> Interval:
    """The 95 % interval of the difference of two independent proportions; nulls where one has no trials.

    Method 10 of Newcombe, Interval estimation for the difference between independent proportions: comparison
    of eleven methods (Statistics in Medicine 17, 1998): the Wilson intervals of both, put together by squares.

    Args:
        hits: of the first.
        n: trials of the first.
        other_hits: of the second, which is taken off.
        other_n: trials of the second.
    """
    (low, high), (other_low, other_high) = wilson(hits, n), wilson(other_hits, other_n)
    if low is None or high is None or other_low is None or other_high is None:
        return None, None
    p, q = hits / n, other_hits / other_n
    below = math.sqrt((p - low) ** 2 + (other_high - q) ** 2)
    above = math.sqrt((high - p) ** 2 + (q - other_low) ** 2)
    return max(-1.0, p - q - below), min(1.0, p - q + above)


def with_outcomes(
    arms: Iterable[Row], episodes: Iterable[Row], outcomes: Iterable[Outcome]
) -> list[dict[str, Any]]:
    """The drawn episodes with the days of their outcomes, those that came with a later episode among them.

    Args:
        arms: rows of ``experiment_arms``.
        episodes: account_id, motion, episode, mqa_on, tier, and the columns of the outcomes.
        outcomes: what is counted.
    """
    every = list(outcomes)
    course: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in episodes:
        course[row["account_id"], row["motion"]].append(row)
    found = []
    for arm in arms:
        mine = course[arm["account_id"], arm["motion"]]
        own = next((e for e in mine if e["episode"] == arm["episode"]), None)
        if own is None:
            continue
        later = [e for e in mine if e["episode"] > arm["episode"]]
        days = {o.column: _first(own, later, o) for o in every}
        found.append({**arm, "mqa_on": own["mqa_on"], "tier": own["tier"], **days})
    return found


def _first(own: Row, later: Iterable[Row], outcome: Outcome) -> date | None:
    """The first day of an outcome in the window of an episode; its own has been held against it already."""
    mine: date | None = own[outcome.column]
    others = [e[outcome.column] for e in later if e[outcome.column] is not None]
    near = [d for d in others if (d - own["mqa_on"]).days < outcome.window]
    return min(near if mine is None else [mine, *near], default=None)


def results(arms: Iterable[Row], outcomes: Iterable[Outcome], as_of: date) -> list[dict[str, Any]]:
    """One row an experiment, motion, share, outcome and tier, with all tiers together first.

    Another share of the same experiment is another comparison: pooled, the arms would differ in when they
    were drawn.

    Args:
        arms: of ``with_outcomes``: experiment, motion, holdout_share, arm, tier, mqa_on, asked_on, and the columns
            of the outcomes, which are dates, null where it has not come.
        outcomes: what is counted.
        as_of: the last published day.
    """
    drawn: dict[tuple[str, str, float], list[Row]] = defaultdict(list)
    for row in arms:
        drawn[row["experiment"], row["motion"], row["holdout_share"]].append(row)
    every = list(outcomes)
    return [
        {"experiment": key[0], "motion": key[1], "holdout_share": key[2], "tier": tier, "as_of": as_of,
         **_result(mine, outcome, as_of)}
        for key, rows in sorted(drawn.items())
        for outcome in every
        for tier, mine in _tiers(rows)
    ]  # fmt: skip


def _tiers(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    yield ALL, rows
    for tier in sorted({row["tier"] for row in rows}):
        yield tier, [row for row in rows if row["tier"] == tier]


def _result(rows: list[Row], outcome: Outcome, as_of: date) -> dict[str, Any]:
    mature = [r for r in rows if (as_of - r["mqa_on"]).days >= outcome.window]
    told: dict[str, Any] = {
        "outcome": outcome.name, "window_days": outcome.window, "censored": len(rows) - len(mature),
        "asked": sum(r["asked_on"] is not None for r in rows),
    }  # fmt: skip
    count: dict[str, tuple[int, int]] = {}
    for arm in (HANDED_OFF, HELD_OUT):
        mine = [r for r in mature if r["arm"] == arm]
        hits = sum(r[outcome.column] is not None for r in mine)
        low, high = wilson(hits, len(mine))
        count[arm] = hits, len(mine)
        told |= {
            f"{arm}_n": len(mine), f"{arm}_hits": hits, f"{arm}_low": low, f"{arm}_high": high,
            f"{arm}_rate": hits / len(mine) if mine else None,
        }  # fmt: skip
    low, high = newcombe(*count[HANDED_OFF], *count[HELD_OUT])
    lift = None if low is None else told["handed_off_rate"] - told["held_out_rate"]
    verdict = _verdict(count, low, high)
    told |= {"lift": lift, "lift_low": low, "lift_high": high, "verdict": verdict}
    return told | {"says": _says(verdict, told, outcome)}


def _verdict(count: Mapping[str, tuple[int, int]], low: float | None, high: float | None) -> str:
    if low is None or high is None or min(n for _, n in count.values()) < ENOUGH:
        return "too_few"
    if low > 0:
        return "raises"
    return "lowers" if high < 0 else "no_difference_seen"


def _says(verdict: str, told: Row, outcome: Outcome) -> str:
    sizes = f"{told['held_out_n']} held out and {told['handed_off_n']} given to sales"
    if verdict == "too_few":
        return (
            f"Cannot say: {sizes} have had their {outcome.window} days; {ENOUGH} of each are the least "
            f"({told['censored']} are still in their window)."
        )
    points = f"{100 * told['lift']:+.1f} points ({100 * told['lift_low']:+.1f} to {100 * told['lift_high']:+.1f})"
    words = {
        "raises": f"Given to sales, more of them come to {_NAMED[outcome.name]}",
        "lowers": f"Given to sales, fewer of them come to {_NAMED[outcome.name]}",
        "no_difference_seen": f"No difference is seen in {_NAMED[outcome.name]}, which does not say that there is none",
    }
    return f"{words[verdict]}: {points} with {sizes}."


_NAMED: Final = {
    "meeting": "a meeting held",
    "opportunity": "an opportunity",
    "won": "a deal won",
}
