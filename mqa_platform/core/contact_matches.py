"""Which CRM contact a signal is of, and whose contact that is, as of the signal's day.

Belongs here: choosing among the contacts of one person, and leaving out accounts that are not there on the
day. Does not belong here: whether the CRM is still right (``employment_contacts``), or the rule
(``identity``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import in_force, newest_first

_COLUMNS = ("contact_id", "account_id", "title", "email_domain", "valid_from", "said_on")


def with_nodes(t: ir.Table, nodes: ir.Table, account: str, found: str) -> ir.Table:
    """Rows with the node of ``account`` on their signal_date as ``found``; null where it is not there."""
    n = nodes.select("valid_from", "valid_to", node_of="account_id", node=nodes["node_id"])
    asked = t.filter(t[account].notnull())
    asked = asked.select(asked_account=account, asked_day="signal_date").distinct()
    held = asked.join(n, [("asked_account", "node_of")])
    held = held.filter(in_force(held, held["asked_day"]))
    held = held.select("asked_account", "asked_day", **{found: held["node"]})
    t = t.left_join(
        held, [t[account] == held["asked_account"], t["signal_date"] == held["asked_day"]]
    )
    return t.drop("asked_account", "asked_day")


def contact_matches(
    people: ir.Table,
    contacts: ir.Table,
    nodes: ir.Table,
    owners: ir.Table,
    listed_domains: ir.Table,
) -> ir.Table:
    """Signals of a CRM contact as of their day, one row a signal.

    Columns: contact_signal, contact_id, contact_account, contact_since, is_contact_tied, title.

    Of several contacts of one address the one counts whose account owns the domain of the signal. Where
    accounts of several nodes remain, nobody's contact it is: is_contact_tied. An account that was deleted, or that
    the CRM never delivered, is nobody's. ``contact_since`` is when the CRM last said so; a version that was
    only told later counts from the first day that it speaks for.

    Args:
        people: signal_id, signal_date, person, person_domain.
        contacts: crm_contacts with history.
        nodes: ``hierarchy.NODE``.
        owners: ``domains.OWNER``.
        listed_domains: domains of free and disposable mail, which nobody's account owns.
    """
    found = with_nodes(contact_versions(people, contacts), nodes, "account_id", "node_id")
    found = _with_ownership(found, owners.anti_join(listed_domains, "domain"))
    best = ibis.window(group_by="signal_id")
    found = found.mutate(
        rank=ibis.cases((found["owns_domain"], 0), (found["node_id"].notnull(), 1), else_=2)
    )
    found = found.mutate(is_best=found["rank"] == found["rank"].min().over(best))
    found = found.filter(found["is_best"])
    nodes_of = found.group_by(tied_signal="signal_id").aggregate(n=found["node_id"].nunique())
    told = ibis.coalesce(found["said_on"], found["valid_from"])
    found = found.mutate(since=ibis.ifelse(told <= found["signal_date"], told, found["valid_from"]))
    one = newest_first(found, ["signal_id"], [found["since"].desc(), found["contact_id"]])
    one = one.join(nodes_of, [("signal_id", "tied_signal")])
    tied = one["n"] > 1
    there = one["node_id"].notnull() & ~tied
    return one.select(
        contact_signal=one["signal_id"],
        contact_id=one["contact_id"],
        contact_account=ibis.ifelse(there, one["account_id"], ibis.null("string")),
        contact_since=one["since"],
        is_contact_tied=tied,
        title=one["title"],
    )


def contact_versions(people: ir.Table, contacts: ir.Table) -> ir.Table:
    """The versions of living contacts in force on the day, by address or by the CRM's id.

    Columns: signal_id, signal_date, person, person_domain and those of the contact.
    """
    refs = people.filter(people["person"].notnull())
    refs = refs.select("signal_id", "signal_date", "person", "person_domain")
    asked = ("signal_id", "signal_date", "person", "person_domain")
    by_mail = refs.join(contacts, refs["person"] == contacts["person_ref"])
    refs = refs.mutate(crm_id=refs["person"].re_extract(r"^contact:(.*)$", 1).nullif(""))
    by_id = refs.join(contacts, refs["crm_id"] == contacts["contact_id"])
    parts = [
        t.filter(in_force(t, t["signal_date"]) & ~t["is_deleted"]).select(*asked, *_COLUMNS)
        for t in (by_mail, by_id)
    ]
    return parts[0].union(parts[1])


def _with_ownership(found: ir.Table, owners: ir.Table) -> ir.Table:
    """Contacts with ``owns_domain``: whether their account's node has the domain that the signal came with.

    The address on file says it where the signal does not.
    """
    t = found.mutate(domain=ibis.coalesce(found["person_domain"], found["email_domain"]))
    asked = t.select(asked_domain="domain", asked_day="signal_date").distinct()
    o = owners.select("valid_from", "valid_to", "domain", owner_node="node_id")
    held = asked.join(o, [("asked_domain", "domain")])
    held = held.filter(in_force(held, held["asked_day"]))
    held = held.select("asked_domain", "asked_day", "owner_node").distinct()
    t = t.left_join(
        held,
        [
            t["domain"] == held["asked_domain"],
            t["signal_date"] == held["asked_day"],
            t["node_id"] == held["owner_node"],
        ],
    )
    t = t.mutate(owns_domain=t["owner_node"].notnull())
    return t.drop("domain", "asked_domain", "asked_day", "owner_node")
