"""What people have corrected about identity: merges that were wrong, and merges that were missed.

Belongs here: which corrections hold, and applying them to people and browsers. Does not belong here:
accounts (``account_corrections``), landing corrections (``sources``), or the days that they change
(``sources.corrected_days``).

A split takes away what was said until then; what is said later counts again. The newest correction of a
pair is the one that holds, so that a split can be taken back by a merge, and a merge by a split. A split
from everybody (``onto`` null) also ends the merges before it; a merge with nobody named takes back the
splits before it.
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


def in_force(corrections: ir.Table) -> ir.Table:
    """(kind, ref, onto, action, at): the newest of each pair; ``onto`` is '' for everybody."""
    t = corrections.mutate(onto=corrections["onto"].fill_null(""))
    t = newest_first(
        t, ["kind", "ref", "onto"], [t["at"].desc(), t["action"].desc(), t["batch_id"]]
    )
    told = t.select("kind", "ref", "onto", "action", "at")
    freed = told.filter((told["onto"] == "") & (told["action"] == MERGE))
    # A view, because a join of a table with a part of itself is else taken for one table.
    freed = freed.select(freed_kind="kind", freed_ref="ref", freed_at="at").view()
    t = told.left_join(freed, [("kind", "freed_kind"), ("ref", "freed_ref")])
    taken_back = (t["action"] == SPLIT) & (t["freed_at"] >= t["at"])
    return t.filter(~taken_back.fill_null(False)).select(*told.columns)


def splits_of(told: ir.Table) -> ir.Table:
    """(kind, ref, onto, until), each once; of two people or accounts in both directions."""
    split = told.filter(told["action"] == SPLIT).select("kind", "ref", "onto", until="at")
    pairs = split.filter(split["kind"].isin([PERSON, ACCOUNT]) & (split["onto"] != ""))
    pairs = pairs.view()
    back = pairs.select(kind="kind", ref="onto", onto="ref", until="until")
    both = split.union(back)
    return both.group_by("kind", "ref", "onto").aggregate(until=both["until"].max())


def with_until(
    t: ir.Table, splits: ir.Table, name: str, kind: ir.Value, ref: ir.Value, onto: ir.Value
) -> ir.Table:
    """``t`` with the column ``name``: until when a split takes a row away; null where none does.

    Args:
        t: any table.
        splits: ``splits_of``.
        name: of the new column.
        kind: the kind of the split that is looked for, of columns of ``t``, as are the next two.
        ref: what is split.
        onto: from whom; '' looks for a split from everybody.
    """
    own = t.mutate(of_kind=kind, of_ref=ref, of_onto=onto)
    s = splits.select(s_kind="kind", s_ref="ref", s_onto="onto", **{name: splits["until"]}).view()
    joined = own.left_join(s, [("of_kind", "s_kind"), ("of_ref", "s_ref"), ("of_onto", "s_onto")])
    return joined.select(*t.columns, name)


def corrected_identities(identities: ir.Table, corrections: ir.Table) -> ir.Table:
    """landed_identities without what was split, and with what was merged.

    The split of a cookie or lead takes it from one person, or from all. The split of a person takes all
    their browsers from them, or those of somebody else as well where it names one, so that no browser
    makes them one. Two people who were merged have a row of kind ``person``.
    """
    told = in_force(corrections)
    splits = splits_of(told)
    t = _with_merged(identities, told)
    everybody = ibis.literal("")
    # A lead is its own; only a browser is somebody's who may lose it.
    whose = ibis.ifelse(t["kind"] == LEAD, everybody, ibis.literal(PERSON))
    t = with_until(t.mutate(whose=whose), splits, "until", t["kind"], t["ref"], t["person_ref"])
    t = with_until(t, splits, "all_until", t["kind"], t["ref"], everybody)
    t = with_until(t, splits, "person_until", t["whose"], t["person_ref"], everybody)
    shared = _shared(t, told)
    t = t.left_join(shared, [("kind", "b_kind"), ("ref", "b_ref"), ("person_ref", "b_person")])
    gone = ibis.literal(False)
    for column in ("until", "all_until", "person_until", "shared_until"):
        gone = gone | (t["seen_at"] <= t[column]).fill_null(False)
    return t.filter(~gone).select(*identities.columns)


def _with_merged(identities: ir.Table, told: ir.Table) -> ir.Table:
    """The identities with a row for each merge by hand, seen when it was made."""
    domains = identities.group_by(of="person_ref").aggregate(
        email_domain=identities["email_domain"].max()
    )
    merged = told.filter(
        (told["action"] == MERGE) & (told["kind"] != ACCOUNT) & (told["onto"] != "")
    )
    merged = merged.left_join(domains, [("onto", "of")])
    added = merged.select(
        "kind",
        "ref",
        "email_domain",
        person_ref="onto",
        seen_at="at",
        source=ibis.literal("corrections"),
        batch_id=ibis.literal("corrections"),
    )
    nullable = {c: v.copy(nullable=True) for c, v in identities.schema().items()}
    every = identities.cast(nullable)
    return every.union(added.select(*identities.columns).cast(nullable))


def _shared(t: ir.Table, told: ir.Table) -> ir.Table:
    """(b_kind, b_ref, b_person, shared_until): browsers that a person who is split shared with another."""
    pairs = told.filter((told["action"] == SPLIT) & (told["kind"] == PERSON) & (told["onto"] != ""))
    pairs = pairs.select(one="ref", other="onto", shared_until="at")
    seen = t.filter(t["kind"] == COOKIE)
    mine = seen.select(b_kind="kind", b_ref="ref", b_person="person_ref").view()
    mine = mine.join(pairs, [("b_person", "one")])
    yours = seen.select(y_ref="ref", y_person="person_ref", y_seen="seen_at").view()
    both = mine.join(yours, [("b_ref", "y_ref"), ("other", "y_person")])
    both = both.filter(both["y_seen"] <= both["shared_until"])
    return both.group_by("b_kind", "b_ref", "b_person").aggregate(
        shared_until=both["shared_until"].max()
    )
