"""Stage 7 as an asset: outcomes and metrics, and then the snapshot that readers open.

Belongs here: publishing ``conversions`` and what is made of it, and the snapshot of the marts. Does not belong
here: which tables the metrics are read from (``metrics``), or what they are (``core.metrics``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mqa_platform.assets.metrics import METRIC_TABLES, left_out, metric_tables
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import SNAPSHOT, Outcome, check_specs, run_step
from mqa_platform.assets.routing import entered, last_day
from mqa_platform.core import conversions as core
from mqa_platform.core.stages import Crm
from mqa_platform.core.window import Window
from mqa_platform.warehouse.snapshot import refresh_snapshot

TABLES = ["conversions", *METRIC_TABLES]


def conversions(step: Step, window: Window | None = None) -> Outcome:
    """Publishes what became of every episode, as of the last published day."""
    # As published: who has a handoff is told in one place.
    routes = step.table("handoffs").select("handoff_id", "rep_id", "first_touch_at")
    found = entered(step)
    crm = Crm(*(step.table(t) for t in ("crm_accounts", "crm_opportunities", "crm_activities")))
    outcomes = step.session.keep(
        core.conversions(found, routes, step.table("scores"), crm, step.policy)
    )
    tables = {"conversions": outcomes, **metric_tables(step, found, outcomes)}
    published = step.publish(None, tables)
    m = step.table("conversion_metrics")
    m = m.filter((m["dimension"] == "all") & (m["cohort"] == "all") & m["value"].notnull())
    facts = {r["metric"]: float(r["value"]) for r in step.session.rows(m.select("metric", "value"))}
    told = {"as_of": last_day(step).isoformat(), "currency": step.policy.program.currency}
    return Outcome(published, {**facts, **told, **left_out(step)})


@dg.multi_asset(
    specs=[spec("conversions")], check_specs=check_specs("conversions", *TABLES), name="conversions"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Outcomes and metrics."""
    yield from run_step(context, platform, {"conversions": TABLES}, ASSET_OF, conversions)


@dg.multi_asset(specs=[spec(SNAPSHOT)], name=SNAPSHOT)
def snapshot_asset(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    """Replaces the file that the read-only commands, BI and notebooks open."""
    with platform.step(context.run.run_id) as step:
        refresh_snapshot(step.session, step.home.snapshot)
        size = step.home.snapshot.stat().st_size
    return dg.MaterializeResult(asset_key=SNAPSHOT, metadata={"bytes": size})
