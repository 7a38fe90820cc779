"""Which accounts take part in a motion on which days.

Belongs here: that expansion is about customers. Does not belong here: fit (``fit``), or what a motion
makes of an account (``scores``, ``stages``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import in_force

EXPANSION = "expansion"
_CUSTOMER, _FORMER = "customer", "former_customer"


def ever_customers(accounts: ir.Table, opportunities: ir.Table) -> ir.Table:
    """(account_id) of everybody who was a customer on any day: the CRM says so, or a deal was won."""
    named = accounts.filter((accounts["account_type"] == _CUSTOMER).fill_null(False))
    deals = won(opportunities)
    return named.select("account_id").union(deals.select(account_id="deal_account")).distinct()


def customers(days: ir.Table, accounts: ir.Table, opportunities: ir.Table) -> ir.Table:
    """The rows of ``days`` (account_id, day) on which the account was a customer.

    It is one while the CRM calls it so or one of its deals is won, and not once the CRM says that it left,
    unless it has bought again since.
    """
    a = since_former(accounts)
    a = a.select("valid_from", "valid_to", "account_type", "former_since", named="account_id")
    t = days.select("account_id", "day").distinct()
    t = t.join(a, t["account_id"] == a["named"])
    t = t.filter(in_force(t, t["day"]))
    t = t.select("account_id", "day", "account_type", "former_since")
    by_name = t.filter((t["account_type"] == _CUSTOMER).fill_null(False))
    others = t.filter(~(t["account_type"] == _CUSTOMER).fill_null(False))
    deals = won(opportunities)
    others = others.join(deals, others["account_id"] == deals["deal_account"])
    former = (others["account_type"] == _FORMER).fill_null(False)
    again = (others["won_on"] >= others["former_since"]).fill_null(False)
    others = others.filter(in_force(others, others["day"]) & (~former | again))
    return by_name.select("account_id", "day").union(others.select("account_id", "day")).distinct()


def won(opportunities: ir.Table) -> ir.Table:
    """(deal_account, valid_from, valid_to, won_on): the versions of deals that make an account a customer."""
    o = opportunities
    held = o["is_closed"] & o["is_won"] & ~o["is_deleted"] & o["account_id"].notnull()
    return o.filter(held).select(
        "valid_from", "valid_to", deal_account="account_id", won_on=o["closed_at"].date()
    )


def since_former(accounts: ir.Table) -> ir.Table:
    """Versions of accounts with ``former_since``: on a former customer, the day from which the CRM says so.

    It is null where the first version that we have says so already: then nobody knows since when.
    """
    versions = ibis.window(group_by="account_id", order_by="valid_from")
    before = accounts["account_type"].lag().over(versions).fill_null("")
    earlier = accounts["valid_from"].lag().over(versions).notnull()
    former = (accounts["account_type"] == _FORMER).fill_null(False)
    a = accounts.mutate(_left=former & earlier & (before != _FORMER), _former=former)
    left_on = ibis.ifelse(a["_left"], a["valid_from"], ibis.null("date"))
    so_far = ibis.cumulative_window(group_by="account_id", order_by="valid_from")
    last = left_on.max().over(so_far)
    return a.mutate(former_since=ibis.ifelse(a["_former"], last, ibis.null("date"))).drop(
        "_left", "_former"
    )


def first_days_as_customer(accounts: ir.Table, opportunities: ir.Table) -> ir.Table:
    """(account_id, first_day): when the CRM first called an account a customer, or a deal was won."""
    named = accounts.filter((accounts["account_type"] == _CUSTOMER).fill_null(False))
    deals = won(opportunities)
    starts = named.select("account_id", "valid_from").union(
        deals.select("valid_from", account_id="deal_account").select("account_id", "valid_from")
    )
    return starts.group_by("account_id").aggregate(first_day=starts["valid_from"].min())
