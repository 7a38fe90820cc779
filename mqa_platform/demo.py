"""The demo: a market of strangers, run through every stage, and the accounts worth a call.

Belongs here: the order of the demo and the table it ends with. Does not belong here: the market
(``market``) or the stages.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.marts import open_marts
from mqa_platform.policy.loader import load_policy


def market_window(home: Home, days: int) -> Window:
    """The days of the demo's market: they begin where the policy's history does."""
    first = load_policy(home.policy_folder()).program.history_starts_on
    return Window(first, first + timedelta(days=days))


def mqas(home: Home, limit: int | None = None) -> list[dict[str, Any]]:
    """Every handoff, the latest first: account, score, why, rep and where it stands."""
    with open_marts(home) as marts:
        h, a, u = marts.table("handoffs"), marts.table("accounts"), marts.table("crm_users")
        s, r = marts.table("scores"), marts.table("score_receipts")
        names = a.filter(a["valid_to"].isnull()).select("account_id", "name")
        reps = u.filter(u["valid_to"].isnull()).select(rep_id="user_id", rep="name")
        limits = s.select("account_id", "motion", "threshold", created_on="score_date")
        joined = h.left_join(names, "account_id").left_join(reps, "rep_id")
        joined = joined.left_join(limits, ["account_id", "motion", "created_on"])
        shown = joined.select(
            "handoff_id", "account_id", "name", "tier", "created_on", "qualified_at", "score", "threshold",
            "evidence_rule", "score_type", "rep_id", "rep", "route_rule", "status", "sla_hours",
        )  # fmt: skip
        found = marts.rows(shown.order_by(shown["created_on"].desc(), shown["handoff_id"]))
        keys = h.select("account_id", "motion", score_date="created_on", handoff_id="handoff_id")
        parts = marts.rows(
            r.join(keys, ["account_id", "motion", "score_date"]).select(
                "handoff_id", "component", "points"
            )
        )
    why: dict[str, list[tuple[float, str]]] = {}
    for part in parts:
        why.setdefault(part["handoff_id"], []).append((-float(part["points"]), part["component"]))
    for row in found:
        top = sorted(why.get(row["handoff_id"], []))[:3]
        row["why"] = ", ".join(f"{name.replace('_', ' ')} {-points:.0f}" for points, name in top)
        row["rep"] = row["rep"] or row["rep_id"]
    return found[:limit]
