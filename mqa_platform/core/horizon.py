"""Late signals: what arrives after its day was published, and how far back it is still taken.

Belongs here: which landed signals are late, which are beyond the horizon, and their counts. Does not
belong here: computing days again (``assets``), or when a batch landed (``sources``).

A batch knows which days were published when it landed, so the answer is the same in every order of runs
and after a rebuild. The newest published day is still open: what comes for it is not late.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

TAKEN, BEYOND = "taken", "beyond_horizon"


def late_signals(landed: ir.Table, batches: ir.Table, horizon_days: int) -> ir.Table:
    """Landed signals of days that were published before they came, with ``days_late`` and ``outcome``.

    Args:
        landed: landed_signals.
        batches: landed_batches.
        horizon_days: late signals of more days before the last published day are not taken.
    """
    # Most batches hold nothing but new days, and say so.
    none_before = (batches["first_event_on"] >= batches["published_to"]).fill_null(False)
    b = batches.filter(batches["published_to"].notnull() & ~none_before)
    b = b.select("landed_on", "published_from", "published_to", of_batch="batch_id")
    t = landed.join(b, landed["batch_id"] == b["of_batch"])
    t = t.filter((t["event_date"] >= t["published_from"]) & (t["event_date"] < t["published_to"]))
    t = t.mutate(days_late=t["published_to"].delta(t["event_date"], unit="day"))
    beyond = t["days_late"] > horizon_days
    return t.select(
        *landed.columns, "landed_on", "days_late", outcome=ibis.ifelse(beyond, BEYOND, TAKEN)
    )


def within_horizon(landed: ir.Table, late: ir.Table) -> ir.Table:
    """The landed signals that are taken. A delivery beyond the horizon is as if it had not come."""
    beyond = late.filter(late["outcome"] == BEYOND).select("batch_id", "source", "event_id")
    return landed.anti_join(beyond.distinct(), ["batch_id", "source", "event_id"])


def late_arrivals(late: ir.Table) -> ir.Table:
    """One row a source, day of landing, day of the events and outcome."""
    return late.group_by(
        source=late["source"],
        landed_on=late["landed_on"],
        signal_date=late["event_date"],
        outcome=late["outcome"],
    ).aggregate(signals=late.count(), days_late=late["days_late"].max())
