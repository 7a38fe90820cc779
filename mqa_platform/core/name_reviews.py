"""Company names that may be an account's, for a person to settle: a part of ``identity_reviews``.

Belongs here: from near names to accounts and to the signals that wait. Does not belong here: how near a
name is (``name_matching``), or the other doubts (``reviews``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import newest_first
from mqa_platform.core.name_matching import REVIEW


def name_reviews(
    matches: ir.Table,
    name_keys: ir.Table,
    accounts: ir.Table,
    signals: ir.Table,
    unresolved: ir.Table,
) -> ir.Table:
    """One row a name and account: the columns of identity_reviews, of the kind ``name``.

    Only names that signals wait for. The nearest candidate is suggested, if nothing is as near.

    Args:
        matches: ``name_matching.NAME_MATCH``.
        name_keys: (name, name_key) of accounts and signals.
        accounts: crm_accounts with history; a name is the living account's of today.
        signals: with company_name.
        unresolved: unresolved_signals.
    """
    live = accounts.filter(accounts["valid_to"].isnull() & ~accounts["is_deleted"])
    live = live.select("name", candidate="account_id").join(name_keys, "name")
    live = live.select("candidate", live_key="name_key").distinct()
    doubts = matches.filter(matches["verdict"] == REVIEW)
    t = doubts.join(live, [("matched_key", "live_key")])
    best = t.group_by(asked="name_key").aggregate(top=t["score"].max())
    t = t.join(best, [("name_key", "asked")])
    t = t.mutate(is_top=t["score"] == t["top"])
    tops = (
        t.filter(t["is_top"]).group_by(asked_top="name_key").aggregate(n=t["candidate"].nunique())
    )
    t = t.drop("asked").left_join(tops, [("name_key", "asked_top")])
    left = unresolved.filter(unresolved["reason"] == "no_match").select("signal_id")
    waiting = signals.filter(signals["company_name"].notnull()).semi_join(left, "signal_id")
    waiting = waiting.join(name_keys, [("company_name", "name")])
    spoken = waiting.group_by(ref="name_key").aggregate(
        signals=waiting.count(),
        first_seen=waiting["signal_date"].min(),
        last_seen=waiting["signal_date"].max(),
    )
    t = t.join(spoken, [("name_key", "ref")])
    t = newest_first(t, ["ref", "candidate"], [t["score"].desc(), t["matched_key"]])
    return t.select(
        "ref",
        "candidate",
        "first_seen",
        "last_seen",
        "signals",
        kind=ibis.literal("name"),
        is_suggested=(t["is_top"] & (t["n"] == 1)).fill_null(False),
    )
