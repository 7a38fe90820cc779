"""The rungs and the words of the ladder: an account's state, a day's facts, a step.

Belongs here: names, their numbers, and the arrays that the rules work on. Does not belong here: the rules
(``ladder``) or the walk over days (``fold``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

STAGES = (
    "unqualified", "target", "engaged", "mqa", "sales_accepted", "sales_qualified", "opportunity",
    "customer", "recycled", "disqualified",
)  # fmt: skip
(
    UNQUALIFIED, TARGET, ENGAGED, MQA, SALES_ACCEPTED, SALES_QUALIFIED, OPPORTUNITY, CUSTOMER,
    RECYCLED, DISQUALIFIED,
) = range(10)  # fmt: skip
NEVER = -1
GATES = ("fail", "unknown", "pass")
FAIL, UNKNOWN, PASS = range(3)
SALES_EVENTS = ("", "accepted", "rejected", "qualified", "nurture")
NOTHING, ACCEPTED, REJECTED, QUALIFIED, NURTURE = range(5)
EVIDENCE = ("", "anonymous_only", "people", "hand_raise")
NONE, ANONYMOUS_ONLY, PEOPLE, HAND_RAISE = range(4)
Mask = np.ndarray


@dataclass
class State:
    """What the fold carries from day to day, one entry an account; days are numbers, −1 for never."""

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

    Points are ten-thousandths; gate and sales_event are positions in GATES and SALES_EVENTS.
    """

    present: Mask
    score: np.ndarray
    threshold: np.ndarray
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
    touched: Mask
    sales_event: np.ndarray
    sales_reason: np.ndarray
    loss_reason: np.ndarray


@dataclass(frozen=True)
class Move:
    """Accounts that took the same step by the same rule."""

    who: np.ndarray
    before: np.ndarray
    to: int
    rule: str
    reasons: np.ndarray
    episode: np.ndarray


@dataclass
class Moves:
    """Transitions of one day in the order they happened."""

    rows: list[Move] = field(default_factory=list)
