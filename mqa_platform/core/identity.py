"""Identity serves sessions: which account and which person a signal belongs to, by which rule.

Belongs here: the rule chain, its order, its exclusions and its confidences. Does not belong here: the
look-ups it chooses from (``evidence``), cutting visits (``sessions``), fit (``accounts``).

The chain, first answer wins: CRM contact → e-mail domain → cookie stitched to a known person → company
domain → company name → host name → office IP range → organisation of the network.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from mqa_platform.core.evidence import Evidence, account_domains, excluded, widened
from mqa_platform.core.expressions import first_match, in_force, one_of
from mqa_platform.policy.models import Policy

Keep = Callable[[ir.Table], ir.Table]
STOPPING = ("internal", "bot", "competitor", "partner", "education")


def _as_is(t: ir.Table) -> ir.Table:
    return t


def resolve(signals: ir.Table, evidence: Evidence, policy: Policy, keep: Keep = _as_is) -> ir.Table:
    """Every signal with its answer: one row an account that shares it, or one row and a reason.

    Columns: signal_id, account_id, person_id, share (sums to 1 a signal), match_confidence,
    resolution_rule, is_known_person, title, reason (null when resolved).

    ``keep`` may store a table and read it back. Without it every rule carries the text of all the
    conditions before it, and an engine spends minutes on a day that takes a second.
    """
    judged = keep(_judged(widened(signals, evidence, policy.identity), policy))
    chosen = keep(_chosen(judged, policy))
    return _answers(chosen, account_domains(evidence.accounts, policy.identity))


def _judged(t: ir.Table, policy: Policy) -> ir.Table:
    """Candidates with the reasons against them, and the reason that stops all rules, if any."""
    identity = policy.identity
    host_against = ibis.coalesce(excluded(t["host_domain"], t["host"], identity), t["host_against"])
    dialled = t["host"].re_search(identity.isp_host_pattern).fill_null(False) & (
        t["host_n"].fill_null(0) == 0
    )
    host_against = ibis.coalesce(host_against, ibis.ifelse(dialled, "isp", ibis.null("string")))
    unasked = (t["consent"] == "unknown") & (not policy.signals.unknown_consent_counts_as_anonymous)
    denied = (t["consent"] == "denied") | unasked | t["is_refused"]
    asn_is_isp = t["asn_org"].re_search(identity.isp_org_pattern).fill_null(False) | one_of(
        t["asn_name_industry"], identity.isp_industries
    ).fill_null(False)
    t = t.mutate(
        host_against=host_against,
        asn_is_isp=asn_is_isp,
        office_owner=ibis.coalesce(t["office_account"], t["office_name_account"]),
        is_nameless=t["consent"] == "unknown",
        is_denied=denied,
    )
    return t.mutate(
        stopped=first_match(
            [
                (t["is_bot_agent"], ibis.literal("bot")),
                (t["is_denied"], ibis.literal("no_consent")),
                (one_of(t["mail_against"], STOPPING).fill_null(False), t["mail_against"]),
                (one_of(t["host_against"], STOPPING).fill_null(False), t["host_against"]),
                (one_of(t["firm_against"], STOPPING).fill_null(False), t["firm_against"]),
            ],
            ibis.null("string"),
        )
    )


def _chosen(t: ir.Table, policy: Policy) -> ir.Table:
    """The first rule that speaks, its account or its domain, and the reason where none does."""
    identity, confidence = policy.identity, policy.identity.confidence
    split = identity.shared_domains == "split"
    known = ~t["is_nameless"]

    def speaks(column: str, count: str, against: str, discover: bool) -> ir.BooleanValue:
        enough = (t[count] == 1) | ((t[count] > 1) & split) | ((t[count] == 0) & discover)
        return t[column].notnull() & t[against].isnull() & enough.fill_null(False)

    mail = speaks("person_domain", "mail_n", "mail_against", identity.discovery) & known
    firm = speaks("company_domain", "firm_n", "firm_against", False)
    host = speaks("host_domain", "host_n", "host_against", identity.discovery)
    contact, free = t["contact_account"], t["blocked"].isnull()
    office, network = t["office_owner"], t["asn_name_account"]
    nothing = ibis.null("string")
    # Rule, when it speaks, the domain it answers with or the account it answers with.
    rules = [
        ("crm_contact", contact.notnull() & ~t["is_stitched"] & known, nothing, contact),
        ("email_domain", mail & ~t["is_stitched"], t["person_domain"], nothing),
        ("stitched_cookie", contact.notnull() & known, nothing, contact),
        ("stitched_cookie", mail, t["person_domain"], nothing),
        ("company_domain", firm, t["company_domain"], nothing),
        ("company_name", t["given_account"].notnull(), nothing, t["given_account"]),
        ("host_domain", host, t["host_domain"], nothing),
        ("office_ip", free & office.notnull(), nothing, office),
        ("asn_org", free & network.notnull() & ~t["asn_is_isp"], nothing, network),
    ]
    go = t["stopped"].isnull()
    skipped = first_match(
        [
            (t["mail_against"].notnull(), t["mail_against"]),
            ((t["mail_n"] > 1) & (not split), ibis.literal("tie_refused")),
            (t["firm_against"].notnull(), t["firm_against"]),
            ((t["firm_n"] > 1) & (not split), ibis.literal("tie_refused")),
            (t["host_against"].notnull(), t["host_against"]),
            ((t["host_n"] > 1) & (not split), ibis.literal("tie_refused")),
            (t["blocked"].notnull(), t["blocked"]),
            (t["asn_is_isp"], ibis.literal("isp")),
        ],
        ibis.literal("no_match"),
    )
    return t.select(
        "signal_id",
        "signal_date",
        "title",
        rule=first_match([(go & c, ibis.literal(n)) for n, c, _, _ in rules], nothing),
        rule_domain=first_match([(go & c, d) for _, c, d, _ in rules], nothing),
        rule_account=first_match([(go & c, a) for _, c, _, a in rules], nothing),
        match_confidence=first_match(
            [(go & c, ibis.literal(float(getattr(confidence, n)))) for n, c, _, _ in rules],
            ibis.null("float64"),
        ),
        why_not=ibis.coalesce(t["stopped"], skipped),
        person_id=ibis.ifelse(
            t["is_nameless"] | t["is_denied"],
            nothing,
            ibis.coalesce(t["contact_id"], t["person"]),
        ),
    )


def _answers(t: ir.Table, domains: ir.Table) -> ir.Table:
    """The accounts behind the chosen rule: several where a domain is shared."""
    nothing = ibis.null("string")
    owners = domains.rename(owned_domain="domain", owner_id="account_id")
    owned = t.filter(t["rule_domain"].notnull()).select("signal_id", "signal_date", "rule_domain")
    owned = owned.join(owners, owned["rule_domain"] == owners["owned_domain"])
    owned = owned.filter(in_force(owned, owned["signal_date"]))
    owned = owned.select(owned_signal=owned["signal_id"], owner_id=owned["owner_id"]).distinct()
    sharers = (
        owned.group_by("owned_signal")
        .aggregate(sharers=owned.count())
        .rename(shared="owned_signal")
    )
    t = t.left_join(owned, [("signal_id", "owned_signal")]).drop("owned_signal")
    t = t.left_join(sharers, [("signal_id", "shared")]).drop("shared")
    found_domain = ibis.ifelse(
        t["rule_domain"].notnull(), ibis.literal("domain:") + t["rule_domain"], nothing
    )
    return t.select(
        "signal_id",
        account_id=ibis.coalesce(t["rule_account"], t["owner_id"], found_domain),
        person_id=t["person_id"],
        share=1.0 / ibis.coalesce(t["sharers"], 1).cast("float64"),
        match_confidence=t["match_confidence"],
        resolution_rule=t["rule"],
        is_known_person=t["person_id"].notnull(),
        title=t["title"],
        reason=ibis.ifelse(t["rule"].notnull(), nothing, t["why_not"]),
    )
