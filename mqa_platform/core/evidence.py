"""Evidence for identity: what is known about a signal's person, domains, names and address.

Belongs here: the look-ups that widen a signal with candidates and with reasons against them. Does not
belong here: choosing between them (``identity``).

People and cookies are looked up in all that has landed, so that a day's answer does not depend on the
order in which days are run.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from mqa_platform.core.consents import with_refusals
from mqa_platform.core.expressions import first_match, in_force, newest_first, one_of
from mqa_platform.core.lead_merges import surviving
from mqa_platform.policy.identity import Identity


@dataclass(frozen=True)
class Evidence:
    """What identity looks at beside the signals; every table is complete, not a window of it.

    identities: landed_identities · contacts, accounts: crm_contacts, crm_accounts with history ·
    listed_domains: (domain, kind) of free and disposable mail · ip_answers: ``matching.IP_ANSWER`` ·
    name_keys: ``matching.NAME_KEY`` for every account and company name · consents: landed_consents.
    """

    identities: ir.Table
    contacts: ir.Table
    accounts: ir.Table
    listed_domains: ir.Table
    ip_answers: ir.Table
    name_keys: ir.Table
    consents: ir.Table


def _persons(signals: ir.Table, evidence: Evidence) -> ir.Table:
    """Signals with ``person`` (direct, else by cookie), ``person_domain`` and ``is_stitched``."""
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
    cookies = seen.filter(seen["kind"] == "cookie").select(
        cookie=seen["ref"], cookie_person=seen["person_ref"], cookie_domain=seen["email_domain"]
    )
    t = signals.left_join(leads, signals["person_key"] == leads["lead_ref"])
    t = t.left_join(cookies, t["anonymous_id"] == cookies["cookie"])
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


def _contacts_of(people: ir.Table, evidence: Evidence) -> ir.Table:
    """(signal_id, contact_id, contact_account, title) for signals of a CRM contact as of their day."""
    c = evidence.contacts
    refs = people.filter(people["person"].notnull()).select("signal_id", "signal_date", "person")
    by_mail = refs.join(c, refs["person"] == c["person_ref"])
    by_mail = by_mail.filter(in_force(by_mail, by_mail["signal_date"]) & ~by_mail["is_deleted"])
    columns = ["signal_id", "contact_id", "account_id", "title"]
    by_id = refs.mutate(crm_id=refs["person"].re_extract(r"^contact:(.*)$", 1).nullif(""))
    by_id = by_id.join(c, by_id["crm_id"] == c["contact_id"])
    by_id = by_id.filter(in_force(by_id, by_id["signal_date"]) & ~by_id["is_deleted"])
    found = by_mail.select(*columns).union(by_id.select(*columns))
    found = newest_first(found, ["signal_id"], [found["account_id"].isnull(), found["contact_id"]])
    return found.select(
        contact_signal=found["signal_id"],
        contact_id=found["contact_id"],
        contact_account=found["account_id"],
        title=found["title"],
    )


def account_domains(accounts: ir.Table, identity: Identity) -> ir.Table:
    """(domain, account_id, valid_from, valid_to): own domains, aliases and the policy's aliases."""
    live = accounts.filter(~accounts["is_deleted"])
    span = ["account_id", "valid_from", "valid_to"]
    own = live.filter(live["domain"].notnull()).select("domain", *span)
    listed = live.filter(live["aliases"].notnull() & (live["aliases"] != ""))
    aliases = listed.select(
        domain=listed["aliases"].split(";").unnest(), **{c: listed[c] for c in span}
    )
    known = own.union(aliases.filter(aliases["domain"] != ""))
    policy_aliases = [
        known.filter(known["domain"] == target).mutate(domain=ibis.literal(alias))
        for alias, target in sorted(identity.domain_aliases.items())
    ]
    for more in policy_aliases:
        known = known.union(more)
    return known.distinct()


def excluded(domain: ir.StringValue, host: ir.StringValue, identity: Identity) -> ir.StringValue:
    """The policy's reason against a domain (or a full host name), or null."""
    lists = identity.exclude_domains
    reasons = {
        "internal": [*lists.internal, *identity.own_domains],
        "bot": lists.bot,
        "competitor": lists.competitor,
        "partner": lists.partner,
        "education": lists.education,
        "isp": lists.isp,
        "hosting": lists.hosting,
        "free_mail": lists.free_mail,
    }
    cases = [
        (
            one_of(domain, names).fill_null(False) | one_of(host, names).fill_null(False),
            ibis.literal(reason),
        )
        for reason, names in reasons.items()
        if names
    ]
    return first_match(cases, ibis.null("string"))


