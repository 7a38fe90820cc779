"""The facts of every account and day that the stage ladder asks about.

Belongs here: deals, touches, what sales said, scores and what stands beside the rung, each as of the day.
Does not belong here: the rules (``rules``) or the tables that come of it (``stages``).
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from mqa_platform.core.answers import touches
from mqa_platform.core.expressions import in_force, newest_first, none_of_type
from mqa_platform.core.fold import FACT_COLUMNS
from mqa_platform.core.overrides import Beside, forced_days, suppressed_days
from mqa_platform.core.participation import EXPANSION, first_days_as_customer, since_former
from mqa_platform.core.subtrees import parents_of

STATE_COLUMNS = (
    "stage", "reason", "episode", "days_below", "exit_reason", "episode_tier", "entered_on", "mqa_on",
    "last_exit_on", "first_touch_on", "last_activity_on", "hand_raised_on", "fell_on",
)  # fmt: skip
_DATES = {
    "entered_on", "mqa_on", "last_exit_on", "first_touch_on", "last_activity_on", "hand_raised_on",
    "fell_on", "last_eligible_on", "last_won_on", "day",
}  # fmt: skip
_FLAGS = {
    "is_target", "is_suppressed", "anonymous_evidence", "hand_raised", "open_opportunity",
    "is_customer", "touched", "answered", "answered_news",
}  # fmt: skip
_COUNTS = {"episode", "days_below", "eligible_people", "people_on_high_intent"}


def fact_type(column: str) -> str:
    """The type of a column of facts."""
    if column in _DATES:
        return "date"
    if column in _FLAGS:
        return "boolean"
    if column == "engagement_score":
        return "decimal(18,4)"
    return "int64" if column in _COUNTS else "string"


@dataclass(frozen=True)
class Crm:
    """CRM tables with history, complete: what sales and the deals say beats the score."""

    accounts: ir.Table
    opportunities: ir.Table
    activities: ir.Table


def _deals(spine: ir.Table, opportunities: ir.Table) -> ir.Table:
    """(account_id, day): open deals, won ones, the last day of a win and the reason of the last loss."""
    o = opportunities
    o = o.filter(~o["is_deleted"] & o["account_id"].notnull()).select(
        "opportunity_id", "valid_from", "valid_to", "is_closed", "is_won", "closed_at", "loss_reason",
        deal_account="account_id",
    )  # fmt: skip
    with_deals = spine.select("account_id", "day").join(o, spine["account_id"] == o["deal_account"])
    held = with_deals.filter(in_force(with_deals, with_deals["day"]))
    won = held["is_won"] & held["is_closed"]
    facts = held.group_by("account_id", "day").aggregate(
        open_deals=ibis.ifelse(held["is_closed"], 0, 1).sum(),
        won_deals=ibis.ifelse(won, 1, 0).sum(),
        last_won_on=ibis.ifelse(won, held["closed_at"].date(), none_of_type("date")).max(),
    )
    lost = held.filter(held["is_closed"] & ~held["is_won"])
    lost = newest_first(
        lost,
        ["account_id", "day"],
        [lost["closed_at"].desc(nulls_first=False), lost["opportunity_id"]],
    ).select("account_id", "day", "loss_reason")
    return facts.left_join(lost, ["account_id", "day"]).select(
        "account_id", "day", "open_deals", "won_deals", "last_won_on", "loss_reason"
    )


def _sales_events(crm: Crm) -> ir.Table:
    """(account_id, day) on which the CRM's sales status or its reason changed, and to what.

    A status is no event, and neither is a reason that is taken back.
    """
    a = crm.accounts
    order = ibis.window(group_by="account_id", order_by="valid_from")
    a = a.mutate(
        before=a["sales_status"].lag().over(order).fill_null(""),
        reason_before=a["sales_status_reason"].lag().over(order).fill_null(""),
    )
    another = (a["sales_status_reason"] != a["reason_before"]).fill_null(False)
    news = (a["sales_status"] != a["before"]) | another
    changed = a.filter(a["sales_status"].notnull() & news)
    return changed.select(
        event_account="account_id",
        event_on="valid_from",
        sales_event="sales_status",
        sales_reason="sales_status_reason",
    )


def _of_the_motion(spine: ir.Table, crm: Crm, accounts: ir.Table) -> tuple[ir.Table, ir.Table]:
    """The days since an account first was a customer, and the deals that were opened since."""
    since = first_days_as_customer(accounts, crm.opportunities)
    since = since.select(since_account="account_id", since="first_day")
    spine = spine.join(since, spine["account_id"] == since["since_account"])
    spine = spine.filter(spine["day"] >= spine["since"]).drop("since_account", "since")
    o = crm.opportunities
    later = o.join(since, o["account_id"] == since["since_account"])
    return spine, later.filter(later["created_at"].date() > later["since"]).select(*o.columns)


def _with_answers(t: ir.Table, answered: ir.Table | None) -> ir.Table:
    if answered is None:
        touched = t["touched_on"].notnull()
        return t.mutate(answered=touched, answered_news=touched)
    told = answered.rename(answered_account="account_id", answered_day="day", news="answered_news")
    t = t.left_join(told, [("account_id", "answered_account"), ("day", "answered_day")])
    answered_news = t["news"].fill_null(False)
    return t.mutate(answered=t["answered_day"].notnull(), answered_news=answered_news)


def _with_parents(t: ir.Table, days: ir.Table, relations: ir.Table | None) -> ir.Table:
    if relations is None:
        return t.mutate(parent_account_id=none_of_type("string"))
    above = parents_of(days, relations).rename(child_account="account_id", child_day="day")
    return t.left_join(above, [("account_id", "child_account"), ("day", "child_day")])


def facts(
    accounts: ir.Table,
    scores: ir.Table,
    crm: Crm,
    calendar: ir.Table,
    motion: str,
    beside: Beside,
    relations: ir.Table | None = None,
    answered: ir.Table | None = None,
) -> ir.Table:
    """One row an account and day of the calendar (``day``) on which the account exists.

    Args:
        accounts: the versions of accounts as the motion judges them.
        scores: those of the motion.
        crm: the CRM's tables.
        calendar: the days, as column ``day``.
        motion: in ``expansion`` an account has facts since it first was a customer, and only deals that
            were opened since then count.
        beside: what stands beside the rung.
        relations: who stands above whom, of ``subtrees``; None where nobody does.
        answered: of ``answers``; None where every touch is taken for one.
    """
    a = since_former(accounts).select(
        "account_id", "valid_from", "valid_to", "tier", "fit_gate", "is_target", "account_type",
        "former_since",
    )  # fmt: skip
    spine = a.cross_join(calendar)
    spine = spine.filter(in_force(spine, spine["day"])).drop("valid_from", "valid_to")
    opportunities = crm.opportunities
    if motion == EXPANSION:
        spine, opportunities = _of_the_motion(spine, crm, accounts)
    s = scores.select(
        "engagement_score", "eligible_people", "people_on_high_intent", "anonymous_evidence",
        "hand_raised", "last_eligible_on", "score_type",
        scored_account="account_id", scored_on="score_date",
    )  # fmt: skip
    t = spine.left_join(
        s, [spine["account_id"] == s["scored_account"], spine["day"] == s["scored_on"]]
    )
    all_deals = _deals(spine, crm.opportunities)
    deals = _deals(spine, opportunities) if motion == EXPANSION else all_deals
    deals = deals.rename(deal_account="account_id", deal_day="day")
    t = t.left_join(deals, [("account_id", "deal_account"), ("day", "deal_day")])
    bought = all_deals.filter(all_deals["won_deals"] > 0)
    bought = bought.select(bought_account="account_id", bought_day="day", bought_on="last_won_on")
    t = t.left_join(bought, [("account_id", "bought_account"), ("day", "bought_day")])
    touched = touches(crm.activities).select("touched_account", "touched_on").distinct()
    t = t.left_join(touched, [("account_id", "touched_account"), ("day", "touched_on")])
    t = _with_answers(t, answered)
    t = t.left_join(_sales_events(crm), [("account_id", "event_account"), ("day", "event_on")])
    days = spine.select("account_id", "day")
    held = suppressed_days(days, beside.suppressions, motion).select(
        held_account="account_id", held_day="day"
    )
    t = t.left_join(held, [("account_id", "held_account"), ("day", "held_day")])
    forced = forced_days(days, beside.overrides, motion).rename(
        forced_account="account_id", forced_day="day"
    )
    t = t.left_join(forced, [("account_id", "forced_account"), ("day", "forced_day")])
    t = _with_parents(t, days, relations)
    # Who left and bought again is a customer, whether or not the CRM has said so since.
    again = (t["bought_on"] >= t["former_since"]).fill_null(False)
    former = (t["account_type"] == "former_customer").fill_null(False) & ~again
    named = (t["account_type"] == "customer").fill_null(False)
    known = t.select(
        "account_id", "day", "engagement_score", "tier", "fit_gate", "score_type", "is_target",
        "eligible_people", "people_on_high_intent", "anonymous_evidence", "hand_raised",
        "last_eligible_on", "sales_event", "sales_reason", "loss_reason", "last_won_on",
        "forced_stage", "forced_reason", "parent_account_id", "answered", "answered_news",
        is_suppressed=t["held_account"].notnull(),
        open_opportunity=t["open_deals"].fill_null(0) > 0,
        is_customer=(named | t["bought_account"].notnull()) & ~former,
        touched=t["touched_on"].notnull(),
    )  # fmt: skip
    blanks = {c: none_of_type(fact_type(c)) for c in STATE_COLUMNS}
    return known.mutate(**blanks).select(*FACT_COLUMNS)
