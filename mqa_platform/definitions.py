"""The code location: every asset, job, schedule and sensor of one installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from mqa_platform import partitions
from mqa_platform.assets import (
    accounts,
    calibration,
    conversions,
    crm_sync,
    deliveries,
    feeds,
    handoffs,
    reps,
    scores,
    sessions,
    signals,
    sources,
    stages,
)
from mqa_platform.assets.platform import Platform
from mqa_platform.home import Home
from mqa_platform.promotions import policy_now
from mqa_platform.schedules import (
    daily_refresh,
    deliver,
    every_hour,
    every_morning,
    every_quarter,
    land_sources,
    quarterly_calibration,
    refresh_and_deliver,
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
        conversions.asset,
        calibration.asset,
        conversions.snapshot_asset,
    ]
    job = daily_refresh(assets)
    told = [deliveries.asset, crm_sync.asset]
    sending = deliver([*told, conversions.snapshot_asset])
    acting = refresh_and_deliver([*assets, *told])
    landing = land_sources([sources.landed_batches, sources.crm_tables, feeds.asset, reps.asset])
    solving = quarterly_calibration([calibration.asset])
    platform = Platform(home=str(home.root), data=str(home.data or ""))
    return dg.Definitions(
        assets=[*assets, *told],
        jobs=[job, landing, solving, sending, acting],
        schedules=[every_morning(acting, daily), every_hour(landing), every_quarter(solving)],
        sensors=sensors(
            Jobs(acting, sending, daily),
            [job, landing, solving, sending, acting],
            home,
            policy,
        ),
        resources={"platform": platform, **(resources or {})},
        executor=dg.in_process_executor,
        loggers=loggers,
    )


defs = build_definitions()
