"""Before an experiment: how many accounts it needs, and how large a lift it would notice.

Belongs here: the arithmetic of two proportions before anything was drawn. Does not belong here: the difference
that was found (``experiment_results``), or today's volume and rate (``experimenting``).

The size is that of Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (2003), section 4.2,
for arms of unequal size, without the correction for continuity; with equal arms it is power.prop.test of R.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

# The usual ones: one false lift in twenty, one real one in five overlooked.
ALPHA, POWER = 0.05, 0.8
# With fewer in an arm its rate may be anything, and nothing is said.
ENOUGH = 20
_STEPS = 60


@dataclass(frozen=True)
class Plan:
    """What an experiment of so many weeks can tell.

    Attributes:
        share: held out, of those that take part.
        weeks: in which accounts are drawn.
        held_out: accounts expected in the control.
        handed_off: accounts expected with sales.
        detectable: the smallest lift (difference of the two rates) noticed with the power; None: not even that of
            a control without any outcome, or an arm has fewer than ``ENOUGH``.
    """

    share: float
    weeks: int
    held_out: float
    handed_off: float
    detectable: float | None


def needed(
    rate: float, lift: float, share: float, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Accounts in both arms together that notice a lift with a power.

    Args:
        rate: of accounts given to sales, of (0, 1].
        lift: how much lower it is without sales, of (0, rate].
        share: held out, of (0, 1).
        alpha: two-sided chance to see a lift where there is none.
        power: chance to see this one.

    Raises:
        ValueError: a number outside of its range.
    """
    if not (0 < rate <= 1 and 0 < lift <= rate and 0 < share < 1):
        raise ValueError(
            f"rate {rate}, lift {lift}, share {share}: 0 < lift <= rate <= 1, 0 < share < 1"
        )
    other = rate - lift
    mean = (1 - share) * rate + share * other
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    # In accounts of both arms: the variance of a rate in an arm of n·share is p·q / (n·share).
    pooled = math.sqrt(mean * (1 - mean) / (share * (1 - share)))
    apart = math.sqrt(rate * (1 - rate) / (1 - share) + other * (1 - other) / share)
    return float((z_alpha * pooled + z_power * apart) ** 2 / lift**2)


def detectable(
    rate: float, accounts: float, share: float, *, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest lift that so many accounts notice with the power; None where none can be noticed.

    A lift cannot be larger than the rate itself: then nobody buys without sales.

    Args:
        rate: of accounts given to sales, of (0, 1].
        accounts: in both arms together.
        share: held out, of (0, 1).
        alpha: as ``needed`` takes it.
        power: as ``needed`` takes it.
    """
    if accounts <= 0 or needed(rate, rate, share, alpha=alpha, power=power) > accounts:
        return None
    # ``needed`` falls as the lift grows, so halving finds where it meets the number.
    low, high = 0.0, rate
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle > 0 and needed(rate, middle, share, alpha=alpha, power=power) <= accounts:
            high = middle
        else:
            low = middle
    return high


def planned(rate: float | None, per_week: float, share: float, weeks: int) -> Plan:
    """What so many weeks at today's volume can tell.

    Args:
        rate: of accounts given to sales; None or 0 where nothing is known of it, and nothing can be said.
        per_week: accounts that would take part.
        share: held out.
        weeks: in which accounts are drawn.
    """
    accounts = per_week * weeks
    arms = accounts * share, accounts * (1 - share)
    found = detectable(rate, accounts, share) if rate and min(arms) >= ENOUGH else None
    return Plan(share, weeks, *arms, found)


def weeks_needed(rate: float, lift: float, share: float, per_week: float) -> int | None:
    """Whole weeks of drawing until a lift is noticed with the power; None where nobody would take part."""
    if per_week <= 0:
        return None
    accounts = max(needed(rate, lift, share), ENOUGH / min(share, 1 - share))
    return math.ceil(accounts / per_week)
