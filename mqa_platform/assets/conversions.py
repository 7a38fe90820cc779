"""Stage 7 as an asset: outcomes and rates, and then the snapshot that readers open.

Belongs here: ``conversions``, ``conversion_metrics`` and the snapshot of the marts. Does not belong here:
what a rate is (``core.rates``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import SNAPSHOT, Outcome, check_specs, run_step
from mqa_platform.assets.routing import entered
from mqa_platform.core import conversions as core
from mqa_platform.core.stages import Crm
from mqa_platform.core.window import Window
from mqa_platform.warehouse.snapshot import refresh_snapshot

TABLES = ["conversions", "conversion_metrics"]


def conversions(step: Step, window: Window | None = None) -> Outcome:
    """Publishes what became of every episode, as of the last published day."""
    # As published: who has a handoff is told in one place.
    routes = step.table("handoffs").select("handoff_id", "rep_id", "first_touch_at")
    found = entered(step)
    crm = Crm(*(step.table(t) for t in ("crm_accounts", "crm_opportunities", "crm_activities")))
    outcomes = step.session.keep(
        core.conversions(found, routes, step.table("scores"), crm, step.policy)
    )
    days = step.session.days("stages")
    as_of = days[-1] if days else step.policy.program.history_starts_on
    metrics = core.conversion_metrics(outcomes, step.policy, as_of, step.session.apply)
    published = step.publish(None, {"conversions": outcomes, "conversion_metrics": metrics})
    m = step.table("conversion_metrics")
    m = m.filter((m["dimension"] == "all") & (m["cohort"] == "all") & m["value"].notnull())
    facts = {r["metric"]: float(r["value"]) for r in step.session.rows(m.select("metric", "value"))}
    return Outcome(
        published, {**facts, "as_of": as_of.isoformat(), "currency": step.policy.program.currency}
    )


@dg.multi_asset(
    specs=[spec("conversions")], check_specs=check_specs("conversions", *TABLES), name="conversions"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Outcomes and rates."""
    yield from run_step(context, platform, {"conversions": TABLES}, ASSET_OF, conversions)


@dg.multi_asset(specs=[spec(SNAPSHOT)], name=SNAPSHOT)
def snapshot_asset(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    """Replaces the file that the read-only commands, BI and notebooks open."""
    with platform.step(context.run.run_id) as step:
        refresh_snapshot(step.session, step.home.snapshot)
        size = step.home.snapshot.stat().st_size
    return dg.MaterializeResult(asset_key=SNAPSHOT, metadata={"bytes": size})
