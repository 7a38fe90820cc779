"""The transition table as a plain state machine for one account.

Belongs here: the second opinion that the fold is compared with, written from the page. Does not belong
here: tests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mqa_platform.policy.models import Policy

Move = tuple[int, int, str, str, str, int]


class Account:
    """One account on its way through the stages; ``policy_of`` says what is in force on a day."""

    def __init__(self, policy_of: Callable[[int], Policy], backlog_days: Collection[int]) -> None:
        self.policy_of, self.backlog_days = policy_of, backlog_days
        self.stage, self.since, self.episode = "unqualified", None, 0
        self.in_episode_since: int | None = None
        self.tier_of_episode: str | None = None
        self.touched_first: int | None = None
        self.activity = -(10**6)
        self.exit, self.exit_reason = None, None
        self.fell: int | None = None
        self.raised_before: int | None = None
        self.streak, self.is_backlog = 0, False
        self.log: list[Move] = []
        self.today, self.seq = 0, 0

    @property
    def rules(self) -> Any:
        return self.policy.stages

    @property
    def for_customers(self) -> bool:
        return self.policy.program.motion == "expansion"

    def to(self, stage: str, rule: str, reason: str | None = None) -> None:
        if stage == self.stage:
            return
        before, self.stage, self.since, self.streak = self.stage, stage, self.today, 0
        self.is_backlog = rule == "backlog"
        ends = stage in ("recycled", "disqualified")
        low = stage in ("unqualified", "target", "engaged")
        if ends or ((stage == "customer" or low) and self.in_episode_since is not None):
            self.exit = self.today
        if ends:
            self.exit_reason = reason
        if ends or stage == "customer" or low:
            self.in_episode_since = self.touched_first = self.tier_of_episode = None
        if stage == "mqa" and self.in_episode_since is None:
            self.episode += 1
            self.in_episode_since = self.today
            self.touched_first = self.today if self.f["answered_news"] else None
            self.tier_of_episode, self.raised_before = self.f["tier"], None
        if before == "engaged" and stage == "target":
            self.fell = self.today
        self.log.append((self.today, self.seq, before, stage, rule, self.episode))
        self.seq += 1

    def live(self, t: int, f: Mapping[str, Any]) -> None:
        self.today, self.seq, self.f, self.policy = t, 0, f, self.policy_of(t)
        self.score = Decimal(str(f["score"]))
        self.last_seen = None if f["seen"] is None else t - f["seen"]
        if f["touched"] or self.last_seen == t:
            self.activity = t
        working = self.in_episode_since is not None
        if working and f["answered"] and self.touched_first is None:
            self.touched_first = t
        if f["hand_raised"] and (f["is_suppressed"] or self.is_resting() or self.is_pinned()):
            self.raised_before = t
        if self.is_pinned():
            self.to(f["forced_stage"], "override", f["forced_reason"])
        else:
            self.crm_facts()
            self.climb()
            self.sales()
            self.mqa_fades()
            self.descend()
        left = working and self.stage in ("recycled", "disqualified") and self.exit == t
        if left and f["hand_raised"]:
            self.raised_before = t

    def has_bought(self) -> bool:
        if not self.for_customers:
            return bool(self.f["is_customer"])
        won = self.f["won"]
        return bool(self.f["is_customer"] and won is not None and won < self.rules.won_settles_days)

    def has_left(self) -> bool:
        return self.for_customers and not self.f["is_customer"]

    def deals(self) -> bool:
        return bool(self.f["open_opportunity"]) and not self.has_bought() and not self.has_left()

    def is_pinned(self) -> bool:
        told = self.f["forced_stage"]
        if told == "mqa" and self.f["is_suppressed"] and self.in_episode_since is None:
            return False
        return told is not None and not self.has_bought() and not self.deals()

    def crm_facts(self) -> None:
        if self.has_bought():
            self.to("customer", "crm_won")
        elif self.deals():
            self.to("opportunity", "crm_opportunity_open")
        elif self.has_left():
            held = ("customer", "opportunity", "mqa", "sales_accepted", "sales_qualified")
            if self.stage in held:
                self.to("recycled", "crm_churned", "churned")
        elif self.stage == "customer" and self.for_customers:
            self.to("recycled", "won_settled", "won")
        elif self.stage == "customer":
            self.to("recycled", "crm_churned", "churned")
        elif self.stage == "opportunity":
            self.to("recycled", "crm_opportunity_lost", self.f["loss_reason"])

    def sales(self) -> None:
        f, event = self.f, self.f["sales_event"]
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

    def threshold(self, tier: str, ratio: float = 1) -> Decimal:
        return getattr(self.rules.tiers, tier).threshold * Decimal(str(ratio))

    def mqa_fades(self) -> None:
        if self.stage != "mqa" or self.since == self.today:
            return
        low = self.score < self.threshold(self.tier_of_episode, self.rules.exit_ratio)
        self.streak = self.streak + 1 if low else 0
        age = self.today - self.in_episode_since
        if self.streak >= self.rules.exit_days and age >= self.rules.min_dwell_days:
            self.to("recycled", "score_below_exit", "cooled")
        elif self.is_backlog:
            return
        elif self.touched_first is None and age >= self.rules.expiry_days:
            self.to("recycled", "no_first_touch", "no_response")

    def wants_target(self) -> bool:
        found = self.policy.identity.discovery and self.f["gate"] == "pass"
        return bool(self.f["is_target"] or found) and not self.has_left()

    def wants_engaged(self) -> bool:
        enough = self.score >= self.threshold(self.f["tier"], self.rules.engaged_ratio)
        recent = self.f["seen"] is not None and self.f["seen"] < self.rules.evidence_window_days
        return self.f["gate"] == "pass" and enough and recent and not self.has_left()

    def later_than(self, day: int | None) -> bool:
        return self.last_seen is not None and (day is None or self.last_seen > day)

    def evidence(self) -> str | None:
        f, rules = self.f, self.rules
        if f["is_suppressed"] or self.has_left():
            return None
        before = self.raised_before
        kept = before is not None and (self.exit is None or before >= self.exit)
        still = kept and self.today - before <= rules.hand_raise_kept_days
        asks = (f["hand_raised"] and (kept or self.later_than(self.exit))) or still
        if asks and f["gate"] != "fail":
            return "hand_raise"
        if not self.later_than(self.exit):
            return None
        if f["gate"] != "pass" or self.score < self.threshold(f["tier"]):
            return None
        needed = self.policy.signals.committee_on_high_intent.people
        heavy = f["score_type"] == "intent_heavy" and rules.intent_heavy_needs_committee
        if heavy and f["committee"] < needed:
            return None
        if f["people"] >= rules.evidence_people:
            return "people"
        return "anonymous_only" if f["anonymous_evidence"] else None

    def is_resting(self) -> bool:
        if self.stage not in ("recycled", "disqualified"):
            return False
        waits = self.rules.cool_down_days
        wait = waits.get(self.exit_reason or "", waits.get("default", 30))
        return self.today - self.exit < wait

    def climb(self) -> None:
        rule = self.evidence()
        raised = rule == "hand_raise"
        if self.stage == "unqualified" and (self.wants_target() or raised):
            self.to("target", "target")
        if self.stage == "target" and (
            self.wants_engaged()
            and self.later_than(self.fell)
            and self.later_than(self.exit)
            or raised
        ):
            self.to("engaged", "engaged")
        if self.stage in ("recycled", "disqualified") and not self.is_resting():
            newer = self.later_than(self.exit) and self.f["gate"] == "pass" and not self.has_left()
            if newer or raised:
                self.to("engaged", "re_engaged")
        if self.stage == "engaged" and rule:
            backlog = self.today in self.backlog_days and not raised
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


def walk(
    history: Sequence[Mapping[str, Any]],
    policy_of: Callable[[int], Policy],
    backlog_days: Collection[int] = (),
) -> list[Move]:
    """(day, seq, from, to, rule, episode) of one account whose day ``i`` is ``history[i]``."""
    account = Account(policy_of, backlog_days)
    for t, facts in enumerate(history):
        account.live(t, facts)
    return account.log
