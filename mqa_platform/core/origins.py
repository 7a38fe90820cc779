"""Where each opportunity is from: an MQA, one that came before it was closed, or none.

Belongs here: ``opportunity_origin``. Does not belong here: finding the rule (``missed_deals``), whether an
episode has an opportunity (``conversions``), or credit of campaigns (``attribution``).
"""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import first_match, newest_first, none_of_type
from mqa_platform.core.missed_deals import (
    Seen,
    absent_signals,
    missing_rule,
    with_scores,
    with_standing,
)
from mqa_platform.policy.models import Policy


def opportunity_origin(
    seen: Seen, opportunities: ir.Table, policy: Policy, as_of: datetime
) -> ir.Table:
    """One row an opportunity of the CRM, as it is known now.

    ``mqa_sourced``: created within the opportunity window of an episode and before the next one;
    ``mqa_influenced``: not that, but an episode began before it was closed, or before ``as_of`` while it is open;
    ``none``: neither. ``missing_rule`` is the first of ``MISSING_RULES`` that kept the account from being an MQA
    when an opportunity that is not sourced was created.

    Args:
        seen: what is looked at.
        opportunities: crm_opportunities with history.
        policy: of the leading motion, by whose scores and stages the rule is found.
        as_of: end of the last published day.
    """
    t = latest(opportunities).select(
        "opportunity_id", "account_id", "created_at", "is_closed", "is_won", "closed_at", "amount",
        "term_months", "owner_id",
    )  # fmt: skip
    t = t.mutate(
        created_on=t["created_at"].date(),
        is_closed=t["is_closed"].fill_null(False),
        is_won=t["is_won"].fill_null(False),
    )
    t = _with_episodes(t, seen.entered, policy, as_of)
    sourced = t["sourced_episode"].notnull()
    t = t.mutate(
        origin=first_match(
            [
                (sourced, ibis.literal("mqa_sourced")),
                (t["influenced_episode"].notnull(), ibis.literal("mqa_influenced")),
            ],
            ibis.literal("none"),
        )
    )
    t = with_scores(t, seen, policy)
    t = with_standing(t, seen, policy)
    t = t.left_join(
        absent := absent_signals(t, seen, policy), t["opportunity_id"] == absent["b_opportunity"]
    )
    missed = t["origin"] != "mqa_sourced"
    months = ibis.coalesce(t["term_months"], 12).cast("float64")
    return t.select(
        "opportunity_id",
        "account_id",
        "created_on",
        "created_at",
        "is_closed",
        "is_won",
        "closed_at",
        "owner_id",
        amount=t["amount"].cast("decimal(18,4)"),
        acv=(t["amount"].cast("float64") * 12.0 / months.nullif(0.0)).cast("decimal(18,4)"),
        origin=t["origin"],
        motion=ibis.coalesce(t["sourced_motion"], t["influenced_motion"]),
        episode=ibis.coalesce(t["sourced_episode"], t["influenced_episode"]),
        max_score_90d=t["max_score"].cast("decimal(18,4)"),
        points_short=ibis.ifelse(
            t["max_above"] < 0, -t["max_above"], none_of_type("decimal(18,4)")
        ).cast("decimal(18,4)"),
        missing_rule=ibis.ifelse(missed, missing_rule(t, policy), none_of_type("string")),
        absent_signal=ibis.ifelse(missed, t["absent"], none_of_type("string")),
    )


def _with_episodes(t: ir.Table, entered: ir.Table, policy: Policy, as_of: datetime) -> ir.Table:
    """The episode that each opportunity is from, and the last that began before it was closed."""
    order = ibis.window(group_by=["account_id", "motion"], order_by="qualified_at")
    e = entered.mutate(next_at=entered["qualified_at"].lead().over(order)).select(
        "motion", "episode", "qualified_at", "next_at", e_account="account_id"
    )
    both = t.select("opportunity_id", "account_id", "created_at", "is_closed", "closed_at").join(
        e, [("account_id", "e_account")]
    )
    days = ibis.interval(days=policy.conversions.opportunity_window_days)
    of_it = (both["created_at"] >= both["qualified_at"]) & (
        both["created_at"] < both["qualified_at"] + days
    )
    of_it = of_it & (both["next_at"].isnull() | (both["created_at"] < both["next_at"]))
    now = ibis.literal(as_of, type="timestamp('UTC')")
    end = ibis.ifelse(both["is_closed"], ibis.coalesce(both["closed_at"], now), now)

    def last(rows: ir.Table, name: str) -> ir.Table:
        order = [rows["qualified_at"].desc(), rows["motion"], rows["episode"]]
        found = newest_first(rows, ["opportunity_id"], order)
        return found.select(
            **{
                f"{name}_opportunity": "opportunity_id",
                f"{name}_motion": "motion",
                f"{name}_episode": "episode",
            }
        )

    for name, condition in (("sourced", of_it), ("influenced", both["qualified_at"] < end)):
        found = last(both.filter(condition), name)
        t = t.left_join(found, t["opportunity_id"] == found[f"{name}_opportunity"])
    return t
