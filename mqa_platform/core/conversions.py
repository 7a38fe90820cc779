"""Stage 7, conversions: what became of each episode inside its windows.

Belongs here: finding the outcomes. Does not belong here: the figures that may be claimed from them
(``metrics``), or changing a threshold because of them (``calibration``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import newest_first, none_of_type
from mqa_platform.core.stages import Crm
from mqa_platform.policy.models import Policy


def _latest_deals(crm: Crm) -> ir.Table:
    o = latest(crm.opportunities)
    o = o.filter(o["account_id"].notnull())
    return o.select(
        "opportunity_id", "created_at", "is_closed", "is_won", "closed_at", "amount", "term_months",
        deal_account="account_id",
    )  # fmt: skip


def _within(t: ir.Table, at: ir.TimestampValue, days: int) -> ir.BooleanValue:
    """At or after qualification, within the window, and before the next episode."""
    return (
        (at >= t["qualified_at"])
        & (at < t["qualified_at"] + ibis.interval(days=days))
        & (t["next_qualified_at"].isnull() | (at < t["next_qualified_at"]))
    )


def conversions(
    entered: ir.Table, routes: ir.Table, scores: ir.Table, crm: Crm, policy: Policy
) -> ir.Table:
    """One row an episode with its first touch, first meeting and first opportunity after it qualified.

    Args:
        entered: entries to mqa.
        routes: handoff_id, rep_id, and first_touch_at where clocks have been read.
        scores: of all days.
        crm: the CRM's tables.
        policy: the windows.
    """
    order = ibis.window(group_by=["account_id", "motion"], order_by="episode")
    t = entered.join(routes, "handoff_id")
    t = t.mutate(next_qualified_at=t["qualified_at"].lead().over(order))
    windows = policy.conversions
    a = latest(crm.activities)
    a = a.filter((a["kind"] == "meeting") & a["is_held"] & a["account_id"].notnull())
    met = t.join(a.select("occurred_at", met_account="account_id"), [("account_id", "met_account")])
    met = met.filter(_within(met, met["occurred_at"], windows.meeting_window_days))
    met = met.group_by(m_handoff="handoff_id").aggregate(meeting_at=met["occurred_at"].min())
    deals = t.join(_latest_deals(crm), [("account_id", "deal_account")])
    deals = deals.filter(_within(deals, deals["created_at"], windows.opportunity_window_days))
    first = newest_first(deals, ["handoff_id"], [deals["created_at"], deals["opportunity_id"]])
    first = first.select(
        "opportunity_id", "created_at", "is_closed", "is_won", "closed_at", "amount", "term_months",
        d_handoff="handoff_id",
    )  # fmt: skip
    s = scores.select("score_type", s_account="account_id", s_motion="motion", s_day="score_date")
    t = t.left_join(met, [("handoff_id", "m_handoff")])
    t = t.left_join(first, [("handoff_id", "d_handoff")])
    t = t.left_join(
        s,
        [
            t["account_id"] == s["s_account"],
            t["motion"] == s["s_motion"],
            t["created_on"] == s["s_day"],
        ],
    )
    clocked = "first_touch_at" in routes.columns
    touched = t["first_touch_at"] if clocked else none_of_type("timestamp('UTC')")
    won = t["is_closed"] & t["is_won"] & _within(t, t["closed_at"], windows.won_window_days)
    months = ibis.coalesce(t["term_months"], 12).cast("float64")
    return t.select(
        "account_id",
        "motion",
        "episode",
        "handoff_id",
        "qualified_at",
        mqa_on=t["created_on"],
        first_touch_at=touched,
        meeting_at=t["meeting_at"],
        meeting_on=t["meeting_at"].date(),
        opportunity_on=t["created_at"].date(),
        opportunity_id=t["opportunity_id"],
        closed_on=ibis.ifelse(t["is_closed"], t["closed_at"].date(), ibis.null("date")),
        won=ibis.ifelse(t["opportunity_id"].isnull(), ibis.null("boolean"), won.fill_null(False)),
        amount=t["amount"].cast("decimal(18,4)"),
        acv=(t["amount"] * 12.0 / months.nullif(0.0)).cast("decimal(18,4)"),
        tier=t["tier"],
        segment=t["industry"].fill_null("unknown"),
        rep_id=t["rep_id"],
        score_type=t["score_type"],
        evidence_rule=t["evidence_rule"],
        policy_version=t["policy_version"],
    )
