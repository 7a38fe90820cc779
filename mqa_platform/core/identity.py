"""Identity serves sessions: which account and which person a signal belongs to, by which rule.

Belongs here: the rule chain, its order, its exclusions and its confidences. Does not belong here: the
look-ups it chooses from (``evidence``), cutting visits (``sessions``), fit (``accounts``).

The chain, first answer wins: CRM contact → e-mail domain → cookie stitched to a known person → company
domain → company name → host name → office IP range → organisation of the network.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.evidence import Evidence, account_domains, excluded, widened
from mqa_platform.core.expressions import first_match, in_force, one_of
from mqa_platform.policy.models import Policy

STOPPING = ("internal", "bot", "competitor", "partner", "education")


def resolve(signals: ir.Table, evidence: Evidence, policy: Policy) -> ir.Table:
    """Every signal with its answer: one row an account that shares it, or one row and a reason.

    Columns: signal_id, account_id, person_id, share (sums to 1 a signal), match_confidence,
    resolution_rule, is_known_person, title, reason (null when resolved).
    """
    t = widened(signals, evidence, policy.identity)
    return _answers(t, account_domains(evidence.accounts, policy.identity), policy)


def _answers(t: ir.Table, domains: ir.Table, policy: Policy) -> ir.Table:
    """The first rule that speaks, its account or accounts, and the reason where none does."""
    identity = policy.identity
    confidence = identity.confidence
    split = identity.shared_domains == "split"
    host_against = ibis.coalesce(excluded(t["host_domain"], t["host"], identity), t["host_against"])
    mail_against = ibis.coalesce(
        excluded(t["person_domain"], t["host"], identity), t["mail_against"]
    )
    dialled = t["host"].re_search(identity.isp_host_pattern).fill_null(False) & (
        t["host_n"].fill_null(0) == 0
    )
    host_against = ibis.coalesce(host_against, ibis.ifelse(dialled, "isp", ibis.null("string")))
    denied = (t["consent"] == "denied") | (
        (t["consent"] == "unknown") & (not policy.signals.unknown_consent_counts_as_anonymous)
    )
    nameless = t["consent"] == "unknown"
    known = ~nameless
    stopped = first_match(
        [
            (t["is_bot_agent"], ibis.literal("bot")),
            (denied, ibis.literal("no_consent")),
            (one_of(mail_against, STOPPING).fill_null(False), mail_against),
            (one_of(host_against, STOPPING).fill_null(False), host_against),
            (one_of(t["firm_against"], STOPPING).fill_null(False), t["firm_against"]),
        ],
        ibis.null("string"),
    )

    def speaks(column: str, count: str, against: ir.Value, discover: bool) -> ir.BooleanValue:
        enough = (t[count] == 1) | ((t[count] > 1) & split) | ((t[count] == 0) & discover)
        return t[column].notnull() & against.isnull() & enough.fill_null(False)

    mail = speaks("person_domain", "mail_n", mail_against, identity.discovery) & known
    asn_is_isp = t["asn_org"].re_search(identity.isp_org_pattern).fill_null(False) | one_of(
        t["asn_name_industry"], identity.isp_industries
    ).fill_null(False)
    office_account = ibis.coalesce(t["office_account"], t["office_name_account"])
    free = t["blocked"].isnull()
    rules = [
        (
            "crm_contact",
            t["contact_account"].notnull() & ~t["is_stitched"] & known,
            None,
            t["contact_account"],
        ),
        ("email_domain", mail & ~t["is_stitched"], "person_domain", None),
        ("stitched_cookie", t["contact_account"].notnull() & known, None, t["contact_account"]),
        ("stitched_cookie", mail, "person_domain", None),
        (
            "company_domain",
            speaks("company_domain", "firm_n", t["firm_against"], False),
            "company_domain",
            None,
        ),
        ("company_name", t["given_account"].notnull(), None, t["given_account"]),
        (
            "host_domain",
            speaks("host_domain", "host_n", host_against, identity.discovery),
            "host_domain",
            None,
        ),
        ("office_ip", free & office_account.notnull(), None, office_account),
        (
            "asn_org",
            free & t["asn_name_account"].notnull() & ~asn_is_isp,
            None,
            t["asn_name_account"],
        ),
    ]
    go = stopped.isnull()
    nothing = ibis.null("string")
    t = t.mutate(
        rule=first_match([(go & c, ibis.literal(n)) for n, c, _, _ in rules], nothing),
        rule_domain=first_match(
            [(go & c, t[d] if d else nothing) for _, c, d, _ in rules], nothing
        ),
        rule_account=first_match(
            [(go & c, nothing if a is None else a) for _, c, _, a in rules], nothing
        ),
        match_confidence=first_match(
            [(go & c, ibis.literal(float(getattr(confidence, n)))) for n, c, _, _ in rules],
            ibis.null("float64"),
        ),
        stopped=stopped,
        skipped=first_match(
            [
                (mail_against.notnull(), mail_against),
                ((t["mail_n"] > 1) & (not split), ibis.literal("tie_refused")),
                (t["firm_against"].notnull(), t["firm_against"]),
                ((t["firm_n"] > 1) & (not split), ibis.literal("tie_refused")),
                (host_against.notnull(), host_against),
                ((t["host_n"] > 1) & (not split), ibis.literal("tie_refused")),
                (t["blocked"].notnull(), t["blocked"]),
                (asn_is_isp, ibis.literal("isp")),
            ],
            ibis.literal("no_match"),
        ),
        is_nameless=nameless,
    )
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
    person = ibis.ifelse(t["is_nameless"], nothing, ibis.coalesce(t["contact_id"], t["person"]))
    return t.select(
        "signal_id",
        account_id=ibis.coalesce(t["rule_account"], t["owner_id"], found_domain),
        person_id=person,
        share=1.0 / ibis.coalesce(t["sharers"], 1).cast("float64"),
        match_confidence=t["match_confidence"],
        resolution_rule=t["rule"],
        is_known_person=person.notnull(),
        title=t["title"],
        reason=ibis.ifelse(t["rule"].notnull(), nothing, ibis.coalesce(t["stopped"], t["skipped"])),
    )
