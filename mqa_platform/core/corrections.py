"""What people have corrected about identity: merges that were wrong, and merges that were missed.

Belongs here: applying corrections to what has landed. Does not belong here: landing them (``sources``),
or the days that they change (``sources.corrected_days``).

A split takes away what was said until then; what is said later counts again. The newest correction of a
pair is the one that holds, so that a split can be taken back by a merge, and a merge by a split.
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import newest_first

COOKIE, LEAD, PERSON, ACCOUNT = "cookie", "lead", "person", "account"
KINDS: Final = (COOKIE, LEAD, PERSON, ACCOUNT)
SPLIT, MERGE = "split", "merge"
ACTIONS: Final = (SPLIT, MERGE)


def _in_force(corrections: ir.Table) -> ir.Table:
    """(kind, fixed, onto, action, at): the newest of each pair; ``onto`` is '' for everybody."""
    t = corrections.mutate(onto=corrections["onto"].fill_null(""))
    t = newest_first(
        t, ["kind", "ref", "onto"], [t["at"].desc(), t["action"].desc(), t["batch_id"]]
    )
    return t.select("kind", "onto", "action", "at", fixed="ref")


def corrected_identities(identities: ir.Table, corrections: ir.Table) -> ir.Table:
    """landed_identities without what was split, and with what was merged.

    The split of a cookie or lead takes it from one person, or from all. The split of a person takes all
    browsers from them, so that no browser makes them one with others.
    """
    told = _in_force(corrections)
    split = told.filter(told["action"] == SPLIT)
    t = identities.mutate(row=ibis.row_number().over(order_by=list(identities.columns)))
    own = t.join(split, (t["kind"] == split["kind"]) & (t["ref"] == split["fixed"]))
    own = own.filter((own["onto"] == "") | (own["onto"] == own["person_ref"]))
    person = split.filter(split["kind"] == PERSON).select("at", split_person="fixed")
    theirs = t.filter(t["kind"] == COOKIE)
    theirs = theirs.join(person, theirs["person_ref"] == person["split_person"])
    gone = [x.filter(x["seen_at"] <= x["at"]).select("row") for x in (own, theirs)]
    left = t.anti_join(gone[0].union(gone[1]), "row").select(*identities.columns)
    domains = identities.group_by(of="person_ref").aggregate(
        email_domain=identities["email_domain"].max()
    )
    merged = told.filter((told["action"] == MERGE) & told["kind"].isin([COOKIE, LEAD]))
    merged = merged.left_join(domains, [("onto", "of")])
    added = merged.select(
        "kind",
        "email_domain",
        ref="fixed",
        person_ref="onto",
        seen_at="at",
        source=ibis.literal("corrections"),
        batch_id=ibis.literal("corrections"),
    )
    nullable = {c: v.copy(nullable=True) for c, v in identities.schema().items()}
    return left.cast(nullable).union(added.select(*identities.columns).cast(nullable))


def corrected_associations(associations: ir.Table, corrections: ir.Table) -> ir.Table:
    """landed_associations without the account merges that were taken back, and with those added."""
    told = _in_force(corrections.filter(corrections["kind"] == ACCOUNT))
    split = told.filter(told["action"] == SPLIT).select("fixed", "onto")
    t = associations.mutate(row=ibis.row_number().over(order_by=list(associations.columns)))
    gone = t.filter((t["from_object"] == ACCOUNT) & (t["to_object"] == "survivor"))
    gone = gone.join(split, gone["from_id"] == split["fixed"])
    gone = gone.filter((gone["onto"] == "") | (gone["onto"] == gone["to_id"])).select("row")
    left = t.anti_join(gone, "row").select(*associations.columns)
    merged = told.filter(told["action"] == MERGE)
    added = merged.select(
        source=ibis.literal("corrections"),
        from_object=ibis.literal(ACCOUNT),
        from_id=merged["fixed"],
        to_object=ibis.literal("survivor"),
        to_id=merged["onto"],
        modified_at=merged["at"],
        is_deleted=ibis.literal(False),
        batch_id=ibis.literal("corrections"),
    )
    nullable = {c: v.copy(nullable=True) for c, v in associations.schema().items()}
    return left.cast(nullable).union(added.select(*associations.columns).cast(nullable))
