"""When a rule of the transition table holds: one function a rule, over all accounts of a day.

Belongs here: the conditions. Does not belong here: their order and what a step changes (``ladder``), or
gathering the facts of a day (``stages``). A rule answers with a mask and the reason that is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mqa_platform.core.rungs import (
    ACCEPTED,
    ANONYMOUS_ONLY,
    DISQUALIFIED,
    ENGAGED,
    EVIDENCE,
    FAIL,
    HAND_RAISE,
    MQA,
    NONE,
    NURTURE,
    PASS,
    PEOPLE,
    QUALIFIED,
    RECYCLED,
    REJECTED,
    TARGET,
    TIERS,
    Facts,
    Mask,
    State,
)
from mqa_platform.core.timeline import POINT
from mqa_platform.policy.models import Policy
from mqa_platform.policy.stages import Stages

Answer = tuple[Mask, object]


class Thresholds:
    """The thresholds of one policy by tier, in ten-thousandths of a point."""

    def __init__(self, stages: Stages) -> None:
        tiers = [float(getattr(stages.tiers, name).threshold) for name in TIERS]
        self._by_tier = np.rint(np.array(tiers) * POINT)

    def of(self, tier: np.ndarray, ratio: float = 1.0) -> np.ndarray:
        """The threshold of each tier, or a share of it."""
        return np.rint(self._by_tier[tier] * ratio)


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
        """Accounts that somebody has put on a rung; only a deal that is open or won beats that."""
        return (self.f.forced >= 0) & ~self.customer & ~self.opened

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
        """Keeps a hand-raise that may not count today, for when the suppression or cool-down is over."""
        waits = self.f.suppressed | (self._out & ~self.rested) | self.pinned
        kept = self.f.present & self.f.hand_raised & waits
        self.s.raised_on = np.where(kept, self.t, self.s.raised_on)

    @property
    def _out(self) -> Mask:
        return np.isin(self.s.stage, (RECYCLED, DISQUALIFIED))

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
        kept = (self.s.raised_on >= 0) & (self.s.raised_on > self.s.last_exit)
        kept &= self.t - self.s.raised_on <= self.policy.stages.hand_raise_kept_days
        return (self.f.hand_raised | kept) & (self.f.gate != FAIL) & self.able

    @property
    def fresh(self) -> Mask:
        """An eligible touchpoint later than the last exit."""
        return self.f.last_eligible > self.s.last_exit

    @property
    def able(self) -> Mask:
        """Nothing beside the rung forbids an entry to mqa, and the evidence is newer than the exit."""
        newer = self.fresh | (self.s.raised_on > self.s.last_exit)
        return self.f.present & ~self.f.suppressed & newer & ~self.gone & ~self.pinned

    def evidence(self) -> np.ndarray:
        """The position in EVIDENCE of the rule by which each account qualifies; NONE where it does not."""
        f, r = self.f, self.policy.stages
        enough = (f.gate == PASS) & (f.score >= self.thresholds.of(f.tier)) & self.able & self.fresh
        if r.intent_heavy_needs_committee:
            wanted = self.policy.signals.committee_on_high_intent.people
            enough &= ~f.intent_heavy | (f.committee >= wanted)
        rule = np.where(f.anonymous_evidence & enough, ANONYMOUS_ONLY, NONE)
        rule = np.where((f.people >= r.evidence_people) & enough, PEOPLE, rule)
        return np.where(self.raised, HAND_RAISE, rule)

    def below_for(self, rung: int, holds: Mask, days: int) -> Mask:
        """Counts the days in a row on which a rung's rule did not hold; who has had enough of them.

        The day of the entry is not counted.
        """
        s = self.s
        here = self.f.present & (s.stage == rung) & (s.entered < self.t)
        s.days_below = np.where(here, np.where(holds, 0, s.days_below + 1), s.days_below)
        return here & (s.days_below >= days)


def _override(day: Day) -> Answer:
    return day.pinned & (day.f.forced != day.s.stage), None


def _won(day: Day) -> Answer:
    return day.customer, None


def _opened(day: Day) -> Answer:
    return day.opened, None


def _churned(day: Day) -> Answer:
    return ~day.f.customer, "churned"


def _settled(day: Day) -> Answer:
    return ~day.customer, "won"


def _lost(day: Day) -> Answer:
    return ~day.opened & ~day.customer, day.f.loss_reason


def _target(day: Day) -> Answer:
    return day.target | day.raised, None


def _engaged(day: Day) -> Answer:
    # Who has fallen needs something new, or a negative signal that fades would lift it again.
    newer = day.fresh & (day.f.last_eligible > day.s.fell_on)
    return (day.engaged & newer) | day.raised, None


def _re_engaged(day: Day) -> Answer:
    able = (day.fresh & (day.f.gate == PASS) & ~day.gone) | day.raised
    return able & day.rested, None


def _entry(day: Day) -> tuple[Mask, Mask, np.ndarray]:
    rule = day.evidence()
    return rule != NONE, rule == HAND_RAISE, np.array(EVIDENCE, dtype=object)[rule]


def _backlog(day: Day) -> Answer:
    ready, raised, named = _entry(day)
    # Who asks to be called is news, whatever changed on that day.
    return ready & ~raised & day.is_backlog, named


def _qualified(day: Day) -> Answer:
    ready, raised, named = _entry(day)
    return ready & (raised | (not day.is_backlog)), named


def _accepted(day: Day) -> Answer:
    return np.isin(day.f.sales_event, (ACCEPTED, QUALIFIED)), None


def _terminal(day: Day) -> Mask:
    terminal = day.policy.stages.terminal_reject_reasons
    return np.isin(day.f.sales_reason.astype(str), terminal)


def _rejected_for_good(day: Day) -> Answer:
    return (day.f.sales_event == REJECTED) & _terminal(day), day.f.sales_reason


def _rejected(day: Day) -> Answer:
    return (day.f.sales_event == REJECTED) & ~_terminal(day), day.f.sales_reason


def _first_touch(day: Day) -> Answer:
    return (day.s.first_touch >= 0) & day.policy.stages.accept_on_touch, None


def _criteria_met(day: Day) -> Answer:
    return day.f.sales_event == QUALIFIED, None


def _nurture(day: Day) -> Answer:
    return day.f.sales_event == NURTURE, day.f.sales_reason


def _stalled(day: Day) -> Answer:
    silent = day.t - np.maximum(day.s.last_activity, day.s.entered)
    return silent >= day.policy.stages.stall_days, "stalled"


def _below_exit(day: Day) -> Answer:
    r, s = day.policy.stages, day.s
    # The threshold is that of the tier with which the episode began.
    tier = np.where(s.tier >= 0, s.tier, day.f.tier)
    holds = day.f.score >= day.thresholds.of(tier, r.exit_ratio)
    cold = day.below_for(MQA, holds | day.pinned, r.exit_days)
    return cold & (day.t - s.mqa_on >= r.min_dwell_days), "cooled"


def _expired(day: Day) -> Answer:
    waited = day.t - day.s.mqa_on >= day.policy.stages.expiry_days
    return (day.s.first_touch < 0) & waited, "no_response"


def _engaged_ended(day: Day) -> Answer:
    return day.below_for(ENGAGED, day.engaged | day.pinned, day.policy.stages.exit_days), None


def _target_ended(day: Day) -> Answer:
    return day.below_for(TARGET, day.target | day.pinned, day.policy.stages.exit_days), None


RULES: Mapping[str, Callable[[Day], Answer]] = {
    "override": _override,
    "crm_won": _won,
    "crm_opportunity_open": _opened,
    "crm_churned": _churned,
    "won_settled": _settled,
    "crm_opportunity_lost": _lost,
    "target": _target,
    "engaged": _engaged,
    "re_engaged": _re_engaged,
    "backlog": _backlog,
    "qualified": _qualified,
    "crm_accepted": _accepted,
    "crm_rejected_for_good": _rejected_for_good,
    "crm_rejected": _rejected,
    "first_touch": _first_touch,
    "exit_criteria_met": _criteria_met,
    "crm_nurture": _nurture,
    "stalled": _stalled,
    "score_below_exit": _below_exit,
    "no_first_touch": _expired,
    "engaged_rule_ended": _engaged_ended,
    "target_rule_ended": _target_ended,
}
