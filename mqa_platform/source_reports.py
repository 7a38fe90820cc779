"""What the command line says of sources: where their rows went, how they are, whether they answer.

Belongs here: reading the published reports, and asking every declared source. Does not belong here: the
figures (``core.source_report``, ``core.health``), a service's client (``sources``) or the screen (``cli``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.policy.loader import load_policy

FIGURES = ("landed", "accepted", "duplicate", "quarantined", "filtered")
_REASONS = ("quarantined", "filtered")
_REFUSED = ("unreachable", "lost_permission", "misconfigured")


def report(home: Home) -> list[dict[str, Any]]:
    """One row a source that has delivered, by name: its figures, held batches and reasons.

    Raises:
        SnapshotMissingError, MartError: nothing has landed yet.
    """
    with open_marts(home) as marts:
        table = marts.table("source_report")
        rows = marts.rows(table.order_by("source"))
        reasons = _reasons(marts)
    return [
        {
            **{name: row[name] for name in ("source", *FIGURES, "conflict", "held_batches")},
            "first_event_on": row["first_event_on"],
            "last_event_on": row["last_event_on"],
            "last_landed_at": row["last_landed_at"],
            "reasons": reasons[row["source"]],
        }
        for row in rows
    ]


def _reasons(marts: Marts) -> Mapping[str, dict[str, dict[str, int]]]:
    """Source → kind → reason → rows, over the batches that the report counts."""
    ledger = marts.table("landed_batches")
    counted = ledger.filter(ledger["status"].isin(["landed", "held"]))
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: {k: {} for k in _REASONS})
    for row in marts.rows(counted.select("source", "reasons").order_by("source")):
        told = json.loads(row["reasons"] or "{}")
        for kind in _REASONS:
            mine = found[row["source"]][kind]
            for reason, count in told.get(kind, {}).items():
                mine[reason] = mine.get(reason, 0) + count
    return found


def reconciles(row: Mapping[str, Any]) -> bool:
    """Whether the rows that were read are all somewhere."""
    return bool(row["landed"] == sum(row[name] for name in FIGURES[1:]))


def totals(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The figures of all sources together."""
    return {n: sum(r[n] for r in rows) for n in (*FIGURES, "conflict", "held_batches")}


def health(home: Home, as_of: date | None = None) -> list[dict[str, Any]]:
    """One row a source with a rhythm: how it stood on a day (default: the last one judged).

    Raises:
        SnapshotMissingError: nothing has landed yet.
        MartError: the day was never judged.
    """
    with open_marts(home) as marts:
        table = marts.table("source_health")
        span = marts.rows(table.aggregate(first=table["day"].min(), last=table["day"].max()))[0]
        if span["last"] is None:
            return []
        day = as_of or span["last"]
        if not span["first"] <= day <= span["last"]:
            raise MartError(
                f"sources were judged from {span['first']} to {span['last']}, not on {day}"
            )
        return marts.rows(table.filter(table["day"] == day).order_by("source"))


def check(home: Home, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """What looking at every declared source found; nothing is read or landed.

    Raises:
        PolicyError: the policy is not valid.
    """
    from mqa_platform.sources.connections import connect

    found = []
    for name, source in sorted(load_policy(home.policy_folder()).sources.sources.items()):
        reach = connect(name, source, home, environment).check()
        found.append(
            {
                "source": name,
                "connector": source.connector,
                "status": reach.status,
                "detail": reach.detail,
                "remedy": reach.remedy,
            }
        )
    return found


def refused(found: list[dict[str, str]]) -> list[str]:
    """The sources that cannot be read as they are declared; one without files is only empty."""
    return [row["source"] for row in found if row["status"] in _REFUSED]
