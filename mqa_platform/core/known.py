"""What is worked out once about accounts and people, before any signal is looked at.

Belongs here: running the kernels of ownership, hierarchy and people over the CRM and the identities.
Does not belong here: their rules (``domains``, ``hierarchy``, ``person_clusters``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.browsers import between_companies
from mqa_platform.core.company_keys import account_domains
from mqa_platform.core.domains import CONTACT, domain_owners
from mqa_platform.core.expressions import newest_first
from mqa_platform.core.hierarchy import account_nodes
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.person_clusters import links, person_clusters
from mqa_platform.policy.identity import Identity

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
Arrow = Callable[[ir.Table], pa.Table]
_VERSION = (
    "account_id", "valid_from", "valid_to", "domain", "aliases", "parent_account_id", "owner_id",
    "is_deleted",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """owners: ``domains.OWNER`` · nodes: ``hierarchy.NODE`` · clusters: ``person_clusters.CLUSTER``."""

    owners: ir.Table
    nodes: ir.Table
    clusters: ir.Table


def account_merges(associations: ir.Table) -> ir.Table:
    """(account_id, survivor_id, merged_on): accounts that were merged into another, each once."""
    gone = associations.filter(
        (associations["from_object"] == "account")
        & (associations["to_object"] == "survivor")
        & ~associations["is_deleted"]
        & (associations["from_id"] != associations["to_id"])
    )
    first = newest_first(gone, ["from_id"], [gone["modified_at"], gone["to_id"]])
    return first.select(
        account_id=first["from_id"],
        survivor_id=first["to_id"],
        merged_on=first["modified_at"].date(),
    )


def rival_contacts(contacts: ir.Table, accounts: ir.Table, identity: Identity) -> ir.Table:
    """(account_id, valid_from, valid_to) of the living contacts of accounts that share a domain."""
    claims = account_domains(accounts, identity).select("domain", "account_id").distinct()
    shared = claims.group_by("domain").aggregate(n=claims.count())
    shared = shared.filter(shared["n"] > 1).select("domain")
    rivals = claims.semi_join(shared, "domain").select("account_id").distinct()
    t = contacts.filter(~contacts["is_deleted"] & contacts["account_id"].notnull())
    return t.semi_join(rivals, "account_id").select(*CONTACT.names)


def _without_mail_hosts(versions: ir.Table, listed_domains: ir.Table) -> ir.Table:
    """Versions without the domains of private mail that several accounts have: nothing to settle.

    Of a mail host that one account alone has, the account may be the host itself.
    """
    each = versions.select("account_id", "domain").distinct()
    several = each.group_by("domain").aggregate(n=each.count())
    several = several.filter(several["n"] > 1).semi_join(listed_domains, "domain")
    several = several.select(mail_host="domain")
    t = versions.left_join(several, [("domain", "mail_host")])
    domain = ibis.ifelse(t["mail_host"].isnull(), t["domain"], ibis.null("string"))
    return t.mutate(domain=domain).drop("mail_host")


def owners_of(
    accounts: ir.Table,
    merges: pa.Table,
    contacts: pa.Table,
    identity: Identity,
    apply: Apply,
    listed_domains: ir.Table | None = None,
) -> ir.Table:
    """``domains.OWNER`` of all accounts; the arguments are those of ``known``."""
    t = accounts.select(*_VERSION).mutate(all=ibis.literal(0))
    if listed_domains is not None:
        t = _without_mail_hosts(t, listed_domains)
    return apply(domain_owners(identity, merges, contacts), t, "all")


def known(
    accounts: ir.Table,
    identities: ir.Table,
    merges: pa.Table,
    contacts: pa.Table,
    identity: Identity,
    apply: Apply,
    listed_domains: ir.Table | None = None,
) -> Known:
    """Owners of domains, nodes of accounts and clusters of people.

    Args:
        accounts: crm_accounts with history.
        identities: landed_identities.
        merges: ``account_merges``.
        contacts: ``rival_contacts``.
        identity: the policy's section.
        apply: runs a kernel over shards; each kernel is given all its rows at once.
        listed_domains: domains of free and disposable mail, which are no company's; None knows none.
    """
    versions = accounts.select(*_VERSION).mutate(all=ibis.literal(0))
    owners = owners_of(accounts, merges, contacts, identity, apply, listed_domains)
    apart = between_companies(identities, owners, listed_domains, identity)
    sure = identities.anti_join(apart.mutate(kind=ibis.literal("cookie")), ["kind", "ref"])
    return Known(
        owners=owners,
        nodes=apply(account_nodes(identity, merges), versions, "all"),
        clusters=apply(person_clusters(identity.people), links(sure), "all"),
    )
