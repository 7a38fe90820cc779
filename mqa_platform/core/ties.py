"""Names and offices that several accounts claim: nobody's, until a person settles it.

Belongs here: which accounts carry a company name or list an address, and where that is a tie. Does not
belong here: domains that several accounts claim (``domains``), or which rule asks (``identity``).

A name is what the CRM says today. Accounts whose points go to one node are one owner, as with domains.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import in_force, newest_first
from mqa_platform.core.ip_answers import tied_offices


def carriers(accounts: ir.Table, name_keys: ir.Table, nodes: ir.Table) -> ir.Table:
    """(name_key, account_id, node_id, industry, known_from): the accounts that carry each name today.

    A merged account still answers to its name, as its survivor; a deleted one does not. The CRM has had
    the account from the day ``known_from`` on, under whatever name.

    Args:
        accounts: crm_accounts with history.
        name_keys: ``matching.NAME_KEY`` for their names.
        nodes: ``hierarchy.NODE``.
    """
    living = accounts.filter(~accounts["is_deleted"])
    living = living.select("account_id", "name", "industry", "valid_from")
    first = living.group_by(known="account_id").aggregate(known_from=living["valid_from"].min())
    newest = newest_first(living, ["account_id"], [living["valid_from"].desc()])
    newest = newest.join(first, [("account_id", "known")])
    today = nodes.filter(nodes["valid_to"].isnull())
    today = today.select("node_id", carrier="account_id")
    t = newest.join(today, [("account_id", "carrier")]).join(name_keys, "name")
    t = t.filter(t["name_key"].notnull())
    return t.select("name_key", "account_id", "node_id", "industry", "known_from").distinct()


def settled_names(carried: ir.Table) -> ir.Table:
    """(name_key, name_account, name_tied, name_industry, name_from), one row a name.

    ``name_account`` is null where the carriers' points go to several nodes. Of carriers of one node it
    is the node itself, else the first by id.
    """
    several = carried.group_by(tied_key="name_key").aggregate(n=carried["node_id"].nunique())
    first = newest_first(
        carried,
        ["name_key"],
        [carried["account_id"] != carried["node_id"], carried["account_id"]],
    )
    t = first.join(several, [("name_key", "tied_key")])
    return t.select(
        "name_key",
        name_account=ibis.ifelse(t["n"] == 1, t["account_id"], ibis.null("string")),
        name_tied=t["n"] > 1,
        name_industry=t["industry"],
        name_from=t["known_from"],
    )


def office_claims(
    visits: ir.Table, answers: ir.Table, owners: ir.Table, carried: ir.Table
) -> ir.Table:
    """(tied_ip, tied_day, tied_range, candidate): accounts that list an address which others list too.

    An office that only companies which are no accounts list has no row: there is nothing to settle.

    Args:
        visits: signals with ip and signal_date.
        answers: ``ip_owners.IP_ANSWER``.
        owners: ``domains.OWNER``; those that are refused claim the office as well.
        carried: ``carriers``.
    """
    asked = visits.filter(visits["ip"].notnull()).select(tied_ip="ip", tied_day="signal_date")
    t = asked.distinct().join(tied_offices(answers), [("tied_ip", "span_ip")])
    t = t.filter((t["span_from"] <= t["tied_day"]) & (t["tied_day"] < t["span_to"]))
    t = t.select("tied_ip", "tied_day", "span_domain", "span_key", tied_range="span_range")
    o = owners.select("valid_from", "valid_to", "domain", candidate="account_id")
    by_domain = t.join(o, [("span_domain", "domain")])
    by_domain = by_domain.filter(in_force(by_domain, by_domain["tied_day"]))
    n = carried.select("name_key", candidate="account_id")
    by_name = t.join(n, [("span_key", "name_key")])
    columns = ("tied_ip", "tied_day", "tied_range", "candidate")
    return by_domain.select(*columns).union(by_name.select(*columns)).distinct()
