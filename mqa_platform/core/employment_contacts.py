"""Contacts whose CRM record is old: which account employs them at a signal.

Belongs here: which signals are in doubt, what CRM and signals know of their people, and putting the answer
in the place of the CRM's. Does not belong here: weighing (``employment``) or the chain (``identity``).

A domain is a company's once enough contacts have an address there, so that the answer does not depend on
who else has visited.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.company_keys import account_domains
from mqa_platform.core.contact_matches import with_nodes
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.employment_facts import Apply, Keep, Question, employment
from mqa_platform.core.evidence import Evidence
from mqa_platform.core.exclusions import with_reasons
from mqa_platform.core.expressions import BEGINNING
from mqa_platform.policy.identity import Identity

# Evidence with which the CRM stands as it is: nothing speaks against it.
_MOMENT = "timestamp('UTC', 6)"
CONFIRMED = ("domain_agrees", "domain_on_record")


def unasked(t: ir.Table) -> ir.Table:
    """Candidates with the columns of an answer, all null: the CRM is believed."""
    nothing = ibis.null("string")
    return t.mutate(
        employer_moved=ibis.literal(False),
        employer_confidence=ibis.null("float64"),
        employer_evidence=nothing,
    )


def employed(
    t: ir.Table, evidence: Evidence, identity: Identity, keep: Keep, apply: Apply
) -> ir.Table:
    """Candidates with ``contact_account`` as of the signal, where the CRM has not confirmed it lately.

    Adds employer_moved (the answer is not the CRM's account), employer_confidence and
    employer_evidence; null where the CRM is believed as it is.
    """
    # Who moved is found by the domain: where that rule never speaks, nobody has moved.
    if evidence.uses is None or "email_domain" not in identity.rules:
        return unasked(t)
    answers = employment(
        _question(keep(_doubted(t, identity)), evidence.uses, evidence, identity),
        identity.employment,
        keep,
        apply,
    )
    a = answers.filter(~answers["evidence"].isin(CONFIRMED)).select(
        answered="ref",
        employer="company",
        employer_moved=answers["company"] != answers["crm_company"],
        employer_confidence="confidence",
        employer_evidence="evidence",
    )
    t = t.left_join(a, t["signal_id"] == a["answered"])
    t = with_nodes(t, evidence.known.nodes, "employer", "employer_node")
    moved = t["employer_moved"].fill_null(False)
    # An employer that is no account on the day is nobody's; then the mail's domain speaks.
    there = ibis.ifelse(t["employer_node"].notnull(), t["employer"], ibis.null("string"))
    t = t.mutate(
        contact_account=ibis.ifelse(moved, there, t["contact_account"]),
        employer_moved=moved & t["employer_node"].notnull(),
    )
    return t.drop("answered", "employer", "employer_node")


def _doubted(t: ir.Table, identity: Identity) -> ir.Table:
    """Signals of contacts that no version of the CRM's has confirmed for ``fresh_days``."""
    age = t["signal_date"].delta(t["contact_since"], unit="day")
    old = t["contact_account"].notnull() & (age >= identity.employment.fresh_days)
    told = t["mail_against"].isnull() & ~t["is_stitched"]
    domain = ibis.ifelse(told, t["person_domain"], ibis.null("string"))
    asked = t.filter(old & t["stopped"].isnull() & ~t["is_nameless"])
    return asked.select(
        ref="signal_id",
        person="contact_id",
        at="occurred_at",
        confirmed_at=asked["contact_since"].cast(_MOMENT),
        domain=domain,
        label=domain.re_extract(r"^([^.]+)\.", 1).nullif(""),
    )


def _question(asked: ir.Table, uses: ir.Table, evidence: Evidence, identity: Identity) -> Question:
    """What CRM and signals know of contacts; a contact is the person, an account the company.

    A merged account is its survivor, whenever that was found out.
    """
    c, a = evidence.contacts, evidence.accounts
    c = c.filter(~c["is_deleted"]).mutate(at=c["valid_from"].cast(_MOMENT))
    refs = c.filter(c["person_ref"].notnull()).select("contact_id", "person_ref").distinct()
    used = uses.filter(uses["person_ref"].notnull())
    # A day counts once: a visit of twelve pages is no twelve-fold silence of another address.
    used = used.group_by("person_ref", "event_date", domain="email_domain").aggregate(
        at=used["occurred_at"].min()
    )
    used = used.join(refs, "person_ref")
    addresses = c.filter(c["email_domain"].notnull()).select(
        person="contact_id", at="at", domain="email_domain"
    )
    keys = evidence.name_keys.select(given="name", key="name_key")
    names = a.filter(~a["is_deleted"]).join(keys, a["name"] == keys["given"])
    names = names.filter(names["key"].notnull()).select(
        label=names["key"].re_replace(r"\s+", ""),
        company="account_id",
        at=names["valid_from"].cast(_MOMENT),
    )
    employers = c.filter(c["account_id"].notnull()).select(
        person="contact_id", at="at", company="account_id"
    )
    return Question(
        asked=asked,
        uses=used.select(person="contact_id", at="at", domain="domain"),
        users=addresses,
        employers=_surviving(employers, evidence, identity),
        addresses=addresses,
        owners=_owners(evidence, identity),
        named=_surviving(names, evidence, identity),
    )


def _owners(evidence: Evidence, identity: Identity) -> ir.Table:
    """Who has a domain when: the one account that it goes to, and all that the CRM has it with.

    A domain that says nothing of a company, such as one of free mail that somebody entered, is nobody's.
    """
    o = evidence.known.owners
    sole = o.filter(~o["is_refused"] & (o["share"] == 1.0))
    parts = [
        t.select(
            "domain",
            company="account_id",
            is_sole=ibis.literal(is_sole),
            owned_from=t["valid_from"].cast(_MOMENT),
            owned_to=t["valid_to"].cast(_MOMENT),
        )
        for t, is_sole in ((sole, True), (account_domains(evidence.accounts, identity), False))
    ]
    every = _surviving(stacked(*parts), evidence, identity)
    asked = every.select("domain").distinct()
    # An account of the CRM has it, so that a university's own is not left out.
    asked = asked.mutate(day=ibis.literal(BEGINNING), n_accounts=1, is_tie=False)
    reasons = with_reasons(asked, evidence.listed_domains, identity)
    sound = reasons.filter(reasons["against"].isnull()).select("domain")
    return every.semi_join(sound, "domain").distinct()


def _surviving(t: ir.Table, evidence: Evidence, identity: Identity) -> ir.Table:
    """Rows with the survivor in the place of a company that was merged.

    Where points are rolled up, a node may be the parent as well: then accounts stay as they are.
    """
    if identity.roll_up != "own":
        return t
    n = evidence.known.nodes
    gone = n.filter(n["valid_to"].isnull() & (n["node_id"] != n["account_id"]))
    gone = gone.select(merged="account_id", survivor="node_id")
    t = t.left_join(gone, [("company", "merged")])
    t = t.mutate(company=ibis.coalesce(t["survivor"], t["company"]))
    return t.drop("merged", "survivor")
