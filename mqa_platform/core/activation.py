"""Whom marketing should reach although no rep should: hot and not qualified, fitting and cold.

Belongs here: the two lists as of a day. Does not belong here: qualification (``ladder``), or sending a
list anywhere (``destinations``).

``unqualified_but_hot``: the gate fails or is unknown, and the engagement would reach the threshold. A
failed account has no score; its engagement is computed for this list only. ``fit_but_cold``: the gate
passes, the grade is A or B, and the score is below engaged. Suppressed accounts are on neither list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import in_force, joined
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.core.scores import Apply, points_literal, score_lines, threshold
from mqa_platform.policy.models import Policy

HOT, COLD = "unqualified_but_hot", "fit_but_cold"
# A stretch is looked for at most so far back, so that a day costs no more than these days.
STRETCH_DAYS = 90


def activation_lists(
    touchpoints: ir.Table,
    accounts: ir.Table,
    scores: ir.Table,
    policy: Policy,
    as_of: date,
    apply: Apply,
) -> ir.Table:
    """One row a list and account: since when it is on the list, and why.

    Args:
        touchpoints: of those who take part in the motion.
        accounts: the versions as the motion sees them; of those who take part in it.
        scores: the published scores.
        policy: the policy of one motion.
        as_of: the day.
        apply: runs a kernel over shards.
    """
    now = accounts.filter(in_force(accounts, ibis.literal(as_of)))
    now = now.filter(
        now["suppression_reason"].isnull()
        | (now["suppressed_until"] <= ibis.literal(as_of)).fill_null(False)
    )
    now = now.mutate(threshold=threshold(now["tier"], policy))
    first = as_of - timedelta(days=STRETCH_DAYS - 1)
    days = [first + timedelta(days=i) for i in range(STRETCH_DAYS)]
    refused = now.filter(now["fit_gate"] == "fail")
    today = _totals(touchpoints.semi_join(refused, "account_id"), policy, [as_of], apply)
    hot = today.join(refused.select("threshold", held="account_id"), [("account_id", "held")])
    hot = hot.filter(hot["points"] >= hot["threshold"])
    theirs = _totals(touchpoints.semi_join(hot, "account_id"), policy, days, apply)
    known = scores.filter(
        (scores["motion"] == policy.program.motion)
        & (scores["score_date"] >= ibis.literal(first))
        & (scores["score_date"] <= ibis.literal(as_of))
    )
    points = theirs.select("account_id", "score_date", "points").union(
        known.select("account_id", "score_date", points="engagement_score")
    )
    t = now.left_join(_stretches(points, now, policy, as_of), [("account_id", "scored")])
    start = ibis.ifelse(t["valid_from"] > ibis.literal(first), t["valid_from"], ibis.literal(first))
    warm = t.filter((t["fit_gate"] != "pass") & (t["points"] >= t["threshold"]))
    cold = t.filter(
        (t["fit_gate"] == "pass")
        & t["fit_grade"].isin(["A", "B"])
        & (t["points"].fill_null(points_literal(Decimal(0))) < _engaged(t["threshold"], policy))
    )
    told = [
        _listed(warm, HOT, ibis.coalesce(warm["hot_since"], ibis.literal(first)), _why_hot(warm)),
        _listed(cold, COLD, ibis.coalesce(cold["cold_since"], start), _why_cold(cold)),
    ]
    whole = told[0].union(told[1])
    return whole.mutate(motion=ibis.literal(policy.program.motion), as_of=ibis.literal(as_of))


def _totals(touchpoints: ir.Table, policy: Policy, days: Sequence[date], apply: Apply) -> ir.Table:
    lines = score_lines(touchpoints, policy, days, apply)
    return lines.filter(lines["component"] == TOTAL)


def _engaged(limit: ir.DecimalValue, policy: Policy) -> ir.DecimalValue:
    ratio = ibis.literal(Decimal(str(policy.stages.engaged_ratio))).cast("decimal(18,4)")
    return (limit * ratio).cast("decimal(18,4)")


def _stretches(points: ir.Table, now: ir.Table, policy: Policy, as_of: date) -> ir.Table:
    """(scored, points, hot_since, cold_since): the day after the last on which it was otherwise."""
    limits = now.select("threshold", limited="account_id")
    t = points.join(limits, [("account_id", "limited")])
    above = t["points"] >= t["threshold"]
    engaged = t["points"] >= _engaged(t["threshold"], policy)
    each = t.group_by(scored="account_id").aggregate(
        points=t["points"].max(where=t["score_date"] == ibis.literal(as_of)),
        last_below=t["score_date"].max(where=~above),
        last_engaged=t["score_date"].max(where=engaged),
        first_scored=t["score_date"].min(),
    )
    day = ibis.interval(days=1)
    # Before its first touchpoint an account was not hot either.
    return each.select(
        "scored",
        "points",
        hot_since=ibis.coalesce((each["last_below"] + day).cast("date"), each["first_scored"]),
        cold_since=(each["last_engaged"] + day).cast("date"),
    )


def _why_hot(t: ir.Table) -> ir.StringValue:
    failed = joined("", [ibis.literal("failed: "), t["failed_criteria"]])
    missing = joined("", [ibis.literal("unknown: "), t["missing_fields"]])
    return ibis.ifelse(t["fit_gate"] == "fail", failed, missing)


def _why_cold(t: ir.Table) -> ir.StringValue:
    silent = joined("", [ibis.literal("grade "), t["fit_grade"], ibis.literal(", no touchpoint")])
    little = joined("", [ibis.literal("grade "), t["fit_grade"], ibis.literal(", below engaged")])
    return ibis.ifelse(t["points"].isnull(), silent, little)


def _listed(t: ir.Table, name: str, since: ir.DateValue, why: ir.StringValue) -> ir.Table:
    return t.select(
        "account_id",
        list=ibis.literal(name),
        since=since,
        engagement_score=t["points"],
        threshold=t["threshold"],
        tier=t["tier"],
        fit_gate=t["fit_gate"],
        fit_grade=t["fit_grade"],
        why=why,
    )
