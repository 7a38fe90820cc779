"""Touches by sales, and which of them are the answer of whoever has the account.

Belongs here: what a touch is, whose it is, and whether it came after the news of its day. Does not belong
here: what a touch does to an account (``ladder``), or who is given it (``handoffs``).
"""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import in_force, none_of_type, one_of


def touches(activities: ir.Table) -> ir.Table:
    """(touched_account, touched_on, touched_at, touched_by) of logged calls, e-mails, meetings, social touches.

    Bulk mail is none, nor is what a machine did.
    """
    # The last version only: a meeting that was moved happened once, one held is marked so later.
    a = latest(activities)
    done = ~a["kind"].isin(["automatic", "bulk_email"]) & a["is_held"]
    a = a.filter(a["account_id"].notnull() & done)
    return a.select(
        touched_account="account_id",
        touched_on=a["occurred_at"].date(),
        touched_at="occurred_at",
        touched_by="user_id",
    )


def owners(users: ir.Table, accounts: ir.Table) -> ir.Table:
    """(user_id, is_active, valid_from, valid_to) of users who own or owned an account."""
    owning = accounts.filter(accounts["owner_id"].notnull()).select(user_id="owner_id").distinct()
    return users.semi_join(owning, "user_id").select(
        "user_id", "is_active", "valid_from", "valid_to"
    )


def answers(
    activities: ir.Table,
    users: ir.Table,
    accounts: ir.Table,
    touchpoints: ir.Table,
    hand_raises: Iterable[str],
) -> ir.Table:
    """(account_id, day, answered_news), one row a day on which the account's owner touched it.

    An account whose owner is no active user, or that has none, is anybody's who touches it; so is a touch
    of which the CRM does not say whose it is. ``answered_news`` says whether the last touch of the day came
    after the day's request to be called, and without one after all that was received of the day: only then
    can it be the answer to what made the account qualify on that day.

    Args:
        activities: the CRM's, with history.
        users: versions of reps.
        accounts: versions of accounts.
        touchpoints: those by which the accounts are judged.
        hand_raises: signal types by which somebody asks to be called.
    """
    a = accounts.select("valid_from", "valid_to", "owner_id", owned="account_id")
    t = touches(activities)
    t = t.join(a, t["touched_account"] == a["owned"])
    t = t.filter(in_force(t, t["touched_on"])).drop("valid_from", "valid_to")
    u = users.filter(users["is_active"]).select("valid_from", "valid_to", active="user_id")
    owners = t.select("owned", "touched_on", "owner_id").distinct()
    owners = owners.join(u, owners["owner_id"] == u["active"])
    owners = owners.filter(in_force(owners, owners["touched_on"]))
    owners = owners.select("active", o_account="owned", o_day="touched_on").distinct()
    t = t.left_join(owners, [t["owned"] == owners["o_account"], t["touched_on"] == owners["o_day"]])
    mine = t["active"].isnull() | t["touched_by"].isnull() | (t["touched_by"] == t["active"])
    t = t.filter(mine).group_by(account_id="owned", day="touched_on")
    days = t.aggregate(last=lambda each: each["touched_at"].max())
    p = touchpoints.filter(touchpoints["direction"] == "inbound")
    p = p.select("touchpoint_date", "signal_type", "received_at", p_account="account_id")
    near = p.join(days, [p["p_account"] == days["account_id"], p["touchpoint_date"] == days["day"]])
    asked = ibis.ifelse(
        one_of(near["signal_type"], hand_raises),
        near["received_at"],
        none_of_type("timestamp('UTC')"),
    )
    news = near.group_by(n_account="p_account", n_day="touchpoint_date").aggregate(
        since=ibis.coalesce(asked.min(), near["received_at"].max())
    )
    t = days.left_join(
        news, [days["account_id"] == news["n_account"], days["day"] == news["n_day"]]
    )
    return t.select("account_id", "day", answered_news=(t["last"] >= t["since"]).fill_null(True))
