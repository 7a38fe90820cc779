"""Weights asked of closed deals: a model's answer, rounded back to points where it may be trusted.

Belongs here: the intervals of the model, and when it may speak. Does not belong here: the model (``logistic``), what it
is asked of (``observed``), one signal by itself (``lift``), or putting a weight in force (``promoting``).

Intervals are percentiles of a bootstrap over accounts (Efron 1979; over clusters, Field and Welsh 2007). Against chance
stand futures dealt anew among the accounts (a permutation test).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mqa_platform.core.calibration.lift import ENOUGH, LIFTS, LOWERS, Lift, lifts
from mqa_platform.core.calibration.logistic import fit, in_points
from mqa_platform.core.calibration.observed import Floats, Observed

OTHERS = 10
"""Accounts that did not win for each that did: more tell hardly more (1 − 1 ÷ 11 of it, Breslow and Day 1980)."""
ROUNDS = 99
# With 99 deals of chance the smallest p-value is 0.01: the real outcomes have to beat all of them.
SURE = 0.01
LEAST, MOST = -100, 100
CHANGE, AGREES, CANNOT_RANK, OUTREACH = "change", "agrees", "cannot_rank", "caused_by_us"
RULES_STAY = "cannot rank these; rules stay"


@dataclass(frozen=True)
class Weight:
    """One component: the weight in force, the one the data ask for with its interval, and the one proposed.

    ``asked``, ``low`` and ``high`` are null where the model did not speak of it.
    """

    component: str
    now: float
    asked: float | None
    low: float | None
    high: float | None
    proposed: float
    winners: int
    status: str
    says: str


@dataclass(frozen=True)
class Ranked:
    """All weights, how many accounts won, and how often chance does as well."""

    weights: list[Weight]
    winners: int
    accounts: int
    p_value: float | None


def ranked(
    o: Observed, enough: int, widest: float, rng: np.random.Generator, rounds: int = ROUNDS
) -> Ranked:
    """What the deals say about the weights; the ones in force stay wherever they do not say enough.

    Args:
        o: rows of accounts on days.
        enough: winners below which nothing is ranked.
        widest: width of an interval, as a share of the larger of both weights, beyond which one is not ranked.
        rng: what draws accounts and deals futures; begun alike, the same rows give the same answer.
        rounds: of the bootstrap, and of chance.
    """
    from threadpoolctl import threadpool_limits

    # The matrices are small: threads of the linear algebra would spend their time waiting for each other.
    with threadpool_limits(1, user_api="blas"):
        return _ranked(o, enough, widest, rng, rounds)


def _ranked(
    o: Observed, enough: int, widest: float, rng: np.random.Generator, rounds: int
) -> Ranked:
    showed = [
        len(np.unique(o.account[(o.x[:, i] > 0) & (o.y > 0)])) for i in range(len(o.components))
    ]
    usable = [i for i, n in enumerate(showed) if n >= ENOUGH]
    accounts = len(np.unique(o.account))
    if o.winners < max(enough, ENOUGH * len(usable) // 2) or not usable or o.winners == accounts:
        reason = f"{o.winners} accounts won, of {accounts}; that is too few: {RULES_STAY}."
        return Ranked(_all_stay(o, showed, reason), o.winners, accounts, None)
    part = _thinned(_columns(o, usable), rng)
    signs = np.sign(part.now)
    real = fit(part.x, part.y, np.ones(len(part.y)), signs)
    beaten = sum(_chance(part, signs, real.beta, rng) >= real.gain for _ in range(rounds))
    p_value = (1 + beaten) / (1 + rounds)
    points = in_points(real.beta, part)
    if p_value > SURE or points is None:
        reason = f"Outcomes dealt at random explain as much (p = {p_value:.2f}): {RULES_STAY}."
        return Ranked(_all_stay(o, showed, reason), o.winners, accounts, p_value)
    again = _bootstrap(part, signs, real.beta, rounds, rng)
    alone = lifts(o)
    found = []
    for i, name in enumerate(o.components):
        if i not in usable:
            found.append(_stays(name, o.now[i], showed[i], _few(showed[i])))
            continue
        at = usable.index(i)
        low, high = (float(v) for v in np.percentile(again[:, at], [2.5, 97.5]))
        w = Weight(name, float(o.now[i]), float(points[at]), low, high, float(o.now[i]), showed[i], "", "")  # fmt: skip
        found.append(judged(w, alone[i], widest))
    return Ranked(found, o.winners, accounts, p_value)


def _columns(o: Observed, places: list[int]) -> Observed:
    names = tuple(o.components[i] for i in places)
    return replace(o, components=names, now=o.now[places], x=o.x[:, places])


def _thinned(o: Observed, rng: np.random.Generator) -> Observed:
    """All accounts that won and enough of the others, each of these standing for as many as any other of them.

    The rows are then fitted as they are: slopes of a logistic model stay what they are when cases and controls are
    drawn apart (Prentice and Pyke 1979), as long as the controls are drawn alike. Where a part was read, accounts
    with a deal that was lost stand for themselves and the rest for many, so the former are drawn that much more
    seldom. Only the mean score needs to know for how many each stands.
    """
    accounts = len(o.won_on)
    others = np.setdiff1d(np.arange(accounts), np.unique(o.account[o.y > 0]))
    size = np.zeros(accounts)
    size[o.account] = o.weight
    whole, most = float(size[others].sum()), float(size[others].max(initial=1.0))
    alike = others[size[others] >= most * rng.random(len(others))]
    wanted = OTHERS * o.winners
    if len(alike) > wanted:
        alike = rng.choice(alike, wanted, replace=False)
    elif len(alike) == len(others):
        return o
    winner = np.ones(accounts, dtype=bool)
    winner[others] = False
    taken = winner.copy()
    taken[alike] = True
    kept, number = taken[o.account], np.cumsum(taken) - 1
    stands = np.where(winner, size, whole / max(len(alike), 1))
    return replace(
        o,
        account=number[o.account[kept]],
        on=o.on[kept],
        x=o.x[kept],
        y=o.y[kept],
        weight=stands[o.account[kept]],
        won_on=o.won_on[taken],
    )


def _chance(o: Observed, signs: Floats, start: Floats, rng: np.random.Generator) -> float:
    """The gain when the accounts' futures are dealt anew among them.

    An account's whole future goes to another one, so what several looks at one account share is kept.
    """
    dealt = rng.permutation(len(o.won_on))
    won = o.won_on[dealt][o.account]
    y = ((won > o.on) & (won <= o.on + o.horizon)).astype(np.float64)
    return fit(o.x, y, np.ones(len(y)), signs, start).gain


def _bootstrap(
    o: Observed, signs: Floats, start: Floats, rounds: int, rng: np.random.Generator
) -> Floats:
    """Weights in points of accounts drawn anew, rounds × columns; who won and who did not apart, as they were."""
    n = len(o.won_on)
    won = np.zeros(n, dtype=bool)
    won[o.account[o.y > 0]] = True
    rows: list[Floats] = []
    for _ in range(rounds):
        times: npt.NDArray[np.int64] = np.zeros(n, dtype=np.int64)
        for group in (np.flatnonzero(won), np.flatnonzero(~won)):
            times += np.bincount(rng.choice(group, len(group)), minlength=n)
        drawn = replace(o, weight=o.weight * times[o.account])
        points = in_points(
            fit(o.x, o.y, times[o.account].astype(np.float64), signs, start).beta, drawn
        )
        rows.append(np.zeros(len(o.components)) if points is None else points)
    return np.array(rows)


def _few(winners: int) -> str:
    return f"{winners} accounts that won showed it, and {ENOUGH} are needed: {RULES_STAY}."


def _stays(name: str, now: float, winners: int, says: str) -> Weight:
    return Weight(name, float(now), None, None, None, float(now), winners, CANNOT_RANK, says)


def _all_stay(o: Observed, showed: list[int], says: str) -> list[Weight]:
    return [_stays(n, o.now[i], showed[i], says) for i, n in enumerate(o.components)]


def judged(w: Weight, alone: Lift, widest: float) -> Weight:
    """The weight with what may be said of it.

    A change is proposed only where the signal by itself points the same way: a raise has to show lift alone, and what
    shows lift alone is not struck out, since signals that come together share what they say and a bootstrap cannot be
    trusted where a coefficient lies on its bound (Andrews 2000).

    Args:
        w: the weight in force with what the model asks for and its interval, in points.
        alone: the signal by itself.
        widest: width of the interval, as a share of the larger of both weights, beyond which it is not ranked.
    """
    asked, low, high = w.asked or 0.0, w.low or 0.0, w.high or 0.0
    bounds = f"{low:.1f} to {high:.1f}"
    whole = float(min(MOST, max(LEAST, round(asked))))
    if low <= w.now <= high or whole == w.now:
        says = f"The weight in force lies within what the deals allow ({bounds}); it stays."
        if not low <= w.now <= high:
            says = f"In whole points deals ask for the weight in force ({bounds}); it stays."
        return replace(w, status=AGREES, says=says)
    shows = alone.verdict == (LIFTS if w.now > 0 else LOWERS)
    if high - low > widest * max(abs(w.now), abs(asked)):
        return replace(
            w, status=CANNOT_RANK, says=f"The interval is too wide ({bounds}): {RULES_STAY}."
        )
    if whole == 0 and shows:
        says = f"By itself it shows lift, and beside {alone.overlaps_with} it gets no points"
        return replace(w, status=CANNOT_RANK, says=f"{says}: {RULES_STAY}.")
    if abs(asked) > abs(w.now) and not shows:
        says = f"The model asks for {whole:g} points ({bounds}), and by itself it shows no lift"
        return replace(w, status=CANNOT_RANK, says=f"{says}: {RULES_STAY}.")
    says = f"Deals ask for {whole:g} points ({bounds}) instead of {w.now:g}."
    if whole == 0:
        says = f"It shows no lift, neither alone nor beside the others ({bounds} points)."
    return replace(w, proposed=whole, status=CHANGE, says=says)
