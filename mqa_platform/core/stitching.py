"""What stitching added after the fact: shares of signals from before their person was known.

Belongs here: telling which signals are on an account because their browser was named later, and what
that changed. Does not belong here: stitching itself (``evidence``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

STITCHED = "stitched_cookie"


def named_later(touchpoints: ir.Table, identities: ir.Table) -> ir.Table:
    """(signal_id): stitched signals of browsers that nobody had named when the signal came.

    Args:
        touchpoints: the published table.
        identities: landed_identities, as corrected.
    """
    told = identities.filter(identities["kind"] == "cookie")
    first = told.group_by(cookie="ref").aggregate(named_at=told["seen_at"].min())
    t = touchpoints.filter(touchpoints["resolution_rule"] == STITCHED)
    t = t.join(first, [("anonymous_id", "cookie")])
    return t.filter(t["named_at"] > t["occurred_at"]).select("signal_id").distinct()


def stitched_shares(touchpoints: ir.Table, later: ir.Table, otherwise: ir.Table) -> ir.Table:
    """Shares by day and account without what was learnt later, and with it.

    Columns: day, account_id, as_known_then, as_known_now, added (now less then, so an account that
    lost shares to another has a negative one). Only days and accounts that differ.

    Args:
        touchpoints: the published table.
        later: of ``named_later``.
        otherwise: signal_date, account_id, share: what the other rules say of those signals.
    """
    none = ibis.literal(0.0)
    t = touchpoints.select(
        "signal_id", "share", day="touchpoint_date", account_id=touchpoints["account_id"]
    )
    stays, comes = t.anti_join(later, "signal_id"), t.semi_join(later, "signal_id")
    key = ["day", "account_id"]
    parts = [
        stays.select(*key, then=stays["share"], now=stays["share"]),
        comes.select(*key, then=none, now=comes["share"]),
    ]
    spoke = otherwise.filter(otherwise["account_id"].notnull())
    went = spoke.select(day="signal_date", account_id=spoke["account_id"], then="share", now=none)
    # A union takes no column that may be null in one table only.
    types = {"day": "date", "account_id": "string", "then": "float64", "now": "float64"}
    every = parts[0].cast(types).union(parts[1].cast(types)).union(went.cast(types))
    days = every.group_by(*key).aggregate(
        as_known_then=every["then"].sum().round(9), as_known_now=every["now"].sum().round(9)
    )
    days = days.mutate(added=days["as_known_now"] - days["as_known_then"])
    return days.filter(days["added"].abs() > 1e-9)
