"""The rows that metrics are counted in: an episode, or an opportunity, with all that a metric counts of it.

Belongs here: gathering what the definitions name. Does not belong here: which of it a metric counts
(``of_episodes``, ``of_deals``), or the funnel and the target list (``reach``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir

from mqa_platform.core.due import run_kernel
from mqa_platform.core.expressions import in_force, newest_first, none_of_type, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.metrics.definitions import age, month_text, quarter_text
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]


@dataclass(frozen=True)
class Ground:
    """The published tables that the facts are gathered from.

    Attributes:
        conversions: one row an episode.
        handoffs: with their clocks.
        receipts: score_receipts.
        transitions: stage_transitions.
        stages: every day.
        fit: account_fit.
        accounts: the versions of accounts.
        capacity: who sells, with teams.
        calendars: rows of ``calendars.CALENDAR``.
    """

    conversions: ir.Table
    handoffs: ir.Table
    receipts: ir.Table
    transitions: ir.Table
    stages: ir.Table
    fit: ir.Table
    accounts: ir.Table
    capacity: ir.Table
    calendars: ir.Table


def leading_signals(episodes: ir.Table, receipts: ir.Table) -> ir.Table:
    """(s_account, s_motion, s_episode, signal): the component with most points on the day of each entry."""
    r = receipts.select(
        "component", "points", r_account="account_id", r_motion="motion", r_day="score_date"
    )
    e = episodes.select("account_id", "motion", "episode", "mqa_on")
    both = e.join(
        r,
        [
            e["account_id"] == r["r_account"],
            e["motion"] == r["r_motion"],
            e["mqa_on"] == r["r_day"],
        ],
    )
    order = [both["points"].desc(), both["component"]]
    top = newest_first(both, ["account_id", "motion", "episode"], order)
    return top.select(
        s_account="account_id", s_motion="motion", s_episode="episode", signal="component"
    )


def teams(capacity: ir.Table) -> ir.Table:
    """(t_rep, team) as it is now, or was last of a rep whom the CRM has no longer."""
    order = [capacity["valid_from"].desc(), capacity["team"].asc(nulls_first=False)]
    return newest_first(capacity, ["user_id"], order).select("team", t_rep="user_id")


def _meeting_hours(
    episodes: ir.Table, calendars: ir.Table, policy: Policy, as_of: datetime, apply: Apply
) -> ir.Table:
    """(m_handoff, meeting_hours, meeting_business_hours) of episodes with a meeting.

    The same working time as that of first touches, read from qualified_at to the meeting.
    """
    c = calendars.select("valid_from", "valid_to", "calendar", c_rep="rep_id")
    met = episodes.filter(episodes["meeting_at"].notnull())
    t = met.join(c, met["rep_id"] == c["c_rep"])
    t = t.filter(in_force(t, t["mqa_on"]))
    own = newest_first(t, ["handoff_id"], [t["valid_from"].desc(), t["calendar"]])
    own = own.select("calendar", o_handoff="handoff_id")
    met = met.left_join(own, met["handoff_id"] == own["o_handoff"])
    asked = met.select(
        "handoff_id",
        "calendar",
        delivered_at="qualified_at",
        over_on=none_of_type("date"),
        first_touch_at="meeting_at",
        meeting_at="meeting_at",
        sla_rep_id="rep_id",
        sla_team=none_of_type("string"),
        shard=shard(met["handoff_id"]),
    )
    read = apply(run_kernel(policy, as_of), asked, "shard")
    return read.select(
        m_handoff="handoff_id",
        meeting_hours="touch_hours",
        meeting_business_hours="touch_business_hours",
    )


def episodes(
    ground: Ground, deals: ir.Table, policy: Policy, as_of: datetime, apply: Apply
) -> ir.Table:
    """One row an episode with everything that a metric counts of it.

    Args:
        ground: the published tables.
        deals: of ``deals``.
        policy: the working time and windows.
        as_of: the end of the last published day.
        apply: of the session.
    """
    day = (as_of - timedelta(microseconds=1)).date()
    t = ground.conversions
    h = ground.handoffs.select(
        "status", "delivered_at", "touch_hours", "touch_business_hours", "sla_state", "sla_rep_id",
        "sla_team", "accepted_at", "rejected_at", "reject_reason", "ended_on", h_handoff="handoff_id",
    )  # fmt: skip
    t = t.left_join(h, t["handoff_id"] == h["h_handoff"])
    s = leading_signals(ground.conversions, ground.receipts)
    t = t.left_join(
        s,
        [
            t["account_id"] == s["s_account"],
            t["motion"] == s["s_motion"],
            t["episode"] == s["s_episode"],
        ],
    )
    who = teams(ground.capacity)
    t = t.left_join(who, t["rep_id"] == who["t_rep"])
    hours = _meeting_hours(ground.conversions, ground.calendars, policy, as_of, apply)
    t = t.left_join(hours, t["handoff_id"] == hours["m_handoff"])
    d = deals.select("deal_won", "deal_closed", d_opportunity="opportunity_id")
    t = t.left_join(d, t["opportunity_id"] == d["d_opportunity"])
    month = t["mqa_on"].truncate("M")
    # Marketing's queue and what an experiment holds out are not asked of sales, nor is backlog that waits; who
    # answers has seen it all the same.
    told = t["delivered_at"].notnull() | t["accepted_at"].notnull() | t["rejected_at"].notnull()
    return t.mutate(
        subject_id=t["handoff_id"],
        deal_won=t["deal_won"].fill_null(False),
        deal_closed=t["deal_closed"].fill_null(False),
        won_on=ibis.ifelse(t["won"].fill_null(False), t["closed_on"], none_of_type("date")),
        age_days=age(t["mqa_on"], day),
        # From the last day of the month: until then episodes may still begin in it.
        cohort_age_days=age((month + ibis.interval(months=1)).cast("date"), day) + 1,
        cohort=month_text(t["mqa_on"]),
        opportunity_cohort=month_text(t["opportunity_on"]),
        delivered_quarter=quarter_text(t["delivered_at"].date()),
        is_accepted=t["accepted_at"].notnull() | (t["status"] == "converted").fill_null(False),
        is_asked_of_sales=told & (t["sla_state"].fill_null("") != "no_clock"),
        is_with_rep=t["t_rep"].notnull(),
    )


def deals(origins: ir.Table, sources: ir.Table, ground: Ground, since: date) -> ir.Table:
    """One row an opportunity that was created since a day, with its origin and the touch before it.

    Args:
        origins: of ``origins.opportunity_origin``.
        sources: opportunity_id, channel and campaign of the last touch; of ``attribution.last_touches``.
        ground: the published tables.
        since: the first day of the programme's history.
    """
    t = origins.filter(origins["created_on"] >= since)
    s = sources.select("channel", "campaign", s_opportunity="opportunity_id")
    t = t.left_join(s, t["opportunity_id"] == s["s_opportunity"])
    a = ground.accounts.select("valid_from", "valid_to", "tier", "industry", a_account="account_id")
    at = t.select("opportunity_id", "account_id", "created_on").join(
        a, [("account_id", "a_account")]
    )
    at = at.filter(in_force(at, at["created_on"]))
    at = at.select("tier", segment="industry", a_opportunity="opportunity_id")
    t = t.left_join(at, t["opportunity_id"] == at["a_opportunity"])
    who = teams(ground.capacity)
    t = t.left_join(who, t["owner_id"] == who["t_rep"])
    return t.mutate(
        subject_id=t["opportunity_id"],
        rep_id=t["owner_id"],
        deal_closed=t["is_closed"],
        deal_won=t["is_closed"] & t["is_won"],
        cohort=month_text(t["created_on"]),
    )
