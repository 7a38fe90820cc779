"""The daily partitions, UTC, with the current day included; nothing else."""

from __future__ import annotations

from datetime import date

import dagster as dg


def daily(starts_on: date) -> dg.DailyPartitionsDefinition:
    """One partition a UTC day from the first day of history to today, which can be refreshed all day."""
    return dg.DailyPartitionsDefinition(
        start_date=starts_on.isoformat(), timezone="UTC", end_offset=1
    )
