"""The stage ladder: the declared transition table as array operations over accounts, one day at a time.

Belongs here: asking the rules in the declared order, and what a step changes. Does not belong here: when
a rule holds (``rules``), gathering the facts of a day (``stages``) or the walk over days (``fold``).
"""

from __future__ import annotations

import numpy as np

from mqa_platform.core.ladder_day import Day, Thresholds
from mqa_platform.core.rules import RULES
from mqa_platform.core.rungs import (
    CUSTOMER,
    DISQUALIFIED,
    ENGAGED,
    MQA,
    NEVER,
    RECYCLED,
    SALES_ACCEPTED,
    STAGES,
    TARGET,
    UNQUALIFIED,
    Facts,
    Move,
    Moves,
    State,
)
from mqa_platform.policy.models import Policy
from mqa_platform.policy.transitions import Transition

_CODE = {name: i for i, name in enumerate(STAGES)}


class Ladder:
    """Applies the rules of one policy to one day at a time."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.thresholds = Thresholds(policy.stages)
        self.table = [(t, _leaving(t), RULES[t.rule]) for t in policy.stages.transitions]

    def day(self, t: int, s: State, f: Facts, *, is_backlog: bool = False) -> Moves:
        """Moves every account as far as the day's facts carry it; changes ``s`` and returns the moves.

        On a backlog day an account that meets the rule enters mqa as backlog: the rules changed, not it.
        """
        moves = Moves()
        today = Day(t, s, f, self.policy, self.thresholds, is_backlog)
        active = f.present & (f.touched | (f.last_eligible == t))
        s.last_activity = np.where(active, t, s.last_activity)
        working = s.mqa_on >= 0
        first = f.present & f.answered & working & (s.first_touch < 0)
        s.first_touch = np.where(first, t, s.first_touch)
        today.remember_hand_raises()
        for transition, leaves, rule in self.table:
            mask, reason = rule(today)
            here = f.present & leaves[s.stage]
            if transition.rule == "override":
                self._override(today, moves, mask & here)
                continue
            mask = mask & here & ~today.pinned
            self._move(today, moves, mask, _CODE[transition.enters], transition.rule, reason)
        today.remember_hand_raises_of_leavers(working)
        return moves

    def _override(self, today: Day, moves: Moves, mask: np.ndarray) -> None:
        for rung in np.unique(today.f.forced[mask]):
            asked = mask & (today.f.forced == rung)
            self._move(today, moves, asked, int(rung), "override", today.f.forced_reason)

    def _move(
        self, today: Day, moves: Moves, mask: np.ndarray, to: int, rule: str, reason: object
    ) -> None:
        who = np.flatnonzero(mask & (today.s.stage != to))
        if not len(who):
            return
        t, s, f = today.t, today.s, today.f
        before = s.stage[who].copy()
        reasons = np.full(len(who), None, dtype=object)
        if reason is not None:
            reasons[:] = reason[who] if isinstance(reason, np.ndarray) else reason
        # By hand an account can be put below mqa as well, and that ends its episode too.
        if to in (RECYCLED, DISQUALIFIED, CUSTOMER, UNQUALIFIED, TARGET, ENGAGED):
            ended = who[s.mqa_on[who] >= 0]
            s.last_exit[ended] = t
            s.mqa_on[who], s.first_touch[who], s.tier[who] = NEVER, NEVER, NEVER
        if to in (RECYCLED, DISQUALIFIED):
            s.last_exit[who] = t
            s.exit_reason[who] = reasons
        if to == MQA:
            # Who is put back on the rung within an episode goes on with it.
            entered = who[s.mqa_on[who] < 0]
            s.episode[entered] += 1
            s.mqa_on[entered], s.raised_on[entered] = t, NEVER
            # A rep who answers within the hour answers on the day of the entry.
            s.first_touch[entered] = np.where(f.answered_news[entered], t, NEVER)
            s.tier[entered] = f.tier[entered]
        if to == SALES_ACCEPTED:
            s.last_activity[who] = np.maximum(s.last_activity[who], t)
        if to == TARGET:
            fallen = who[before == ENGAGED]
            s.fell_on[fallen] = t
        s.stage[who], s.entered[who], s.days_below[who] = to, t, 0
        s.reason[who] = rule
        moves.rows.append(Move(who, before, to, rule, reasons, s.episode[who], s.tier[who]))


def _leaving(transition: Transition) -> np.ndarray:
    """Which rungs the row leaves, by their position."""
    leaves = np.zeros(len(STAGES), dtype=bool)
    for before, _ in transition.edges():
        leaves[_CODE[before]] = True
    return leaves
