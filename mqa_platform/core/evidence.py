"""Evidence for identity: what is known about a signal's person, domains, names and address.

Belongs here: the look-ups that widen a signal with candidates and with reasons against them. Does not
belong here: choosing between them (``identity``).

People and cookies are looked up in all that has landed, so that a day's answer does not depend on the
order in which days are run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from mqa_platform.core.bots import visitor
from mqa_platform.core.browsers import between_companies, last_logins
from mqa_platform.core.consents import with_refusals
from mqa_platform.core.contact_matches import contact_matches
from mqa_platform.core.exclusions import with_reasons
from mqa_platform.core.expressions import newest_first
from mqa_platform.core.ip_answers import offices_in_time
from mqa_platform.core.known import Known
from mqa_platform.core.lead_merges import surviving
from mqa_platform.core.ownership import (
    with_claim,
    with_industries,
    with_owner_counts,
    with_sole_owner,
)
from mqa_platform.core.person_clusters import SHARED, with_one_person
from mqa_platform.core.spans import closed
from mqa_platform.core.ties import carriers, office_claims, settled_names, sole_offices
from mqa_platform.policy.identity import Identity

Keep = Callable[[ir.Table], ir.Table]


@dataclass(frozen=True)
class Behaviour:
    """What the visitors' own doings say, for whole days.

    bot_days: ``bots.BOT_DAY`` · scanned: ``link_scanners.SCANNED`` · shared_ips:
    ``shared_ips.shared_ips``.
    """

    bot_days: ir.Table
    scanned: ir.Table
    shared_ips: ir.Table


@dataclass(frozen=True)
class Evidence:
    """What identity looks at beside the signals; every table is complete, not a window of it.

    identities: landed_identities · contacts, accounts: crm_contacts, crm_accounts with history ·
    listed_domains: (domain, kind) of free and disposable mail · ip_answers: ``ip_owners.IP_ANSWER`` ·
    name_keys: ``matching.NAME_KEY`` for every account and company name · consents: landed_consents ·
    known: owners, nodes and people, worked out from all of it ·
    behaviour: of the signals' days; None judges nobody by it ·
    uses: landed_signals, for whom the CRM may be stale (``employment_contacts``); None doubts nobody.
    """

    identities: ir.Table
    contacts: ir.Table
    accounts: ir.Table
    listed_domains: ir.Table
    ip_answers: ir.Table
    name_keys: ir.Table
    consents: ir.Table
    known: Known
    behaviour: Behaviour | None = None
    uses: ir.Table | None = None


def _persons(signals: ir.Table, evidence: Evidence, identity: Identity) -> ir.Table:
    """Signals with ``person`` (direct, else by cookie), ``person_domain`` and ``is_stitched``."""
    apart = between_companies(
        evidence.identities, evidence.known.owners, evidence.listed_domains, identity
    )
    seen = newest_first(
        evidence.identities,
        ["kind", "ref"],
        [
            evidence.identities["seen_at"].desc(),
            evidence.identities["person_ref"],
            evidence.identities["batch_id"],
        ],
    )
    leads = seen.filter(seen["kind"] == "lead").select(
        lead_ref=ibis.literal("lead:") + seen["ref"],
        lead_person=seen["person_ref"],
        lead_domain=seen["email_domain"],
    )
    leads = surviving(leads)
    shared = evidence.known.clusters.filter(evidence.known.clusters["kind"] == SHARED)
    shared = shared.select("ref").union(apart.cast({"ref": "string"}))
    seen = seen.filter(seen["kind"] == "cookie").anti_join(shared, "ref")
    cookies = seen.select(
        cookie=seen["ref"], cookie_person=seen["person_ref"], cookie_domain=seen["email_domain"]
    )
    t = signals.left_join(leads, signals["person_key"] == leads["lead_ref"])
    t = t.left_join(cookies, t["anonymous_id"] == cookies["cookie"])
    logins = last_logins(signals, evidence.identities, apart)
    t = t.left_join(logins, [("signal_id", "login_signal")])
    t = t.mutate(
        cookie_person=ibis.coalesce(t["cookie_person"], t["login_person"]),
        cookie_domain=ibis.coalesce(t["cookie_domain"], t["login_domain"]),
    ).drop("login_signal", "login_person", "login_domain")
    direct = ibis.coalesce(t["lead_person"], t["person_key"])
    return t.mutate(
        person=ibis.coalesce(direct, t["cookie_person"]),
        person_domain=ibis.coalesce(
            t["email_domain"],
            t["lead_domain"],
            ibis.ifelse(direct.isnull(), t["cookie_domain"], None),
        ),
        is_stitched=direct.isnull() & t["cookie_person"].notnull(),
    ).drop("lead_ref", "lead_person", "lead_domain", "cookie", "cookie_person", "cookie_domain")


def _domain_status(people: ir.Table, evidence: Evidence, identity: Identity) -> ir.Table:
    """(domain, day) → n_accounts and the reason against the domain, for every domain of the window."""
    kinds = [
        people.filter(people[c].notnull()).select(domain=people[c], day=people["signal_date"])
        for c in ("person_domain", "company_domain", "host_domain", "office_domain")
    ]
    asked = kinds[0].union(kinds[1]).union(kinds[2]).union(kinds[3]).distinct()
    status = with_owner_counts(asked, evidence.known.owners)
    return with_reasons(status, evidence.listed_domains, identity)


def _with_status(t: ir.Table, status: ir.Table, column: str, prefix: str) -> ir.Table:
    named = status.select(
        **{
            f"{prefix}_key": status["domain"],
            f"{prefix}_day": status["day"],
            f"{prefix}_n": status["n_accounts"],
            f"{prefix}_tie": status["is_tie"],
            f"{prefix}_against": status["against"],
        }
    )
    joined = t.left_join(
        named, [t[column] == named[f"{prefix}_key"], t["signal_date"] == named[f"{prefix}_day"]]
    )
    return joined.drop(f"{prefix}_key", f"{prefix}_day")


def _with_name(t: ir.Table, names: ir.Table, column: str, prefix: str) -> ir.Table:
    named = names.select(
        **{
            f"{prefix}_key_": names["name_key"],
            f"{prefix}_account": names["name_account"],
            f"{prefix}_tied": names["name_tied"],
            f"{prefix}_industry": names["name_industry"],
            f"{prefix}_from": names["name_from"],
            f"{prefix}_to": closed(names["name_to"]),
        }
    )
    # As the CRM had it on the day: else a later run of that day would answer otherwise.
    known = [
        t[column] == named[f"{prefix}_key_"],
        t["signal_date"] >= named[f"{prefix}_from"],
        t["signal_date"] < named[f"{prefix}_to"],
    ]
    t = t.left_join(named, known).drop(f"{prefix}_key_", f"{prefix}_from", f"{prefix}_to")
    return t.mutate(**{f"{prefix}_tied": t[f"{prefix}_tied"].fill_null(False)})


def _with_behaviour(t: ir.Table, behaviour: Behaviour | None) -> ir.Table:
    """Signals with ``bot_behaviour``, ``is_scanned`` and ``is_shared_ip``: the address says nothing."""
    if behaviour is None:
        no = ibis.literal(False)
        return t.mutate(bot_behaviour=ibis.null("string"), is_scanned=no, is_shared_ip=no)
    t = t.mutate(visitor=visitor(t))
    days = behaviour.bot_days.select(bot="visitor", bot_day="day", bot_behaviour="behaviour")
    t = t.left_join(days, [t["visitor"] == days["bot"], t["signal_date"] == days["bot_day"]])
    # Somebody who says who they are is not the program that shares their address.
    named = t["bot_behaviour"].notnull() & t["anonymous_id"].isnull() & t["person_key"].notnull()
    t = t.mutate(
        is_bot_ip=named,
        bot_behaviour=ibis.ifelse(named, ibis.null("string"), t["bot_behaviour"]),
    ).drop("visitor", "bot", "bot_day")
    # Two deliveries of one click may name two people.
    scanned = behaviour.scanned.select(scanned="signal_id").distinct()
    t = t.left_join(scanned, [("signal_id", "scanned")])
    shared = behaviour.shared_ips
    t = t.left_join(
        shared, [t["ip"] == shared["shared_ip"], t["signal_date"] == shared["shared_day"]]
    )
    shared_ip = t["shared_ip"].notnull() | t["is_bot_ip"]
    t = t.mutate(is_scanned=t["scanned"].notnull(), is_shared_ip=shared_ip)
    return t.drop("scanned", "shared_ip", "shared_day", "is_bot_ip")


def _with_address(t: ir.Table, evidence: Evidence) -> ir.Table:
    """Signals with what is known of their address: the office of the day, the network, the host name.

    A host name that reverse DNS gives stands where the log has none, unless the address is nobody's.
    """
    ips = evidence.ip_answers.rename(answer_ip="ip")
    t = t.left_join(ips, [("ip", "answer_ip")]).drop("answer_ip")
    spans = offices_in_time(evidence.ip_answers)
    t = t.left_join(
        spans,
        [
            t["ip"] == spans["span_ip"],
            t["signal_date"] >= spans["span_from"],
            t["signal_date"] < spans["span_to"],
        ],
    )
    free = t["blocked"].isnull() & ~t["is_shared_ip"]
    named = t["host"].isnull() & t["named_domain"].notnull() & free
    return t.mutate(
        host=ibis.ifelse(named, t["named_host"], t["host"]),
        host_domain=ibis.ifelse(named, t["named_domain"], t["host_domain"]),
        is_host_looked_up=named,
        office_domain=ibis.coalesce(t["span_domain"], t["office_domain"]),
        office_key=ibis.coalesce(t["span_key"], t["office_key"]),
        office_range=ibis.coalesce(t["span_range"], t["office_range"]),
    ).drop("named_host", "named_domain", *spans.columns)


def _with_office(t: ir.Table, evidence: Evidence, status: ir.Table, carried: ir.Table) -> ir.Table:
    """Signals with what is known of the office's domain on the day, and whether others list the office.

    Adds office_account (who alone has the domain, or lists the office under several), office_n,
    office_tie, is_office_tied.
    """
    owners = evidence.known.owners
    t = _with_status(t, status, "office_domain", "office").drop("office_against")
    t = with_sole_owner(t, owners, "office_domain", "office_account")
    claims = office_claims(t, evidence.ip_answers, owners, carried)
    claims = claims.select("tied_ip", "tied_day").distinct()
    t = t.left_join(claims, [("ip", "tied_ip"), ("signal_date", "tied_day")])
    t = t.mutate(is_office_tied=t["tied_ip"].notnull()).drop("tied_ip", "tied_day")
    sole = sole_offices(t, evidence.ip_answers, owners, carried)
    t = t.left_join(sole, [("ip", "sole_ip"), ("signal_date", "sole_day")])
    return t.mutate(
        office_account=ibis.coalesce(t["office_account"], t["sole_account"]),
        office_range=ibis.coalesce(t["office_range"], t["sole_range"]),
    ).drop(*sole.columns)


def widened(signals: ir.Table, evidence: Evidence, identity: Identity, keep: Keep) -> ir.Table:
    """Signals with every candidate the rules may choose from; still one row a signal.

    ``keep`` stores a step: each join names all columns of what it joins, so that the text of one query
    of all of them runs to megabytes.
    """
    t = keep(_persons(signals, evidence, identity))
    t = keep(with_refusals(t, evidence.consents, evidence.contacts))
    facts = evidence.known
    contacts = contact_matches(
        t, evidence.contacts, facts.nodes, facts.owners, evidence.listed_domains
    )
    t = t.left_join(contacts, [("signal_id", "contact_signal")]).drop("contact_signal")
    t = t.mutate(is_contact_tied=t["is_contact_tied"].fill_null(False))
    t = keep(with_one_person(keep(t), evidence.contacts, evidence.known.clusters))
    t = keep(_with_address(_with_behaviour(t, evidence.behaviour), evidence))
    status = keep(_domain_status(t, evidence, identity))
    t = _with_status(t, status, "person_domain", "mail")
    t = _with_status(t, status, "company_domain", "firm")
    t = keep(_with_status(t, status, "host_domain", "host"))
    carried = keep(carriers(evidence.accounts, evidence.name_keys, evidence.known.nodes))
    names = keep(settled_names(carried))
    keys = evidence.name_keys.select(given_name="name", given_key="name_key")
    t = t.left_join(keys, [("company_name", "given_name")]).drop("given_name")
    t = _with_name(t, names, "given_key", "given")
    t = with_claim(t, facts.owners, "company_domain", "given_account", "is_given_owner")
    t = keep(_with_name(t, names, "office_key", "office_name"))
    t = with_claim(t, facts.owners, "office_domain", "office_name_account", "is_office_name_owner")
    t = with_industries(
        t, facts.owners, evidence.accounts, "host_domain", identity.isp_industries, "host_is_isp"
    )
    t = keep(_with_name(t, names, "asn_key", "asn_name"))
    return _with_office(t, evidence, status, carried)
