"""Stage 1 as an asset: landed events of the days, deduplicated and typed.

Belongs here: ``signals`` and ``dropped_signals``. Does not belong here: what a signal is (``core.signals``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import signals as core
from mqa_platform.core.window import Window

TABLES = ["signals", "dropped_signals"]


def signals(step: Step, window: Window) -> Outcome:
    """Publishes the window's signals and asks for sessions again where they changed."""
    landed = step.table("landed_signals")
    published = step.publish(
        window,
        {
            "signals": core.signals(landed, step.policy, window),
            "dropped_signals": core.dropped_signals(landed, window),
        },
        reopens=("sessions",),
    )
    dropped = step.table("dropped_signals")
    dropped = dropped.filter(
        (dropped["signal_date"] >= window.lo) & (dropped["signal_date"] < window.hi)
    )
    by_reason = dropped.group_by("reason").aggregate(n=dropped["landed_rows"].sum())
    facts: dict[str, Any] = {
        f"dropped_{row['reason']}": int(row["n"]) for row in step.session.rows(by_reason)
    }
    if not published[0].rows:
        facts["message"] = f"no signals on {window}: empty partitions"
    return Outcome(published, facts)


def asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset over the given daily partitions."""

    @dg.multi_asset(
        specs=[spec("signals", partitions)],
        check_specs=check_specs("signals", *TABLES),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        name="signals",
    )
    def _signals(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        yield from run_step(context, platform, {"signals": TABLES}, ASSET_OF, signals)

    return _signals
