"""How fast a signal fades, read off the time from its last touch to the opportunity.

Belongs here: exposure by age, and the half-life with its interval. Does not belong here: decay in the score
(``decay``), or which touches may count (``outreach``).

On each day an account without an opportunity may have its first one. The rate of that day is
``b + a × 2^(−age ÷ h)``, age the days since the signal's last touch on an earlier day: what goes on anyhow, and what
the touch adds and time takes away. Opportunities of an age are Poisson with that rate times the account-days of the
age, so an account counts for as long as it was watched, and no longer. For each h of a grid, a and b are the
maximum-likelihood ones; the interval of h is that of the profile likelihood (within 1.92 of the largest, Wilks 1938).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from mqa_platform.core.calibration.observed import Floats

AGES = 180
"""Days that a touch is followed."""
ENOUGH = 30
"""Opportunities below which nothing is said of a half-life."""
WIDEST = 4.0
"""How many times its low end the high end of an interval may be."""
# Policy allows 30 to 60 days; the grid is wider, so that an interval can say that the answer lies outside.
GRID = np.geomspace(5.0, 365.0, 90)
SHORTEST, LONGEST = 30, 60
_HALF_CHI2 = 1.920729410347062
_ROUNDS = 50
ESTIMATED, CANNOT_SAY, DOES_NOT_FADE = "estimated", "cannot_say", "no_fading_seen"


@dataclass(frozen=True)
class Ages:
    """Account-days and opportunities by age of the last touch, index 0 unused, in days."""

    exposure: Floats
    opportunities: Floats


@dataclass(frozen=True)
class HalfLife:
    """A half-life in days with its interval; null where nothing can be said."""

    signal: str
    now: float
    days: float | None
    low: float | None
    high: float | None
    proposed: float
    opportunities: int
    account_days: int
    status: str
    says: str


def ages(
    touches: Iterable[tuple[str, date]],
    first_deal: Mapping[str, date],
    as_of: date,
    stands_for: Callable[[str], float] = lambda _: 1.0,
) -> Ages:
    """Account-days and opportunities by age of one signal.

    Args:
        touches: (account, day) on which the signal was seen; more than one a day is one.
        first_deal: day of the account's first opportunity; what is touched then or later tells nothing.
        as_of: the last day that is known.
        stands_for: accounts that one account stands for, where only a part was read.
    """
    exposure, found = np.zeros(AGES + 2), np.zeros(AGES + 1)
    by_account: dict[str, list[date]] = {}
    for account, day in sorted(set(touches)):
        end = first_deal.get(account, date.max)
        if day < end and day <= as_of:
            by_account.setdefault(account, []).append(day)
    for account, days in by_account.items():
        deal = first_deal.get(account, date.max)
        end, worth = min(deal, as_of), stands_for(account)
        for day, following in zip(days, [*days[1:], end], strict=True):
            # The day of the next touch still has the age of this one: what led to a deal came before it.
            age = (min(following, end) - day).days
            exposure[1] += worth
            exposure[min(age, AGES) + 1] -= worth
        last = (deal - days[-1]).days
        if deal <= as_of and last <= AGES:
            found[last] += worth
    return Ages(np.cumsum(exposure)[: AGES + 1], found)


def half_life(signal: str, now: float, a: Ages) -> HalfLife:
    """The half-life of one signal, or why there is none.

    Args:
        signal: its name.
        now: half-life in force, days.
        a: of ``ages``.
    """
    events, days = int(a.opportunities.sum()), int(a.exposure.sum())

    def answer(status: str, says: str, *found: float, proposed: float = now) -> HalfLife:
        h, low, high = found or (None, None, None)
        return HalfLife(signal, now, h, low, high, proposed, events, days, status, says)

    if events < ENOUGH:
        says = f"{events} opportunities followed it, and {ENOUGH} are needed; the rule stays."
        return answer(CANNOT_SAY, says)
    profile, flat = _profile(a)
    best = int(np.argmax(profile))
    if profile[best] - flat < _HALF_CHI2:
        says = "Opportunities come as often long after it as soon after it; the rule stays."
        return answer(DOES_NOT_FADE, says)
    within = np.flatnonzero(profile >= profile[best] - _HALF_CHI2)
    low, high, h = float(GRID[within[0]]), float(GRID[within[-1]]), float(GRID[best])
    bounds = f"{low:.0f} to {high:.0f} days"
    if within[0] == 0 or within[-1] == len(GRID) - 1:
        says = f"It lies beyond what can be told apart ({bounds}); the rule stays."
        return answer(CANNOT_SAY, says, h, low, high)
    if high > WIDEST * low:
        says = f"The interval is too wide ({bounds}); the rule stays."
        return answer(CANNOT_SAY, says, h, low, high)
    if low <= now <= high:
        says = f"The half-life in force lies within what is seen ({bounds})."
        return answer(ESTIMATED, says, h, low, high)
    proposed = float(min(LONGEST, max(SHORTEST, round(h))))
    says = f"It fades by half in {h:.0f} days ({bounds})"
    if proposed != round(h):
        says += f"; policy allows {SHORTEST} to {LONGEST}"
    return answer(ESTIMATED, f"{says}.", h, low, high, proposed=proposed)


def _profile(a: Ages) -> tuple[Floats, float]:
    """Log-likelihood at each half-life of the grid, and that of a rate that does not fade."""
    e, d = a.exposure[1:], a.opportunities[1:]
    f = 2.0 ** (-np.arange(1, AGES + 1) / GRID[:, None])
    events = d.sum()
    # What is expected in all is what was seen, so one number is left: the share of what goes on anyhow.
    anyhow, added = 1 / e.sum(), f / (f @ e)[:, None]
    low, high = np.zeros((len(GRID), 1)), np.ones((len(GRID), 1))
    for _ in range(_ROUNDS):
        share = (low + high) / 2
        # The slope of the likelihood falls as the share grows.
        rate = share * anyhow + (1 - share) * added
        more = (d * (anyhow - added) / rate).sum(axis=1, keepdims=True) > 0
        low, high = np.where(more, share, low), np.where(more, high, share)
    rate = events * (low * anyhow + (1 - low) * added)
    flat = events * np.log(events * anyhow) - events
    return np.asarray(np.log(rate) @ d - events), float(flat)
