"""Time to an event when some have not been watched for long enough: Kaplan-Meier.

Belongs here: survival curves and what is read off them. Does not belong here: which episodes are watched
(``metrics``), or what is expected of open ones (``forecast``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mqa_platform.core.rates import Interval, wilson

_Z = 1.959963984540054
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve of days to an event.

    Attributes:
        days: the days on which an event was seen, ascending.
        at_risk: how many were still watched without one just before.
        events: how many had one on that day.
        watched_to: the longest time that anything was watched, in days.
    """

    days: Numbers
    at_risk: Numbers
    events: Numbers
    watched_to: float

    def survival(self, day: float) -> float:
        """The share still without an event after so many days (Kaplan and Meier 1958)."""
        seen = self.days <= day
        return float(np.prod(1 - self.events[seen] / self.at_risk[seen]))

    def log_variance(self, since: float, until: float) -> float:
        """Greenwood's (1926) variance of log S(until) ÷ S(since): Σ d ÷ (n (n − d)); infinite at S = 0."""
        seen = (self.days > since) & (self.days <= until)
        n, d = self.at_risk[seen], self.events[seen]
        return float("inf") if np.any(n == d) else float(np.sum(d / (n * (n - d))))


def curve(days: Numbers, had: npt.NDArray[np.bool_]) -> Curve:
    """The curve of what was watched for ``days`` and ended with an event, or was censored."""
    times, places = np.unique(days, return_inverse=True)
    events = np.bincount(places, weights=had, minlength=len(times))
    gone = np.bincount(places, minlength=len(times))
    at_risk = len(days) - np.concatenate([[0], np.cumsum(gone)[:-1]]) if len(times) else gone
    seen = events > 0
    longest = float(times[-1]) if len(times) else 0.0
    return Curve(
        times[seen].astype(np.float64),
        at_risk[seen].astype(np.float64),
        events[seen].astype(np.float64),
        longest,
    )


def share_by(
    days: Numbers, had: npt.NDArray[np.bool_], horizon: float
) -> tuple[float | None, Interval]:
    """The share with an event by a horizon, and its 95 % interval; nulls when nothing was watched for so long.

    The estimate is one minus Kaplan-Meier's; the interval is Greenwood's on the log-minus-log scale, which keeps
    it within 0 and 1 (Kalbfleisch and Prentice 1980). Where that has no width, because nobody or everybody had
    the event, the interval is Wilson's of those who were watched to the end.

    Args:
        days: how long each was watched, up to the event.
        had: whether it ended with the event.
        horizon: days.
    """
    within = had & (days <= horizon)
    whole = int(np.sum(within)) + int(np.sum(~within & (days >= horizon)))
    if not len(days) or (days.max() < horizon and not within.all()):
        return None, (None, None)
    hits = int(np.sum(within))
    if hits in (0, len(days)):
        return float(hits > 0), wilson(hits, whole)
    seen = curve(np.minimum(days, horizon), within)
    alive = seen.survival(horizon)
    # From the beginning: who came before the entry was dated has a negative number of days.
    noise = seen.log_variance(-math.inf, horizon)
    if not 0 < alive < 1 or not np.isfinite(noise):
        return 1 - alive, wilson(round((1 - alive) * whole), whole)
    spread = math.exp(_Z * math.sqrt(noise) / abs(math.log(alive)))
    return 1 - alive, (1 - alive ** (1 / spread), 1 - alive**spread)
