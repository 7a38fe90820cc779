"""Who could sell in which quarter, and what was spent in which month.

Belongs here: what metrics are held against and that no account stands behind. Does not belong here: the
figures (``methods``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from mqa_platform.core.metrics.methods import months


def active_reps(
    capacity: Iterable[Mapping[str, Any]], since: date, as_of: date
) -> dict[str, dict[str, str | None]]:
    """Quarter → active rep → team.

    A rep is active in a quarter when he works here and can take handoffs on a day of it: active in the CRM, on
    reps.csv where that lists anybody then, and not with a capacity of 0.

    Args:
        capacity: its rows: user_id, valid_from, valid_to, is_active, is_listed, capacity_per_week, team.
        since: first day of the programme's history.
        as_of: last day.
    """
    rows = sorted(capacity, key=lambda r: (r["user_id"], r["valid_from"]))
    found: dict[str, dict[str, str | None]] = {}
    for month in months(since, as_of):
        starts = date(month.year, month.month - (month.month - 1) % 3, 1)
        ends = date(starts.year + starts.month // 10, (starts.month + 2) % 12 + 1, 1)
        then = [
            r
            for r in rows
            if r["valid_from"] < ends and (r["valid_to"] is None or r["valid_to"] > starts)
        ]
        # Of that quarter: a list that begins later does not empty the quarters before it.
        listed = any(r["is_listed"] for r in then)
        found[f"{starts.year}-Q{starts.month // 3 + 1}"] = {
            r["user_id"]: r["team"]
            for r in then
            if r["is_active"] and r["capacity_per_week"] != 0 and (r["is_listed"] or not listed)
        }
    return found


def spend_by_month(
    spend: Iterable[Mapping[str, Any]], currency: str
) -> tuple[dict[str, float], list[str]]:
    """Month → money spent in a currency, and the other currencies that were left out.

    Args:
        spend: rows of campaign_spend: spend_date, amount, currency.
        currency: the programme's; no rate is known that would turn another into it.
    """
    by_month: dict[str, list[float]] = defaultdict(list)
    others = set()
    for row in spend:
        if row["amount"] is None or row["spend_date"] is None:
            continue
        if row["currency"] == currency:
            by_month[f"{row['spend_date']:%Y-%m}"].append(float(row["amount"]))
        else:
            others.add(str(row["currency"]))
    return {month: math.fsum(found) for month, found in sorted(by_month.items())}, sorted(others)
