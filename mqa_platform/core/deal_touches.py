"""The touches before each opportunity, which attribution and paths are read from.

Belongs here: what a touch is. Does not belong here: credit (``attribution``) or paths (``conversion_paths``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.expressions import shard
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy, Signal


def touches_before(origins: ir.Table, touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """The rows that both kernels read: each opportunity beside every touch before it; without one, one row.

    Opportunities from before the programme's history are left out: nobody recorded what led to them.

    A touch is an inbound touchpoint of a signal that earns points for what a person did (no intent feed, no
    company news), up to the look-back before the opportunity was created. What one visitor did on a day with one
    piece of content of one campaign is one touch, however many pages that took.

    Args:
        origins: of ``origins.opportunity_origin``.
        touchpoints: of all days.
        policy: of the leading motion; its signals say what is a touch and how it fades.
    """
    earning = {n: s for n, s in policy.signals.signals.items() if _counts(s)}
    p = typed(touchpoints, policy)
    p = p.filter((p["direction"] == "inbound") & p["signal_type"].isin(sorted(earning) or [""]))
    p = p.select(
        "signal_id", "signal_type", "occurred_at", "channel", "campaign",
        content=ibis.coalesce(p["page_type"], p["topic"]),
        visitor=ibis.coalesce(p["person_id"], p["anonymous_id"]),
        person_id=p["person_id"],
        p_account=p["account_id"],
    )  # fmt: skip
    since_start = origins["created_on"] >= policy.program.history_starts_on
    deals = origins.filter(since_start).select(
        "opportunity_id", "account_id", "created_at", "amount", is_won=origins["is_closed"] & origins["is_won"]
    )  # fmt: skip
    seen_for = ibis.interval(days=policy.signals.lookback_days)
    t = deals.left_join(
        p,
        [
            deals["account_id"] == p["p_account"],
            p["occurred_at"] + seen_for > deals["created_at"],
            p["occurred_at"] < deals["created_at"],
        ],
    ).drop("p_account")
    return t.mutate(shard=shard(t["opportunity_id"]))


def _counts(signal: Signal) -> bool:
    return signal.weight > 0 and signal.kind == "engagement"


def by_deal(table: pa.Table) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each opportunity with its touches in the order of time, one a visitor, day and content."""
    by_deal: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        by_deal[row["opportunity_id"]].append(row)
    for _, rows in sorted(by_deal.items()):
        touched = [r for r in rows if r["signal_id"] is not None]
        touched.sort(key=lambda r: (r["occurred_at"], r["signal_id"]))
        seen: dict[Any, dict[str, Any]] = {}
        for r in touched:
            who = r["visitor"] or r["signal_id"]
            key = (r["occurred_at"].date(), who, r["channel"], r["campaign"], r["content"])
            seen.setdefault(key, r)
        yield rows[0], list(seen.values())


def lineage(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What the columns of a kernel over ``touches_before`` are computed from."""
    read = ("occurred_at", "signal_type", "channel", "campaign", "content", "amount")
    own = {"opportunity_id": ("opportunity_id",), "account_id": ("account_id",)}
    return {c: own.get(c, read) for c in columns}
