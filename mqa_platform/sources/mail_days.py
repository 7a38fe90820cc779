"""The published days that a late mail may change: those into which a filter could have clicked on it.

Belongs here: that one question. Does not belong here: what other late signals change (``lateness``), or
what a filter is (``core.link_scanners``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.window import ONE_DAY
from mqa_platform.warehouse import Session


def mailed_into(
    session: Session, landed: Mapping[str, pa.Table], within_seconds: int
) -> list[date]:
    """Published days that began at most ``within_seconds`` after a mail of this batch was sent."""
    table = landed.get("landed_signals")
    if table is None or not table.num_rows:
        return []
    mails = table.filter(pc.equal(table["event"], "outbound_email"))
    sent = mails["occurred_at"].cast(pa.timestamp("us", "UTC"))
    reached = pc.add(sent, pa.scalar(within_seconds * 1_000_000, pa.duration("us")))
    days = pc.cast(reached.cast(pa.timestamp("us")), pa.date32())
    over = pc.not_equal(days, mails["event_date"])
    after = {day + ONE_DAY for day in set(mails["event_date"].filter(over).to_pylist())}
    return sorted(after & set(session.days("sessions"))) if after else []
