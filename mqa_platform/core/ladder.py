"""The stage ladder: what may move an account on a day, and the order in which rules are asked.

Belongs here: the rules of the transition table (stages.yaml) as array operations over accounts.
Does not belong here: gathering the facts of a day (``stages``) or the walk over days (``fold``).
"""

from __future__ import annotations

import numpy as np

from mqa_platform.core.rungs import (
    ACCEPTED,
    ANONYMOUS_ONLY,
    CUSTOMER,
    DISQUALIFIED,
    ENGAGED,
    EVIDENCE,
    FAIL,
    HAND_RAISE,
    MQA,
    NEVER,
    NONE,
    NURTURE,
    OPPORTUNITY,
    PASS,
    PEOPLE,
    QUALIFIED,
    RECYCLED,
    REJECTED,
    SALES_ACCEPTED,
    SALES_QUALIFIED,
    STAGES,
    TARGET,
    UNQUALIFIED,
    Facts,
    Mask,
    Move,
    Moves,
    State,
)
from mqa_platform.policy.models import Policy


class Ladder:
    """Applies the rules of one policy to one day at a time."""

    def __init__(self, policy: Policy, first_day: int) -> None:
        self.policy, self.rules, self.first_day = policy, policy.stages, first_day

    def day(self, t: int, s: State, f: Facts) -> Moves:
        """Moves every account as far as the day's facts carry it; changes ``s`` and returns the moves."""
        moves = Moves()
        activity = f.touched | (f.last_eligible == t)
        s.last_activity = np.where(f.present & activity, t, s.last_activity)
        self._crm(t, s, f, moves)
        self._answer(t, s, f, moves)
        self._sales(t, s, f, moves)
        self._cool_off(t, s, f, moves)
        self._climb(t, s, f, moves)
        # A rep who answers within the hour answers on the day of the entry.
        self._answer(t, s, f, moves)
        self._sales(t, s, f, moves)
        self._descend(t, s, f, moves)
        return moves

    def _move(
        self, t: int, s: State, moves: Moves, mask: Mask, to: int, rule: str, reason: object = None
    ) -> None:
        who = np.flatnonzero(mask)
        if not len(who):
            return
        before = s.stage[who].copy()
        reasons = np.full(len(who), None, dtype=object)
        if reason is not None:
            reasons[:] = reason[who] if isinstance(reason, np.ndarray) else reason
        if to in (RECYCLED, DISQUALIFIED, CUSTOMER):
            ended = who[s.mqa_on[who] >= 0]
            s.last_exit[ended] = t
            s.mqa_on[who] = NEVER
            s.first_touch[who] = NEVER
        if to in (RECYCLED, DISQUALIFIED):
            s.last_exit[who] = t
            s.exit_reason[who] = reasons
        if to == MQA:
            s.episode[who] += 1
            s.mqa_on[who] = t
            s.first_touch[who] = NEVER
        s.stage[who], s.entered[who], s.days_below[who] = to, t, 0
        s.reason[who] = rule
        moves.rows.append(Move(who, before, to, rule, reasons, s.episode[who]))
        if to == SALES_ACCEPTED:
            s.last_activity[who] = np.maximum(s.last_activity[who], t)

    def _crm(self, t: int, s: State, f: Facts, moves: Moves) -> None:
        """CRM facts beat the score: open, won, lost and churned move an account from anywhere."""
        self._move(t, s, moves, f.present & f.customer & (s.stage != CUSTOMER), CUSTOMER, "crm_won")
        opened = f.present & f.open_opportunity & ~f.customer
        self._move(
            t, s, moves, opened & (s.stage != OPPORTUNITY), OPPORTUNITY, "crm_opportunity_open"
        )
        left = f.present & (s.stage == CUSTOMER) & ~f.customer
        self._move(t, s, moves, left, RECYCLED, "crm_churned", "churned")
        lost = f.present & (s.stage == OPPORTUNITY) & ~f.open_opportunity & ~f.customer
        self._move(t, s, moves, lost, RECYCLED, "crm_opportunity_lost", f.loss_reason)

    def _sales(self, t: int, s: State, f: Facts, moves: Moves) -> None:
        """An account that sales holds moves by what sales says, or by silence; never by its score."""
        accepted = f.present & (s.stage == SALES_ACCEPTED)
        self._move(
            t,
            s,
            moves,
            accepted & (f.sales_event == QUALIFIED),
            SALES_QUALIFIED,
            "exit_criteria_met",
        )
        held = f.present & np.isin(s.stage, (SALES_ACCEPTED, SALES_QUALIFIED))
        self._move(
            t, s, moves, held & (f.sales_event == NURTURE), RECYCLED, "crm_nurture", f.sales_reason
        )
        held = f.present & np.isin(s.stage, (SALES_ACCEPTED, SALES_QUALIFIED))
        silent = t - np.maximum(s.last_activity, s.entered) >= self.rules.stall_days
        self._move(t, s, moves, held & silent, RECYCLED, "stalled", "stalled")

    def _answer(self, t: int, s: State, f: Facts, moves: Moves) -> None:
        """What sales says of an account in mqa: accepted, rejected, or touched for the first time."""
        r = self.rules
        first = f.present & f.touched & (s.mqa_on >= 0) & (s.first_touch < 0)
        s.first_touch = np.where(first, t, s.first_touch)
        here = f.present & (s.stage == MQA)
        taken = here & np.isin(f.sales_event, (ACCEPTED, QUALIFIED))
        self._move(t, s, moves, taken, SALES_ACCEPTED, "crm_accepted")
        rejected = f.present & (s.stage == MQA) & (f.sales_event == REJECTED)
        terminal = rejected & np.isin(f.sales_reason.astype(str), r.terminal_reject_reasons)
        self._move(
            t, s, moves, rejected & terminal, DISQUALIFIED, "crm_rejected_for_good", f.sales_reason
        )
        self._move(t, s, moves, rejected & ~terminal, RECYCLED, "crm_rejected", f.sales_reason)
        if r.accept_on_touch:
            here = f.present & (s.stage == MQA) & (s.first_touch >= 0)
            self._move(t, s, moves, here, SALES_ACCEPTED, "first_touch")

    def _cool_off(self, t: int, s: State, f: Facts, moves: Moves) -> None:
        """The slow fall below the exit threshold, and the handoff that nobody touched."""
        r = self.rules
        here = f.present & (s.stage == MQA)
        below = here & (f.score < np.rint(f.threshold * r.exit_ratio))
        s.days_below = np.where(here, np.where(below, s.days_below + 1, 0), s.days_below)
        cold = below & (s.days_below >= r.exit_days) & (t - s.mqa_on >= r.min_dwell_days)
        self._move(t, s, moves, cold, RECYCLED, "score_below_exit", "cooled")
        here = f.present & (s.stage == MQA)
        expired = here & (s.first_touch < 0) & (t - s.mqa_on >= r.expiry_days)
        self._move(t, s, moves, expired, RECYCLED, "no_first_touch", "no_response")

    def target_rule(self, f: Facts) -> Mask:
        """On the target list, or found by a passed gate when discovery is on."""
        return f.on_target_list | (self.policy.identity.discovery & (f.gate == PASS))

    def engaged_rule(self, t: int, f: Facts) -> Mask:
        """A passed gate, a share of the threshold, and an eligible touchpoint in the window."""
        recent = (f.last_eligible >= 0) & (t - f.last_eligible < self.rules.evidence_window_days)
        return (
            (f.gate == PASS) & (f.score >= np.rint(f.threshold * self.rules.engaged_ratio)) & recent
        )

    def evidence(self, s: State, f: Facts) -> tuple[Mask, np.ndarray]:
        """Which accounts qualify today, and the position of their rule in EVIDENCE."""
        r = self.rules
        fresh = f.last_eligible > s.last_exit
        able = f.present & ~f.suppressed & fresh
        enough = (f.gate == PASS) & (f.score >= f.threshold)
        if r.intent_heavy_needs_committee:
            wanted = self.policy.signals.committee_on_high_intent.people
            enough &= ~f.intent_heavy | (f.committee >= wanted)
        rule = np.where(f.anonymous_evidence & enough, ANONYMOUS_ONLY, NONE)
        rule = np.where((f.people >= r.evidence_people) & enough, PEOPLE, rule)
        rule = np.where(f.hand_raised & (f.gate != FAIL), HAND_RAISE, rule)
        rule = np.where(able, rule, NONE)
        return rule != NONE, rule

    def _climb(self, t: int, s: State, f: Facts, moves: Moves) -> None:
        """Up the rungs, several on one day when the facts carry that far."""
        qualifies, rule = self.evidence(s, f)
        raised = rule == HAND_RAISE
        low = f.present & (s.stage == UNQUALIFIED)
        self._move(t, s, moves, low & (self.target_rule(f) | raised), TARGET, "target")
        engaged = self.engaged_rule(t, f)
        at_target = f.present & (s.stage == TARGET)
        self._move(t, s, moves, at_target & (engaged | raised), ENGAGED, "engaged")
        again = f.present & np.isin(s.stage, (RECYCLED, DISQUALIFIED))
        again &= f.last_eligible > s.last_exit
        self._cool(t, s, again)
        self._move(t, s, moves, again & (engaged | raised), ENGAGED, "re_engaged")
        ready = f.present & (s.stage == ENGAGED) & qualifies
        named = np.array(EVIDENCE, dtype=object)[rule]
        if t == self.first_day:
            # The first load finds accounts that were hot before anyone looked: a backlog, not news.
            self._move(t, s, moves, ready & ~raised, MQA, "backlog", named)
            ready = ready & raised
        self._move(t, s, moves, ready, MQA, "qualified", named)

    def _cool(self, t: int, s: State, again: Mask) -> None:
        """Takes out of ``again`` the accounts whose cool-down, by the reason of their exit, goes on."""
        days = self.rules.cool_down_days
        for i in np.flatnonzero(again):
            wait = days.get(str(s.exit_reason[i]), days.get("default", 30))
            again[i] = t - s.last_exit[i] >= wait

    def _descend(self, t: int, s: State, f: Facts, moves: Moves) -> None:
        """Target and engaged fall one rung when their entry rule was false for exit_days in a row."""
        r = self.rules
        for rung, holds, to in (
            (ENGAGED, self.engaged_rule(t, f), TARGET),
            (TARGET, self.target_rule(f), UNQUALIFIED),
        ):
            here = f.present & (s.stage == rung) & (s.entered < t)
            s.days_below = np.where(here, np.where(holds, 0, s.days_below + 1), s.days_below)
            out = here & (s.days_below >= r.exit_days)
            self._move(t, s, moves, out, to, f"{STAGES[rung]}_rule_ended")
