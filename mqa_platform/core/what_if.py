"""Who would enter mqa with other thresholds, estimated from scores that are published.

Belongs here: the rule of qualification on published scores, without the memory of the ladder. Does not
belong here: replaying policies exactly (``policy_replay``), or wording the answer (``policy_try``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, in_force
from mqa_platform.core.scores import points_literal
from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy


def would_enter(
    scores: ir.Table,
    accounts: ir.Table,
    policy: Policy,
    thresholds: Mapping[str, Decimal],
    window: Window,
) -> ir.Table:
    """One row an account that begins to qualify: account_id, name, tier, owner_id and day.

    An account begins to qualify when it does on a day and did not on any of the ``min_dwell_days`` days
    before. Who qualifies on the first day of the window is standing and not new. Cool-downs and open
    episodes are not known here, so the count is an upper estimate, the same for every threshold.

    Args:
        scores: published ones of the policy's motion.
        accounts: versions as the motion sees them.
        policy: of the motion.
        thresholds: points by tier.
        window: published days.
    """
    held = _held(scores, accounts, policy, thresholds, window)
    order = ibis.window(group_by="account_id", order_by="score_date")
    held = held.mutate(before=held["score_date"].lag().over(order))
    gap = ibis.interval(days=max(policy.stages.min_dwell_days, 1))
    first: date = window.lo
    new = held["before"].isnull() | (held["before"] + gap < held["score_date"])
    held = held.filter(new & (held["score_date"] > ibis.literal(first)))
    return held.select("account_id", "name", "tier", "owner_id", day="score_date")


def first_qualifying(
    scores: ir.Table,
    accounts: ir.Table,
    policy: Policy,
    thresholds: Mapping[str, Decimal],
    window: Window,
) -> ir.Table:
    """One row an account that qualifies on any day of the window: account_id and the first such day.

    The arguments are those of ``would_enter``. Whose first day is that of the window is standing.
    """
    held = _held(scores, accounts, policy, thresholds, window)
    return held.group_by("account_id").aggregate(day=held["score_date"].min())


def _held(
    scores: ir.Table,
    accounts: ir.Table,
    policy: Policy,
    thresholds: Mapping[str, Decimal],
    window: Window,
) -> ir.Table:
    """One row an account and day on which it qualifies."""
    s = scores.filter((scores["score_date"] >= window.lo) & (scores["score_date"] < window.hi))
    a = accounts.select(
        "valid_from", "valid_to", "name", "tier", "owner_id", "fit_gate", "fit_grade",
        "suppression_reason", named="account_id",
    )  # fmt: skip
    t = s.join(a, s["account_id"] == a["named"])
    t = t.filter(in_force(t, t["score_date"]) & t["suppression_reason"].isnull())
    return t.filter(_qualifies(t, policy, thresholds))


def _qualifies(t: ir.Table, policy: Policy, thresholds: Mapping[str, Decimal]) -> ir.BooleanValue:
    limits = [(t["tier"] == tier, points_literal(bar)) for tier, bar in thresholds.items()]
    above = t["engagement_score"] >= first_match(limits, points_literal(Decimal(10**6)))
    evidence = evidence_of_people(t, policy) | t["anonymous_evidence"]
    ready = but_for_the_score(t, policy) & evidence
    return (ready & above) | asks_for_us(t)


def but_for_the_score(t: ir.Table, policy: Policy) -> ir.BooleanValue:
    """Whether fit lets an account qualify; who it is that engages is another question."""
    passes = t["fit_gate"] == "pass"
    if not policy.stages.intent_heavy_needs_committee:
        return passes
    wanted = policy.signals.committee_on_high_intent.people
    fits = t["fit_grade"].isin(["A", "B"])
    return passes & (fits | (t["people_on_high_intent"] >= wanted))


def evidence_of_people(t: ir.Table, policy: Policy) -> ir.BooleanValue:
    """Evidence rule (a): enough eligible people. Rule (b) names nobody, and goes to no rep."""
    return t["eligible_people"] >= policy.stages.evidence_people


def asks_for_us(t: ir.Table) -> ir.BooleanValue:
    """Evidence rule (c): a hand-raise, whatever the score."""
    return t["hand_raised"] & (t["fit_gate"] != "fail")
