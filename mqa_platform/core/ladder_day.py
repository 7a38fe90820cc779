"""One day of the ladder: what follows from the facts and the state before any rule is asked.

Belongs here: masks over accounts that several rules share. Does not belong here: the rules themselves
(``rules``), their order (``ladder``), or gathering the facts (``stages``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mqa_platform.core.rungs import (
    ANONYMOUS_ONLY,
    DISQUALIFIED,
    FAIL,
    HAND_RAISE,
    MQA,
    NONE,
    PASS,
    PEOPLE,
    RECYCLED,
    TIERS,
    Facts,
    Mask,
    State,
)
from mqa_platform.core.timeline import POINT
from mqa_platform.policy.models import Policy
from mqa_platform.policy.stages import Stages


class Thresholds:
    """The thresholds of one policy by tier, in ten-thousandths of a point."""

    def __init__(self, stages: Stages) -> None:
        tiers = [float(getattr(stages.tiers, name).threshold) for name in TIERS]
        self._by_tier = np.rint(np.array(tiers) * POINT)

    def of(self, tier: np.ndarray, ratio: float = 1.0) -> np.ndarray:
        """The threshold of each tier, or a share of it."""
        return np.rint(self._by_tier[tier] * ratio)


def above(mask: Mask, f: Facts) -> Mask:
    """The accounts that have one of the mask below them on the day, at any depth."""
    found = np.zeros(len(mask), dtype=bool)
    carrying = np.flatnonzero(mask & f.present & (f.parent >= 0))
    while len(carrying):
        parents = np.unique(f.parent[carrying])
        parents = parents[~found[parents]]
        found[parents] = True
        carrying = parents[f.parent[parents] >= 0]
    return found


@dataclass
class Day:
    """One day: its facts, the state as it is by now, and the policy in force."""

    t: int
    s: State
    f: Facts
    policy: Policy
    thresholds: Thresholds
    is_backlog: bool

    @cached_property
    def pinned(self) -> Mask:
        """Accounts that somebody has put on a rung; only a deal that is open or won beats that.

        Nobody puts an account that is suppressed on mqa: that would be a handoff.
        """
        refused = (self.f.forced == MQA) & self.f.suppressed & (self.s.mqa_on < 0)
        return (self.f.forced >= 0) & ~refused & ~self.customer & ~self.opened

    @cached_property
    def customer(self) -> Mask:
        """Customers. In expansion everybody is one, so there it is who bought again not long ago."""
        if not self._of_customers:
            return self.f.customer
        settled = self.t - self.f.last_won >= self.policy.stages.won_settles_days
        return self.f.customer & (self.f.last_won >= 0) & ~settled

    @cached_property
    def opened(self) -> Mask:
        """An open deal, and the account is no customer by it yet."""
        return self.f.open_opportunity & ~self.customer & ~self.gone

    @cached_property
    def engaged(self) -> Mask:
        """A passed gate, a share of the threshold, and an eligible touchpoint in the window."""
        f, r = self.f, self.policy.stages
        recent = (f.last_eligible >= 0) & (self.t - f.last_eligible < r.evidence_window_days)
        enough = f.score >= self.thresholds.of(f.tier, r.engaged_ratio)
        return (f.gate == PASS) & enough & recent & ~self.gone

    @cached_property
    def target(self) -> Mask:
        """On the target list, or found by a passed gate when discovery is on."""
        found = self.f.on_target_list | (self.policy.identity.discovery & (self.f.gate == PASS))
        return found & ~self.gone

    @cached_property
    def gone(self) -> Mask:
        """No customer any more, in the motion that is for customers."""
        return ~self.f.customer & self._of_customers

    @property
    def _of_customers(self) -> bool:
        return self.policy.program.motion == "expansion"

    def remember_hand_raises(self) -> None:
        """Keeps a hand-raise that may not count today, for when what forbids it is over.

        That is a suppression, a cool-down, a decision by hand, or a child that is worked on. One that a
        child has that day is the child's, who keeps it itself.
        """
        waits = self.f.suppressed | (self._out & ~self.rested) | self.pinned
        own = self.f.present & self.f.hand_raised
        if self.has_trees:
            waits |= self.child_mqa & (self.s.mqa_on < 0)
            own &= ~above(self._raised_today, self.f)
        self.s.raised_on = np.where(own & waits, self.t, self.s.raised_on)

    def remember_hand_raises_of_leavers(self, working: Mask) -> None:
        """Keeps a hand-raise of the day on which an episode ended, whatever the hour: its rep is gone.

        Args:
            working: the accounts that were in an episode before the day.
        """
        f = self.f
        left = working & self._out & f.present & f.hand_raised & (self.s.last_exit == self.t)
        if self.has_trees:
            left &= ~above(self._raised_today, f)
        self.s.raised_on = np.where(left, self.t, self.s.raised_on)

    @property
    def _raised_today(self) -> Mask:
        return self.f.hand_raised & (self.f.gate != FAIL)

    @property
    def _out(self) -> Mask:
        return (self.s.stage == RECYCLED) | (self.s.stage == DISQUALIFIED)

    @property
    def rested(self) -> Mask:
        """Accounts whose cool-down, by the reason of their exit, is over."""
        days = self.policy.stages.cool_down_days
        wait = np.zeros(len(self.s.stage), dtype=np.int64)
        out = np.flatnonzero(self._out)
        reasons, place = np.unique(self.s.exit_reason[out].astype(str), return_inverse=True)
        usual = days.get("default", 30)
        by_reason = np.array([days.get(r, usual) for r in reasons], dtype=np.int64)
        wait[out] = by_reason[place] if len(out) else 0
        return self.t - self.s.last_exit >= wait

    @property
    def raised(self) -> Mask:
        """A hand-raise of today, or one that was kept; never of a company that cannot be a customer."""
        kept = (self.s.raised_on >= 0) & (self.s.raised_on >= self.s.last_exit)
        kept &= self.t - self.s.raised_on <= self.policy.stages.hand_raise_kept_days
        return (self.f.hand_raised | kept) & (self.f.gate != FAIL) & self.able

    @property
    def fresh(self) -> Mask:
        """An eligible touchpoint later than the last exit."""
        return self.f.last_eligible > self.s.last_exit

    @property
    def able(self) -> Mask:
        """Nothing beside the rung forbids an entry to mqa, and the evidence is newer than the exit."""
        newer = self.fresh | ((self.s.raised_on >= 0) & (self.s.raised_on >= self.s.last_exit))
        free = ~self.f.suppressed & ~self.gone & ~self.pinned & ~self.child_mqa
        return self.f.present & newer & free

    @property
    def child_mqa(self) -> Mask:
        """Accounts with one below that meets the rule, or is in an episode: the lowest node qualifies.

        Whether that one may enter, or left for a reason, does not matter: nobody else gets its evidence.
        """
        if not self.has_trees:
            return np.zeros(len(self.s.stage), dtype=bool)
        return above(self._raised_today | (self._met != NONE) | (self.s.mqa_on >= 0), self.f)

    @cached_property
    def has_trees(self) -> bool:
        """Whether any account has one above it."""
        return bool((self.f.parent >= 0).any())

    @cached_property
    def _met(self) -> np.ndarray:
        """The position in EVIDENCE of the rule that the score and the evidence of the day meet."""
        f, r = self.f, self.policy.stages
        enough = f.present & (f.gate == PASS) & (f.score >= self.thresholds.of(f.tier))
        if r.intent_heavy_needs_committee:
            wanted = self.policy.signals.committee_on_high_intent.people
            enough &= ~f.intent_heavy | (f.committee >= wanted)
        rule = np.where(f.anonymous_evidence & enough, ANONYMOUS_ONLY, NONE)
        return np.where((f.people >= r.evidence_people) & enough, PEOPLE, rule)

    def evidence(self) -> np.ndarray:
        """The position in EVIDENCE of the rule by which each account qualifies; NONE where it does not."""
        rule = np.where(self.able & self.fresh, self._met, NONE)
        return np.where(self.raised, HAND_RAISE, rule)

    def below_for(self, rung: int, holds: Mask, days: int) -> Mask:
        """Counts the days in a row on which a rung's rule did not hold; who has had enough of them.

        The day of the entry is not counted.
        """
        s = self.s
        here = self.f.present & (s.stage == rung) & (s.entered < self.t)
        s.days_below = np.where(here, np.where(holds, 0, s.days_below + 1), s.days_below)
        return here & (s.days_below >= days)
