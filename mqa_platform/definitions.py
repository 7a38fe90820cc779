"""The code location: every asset, job, schedule and sensor of one installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from mqa_platform import partitions
from mqa_platform.assets import (
    accounts,
    backtests,
    calibration,
    conversions,
    crm_sync,
    deliveries,
    drift,
    experiments,
    feeds,
    handoffs,
    program_report,
    reps,
    scores,
    sessions,
    signals,
    sources,
    stages,
    weights,
)
from mqa_platform.assets.platform import Platform
from mqa_platform.home import Home
from mqa_platform.promotions import policy_now
from mqa_platform.schedules import (
    after_the_morning,
    daily_refresh,
    deliver,
    every_hour,
    every_morning,
    every_quarter,
    every_week,
    land_sources,
    measure_outcomes,
    quarterly_calibration,
    refresh_and_deliver,
    weekly_review,
)
from mqa_platform.sensors import Jobs, sensors


def build_definitions(
    resources: Mapping[str, Any] | None = None,
    home: Home | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Definitions of a home (default: the environment's); resources can be replaced by name."""
    home = home or Home.from_environment()
    policy = policy_now(home).policy
    daily = partitions.daily(policy.program.history_starts_on)
    assets = [
        sources.landed_batches,
        sources.crm_tables,
        feeds.asset,
        reps.asset,
        signals.asset(daily),
        sessions.asset(daily),
        accounts.asset,
        scores.asset(daily),
        stages.asset(daily),
        handoffs.asset,
    ]
    outcomes: list[dg.AssetsDefinition] = [conversions.asset, conversions.snapshot_asset]
    # Neither is part of a daily refresh: they ask about months, and a run of a day would pay for it.
    weekly: list[dg.AssetsDefinition] = [
        experiments.asset,
        drift.asset,
        backtests.asset,
        weights.asset,
    ]
    quarterly = [calibration.asset]
    # Shown after both, whichever of them ran.
    after: list[dg.AssetsDefinition] = [program_report.asset]
    job = daily_refresh([*assets, *outcomes])
    told = [deliveries.asset, crm_sync.asset]
    sending = deliver([*told, conversions.snapshot_asset])
    acting = refresh_and_deliver([*assets, *told, conversions.snapshot_asset])
    measuring = measure_outcomes(outcomes)
    landing = land_sources([sources.landed_batches, sources.crm_tables, feeds.asset, reps.asset])
    reviewing = weekly_review([*weekly, *after, conversions.snapshot_asset])
    solving = quarterly_calibration([*quarterly, *after, conversions.snapshot_asset])
    jobs = [job, landing, measuring, reviewing, solving, sending, acting]
    platform = Platform(home=str(home.root), data=str(home.data or ""))
    return dg.Definitions(
        assets=[*assets, *outcomes, *told, *weekly, *quarterly, *after],
        jobs=jobs,
        schedules=[
            every_morning(acting, daily),
            after_the_morning(measuring),
            every_hour(landing),
            every_week(reviewing),
            every_quarter(solving),
        ],
        sensors=sensors(Jobs(acting, sending, daily), jobs, home, policy),
        resources={"platform": platform, **(resources or {})},
        executor=dg.in_process_executor,
        loggers=loggers,
    )


defs = build_definitions()
