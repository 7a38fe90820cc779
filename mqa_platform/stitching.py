"""The report of what stitching added after the fact.

Belongs here: reading it from the warehouse and adding it up. Does not belong here: what counts as added
(``core.stitching``).
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from mqa_platform.core.corrections import corrected_identities
from mqa_platform.core.stitching import stitched_shares
from mqa_platform.home import Home
from mqa_platform.storage import open_warehouse


def stitching(home: Home, first: date | None = None, last: date | None = None) -> dict[str, Any]:
    """Shares of signals by day and account that were only learnt of afterwards.

    ``added``, ``as_known_now`` and ``added_share`` are of all shares of the days asked for.

    Raises:
        WarehouseBusyError: a run holds the warehouse.
    """
    with open_warehouse(home).session() as session:
        t = session.table("touchpoints")
        if first is not None:
            t = t.filter(t["touchpoint_date"] >= first)
        if last is not None:
            t = t.filter(t["touchpoint_date"] <= last)
        corrections = session.table("landed_corrections")
        told = corrected_identities(session.table("landed_identities"), corrections)
        days = session.rows(stitched_shares(t, told).order_by("day", "account_id"))
        total = session.rows(t.aggregate(n=t["share"].sum()))[0]["n"] or 0.0
    added = math.fsum(row["added"] for row in days)
    return {
        "days": days,
        "added": round(added, 9),
        "as_known_now": round(total, 9),
        "added_share": added / total if total else 0.0,
    }
