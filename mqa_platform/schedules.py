"""Jobs and schedules, named by what they do.

Belongs here: which assets run together, and when by the clock. Does not belong here: reactions to events
(``sensors``).
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

DAILY_REFRESH = "daily_refresh"
LAND_SOURCES = "land_sources"
WEEKLY_REVIEW = "weekly_review"
QUARTERLY_CALIBRATION = "quarterly_calibration"
DELIVER = "deliver"
REFRESH_AND_DELIVER = "refresh_and_deliver"
MEASURE_OUTCOMES = "measure_outcomes"


def daily_refresh(assets: Sequence[dg.AssetsDefinition]) -> dg.UnresolvedAssetJobDefinition:
    """All stages in one run, for a day or for a range of days."""
    return dg.define_asset_job(
        DAILY_REFRESH,
        selection=dg.AssetSelection.assets(*assets),
        description="Lands new files and refreshes every stage for the chosen days.",
    )


def land_sources(assets: Sequence[dg.AssetsDefinition]) -> dg.UnresolvedAssetJobDefinition:
    """The ledger, the CRM tables and the feeds beside them, and no stage."""
    return dg.define_asset_job(
        LAND_SOURCES,
        selection=dg.AssetSelection.assets(*assets),
        description="Lands new files and pages and reconciles them; no stage is refreshed.",
    )


def weekly_review(assets: Sequence[dg.AssetsDefinition]) -> dg.UnresolvedAssetJobDefinition:
    """What is looked at every week and costs more than a daily refresh may; no policy changes by it."""
    return dg.define_asset_job(
        WEEKLY_REVIEW,
        selection=dg.AssetSelection.assets(*assets),
        description="Asks whether scores, weights and thresholds still hold, from what is published.",
    )


def quarterly_calibration(
    assets: Sequence[dg.AssetsDefinition],
) -> dg.UnresolvedAssetJobDefinition:
    """The threshold proposals by themselves; no policy changes by it."""
    return dg.define_asset_job(
        QUARTERLY_CALIBRATION,
        selection=dg.AssetSelection.assets(*assets),
        description="Proposes thresholds from what sales can take; somebody has to promote them.",
    )


def every_week(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Mondays, when the week before is complete and the morning's refresh is over."""
    return dg.ScheduleDefinition(
        name=WEEKLY_REVIEW,
        job=job,
        cron_schedule="30 6 * * 1",
        execution_timezone="UTC",
        description="Backtest, weights, drift and the program report every Monday.",
    )


def every_quarter(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """The proposal that is to be approved: on the first day of every quarter, after the morning's refresh."""
    return dg.ScheduleDefinition(
        name=QUARTERLY_CALIBRATION,
        job=job,
        cron_schedule="0 8 1 1,4,7,10 *",
        execution_timezone="UTC",
        description="A dated proposal of thresholds every quarter.",
    )


def deliver(assets: Sequence[dg.AssetsDefinition]) -> dg.UnresolvedAssetJobDefinition:
    """Sends what the tables say is to be sent, and shows readers what came of it."""
    return dg.define_asset_job(
        DELIVER,
        selection=dg.AssetSelection.assets(*assets),
        description="Sends what has not been sent, and publishes what came of it.",
    )


def refresh_and_deliver(
    assets: Sequence[dg.AssetsDefinition],
) -> dg.UnresolvedAssetJobDefinition:
    """All stages up to the handoff in one run and then what is to be sent: the one job that acts on what it finds.

    What became of older episodes is not asked here: a sensor runs this within a minute of a signal, and no
    message waits for a rate (``measure_outcomes``).
    """
    return dg.define_asset_job(
        REFRESH_AND_DELIVER,
        selection=dg.AssetSelection.assets(*assets),
        description="Lands new files, refreshes every stage for today, and delivers.",
    )


def measure_outcomes(
    assets: Sequence[dg.AssetsDefinition],
) -> dg.UnresolvedAssetJobDefinition:
    """What became of every episode, from what is published."""
    return dg.define_asset_job(
        MEASURE_OUTCOMES,
        selection=dg.AssetSelection.assets(*assets),
        description="Conversions and metrics of what is published; nothing is sent.",
    )


def after_the_morning(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Outcomes once a day, when the morning's refresh is over."""
    return dg.ScheduleDefinition(
        name=MEASURE_OUTCOMES,
        job=job,
        cron_schedule="45 5 * * *",
        execution_timezone="UTC",
        description="Conversions and metrics every morning.",
    )


def every_hour(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Lands what is new and judges today: what did not arrive is a warning on the same day."""
    return dg.ScheduleDefinition(
        name=LAND_SOURCES,
        job=job,
        cron_schedule="40 * * * *",
        execution_timezone="UTC",
        description="New files and pages every hour, and a warning on the day that nothing comes.",
    )


def every_morning(
    job: dg.UnresolvedAssetJobDefinition, partitions: dg.DailyPartitionsDefinition
) -> dg.ScheduleDefinition:
    """Refreshes yesterday, now complete, at 05:00 UTC."""

    @dg.schedule(
        name=DAILY_REFRESH,
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        description="Yesterday, complete, every morning.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time
        keys = partitions.get_partition_keys(current_time=now)
        if len(keys) < 2:
            return dg.SkipReason("history starts today: there is no complete day yet")
        return dg.RunRequest(partition_key=keys[-2])

    return _schedule
