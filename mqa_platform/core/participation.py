"""Which accounts take part in a motion on which days.

Belongs here: that expansion is about customers. Does not belong here: fit (``fit``), or what a motion
makes of an account (``scores``, ``stages``).
"""

from __future__ import annotations

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

    It is one while the CRM calls it so or one of its deals is won, and not once the CRM says that it left.
    """
    a = accounts.select("valid_from", "valid_to", "account_type", named="account_id")
    t = days.select("account_id", "day").distinct()
    t = t.join(a, t["account_id"] == a["named"])
    t = t.filter(in_force(t, t["day"])).select("account_id", "day", "account_type")
    by_name = t.filter((t["account_type"] == _CUSTOMER).fill_null(False))
    others = t.filter(~t["account_type"].isin([_CUSTOMER, _FORMER]).fill_null(False))
    deals = won(opportunities)
    others = others.join(deals, others["account_id"] == deals["deal_account"])
    others = others.filter(in_force(others, others["day"]))
    return by_name.select("account_id", "day").union(others.select("account_id", "day")).distinct()


def won(opportunities: ir.Table) -> ir.Table:
    """(deal_account, valid_from, valid_to): the versions of deals that make an account a customer."""
    o = opportunities
    held = o["is_closed"] & o["is_won"] & ~o["is_deleted"] & o["account_id"].notnull()
    return o.filter(held).select("valid_from", "valid_to", deal_account="account_id")


def first_days_as_customer(accounts: ir.Table, opportunities: ir.Table) -> ir.Table:
    """(account_id, first_day): when the CRM first called an account a customer, or a deal was won."""
    named = accounts.filter((accounts["account_type"] == _CUSTOMER).fill_null(False))
    deals = won(opportunities)
    starts = named.select("account_id", "valid_from").union(
        deals.select("valid_from", account_id="deal_account").select("account_id", "valid_from")
    )
    return starts.group_by("account_id").aggregate(first_day=starts["valid_from"].min())
