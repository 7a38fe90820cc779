"""Leads that a marketing system merged into another lead.

Belongs here: from the lead that a merge names to the one that is left after all merges. Does not
belong here: whose address a lead has (``evidence``).

A merge is an identity of kind ``lead`` whose person is a lead again (``lead:77``). Chains of up to
sixteen merges are followed: each round doubles how far a row sees.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

_ROUNDS = 4
_LEAD = "lead:"


def surviving(leads: ir.Table) -> ir.Table:
    """Leads with the person of the lead that survived.

    Args:
        leads: lead_ref (``lead:<id>``), lead_person, lead_domain; one row a lead.
    """
    ends = leads.filter(leads["lead_person"].startswith(_LEAD))
    ends = ends.select(merged="lead_ref", onto="lead_person")
    for _ in range(_ROUNDS):
        onward = ends.select(middle="merged", end="onto")
        # A view, because a join of a join is else taken for one of three tables.
        t = ends.view().left_join(onward, [("onto", "middle")])
        ends = t.select("merged", onto=ibis.coalesce(t["end"], t["onto"]))
    t = leads.left_join(ends, [("lead_ref", "merged")])
    last = leads.select(last_ref="lead_ref", last_person="lead_person", last_domain="lead_domain")
    t = t.view().left_join(last, [("onto", "last_ref")])
    # Whoever the surviving lead is, or that lead itself where it has no address.
    return t.select(
        "lead_ref",
        lead_person=ibis.coalesce(t["last_person"], t["onto"], t["lead_person"]),
        lead_domain=ibis.ifelse(t["last_ref"].notnull(), t["last_domain"], t["lead_domain"]),
    )


def with_merged(refs: ir.Table, identities: ir.Table) -> ir.Table:
    """Leads together with all leads that were merged into them.

    Args:
        refs: of (``lead:<id>``).
        identities: kind, ref, person_ref; every identity that is known.
    """
    merges = identities.filter(
        (identities["kind"] == "lead") & identities["person_ref"].startswith(_LEAD)
    )
    steps = merges.select(of=ibis.literal(_LEAD) + merges["ref"], onto=merges["person_ref"])
    # A union takes no column that may be null in one table only.
    steps = steps.cast({"of": "string", "onto": "string"}).distinct()
    for _ in range(_ROUNDS):
        onward = steps.select(middle="of", end="onto")
        t = steps.join(onward, [("onto", "middle")])
        steps = steps.union(t.select("of", onto=t["end"])).distinct()
    refs = refs.select("of").cast({"of": "string"})
    t = steps.join(refs.select(told="of"), [("onto", "told")])
    return refs.union(t.select("of")).distinct()
