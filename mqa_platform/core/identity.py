"""Identity serves sessions: which account and which person a signal belongs to, by which rule.

Belongs here: the rule chain, its order, its exclusions and its confidences. Does not belong here: the
look-ups it chooses from (``evidence``), cutting visits (``sessions``), fit (``accounts``).

The chain is the policy's ``rules``, first answer wins; by default CRM contact → e-mail domain → cookie
stitched to a known person → company domain → company name → host name (of the log, else by reverse DNS) →
office IP range → organisation of the network. A rule that is not listed never speaks.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from mqa_platform.core.employment_contacts import employed, unasked
from mqa_platform.core.employment_facts import Apply
from mqa_platform.core.evidence import Evidence, Keep, widened
from mqa_platform.core.exclusions import excluded, stopping
from mqa_platform.core.expressions import first_match, one_of
from mqa_platform.core.known import Known
from mqa_platform.core.ownership import answered
from mqa_platform.core.stopped_accounts import without_stopped
from mqa_platform.policy.models import Policy

_AGAINST = ("mail_against", "host_against", "firm_against", "office_against")
# Rule, when it speaks, the domain or the account it answers with, and the evidence of it.
Rule = tuple[str, ir.BooleanValue, ir.Value, ir.Value, ir.Value]


def _as_is(t: ir.Table) -> ir.Table:
    return t


def resolve(
    signals: ir.Table,
    evidence: Evidence,
    policy: Policy,
    keep: Keep = _as_is,
    apply: Apply | None = None,
) -> ir.Table:
    """Every signal with its answer: one row an account that shares it, or one row and a reason.

    Columns: signal_id, account_id (by the policy's roll-up), own_account_id (before it), person_id,
    share (sums to 1 a signal), match_confidence, resolution_rule, evidence (which contact, domain,
    name or range spoke), is_known_person, title, reason (null when resolved).

    ``keep`` may store a table and read it back. Without it every rule carries the text of all the
    conditions before it, and an engine spends minutes on a day that takes a second.
    """
    return decided(judged(signals, evidence, policy, keep, apply), evidence, policy, keep)


def judged(
    signals: ir.Table,
    evidence: Evidence,
    policy: Policy,
    keep: Keep = _as_is,
    apply: Apply | None = None,
) -> ir.Table:
    """The first half of ``resolve``: signals with every candidate and every reason against it."""
    seen = keep(_judged(widened(signals, evidence, policy.identity, keep), policy))
    # Without a way to run its kernel, nobody's employer is doubted.
    if apply is None:
        return unasked(seen)
    return keep(employed(seen, evidence, policy.identity, keep, apply))


def decided(seen: ir.Table, evidence: Evidence, policy: Policy, keep: Keep = _as_is) -> ir.Table:
    """The second half of ``resolve``: what the policy's rules choose from what was ``judged``."""
    owners = evidence.known.owners
    chosen = keep(_chosen(seen, policy))
    chosen = keep(without_stopped(chosen, evidence.accounts, owners, policy.identity))
    return _answers(chosen, evidence.known)


def _judged(t: ir.Table, policy: Policy) -> ir.Table:
    """Candidates with the reasons against them, and the reason that stops all rules, if any."""
    identity = policy.identity
    host_against = ibis.coalesce(excluded(t["host_domain"], t["host"], identity), t["host_against"])
    # A provider that is an account lends lines and has gateways of its own: its pattern tells them apart,
    # where a look-up gives a host at all.
    spells = t["host"].re_search(identity.isp_host_pattern).fill_null(False)
    hostless = (t["is_host_looked_up"] & (t["host"] == t["host_domain"])).fill_null(False)
    strange = t["host_n"].fill_null(0) == 0
    lent = (spells & (strange | t["host_is_isp"])) | (t["host_is_isp"] & hostless)
    host_against = ibis.coalesce(host_against, ibis.ifelse(lent, "isp", ibis.null("string")))
    unasked = (t["consent"] == "unknown") & (not policy.signals.unknown_consent_counts_as_anonymous)
    denied = (t["consent"] == "denied") | unasked | t["is_refused"]
    asn_is_isp = t["asn_org"].re_search(identity.isp_org_pattern).fill_null(False) | one_of(
        t["asn_name_industry"], identity.isp_industries
    ).fill_null(False)
    # A name does not speak against the domain beside it: two companies may have the same name.
    nobodys = one_of(t["firm_against"], ("free_mail", "disposable_mail")).fill_null(False)
    given_alone = t["company_domain"].isnull() | nobodys
    office_named = t["office_domain"].isnull() | t["is_office_name_owner"]
    by_name = ibis.ifelse(office_named, t["office_name_account"], ibis.null("string"))
    t = t.mutate(
        host_against=host_against,
        asn_is_isp=asn_is_isp,
        given_account=ibis.ifelse(
            given_alone | t["is_given_owner"], t["given_account"], ibis.null("string")
        ),
        given_tied=t["given_tied"] & given_alone,
        office_owner=ibis.coalesce(t["office_account"], by_name),
        office_name_tied=t["office_name_tied"] & t["office_domain"].isnull(),
        is_nameless=t["consent"] == "unknown",
        is_denied=denied,
        office_against=excluded(t["office_domain"], t["office_domain"], identity),
    )
    is_bot = (
        t["is_bot_agent"] | t["bot_behaviour"].notnull() | (t["blocked"] == "bot").fill_null(False)
    )
    return t.mutate(
        stopped=first_match(
            [
                (is_bot, ibis.literal("bot")),
                (t["is_scanned"], ibis.literal("link_scanner")),
                (t["is_denied"], ibis.literal("no_consent")),
                *[(stopping(t[a]), t[a]) for a in _AGAINST],
            ],
            ibis.null("string"),
        )
    )


def _chosen(t: ir.Table, policy: Policy) -> ir.Table:
    """The first rule that speaks, its account or its domain, and the reason where none does."""
    identity, confidence = policy.identity, policy.identity.confidence
    known = ~t["is_nameless"]

    def speaks(column: str, kind: str, discover: bool) -> ir.BooleanValue:
        count, against = f"{kind}_n", f"{kind}_against"
        enough = ((t[count] > 0) & ~t[f"{kind}_tie"]) | ((t[count] == 0) & discover)
        return t[column].notnull() & t[against].isnull() & enough.fill_null(False)

    mail = speaks("person_domain", "mail", identity.discovery) & known
    firm = speaks("company_domain", "firm", False)
    host = speaks("host_domain", "host", identity.discovery)
    # Most names that reverse DNS gives are a provider's, so it discovers no company.
    host = host & (~t["is_host_looked_up"] | (t["host_n"] > 0))
    contact, stitched = t["contact_account"], t["is_stitched"]
    free = t["blocked"].isnull() & ~t["is_shared_ip"]
    office, network = t["office_owner"], t["asn_name_account"]
    against_office = ~free | t["office_against"].notnull()
    # The domain of an office is shared as the policy says, unless the list names one of the accounts.
    shared = office.isnull() & ((t["office_n"] > 0) & ~t["office_tie"]).fill_null(False)
    nothing = ibis.null("string")

    def told(words: str, column: str) -> ir.Value:
        return ibis.literal(words) + t[column]

    looked_up = ibis.ifelse(
        t["is_host_looked_up"], told("reverse DNS ", "host_domain"), told("host of ", "host_domain")
    )
    range_ = ibis.literal("office range ") + t["office_range"].fill_null("stored before")
    moved, doubt = t["employer_moved"], t["employer_evidence"].re_replace("_", " ")
    person = told("contact ", "contact_id") + ibis.coalesce(ibis.literal(", ") + doubt, "")
    listed: list[Rule] = [
        ("crm_contact", contact.notnull() & ~moved & ~stitched & known, nothing, contact, person),
        ("email_domain", moved & ~stitched & known, nothing, contact, person),
        ("email_domain", mail & ~stitched, t["person_domain"], nothing,
         told("address at ", "person_domain")),
        ("stitched_cookie", contact.notnull() & stitched & known, nothing, contact,
         ibis.literal("browser of ") + person),
        ("stitched_cookie", mail & stitched, t["person_domain"], nothing,
         told("browser of an address at ", "person_domain")),
        ("company_domain", firm, t["company_domain"], nothing,
         told("company domain ", "company_domain")),
        ("company_name", t["given_account"].notnull(), nothing, t["given_account"],
         told("company name ", "given_key")),
        ("host_domain", host, t["host_domain"], nothing, looked_up),
        ("office_ip", ~against_office & (office.notnull() | shared),
         ibis.ifelse(shared, t["office_domain"], nothing), office, range_),
        ("asn_org", free & network.notnull() & ~t["asn_is_isp"], nothing, network,
         told("network of ", "asn_org")),
    ]  # fmt: skip
    rules = [rule for name in identity.rules for rule in listed if rule[0] == name]
    go = t["stopped"].isnull()
    return t.select(
        "signal_id",
        "signal_date",
        "title",
        rule=first_match([(go & c, ibis.literal(n)) for n, c, *_ in rules], nothing),
        rule_domain=first_match([(go & c, d) for _, c, d, _, _ in rules], nothing),
        rule_account=first_match([(go & c, a) for _, c, _, a, _ in rules], nothing),
        evidence=first_match([(go & c, e) for _, c, _, _, e in rules], nothing),
        match_confidence=first_match(
            [(go & c, _stated(t, float(getattr(confidence, n)), a)) for n, c, _, a, _ in rules],
            ibis.null("float64"),
        ),
        why_not=ibis.coalesce(t["stopped"], _why_not(t, identity.rules)),
        person_id=ibis.ifelse(
            t["is_nameless"] | t["is_denied"],
            nothing,
            t["one_person"],
        ),
    )


def _why_not(t: ir.Table, rules: Sequence[str]) -> ir.StringValue:
    """The reason where no rule speaks: a tie that somebody can settle before all others.

    Only rules of the policy wait for an answer.
    """
    free = t["blocked"].isnull() & ~t["is_shared_ip"]
    tied = t["is_office_tied"] | t["office_tie"].fill_null(False) | t["office_name_tied"]
    mail = t["mail_tie"] & t["mail_against"].isnull() & ~t["is_nameless"]
    several = t["is_contact_tied"] & ~t["is_nameless"]
    ties: list[tuple[str, ir.BooleanValue]] = [
        ("crm_contact", several & ~t["is_stitched"]),
        ("email_domain", mail & ~t["is_stitched"]),
        ("stitched_cookie", (mail | several) & t["is_stitched"]),
        ("company_domain", t["firm_tie"] & t["firm_against"].isnull()),
        ("company_name", t["given_tied"]),
        ("host_domain", t["host_tie"] & t["host_against"].isnull()),
        ("office_ip", tied & free & t["office_against"].isnull()),
        ("asn_org", t["asn_name_tied"] & free & ~t["asn_is_isp"]),
    ]
    return first_match(
        [
            *((c.fill_null(False), ibis.literal("tie_refused")) for n, c in ties if n in rules),
            *((t[a].notnull(), t[a]) for a in ("mail_against", "firm_against", "host_against")),
            (t["blocked"].notnull(), t["blocked"]),
            (t["office_against"].notnull(), t["office_against"]),
            (t["is_shared_ip"], ibis.literal("shared_ip")),
            (t["asn_is_isp"], ibis.literal("isp")),
        ],
        ibis.literal("no_match"),
    )


def _stated(t: ir.Table, rule: float, account: ir.Value) -> ir.FloatingValue:
    """The rule's confidence, or that of the person's employer where that is in doubt and lower."""
    doubt = t["employer_confidence"]
    doubted = doubt.notnull() & (account == t["contact_account"]).fill_null(False)
    return ibis.ifelse(doubted & (doubt < rule), doubt, ibis.literal(rule))


def _answers(t: ir.Table, known: Known) -> ir.Table:
    """The accounts behind the chosen rule: several where a domain is shared."""
    t = answered(t, known.owners, known.nodes)
    return t.select(
        "signal_id",
        "account_id",
        "own_account_id",
        "person_id",
        "share",
        "match_confidence",
        "evidence",
        "title",
        resolution_rule=t["rule"],
        is_known_person=t["person_id"].notnull(),
        reason=ibis.ifelse(t["rule"].notnull(), ibis.null("string"), t["why_not"]),
    )
