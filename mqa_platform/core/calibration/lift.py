"""What each signal by itself says about a deal: lift with its interval, coverage and overlap.

Belongs here: one signal at a time. Does not belong here: signals beside each other (``weights``).

Lift is the share of accounts that won among those that showed the signal, divided by the share among those that
did not (risk ratio). An account is looked at several times, so the variance of its logarithm is the linearised one
over accounts (Woodruff 1971); with one look an account it is Katz's (1978): (1 − p) ÷ (n p) of both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mqa_platform.core.calibration.observed import Floats, Observed

_Z = 1.959963984540054
ENOUGH = 10
"""Winners that a side needs before anything is said of it (Peduzzi et al. 1996: ten events a variable)."""
LIFTS, LOWERS, NO_DIFFERENCE, CANNOT_SAY = "lifts", "lowers", "no_difference", "cannot_say"


@dataclass(frozen=True)
class Lift:
    """One signal: who showed it, who won, and by how much more often.

    ``coverage`` is the share of rows with the signal; ``overlap`` the share of these that show ``overlaps_with`` as
    well, the other signal that most of them show.
    """

    signal: str
    accounts: int
    winners_with: int
    winners: int
    coverage: float
    rate_with: float | None
    rate_without: float | None
    lift: float | None
    low: float | None
    high: float | None
    overlaps_with: str | None
    overlap: float | None

    @property
    def verdict(self) -> str:
        """What may be claimed: the interval has to lie on one side of 1, out of winners enough."""
        apart = (self.winners_with, self.winners - self.winners_with)
        if self.low is None or self.high is None or apart[0] < ENOUGH or apart[1] < 1:
            return CANNOT_SAY
        if self.low > 1:
            return LIFTS
        return LOWERS if self.high < 1 else NO_DIFFERENCE

    @property
    def says(self) -> str:
        """The verdict as a sentence."""
        if self.verdict == CANNOT_SAY:
            return f"{self.winners_with} of {self.winners} accounts that won showed it: too few to say anything."
        words = {LIFTS: "more often than", LOWERS: "less often than"}
        often = words.get(self.verdict, "neither more nor less often, as far as can be told, than")
        return (
            f"Accounts that show it win {often} those that do not: "
            f"{self.lift:.1f} times ({self.low:.1f} to {self.high:.1f})."
        )


def lifts(o: Observed) -> list[Lift]:
    """One line a component that may rank, in the policy's order."""
    shows = o.x > 0
    return [_lift(o, shows, i) for i in range(len(o.components))]


def _lift(o: Observed, shows: np.ndarray, i: int) -> Lift:
    mine = shows[:, i]
    total = float(o.weight.sum())
    with_it, without = float(o.weight[mine].sum()), float(o.weight[~mine].sum())
    p1 = float((o.weight * o.y)[mine].sum()) / with_it if with_it else None
    p0 = float((o.weight * o.y)[~mine].sum()) / without if without else None
    ratio = low = high = None
    if p1 and p0:
        ratio = p1 / p0
        error = math.sqrt(_log_variance(o, mine, p1 * with_it, p1, p0 * without, p0))
        low, high = ratio * math.exp(-_Z * error), ratio * math.exp(_Z * error)
    other, overlap = _overlap(o, shows, i, with_it)
    return Lift(
        signal=o.components[i],
        accounts=len(np.unique(o.account[mine])),
        winners_with=len(np.unique(o.account[mine & (o.y > 0)])),
        winners=o.winners,
        coverage=with_it / total if total else 0.0,
        rate_with=p1,
        rate_without=p0,
        lift=ratio,
        low=low,
        high=high,
        overlaps_with=other,
        overlap=overlap,
    )


def _log_variance(
    o: Observed, mine: np.ndarray, won1: float, p1: float, won0: float, p0: float
) -> float:
    """Σ over accounts of (Σ of its rows' influence on log p1 − log p0)²."""
    influence: Floats = np.where(mine, (o.y - p1) / won1, -(o.y - p0) / won0) * o.weight
    by_account = np.bincount(o.account, weights=influence)
    return float(np.sum(by_account**2))


def _overlap(
    o: Observed, shows: np.ndarray, i: int, with_it: float
) -> tuple[str | None, float | None]:
    if not with_it or shows.shape[1] < 2:
        return None, None
    both = o.weight[shows[:, i]] @ shows[shows[:, i]]
    both[i] = -1.0
    most = int(np.argmax(both))
    return o.components[most], float(both[most]) / with_it
