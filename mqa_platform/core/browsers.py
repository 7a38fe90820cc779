"""Browsers that people of two companies have logged in from: shared at home, at a fair, by an agency.

Belongs here: finding them, and whose such a browser was at a moment. Does not belong here: browsers of too
many people (``person_clusters``), or looking a signal's person up (``evidence``).

Such a browser names the last person who had logged in, and before the first log-in nobody; it is no proof
that the two are one person. A private address beside a company's is one person's, as everywhere.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.exclusions import excluded, stopping
from mqa_platform.core.expressions import newest_first
from mqa_platform.policy.identity import Identity


def between_companies(
    identities: ir.Table, owners: ir.Table, listed_domains: ir.Table | None, identity: Identity
) -> ir.Table:
    """(ref): cookies whose people have addresses at domains of several companies.

    Domains of one account are one company by what the CRM says today. More people than may share
    a browser are left to ``person_clusters``.

    Args:
        identities: landed_identities.
        owners: ``domains.OWNER``.
        listed_domains: domains of free and disposable mail; None knows none.
        identity: the policy's section.
    """
    t = identities.filter(identities["kind"] == "cookie")
    people = t.group_by(browser="ref").aggregate(people=t["person_ref"].nunique())
    t = t.filter(t["email_domain"].notnull()).select("ref", domain="email_domain").distinct()
    t = t if listed_domains is None else t.anti_join(listed_domains, "domain")
    against = excluded(t["domain"], t["domain"], identity)
    t = t.filter(against.isnull() | stopping(against))
    today = owners.filter(owners["valid_to"].isnull() & ~owners["is_refused"])
    today = today.filter(today["share"] == 1.0).select("node_id", owned="domain")
    t = t.left_join(today, [("domain", "owned")])
    t = t.mutate(company=ibis.coalesce(t["node_id"], t["domain"]))
    counted = t.group_by("ref").aggregate(companies=t["company"].nunique())
    counted = counted.join(people, [("ref", "browser")])
    few = counted["people"] <= identity.people.max_people_per_cookie
    return counted.filter((counted["companies"] > 1) & few).select("ref")


def last_logins(signals: ir.Table, identities: ir.Table, browsers: ir.Table) -> ir.Table:
    """(login_signal, login_person, login_domain): who had last logged in when a signal came.

    Args:
        signals: signal_id, anonymous_id, occurred_at.
        identities: landed_identities.
        browsers: ``between_companies``; only their signals are asked about.
    """
    told = identities.filter(identities["kind"] == "cookie").semi_join(browsers, "ref")
    told = told.select("ref", "person_ref", "email_domain", "seen_at", "batch_id")
    asked = signals.filter(signals["anonymous_id"].notnull())
    asked = asked.select("signal_id", "anonymous_id", "occurred_at")
    t = asked.join(told, [("anonymous_id", "ref")])
    t = t.filter(t["seen_at"] <= t["occurred_at"])
    t = newest_first(t, ["signal_id"], [t["seen_at"].desc(), t["person_ref"], t["batch_id"]])
    return t.select(
        login_signal="signal_id", login_person="person_ref", login_domain="email_domain"
    )
