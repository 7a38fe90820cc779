"""Whether what a model says of a market is true: hits, missed episodes, lead time and lift.

Belongs here: holding names and rankings against the true buying episodes. Does not belong here: the models
(``models``), or intervals over several markets (``model``).

A name is right when the account is truly in the market on that day: between the day on which its episode begins
and the day on which it ends. An episode is found when its account is named on one of its days; asked for are
the episodes that begin and end inside the days of the measurement, of accounts that could be called.

An account that sales works already is named by nobody: from the day on which its opportunity is opened until it is
lost, and for good once it is won. In the platform such an account is past mqa, and an MQL of it is attached to the
open conversation. So a buyer who is named only after the deal is open is not found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.evaluation.models import Named
from mqa_platform.market.config import DAY
from mqa_platform.market.streams import Bools, Floats, Ints
from mqa_platform.market.watched import Watched

TOP = 0.1


@dataclass(frozen=True)
class Hits:
    """Counts of one model on one market; ``lead_days`` from the first right name to the opportunity."""

    named: int
    right: int
    episodes: int
    found: int
    lead_days: tuple[float, ...]


def not_in_work(w: Watched, named: Named) -> Named:
    """The names on days on which the account has no open or won opportunity."""
    start, end = w.config.start, w.config.end
    keep = np.ones(len(named.day), dtype=bool)
    for o in w.outcomes.opportunities:
        if o.created_at < start and o.closed_at is not None and not o.is_won:
            continue
        lost = o.closed_at is not None and not o.is_won
        until = o.closed_at if lost and o.closed_at is not None else end
        opened, over = (o.created_at - start) // DAY, (until - start) // DAY
        keep &= (named.account != o.account) | (named.day < opened) | (named.day > over)
    return Named(named.account[keep], named.day[keep])


def hits(w: Watched, named: Named, asked: Bools, first: int, last: int) -> Hits:
    """Names that are right and episodes that are found.

    Args:
        w: the market.
        named: whom a model names.
        asked: accounts that could be called.
        first: first day of the measurement, counted from the market's first.
        last: last day.
    """
    e, named = w.episodes, not_in_work(w, named)
    right = np.zeros(len(named.day), dtype=bool)
    deals = {o.episode: o.created_at for o in w.outcomes.opportunities if o.episode >= 0}
    episodes = found = 0
    lead: list[float] = []
    for number in np.flatnonzero(asked[e.account]).tolist():
        mine = named.account == e.account[number]
        inside = mine & (named.day >= np.floor(e.start[number])) & (named.day <= e.end[number])
        right |= inside
        if e.start[number] < first or e.end[number] > last:
            continue
        episodes += 1
        found += bool(inside.any())
        if inside.any() and number in deals:
            opened = (deals[number] - w.config.start) / DAY
            lead.append(opened - float(named.day[inside].min()))
    return Hits(len(right), int(right.sum()), episodes, found, tuple(lead))


def in_market(w: Watched, snapshots: Ints) -> Bools:
    """Row per account, column per snapshot: whether it is truly in the market."""
    out = np.zeros((w.config.accounts, len(snapshots)), dtype=bool)
    e = w.episodes
    running = (np.floor(e.start)[:, None] <= snapshots) & (snapshots <= e.end[:, None])
    for number in range(len(e)):
        out[e.account[number]] |= running[number]
    return out


def lift(ranking: Floats, truth: Bools, callable_: Bools, tie: Floats) -> float | None:
    """How many times as many of the top tenth are in the market as of all; None where nobody is.

    Snapshots are counted together. Equal values are ordered by ``tie``, a fixed number of each account.
    """
    top = base = chosen = everybody = 0
    for k in range(ranking.shape[1]):
        rows = np.flatnonzero(callable_[:, k])
        if not len(rows):
            continue
        best = np.lexsort((tie[rows], -ranking[rows, k]))[: max(1, int(np.ceil(TOP * len(rows))))]
        top += int(truth[rows[best], k].sum())
        chosen += len(best)
        base += int(truth[rows, k].sum())
        everybody += len(rows)
    return (top / chosen) / (base / everybody) if base and chosen else None


def shuffled(truth: Bools, callable_: Bools, rng: np.random.Generator) -> Bools:
    """The truth dealt out anew among the accounts of each snapshot: what no model can know."""
    out = np.zeros_like(truth)
    order = rng.permutation(len(truth))
    for k in range(truth.shape[1]):
        rows = order[callable_[order, k]]
        inside = np.flatnonzero(callable_[:, k])
        out[inside, k] = truth[rows, k]
    return out
