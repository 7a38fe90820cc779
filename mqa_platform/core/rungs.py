"""The rungs and the words of the ladder: an account's state, a day's facts, a step.

Belongs here: names, their numbers, and the arrays that the rules work on. Does not belong here: the rules
(``ladder``) or the walk over days (``fold``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mqa_platform.policy.transitions import STAGES as STAGES

(
    UNQUALIFIED, TARGET, ENGAGED, MQA, SALES_ACCEPTED, SALES_QUALIFIED, OPPORTUNITY, CUSTOMER,
    RECYCLED, DISQUALIFIED,
) = range(10)  # fmt: skip
# An episode is open on these; from opportunity on the account is still the one that qualified.
IN_EPISODE = (MQA, SALES_ACCEPTED, SALES_QUALIFIED, OPPORTUNITY)
NEVER = -1
GATES = ("fail", "unknown", "pass")
FAIL, UNKNOWN, PASS = range(3)
SALES_EVENTS = ("", "accepted", "rejected", "qualified", "nurture")
NOTHING, ACCEPTED, REJECTED, QUALIFIED, NURTURE = range(5)
# The first is also that of an account whose tier nobody knows.
TIERS = ("programmatic", "scaled", "strategic")
EVIDENCE = ("", "anonymous_only", "people", "hand_raise")
NONE, ANONYMOUS_ONLY, PEOPLE, HAND_RAISE = range(4)
Mask = np.ndarray


@dataclass
class State:
    """What the fold carries from day to day, one entry an account; days are numbers, −1 for never.

    tier is that of the running episode (a position in TIERS, −1 outside), raised_on the hand-raise that is
    kept for later, fell_on the day on which the account last fell from engaged.
    """

    stage: np.ndarray
    entered: np.ndarray
    episode: np.ndarray
    days_below: np.ndarray
    mqa_on: np.ndarray
    last_exit: np.ndarray
    exit_reason: np.ndarray
    reason: np.ndarray
    first_touch: np.ndarray
    last_activity: np.ndarray
    tier: np.ndarray
    raised_on: np.ndarray
    fell_on: np.ndarray

    @classmethod
    def fresh(cls, accounts: int) -> State:
        """Accounts nothing is known of yet."""
        numbers = {n: np.full(accounts, NEVER, dtype=np.int64) for n in cls.__dataclass_fields__}
        for name in ("exit_reason", "reason"):
            numbers[name] = np.full(accounts, None, dtype=object)
        for name in ("stage", "episode", "days_below"):
            numbers[name] = np.zeros(accounts, dtype=np.int64)
        return cls(**numbers)


@dataclass(frozen=True)
class Facts:
    """What is true of each account at the end of one day.

    Points are ten-thousandths; gate, tier and sales_event are positions in GATES, TIERS and SALES_EVENTS.
    parent is the position of the account above, −1 for none; forced is the rung that somebody has put the
    account on, −1 for none. touched is by anybody, answered by whoever has the account, and answered_news
    after what had been received that day (``answers``).
    """

    present: Mask
    score: np.ndarray
    tier: np.ndarray
    parent: np.ndarray
    gate: np.ndarray
    intent_heavy: Mask
    on_target_list: Mask
    suppressed: Mask
    people: np.ndarray
    committee: np.ndarray
    anonymous_evidence: Mask
    hand_raised: Mask
    last_eligible: np.ndarray
    open_opportunity: Mask
    customer: Mask
    last_won: np.ndarray
    touched: Mask
    answered: Mask
    answered_news: Mask
    sales_event: np.ndarray
    sales_reason: np.ndarray
    loss_reason: np.ndarray
    forced: np.ndarray
    forced_reason: np.ndarray


@dataclass(frozen=True)
class Move:
    """Accounts that took the same step by the same rule."""

    who: np.ndarray
    before: np.ndarray
    to: int
    rule: str
    reasons: np.ndarray
    episode: np.ndarray
    tier: np.ndarray


@dataclass
class Moves:
    """Transitions of one day in the order they happened."""

    rows: list[Move] = field(default_factory=list)
