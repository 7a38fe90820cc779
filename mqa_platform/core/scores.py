"""Stage 4, scores: the engagement score of an account and day, and the receipt that sums to it.

Belongs here: joining the kernel's lines with fit and thresholds as of the day, score types, people and
MQL. Does not belong here: the arithmetic of points (``points``, ``decay``, ``breadth``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir

from mqa_platform.core.decay import score_kernel
from mqa_platform.core.expressions import first_match, in_force, shard
from mqa_platform.core.health import degraded_days
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.score_lines import SCORE_LINES, TOTAL
from mqa_platform.core.signals import signal_type
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
KERNEL_INPUT = (
    "account_id", "touchpoint_date", "signal_type", "direction", "person_id", "anonymous_id",
    "session_id", "strength", "seniority", "share", "match_confidence", "intent_score",
)  # fmt: skip


def typed(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """Touchpoints with the signal types of a policy.

    The published ones are those of the leading motion on the day of the run; another motion, or the
    policy of another day, may make its signals of other events and pages.
    """
    if "event" not in touchpoints.columns:
        return touchpoints
    kind = signal_type(touchpoints["event"], touchpoints["page_type"], policy)
    return touchpoints.mutate(signal_type=kind)


def score_lines(
    touchpoints: ir.Table, policy: Policy, days: Sequence[date], apply: Apply
) -> ir.Table:
    """The kernel's receipt and total lines for the listed days, which need not be consecutive."""
    touchpoints = typed(touchpoints, policy)
    oldest = min(days) - timedelta(days=policy.signals.lookback_days - 1)
    near = touchpoints.filter(
        (touchpoints["touchpoint_date"] >= oldest) & (touchpoints["touchpoint_date"] <= max(days))
    )
    near = near.select(*KERNEL_INPUT).mutate(shard=shard(near["account_id"]))
    return apply(score_kernel(policy, days), near, "shard")


def threshold(tier: ir.StringValue, policy: Policy) -> ir.DecimalValue:
    """The tier's threshold in points."""
    tiers = policy.stages.tiers
    return first_match(
        [(tier == name, points_literal(rule.threshold)) for name, rule in tiers],
        points_literal(tiers.programmatic.threshold),
    )


def points_literal(value: Decimal) -> ir.DecimalScalar:
    """A constant of the type that points have."""
    return ibis.literal(value).cast("decimal(18,4)")


def _scored(lines: ir.Table, accounts: ir.Table) -> ir.Table:
    """Lines of the accounts that exist on the day and that the ICP does not refuse."""
    a = accounts.select("account_id", "valid_from", "valid_to", "tier", "fit_gate", "fit_grade")
    both = lines.join(a, "account_id")
    return both.filter(in_force(both, both["score_date"]) & (both["fit_gate"] != "fail"))


def scores(
    lines: ir.Table,
    accounts: ir.Table,
    policy: Policy,
    version: str,
    health: ir.Table | None = None,
) -> ir.Table:
    """One row an account and day: the score, the threshold it is held against and the evidence.

    Every score of a day on which a source was late is ``degraded``: it lacks what nobody delivered.

    Args:
        lines: of ``score_lines``.
        accounts: the versions of accounts.
        policy: the policy in force.
        version: its content hash.
        health: source_health; None where no source is watched.
    """
    t = _scored(lines.filter(lines["component"] == TOTAL), accounts)
    t = t.mutate(degraded_by=ibis.literal(""))
    declared = sorted(policy.sources.sources)
    if health is not None and declared:
        late = degraded_days(health, declared).select("day", late="degraded_by")
        t = t.left_join(late, t["score_date"] == late["day"])
        t = t.mutate(degraded_by=t["late"].fill_null(""))
    limit = threshold(t["tier"], policy)
    above = t["points"] >= limit
    fits = t["fit_grade"].isin(["A", "B"])
    return t.select(
        "account_id",
        motion=ibis.literal(policy.program.motion),
        score_date=t["score_date"],
        engagement_score=t["points"],
        threshold=limit,
        momentum=t["momentum"],
        eligible_people=t["eligible_people"],
        people_on_high_intent=t["people_on_high_intent"],
        anonymous_evidence=t["anonymous_evidence"],
        hand_raised=t["hand_raised"],
        last_eligible_on=t["last_eligible_on"],
        score_type=first_match(
            [
                (fits & above, ibis.literal("balanced")),
                (~fits & above, ibis.literal("intent_heavy")),
                (fits & ~above, ibis.literal("fit_heavy")),
            ],
            ibis.null("string"),
        ),
        validity=ibis.ifelse(t["degraded_by"] == "", "valid", "degraded"),
        degraded_by=t["degraded_by"],
        policy_version=ibis.literal(version),
    )


def score_receipts(lines: ir.Table, accounts: ir.Table, policy: Policy) -> ir.Table:
    """One row an account, day and component; ``points`` of a day sum exactly to the score."""
    t = _scored(lines.filter(lines["component"] != TOTAL), accounts)
    return t.select(
        "account_id",
        motion=ibis.literal(policy.program.motion),
        score_date=t["score_date"],
        component=t["component"],
        **{name: t[name] for name in SCORE_LINES.names[3:10]},
    )
