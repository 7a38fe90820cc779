"""The transition table as a plain state machine for one account.

Belongs here: the second opinion that the fold is compared with, written from the page. Does not belong
here: tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mqa_platform.policy.models import Policy

THRESHOLD = Decimal(100)
Move = tuple[int, int, str, str, str, int]


class Account:
    """One account on its way through the stages."""

    def __init__(self, policy: Policy, first_day: int | None) -> None:
        self.policy, self.rules, self.first_day = policy, policy.stages, first_day
        self.stage, self.since, self.episode = "unqualified", None, 0
        self.in_episode_since: int | None = None
        self.touched_first: int | None = None
        self.activity = -(10**6)
        self.exit, self.exit_reason = None, None
        self.streak = 0
        self.log: list[Move] = []
        self.today, self.seq = 0, 0

    def to(self, stage: str, rule: str, reason: str | None = None) -> None:
        before, self.stage, self.since, self.streak = self.stage, stage, self.today, 0
        if stage == "mqa":
            self.episode += 1
            self.in_episode_since, self.touched_first = self.today, None
        ends = stage in ("recycled", "disqualified")
        if ends or (stage == "customer" and self.in_episode_since is not None):
            self.exit = self.today
        if ends:
            self.exit_reason = reason
        if ends or stage == "customer":
            self.in_episode_since = self.touched_first = None
        self.log.append((self.today, self.seq, before, stage, rule, self.episode))
        self.seq += 1

    def live(self, t: int, f: Mapping[str, Any]) -> None:
        self.today, self.seq, self.f = t, 0, f
        self.score = Decimal(str(f["score"]))
        self.last_seen = None if f["seen"] is None else t - f["seen"]
        if f["touched"] or self.last_seen == t:
            self.activity = t
        self.crm_facts()
        self.sales()
        self.mqa_fades()
        self.climb()
        self.sales()
        self.descend()

    def crm_facts(self) -> None:
        f = self.f
        if f["is_customer"]:
            if self.stage != "customer":
                self.to("customer", "crm_won")
        elif f["open_opportunity"]:
            if self.stage != "opportunity":
                self.to("opportunity", "crm_opportunity_open")
        elif self.stage == "customer":
            self.to("recycled", "crm_churned", "churned")
        elif self.stage == "opportunity":
            self.to("recycled", "crm_opportunity_lost", f["loss_reason"])

    def sales(self) -> None:
        f, event = self.f, self.f["sales_event"]
        if self.in_episode_since is not None and f["touched"] and self.touched_first is None:
            self.touched_first = self.today
        if self.stage == "mqa":
            self.answered(event)
        if self.stage == "sales_accepted" and event == "qualified":
            self.to("sales_qualified", "exit_criteria_met")
        if self.stage in ("sales_accepted", "sales_qualified"):
            if event == "nurture":
                self.to("recycled", "crm_nurture", f["sales_reason"])
            elif self.today - max(self.activity, self.since) >= self.rules.stall_days:
                self.to("recycled", "stalled", "stalled")

    def answered(self, event: str | None) -> None:
        reason = self.f["sales_reason"]
        if event in ("accepted", "qualified"):
            self.to("sales_accepted", "crm_accepted")
        elif event == "rejected" and reason in self.rules.terminal_reject_reasons:
            self.to("disqualified", "crm_rejected_for_good", reason)
        elif event == "rejected":
            self.to("recycled", "crm_rejected", reason)
        elif self.touched_first is not None and self.rules.accept_on_touch:
            self.to("sales_accepted", "first_touch")

    def mqa_fades(self) -> None:
        if self.stage != "mqa":
            return
        low = self.score < THRESHOLD * Decimal(str(self.rules.exit_ratio))
        self.streak = self.streak + 1 if low else 0
        age = self.today - self.in_episode_since
        if self.streak >= self.rules.exit_days and age >= self.rules.min_dwell_days:
            self.to("recycled", "score_below_exit", "cooled")
        elif self.touched_first is None and age >= self.rules.expiry_days:
            self.to("recycled", "no_first_touch", "no_response")

    def wants_target(self) -> bool:
        found = self.policy.identity.discovery and self.f["gate"] == "pass"
        return bool(self.f["is_target"] or found)

    def wants_engaged(self) -> bool:
        enough = self.score >= THRESHOLD * Decimal(str(self.rules.engaged_ratio))
        recent = self.f["seen"] is not None and self.f["seen"] < self.rules.evidence_window_days
        return self.f["gate"] == "pass" and enough and recent

    def is_new(self) -> bool:
        return self.last_seen is not None and (self.exit is None or self.last_seen > self.exit)

    def evidence(self) -> str | None:
        f, rules = self.f, self.rules
        if f["is_suppressed"] or not self.is_new():
            return None
        if f["hand_raised"] and f["gate"] != "fail":
            return "hand_raise"
        if f["gate"] != "pass" or self.score < THRESHOLD:
            return None
        needed = self.policy.signals.committee_on_high_intent.people
        heavy = f["score_type"] == "intent_heavy" and rules.intent_heavy_needs_committee
        if heavy and f["committee"] < needed:
            return None
        if f["people"] >= rules.evidence_people:
            return "people"
        return "anonymous_only" if f["anonymous_evidence"] else None

    def rested(self) -> bool:
        waits = self.rules.cool_down_days
        return self.today - self.exit >= waits.get(self.exit_reason or "", waits["default"])

    def climb(self) -> None:
        rule = self.evidence()
        raised = rule == "hand_raise"
        if self.stage == "unqualified" and (self.wants_target() or raised):
            self.to("target", "target")
        if self.stage == "target" and (self.wants_engaged() or raised):
            self.to("engaged", "engaged")
        out = self.stage in ("recycled", "disqualified")
        if out and self.is_new() and self.rested() and (self.wants_engaged() or raised):
            self.to("engaged", "re_engaged")
        if self.stage == "engaged" and rule:
            backlog = self.today == self.first_day and not raised
            self.to("mqa", "backlog" if backlog else "qualified")

    def descend(self) -> None:
        for stage, holds, below in (
            ("engaged", self.wants_engaged, "target"),
            ("target", self.wants_target, "unqualified"),
        ):
            if self.stage == stage and self.since < self.today:
                self.streak = 0 if holds() else self.streak + 1
                if self.streak >= self.rules.exit_days:
                    self.to(below, f"{stage}_rule_ended")


def walk(history: Sequence[Mapping[str, Any]], policy: Policy, first_day: int | None) -> list[Move]:
    """(day, seq, from, to, rule, episode) of one account whose day ``i`` is ``history[i]``."""
    account = Account(policy, first_day)
    for t, facts in enumerate(history):
        account.live(t, facts)
    return account.log
