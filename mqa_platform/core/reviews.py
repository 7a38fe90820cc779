"""What identity refused to decide, for a person to settle: the published ``identity_reviews``.

Belongs here: collecting doubts with their candidates and the signals that wait for the answer. Does not
belong here: the refusals themselves (``domains``, ``person_clusters``, ``hierarchy``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import in_force
from mqa_platform.core.known import Known
from mqa_platform.core.person_clusters import PERSON, SHARED

REVIEW = ("kind", "ref", "candidate", "is_suggested")
_DOMAINS = ("email_domain", "company_domain", "host_domain")


def identity_reviews(
    known: Known,
    identities: ir.Table,
    signals: ir.Table,
    unresolved: ir.Table,
    offices: ir.Table | None = None,
) -> ir.Table:
    """One row a doubt and candidate.

    A tie is listed while it lasts, or as long as signals wait for it. A person in doubt is one with more
    addresses than the policy believes; a shared browser one that more people have used.

    ``offices`` are the domains of the offices that signals of a tie came from
    (``tie_reviews.office_domains``).
    """
    found = _ties(known.owners).union(_people(known.clusters))
    found = found.union(_browsers(known.clusters, identities)).union(_cycles(known.nodes))
    waiting = _waiting(known, signals, unresolved, offices)
    spoken = waiting.group_by(doubt="kind", about="ref").aggregate(
        signals=waiting["signal_id"].nunique(),
        first_seen=waiting["signal_date"].min(),
        last_seen=waiting["signal_date"].max(),
    )
    t = found.left_join(spoken, [("kind", "doubt"), ("ref", "about")])
    t = t.filter(t["is_open"] | t["signals"].notnull())
    return t.select(
        *REVIEW, "first_seen", "last_seen", signals=t["signals"].fill_null(0)
    ).distinct()


def _doubt(
    t: ir.Table, kind: str, ref: str, candidate: str, is_open: ir.BooleanValue | None = None
) -> ir.Table:
    suggested = t["is_suggested"] if "is_suggested" in t.columns else ibis.literal(False)
    found = t.select(
        kind=ibis.literal(kind),
        ref=t[ref],
        candidate=t[candidate],
        is_suggested=suggested,
        is_open=ibis.literal(True) if is_open is None else is_open,
    )
    # A union takes no column that may be null in one table only.
    return found.cast({c: found.schema()[c].copy(nullable=True) for c in found.columns})


def _ties(owners: ir.Table) -> ir.Table:
    """Refused domains; of a candidate's stretches the last says whether it is suggested."""
    t = owners.filter(owners["is_refused"])
    # On every day one of them is preferred.
    last = t.filter(t["is_preferred"]).group_by("domain")
    last = last.aggregate(last_from=t["valid_from"].max())
    last = last.rename(last_domain="domain")
    t = t.join(last, [("domain", "last_domain")])
    t = t.mutate(
        is_last=t["is_preferred"] & (t["valid_from"] == t["last_from"]),
        goes_on=t["valid_to"].isnull(),
    )
    t = t.group_by("domain", "account_id").aggregate(
        is_suggested=t["is_last"].any(), goes_on=t["goes_on"].any()
    )
    return _doubt(t, "tie", "domain", "account_id", t["goes_on"])


def _people(clusters: ir.Table) -> ir.Table:
    t = clusters.filter((clusters["kind"] == PERSON) & clusters["is_refused"])
    return _doubt(t, "person", "root", "ref")


def _browsers(clusters: ir.Table, identities: ir.Table) -> ir.Table:
    shared = clusters.filter(clusters["kind"] == SHARED).select("ref")
    t = identities.filter(identities["kind"] == "cookie").select("ref", "person_ref").distinct()
    return _doubt(t.semi_join(shared, "ref"), SHARED, "ref", "person_ref")


def _cycles(nodes: ir.Table) -> ir.Table:
    t = nodes.filter(nodes["is_cyclic"] & nodes["valid_to"].isnull())
    return _doubt(t, "cycle", "ultimate_parent_id", "account_id")


def _waiting(
    known: Known, signals: ir.Table, unresolved: ir.Table, offices: ir.Table | None
) -> ir.Table:
    """(kind, ref, signal_id, signal_date): what a doubt keeps from being counted, or counted once."""
    refused = known.owners.filter(known.owners["is_refused"])
    refused = refused.select("valid_from", "valid_to", tied="domain").distinct()
    left = unresolved.filter(unresolved["reason"] == "tie_refused").select("signal_id")
    tied = signals.semi_join(left, "signal_id")
    asked = [
        tied.filter(tied[c].notnull()).select("signal_id", "signal_date", ref=tied[c])
        for c in _DOMAINS
    ]
    parts = []
    for t in asked if offices is None else [*asked, offices]:
        t = t.join(refused, [("ref", "tied")])
        t = t.filter(in_force(t, t["signal_date"]))
        parts.append(t.select("signal_id", "signal_date", "ref", kind=ibis.literal("tie")))
    for kind, column in ((PERSON, "person_key"), (SHARED, "anonymous_id")):
        c = known.clusters
        c = c.filter((c["kind"] == kind) & c["is_refused"])
        c = c.select(doubted=c["ref"], about=ibis.coalesce(c["root"], c["ref"]))
        t = signals.filter(signals[column].notnull())
        t = t.select("signal_id", "signal_date", by=signals[column]).join(c, [("by", "doubted")])
        parts.append(t.select("signal_id", "signal_date", ref="about", kind=ibis.literal(kind)))
    every = [t.select("kind", "ref", "signal_id", "signal_date") for t in parts]
    every = [t.cast({c: t.schema()[c].copy(nullable=True) for c in t.columns}) for t in every]
    found = every[0]
    for more in every[1:]:
        found = found.union(more)
    return found
