"""When a rule of the transition table holds: one function a rule, over all accounts of a day.

Belongs here: the conditions. Does not belong here: what several of them share (``ladder_day``), their order
and what a step changes (``ladder``). A rule answers with a mask and the reason that is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mqa_platform.core.ladder_day import Day
from mqa_platform.core.rungs import (
    ACCEPTED,
    ENGAGED,
    EVIDENCE,
    HAND_RAISE,
    MQA,
    NONE,
    NURTURE,
    PASS,
    QUALIFIED,
    REJECTED,
    TARGET,
    Mask,
)

Answer = tuple[Mask, object]


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
    return (day.f.sales_event == ACCEPTED) | (day.f.sales_event == QUALIFIED), None


def _terminal(day: Day) -> Mask:
    terminal = day.policy.stages.terminal_reject_reasons
    rejected = np.flatnonzero(day.f.sales_event == REJECTED)
    found = np.zeros(len(day.f.sales_event), dtype=bool)
    found[rejected] = np.isin(day.f.sales_reason[rejected].astype(str), terminal)
    return found


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
    # Nobody could touch what no rep has been shown yet: backlog waits for its turn.
    waited &= day.s.reason != "backlog"
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
