"""Stage 6 as an asset: one handoff an episode, and each rep's worklist.

Belongs here: ``handoffs`` and ``worklist``. Does not belong here: routing rules (``core.handoffs``) or
sending anything; materializing this asset notifies nobody.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import handoffs as core
from mqa_platform.core.window import Window

TABLES = ["handoffs", "worklist"]


def entries_and_routes(step: Step) -> tuple[ir.Table, ir.Table]:
    """Every entry to mqa with the account of that day, and the rep it is routed to."""
    entered = step.session.keep(
        core.entries(step.table("stage_transitions"), step.table("accounts"))
    )
    return entered, step.session.keep(core.routed(entered, step.table("crm_users"), step.policy))


def handoffs(step: Step, window: Window | None = None) -> Outcome:
    """Publishes all handoffs and the worklists they make."""
    entered, routes = entries_and_routes(step)
    made = step.session.keep(
        core.handoffs(
            entered,
            routes,
            step.table("stage_transitions"),
            step.table("scores"),
            step.table("score_receipts"),
            step.policy,
            step.session.apply,
        )
    )
    published = step.publish(None, {"handoffs": made, "worklist": core.worklist(made)})
    h = step.table("handoffs")
    states = h.group_by("status").aggregate(n=h.count())
    return Outcome(published, {f"status_{r['status']}": r["n"] for r in step.session.rows(states)})


@dg.multi_asset(
    specs=[spec("handoffs")], check_specs=check_specs("handoffs", *TABLES), name="handoffs"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Handoffs and worklists."""
    yield from run_step(context, platform, {"handoffs": TABLES}, ASSET_OF, handoffs)
