"""Merges of accounts as people have corrected them.

Belongs here: applying splits and merges by hand to what the CRM says of merged accounts. Does not belong
here: which corrections hold (``corrections``), or what a merge means (``hierarchy``, ``domain_claims``).

A CRM tells a merge again with every version of a record, so a merge is as old as its first word. A merge
by hand says that the CRM has one company twice: it holds for all days, and goes before the CRM's own. A
company that was bought on a day is an acquisition of the policy.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.corrections import ACCOUNT, MERGE, in_force, splits_of, with_until
from mqa_platform.core.expressions import BEGINNING, newest_first

SURVIVOR: Final = "survivor"
_ALWAYS: Final = datetime.combine(BEGINNING, time(), UTC)


def unsplit_associations(associations: ir.Table, corrections: ir.Table) -> ir.Table:
    """landed_associations without the account merges that were taken back."""
    told = in_force(corrections.filter(corrections["kind"] == ACCOUNT))
    return _without_split(associations, splits_of(told))


def corrected_associations(associations: ir.Table, corrections: ir.Table) -> ir.Table:
    """landed_associations without the account merges that were taken back, and with those made by hand."""
    told = in_force(corrections.filter(corrections["kind"] == ACCOUNT))
    splits = splits_of(told)
    by_hand = _by_hand(told, splits)
    left = _without_rivals(_without_split(associations, splits), by_hand)
    added = by_hand.select(
        source=ibis.literal("corrections"),
        from_object=ibis.literal(ACCOUNT),
        from_id=by_hand["ref"],
        to_object=ibis.literal(SURVIVOR),
        to_id=by_hand["onto"],
        modified_at=ibis.literal(_ALWAYS),
        is_deleted=ibis.literal(False),
        batch_id=ibis.literal("corrections"),
    )
    nullable = {c: v.copy(nullable=True) for c, v in associations.schema().items()}
    return left.cast(nullable).union(added.select(*associations.columns).cast(nullable))


def _without_split(associations: ir.Table, splits: ir.Table) -> ir.Table:
    merges = associations.filter(
        (associations["from_object"] == ACCOUNT) & (associations["to_object"] == SURVIVOR)
    )
    t = merges.group_by("from_id", "to_id").aggregate(told_at=merges["modified_at"].min())
    t = _with_verdict(t, splits, "from_id", "to_id")
    gone = t.filter(t["is_split"]).select(gone_id="from_id", gone_to="to_id")
    return _without(associations, gone, [("from_id", "gone_id"), ("to_id", "gone_to")])


def _with_verdict(t: ir.Table, splits: ir.Table, ref: str, onto: str) -> ir.Table:
    """``t`` with ``is_split``: whether what was said at ``told_at`` was taken back since."""
    account = ibis.literal(ACCOUNT)
    t = with_until(t, splits, "until", account, t[ref], t[onto])
    t = with_until(t, splits, "all_until", account, t[ref], ibis.literal(""))
    gone = [(t["told_at"] <= t[c]).fill_null(False) for c in ("until", "all_until")]
    return t.mutate(is_split=gone[0] | gone[1]).drop("until", "all_until")


def _by_hand(told: ir.Table, splits: ir.Table) -> ir.Table:
    """(ref, onto): accounts merged by hand, each into the survivor that it was given last."""
    merged = told.filter((told["action"] == MERGE) & (told["onto"] != ""))
    merged = merged.select("ref", "onto", told_at="at")
    merged = _with_verdict(merged, splits, "ref", "onto")
    merged = merged.filter(~merged["is_split"]).drop("is_split")
    last = newest_first(merged, ["ref"], [merged["told_at"].desc(), merged["onto"]])
    # Of two that are each to be the other's survivor, the later word counts.
    back = last.select(b_ref="onto", b_onto="ref", back_at="told_at").view()
    t = last.left_join(back, [("ref", "b_ref"), ("onto", "b_onto")])
    later = (t["back_at"] > t["told_at"]) | (
        (t["back_at"] == t["told_at"]) & (t["onto"] < t["ref"])
    )
    return t.filter(~later.fill_null(False)).select("ref", "onto")


def _without_rivals(associations: ir.Table, by_hand: ir.Table) -> ir.Table:
    """Without other survivors of what was merged by hand, and without the same merge turned round."""
    gone = by_hand.select(gone_id="ref")
    left = _without(associations, gone, [("from_id", "gone_id")])
    turned = by_hand.select(gone_id="onto", gone_to="ref")
    return _without(left, turned, [("from_id", "gone_id"), ("to_id", "gone_to")])


def _without(associations: ir.Table, gone: ir.Table, keys: list[tuple[str, str]]) -> ir.Table:
    """Associations without the account merges that ``gone`` lists; each of its rows once."""
    merges = {"gone_object": ibis.literal(ACCOUNT), "gone_as": ibis.literal(SURVIVOR)}
    listed = gone.mutate(**merges).view()
    on = [("from_object", "gone_object"), ("to_object", "gone_as"), *keys]
    t = associations.left_join(listed, on)
    return t.filter(t["gone_id"].isnull()).select(*associations.columns)
