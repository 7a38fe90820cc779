"""Looking up whose a domain or an account is on the day of a signal.

Belongs here: joining signals to the owners of domains and to the nodes of accounts. Does not belong
here: how owners and nodes come about (``domains``, ``hierarchy``), or which rule asks (``identity``).
"""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import in_force, one_of


def with_owner_counts(asked: ir.Table, owners: ir.Table) -> ir.Table:
    """(domain, day) with ``n_accounts``, how many have or claim it, and ``is_tie``, whether refused."""
    o = owners.rename(owner_domain="domain")
    held = asked.join(o, asked["domain"] == o["owner_domain"])
    held = held.filter(in_force(held, held["day"]))
    counted = held.group_by("domain", "day").aggregate(
        n_accounts=held.count(), is_tie=held["is_refused"].any()
    )
    t = asked.left_join(counted, ["domain", "day"])
    return t.select(
        "domain",
        "day",
        n_accounts=t["n_accounts"].fill_null(0),
        is_tie=t["is_tie"].fill_null(False),
    )


def with_sole_owner(t: ir.Table, owners: ir.Table, column: str, found: str) -> ir.Table:
    """Signals with the account that alone has the domain in ``column`` on the day, as ``found``.

    Where several have it the answer is nobody: a wrong match is worse than none.
    """
    sole = owners.filter(~owners["is_refused"] & (owners["share"] == 1.0))
    sole = sole.select(
        "valid_from", "valid_to", sole_domain=sole["domain"], sole_account=sole["account_id"]
    )
    asked = t.filter(t[column].notnull())
    asked = asked.select(asked_domain=column, asked_day="signal_date").distinct()
    held = asked.join(sole, asked["asked_domain"] == sole["sole_domain"])
    held = held.filter(in_force(held, held["asked_day"]))
    held = held.select("asked_domain", "asked_day", **{found: held["sole_account"]})
    t = t.left_join(
        held, [t[column] == held["asked_domain"], t["signal_date"] == held["asked_day"]]
    )
    return t.drop("asked_domain", "asked_day")


def with_claim(t: ir.Table, owners: ir.Table, column: str, account: str, found: str) -> ir.Table:
    """Signals with ``found``: whether the account in ``account`` has or claims the domain in ``column``."""
    asked = t.filter(t[column].notnull() & t[account].notnull())
    asked = asked.select(asked_domain=column, asked_account=account, asked_day="signal_date")
    o = owners.select("valid_from", "valid_to", claimed="domain", claimant="account_id")
    held = asked.distinct().join(o, [("asked_domain", "claimed"), ("asked_account", "claimant")])
    held = held.filter(in_force(held, held["asked_day"]))
    held = held.select("asked_domain", "asked_account", "asked_day").distinct()
    t = t.left_join(
        held,
        [
            t[column] == held["asked_domain"],
            t[account] == held["asked_account"],
            t["signal_date"] == held["asked_day"],
        ],
    )
    t = t.mutate(**{found: t["asked_domain"].notnull()})
    return t.drop("asked_domain", "asked_account", "asked_day")


def with_industries(
    t: ir.Table,
    owners: ir.Table,
    accounts: ir.Table,
    column: str,
    industries: Iterable[str],
    found: str,
) -> ir.Table:
    """Signals with ``found``: whether an owner of the domain in ``column`` is of such an industry.

    Args:
        t: signals with signal_date and the column.
        owners: ``domains.OWNER``; of a domain that several have or claim, one is enough.
        accounts: crm_accounts with history; the industry is that of the day.
        column: which domain.
        industries: as the CRM names them.
        found: the name of the new column.
    """
    of_them = accounts.filter(one_of(accounts["industry"], industries) & ~accounts["is_deleted"])
    of_them = of_them.select("valid_from", "valid_to", of_industry="account_id")
    o = owners.select("valid_from", "valid_to", owned_domain="domain", owner="account_id")
    asked = t.filter(t[column].notnull())
    asked = asked.select(asked_domain=column, asked_day="signal_date").distinct()
    held = asked.join(o, [("asked_domain", "owned_domain")])
    held = held.filter(in_force(held, held["asked_day"]))
    held = held.select("asked_domain", "asked_day", "owner")
    held = held.join(of_them, [("owner", "of_industry")])
    held = held.filter(in_force(held, held["asked_day"]))
    held = held.select("asked_domain", "asked_day").distinct()
    t = t.left_join(
        held, [t[column] == held["asked_domain"], t["signal_date"] == held["asked_day"]]
    )
    return t.mutate(**{found: t["asked_domain"].notnull()}).drop("asked_domain", "asked_day")


def answered(t: ir.Table, owners: ir.Table, nodes: ir.Table) -> ir.Table:
    """Chosen rules with the accounts behind them: one row an account that has a share.

    Adds ``own_account_id`` (the account itself), ``account_id`` (the node that gets its points) and
    ``share``. A domain that nobody has is an account of its own, ``domain:<domain>``.

    Args:
        t: signal_id, signal_date, rule_domain, rule_account.
        owners: ``domains.OWNER``.
        nodes: ``hierarchy.NODE``.
    """
    o = owners.filter(~owners["is_refused"]).select(
        "valid_from",
        "valid_to",
        owned_domain="domain",
        owner_id="account_id",
        owner_node="node_id",
        owner_share="share",
    )
    owned = t.filter(t["rule_domain"].notnull()).select("signal_id", "signal_date", "rule_domain")
    owned = owned.join(o, owned["rule_domain"] == o["owned_domain"])
    owned = owned.filter(in_force(owned, owned["signal_date"]))
    owned = owned.select("owner_id", "owner_node", "owner_share", owned_signal="signal_id")
    t = t.left_join(owned, [("signal_id", "owned_signal")]).drop("owned_signal")
    n = nodes.select("node_id", node_of="account_id", node_from="valid_from", node_to="valid_to")
    asked = t.filter(t["rule_account"].notnull())
    asked = asked.select(asked_account="rule_account", asked_day="signal_date").distinct()
    above = asked.join(n, asked["asked_account"] == n["node_of"])
    above = above.filter(
        (above["node_from"] <= above["asked_day"])
        & (above["node_to"].isnull() | (above["asked_day"] < above["node_to"]))
    )
    above = above.select("asked_account", "asked_day", "node_id")
    t = t.left_join(
        above,
        [t["rule_account"] == above["asked_account"], t["signal_date"] == above["asked_day"]],
    ).drop("asked_account", "asked_day")
    found = ibis.ifelse(
        t["rule_domain"].notnull(),
        ibis.literal("domain:") + t["rule_domain"],
        ibis.null("string"),
    )
    return t.mutate(
        own_account_id=ibis.coalesce(t["rule_account"], t["owner_id"], found),
        account_id=ibis.coalesce(t["node_id"], t["rule_account"], t["owner_node"], found),
        share=ibis.coalesce(t["owner_share"], 1.0),
    ).drop("node_id", "owner_id", "owner_node", "owner_share")
