"""What stitching added after the fact: shares of signals from before their person was known.

Belongs here: telling, for each stitched share, whether its browser was named later than it came. Does
not belong here: stitching itself (``evidence``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

STITCHED = "stitched_cookie"


def stitched_shares(touchpoints: ir.Table, identities: ir.Table) -> ir.Table:
    """Shares by day and account, as known then and as known now.

    Columns: day, account_id, as_known_then, added (stitched to a person that was learnt of after the
    signal), as_known_now (the sum of both). Only days and accounts with an added share.

    Args:
        touchpoints: the published table.
        identities: landed_identities, as corrected.
    """
    told = identities.filter(identities["kind"] == "cookie")
    first = told.group_by(cookie="ref").aggregate(named_at=told["seen_at"].min())
    t = touchpoints.left_join(first, [("anonymous_id", "cookie")])
    late = (t["resolution_rule"] == STITCHED) & (t["named_at"] > t["occurred_at"])
    t = t.mutate(later=ibis.ifelse(late.fill_null(False), t["share"], 0.0))
    days = t.group_by(day="touchpoint_date", account_id="account_id").aggregate(
        as_known_now=t["share"].sum(), added=t["later"].sum()
    )
    days = days.filter(days["added"] > 0)
    return days.select(
        "day",
        "account_id",
        "added",
        "as_known_now",
        as_known_then=days["as_known_now"] - days["added"],
    )