def _domain_status(people: ir.Table, evidence: Evidence, identity: Identity) -> ir.Table:
    """(domain, day) → n_accounts and the reason against the domain, for every domain of the window."""
    kinds = [
        people.filter(people[c].notnull()).select(domain=people[c], day=people["signal_date"])
        for c in ("person_domain", "company_domain", "host_domain")
    ]
    asked = kinds[0].union(kinds[1]).union(kinds[2]).distinct()
    owners = account_domains(evidence.accounts, identity).rename(owner_domain="domain")
    held = asked.join(owners, asked["domain"] == owners["owner_domain"])
    held = held.filter(in_force(held, held["day"])).select("domain", "day", "account_id").distinct()
    counted = held.group_by("domain", "day").aggregate(n_accounts=held.count())
    listed = evidence.listed_domains.select(
        listed_domain="domain",
        listed_kind=ibis.ifelse(
            evidence.listed_domains["kind"] == "disposable", "disposable_mail", "free_mail"
        ),
    )
    listed = newest_first(listed, ["listed_domain"], [listed["listed_kind"].desc()])
    status = asked.left_join(counted, ["domain", "day"])
    status = status.select("domain", "day", n_accounts=status["n_accounts"].fill_null(0)).left_join(
        listed, [("domain", "listed_domain")]
    )
    education = (
        status["domain"].re_search(identity.education_pattern)
        if identity.exclude_education
        else ibis.literal(False)
    )
    reason = ibis.coalesce(
        excluded(status["domain"], status["domain"], identity),
        ibis.ifelse(education & (status["n_accounts"] == 0), "education", ibis.null("string")),
        status["listed_kind"],
    )
    return status.select("domain", "day", "n_accounts", against=reason)


def _with_status(t: ir.Table, status: ir.Table, column: str, prefix: str) -> ir.Table:
    named = status.select(
        **{
            f"{prefix}_key": status["domain"],
            f"{prefix}_day": status["day"],
            f"{prefix}_n": status["n_accounts"],
            f"{prefix}_against": status["against"],
        }
    )
    joined = t.left_join(
        named, [t[column] == named[f"{prefix}_key"], t["signal_date"] == named[f"{prefix}_day"]]
    )
    return joined.drop(f"{prefix}_key", f"{prefix}_day")


def _names(evidence: Evidence) -> ir.Table:
    """(name_key, name_account, is_isp_industry …): names that exactly one live account carries today."""
    a = evidence.accounts
    live = a.filter(~a["is_deleted"]).select("account_id", "name", "industry", "valid_from")
    live = newest_first(live, ["account_id"], [live["valid_from"].desc()])
    keyed = live.join(evidence.name_keys, "name")
    keyed = keyed.filter(keyed["name_key"].notnull())
    unique = keyed.group_by("name_key").aggregate(n=keyed.count())
    unique = unique.filter(unique["n"] == 1).select("name_key")
    once = keyed.semi_join(unique, "name_key")
    return once.select("name_key", name_account=once["account_id"], name_industry=once["industry"])


def _with_name(t: ir.Table, names: ir.Table, column: str, prefix: str) -> ir.Table:
    named = names.select(
        **{
            f"{prefix}_key_": names["name_key"],
            f"{prefix}_account": names["name_account"],
            f"{prefix}_industry": names["name_industry"],
        }
    )
    return t.left_join(named, t[column] == named[f"{prefix}_key_"]).drop(f"{prefix}_key_")


def widened(signals: ir.Table, evidence: Evidence, identity: Identity) -> ir.Table:
    """Signals with every candidate the rules may choose from; still one row a signal."""
    t = with_refusals(_persons(signals, evidence), evidence.consents, evidence.contacts)
    t = t.left_join(_contacts_of(t, evidence), [("signal_id", "contact_signal")]).drop(
        "contact_signal"
    )
    status = _domain_status(t, evidence, identity)
    t = _with_status(t, status, "person_domain", "mail")
    t = _with_status(t, status, "company_domain", "firm")
    t = _with_status(t, status, "host_domain", "host")
    names = _names(evidence)
    keys = evidence.name_keys.select(given_name="name", given_key="name_key")
    t = t.left_join(keys, [("company_name", "given_name")]).drop("given_name")
    t = _with_name(t, names, "given_key", "given")
    ips = evidence.ip_answers.rename(answer_ip="ip")
    t = t.left_join(ips, [("ip", "answer_ip")]).drop("answer_ip")
    t = _with_name(t, names, "office_key", "office_name")
    t = _with_name(t, names, "asn_key", "asn_name")
    domains = account_domains(evidence.accounts, identity)
    office = domains.filter(domains["valid_to"].isnull()).select(
        office_owner_domain="domain", office_account="account_id"
    )
    # An office that several accounts would own is nobody's: a wrong match is worse than none.
    office = office.group_by("office_owner_domain").aggregate(
        owners=office["office_account"].nunique(), office_account=office["office_account"].min()
    )
    office = office.filter(office["owners"] == 1).drop("owners")
    return t.left_join(office, [("office_domain", "office_owner_domain")]).drop(
        "office_owner_domain"
    )
