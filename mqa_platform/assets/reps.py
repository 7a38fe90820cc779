"""Before the stages, beside the CRM: who the reps are, when they are away, and who works which deal.

Belongs here: the assets ``capacity``, ``absences``, ``reassignments`` and ``crm_opportunity_team``. Does not
belong here: file formats (``sources``), or who gets an account (``routing``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, REPS, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import capacity as core
from mqa_platform.core.opportunity_teams import opportunity_team
from mqa_platform.core.window import Window


def reps(step: Step, window: Window | None = None) -> Outcome:
    """Publishes the sales desk as a whole: no stage reads it before the handoffs do."""
    batches = step.table("landed_batches")
    told = {
        "capacity": core.capacity(
            step.table("landed_rep_capacity"), batches, step.table("crm_users")
        ),
        "absences": core.absences(step.table("landed_absences"), batches),
        "reassignments": core.reassignments(step.table("landed_reassignments")),
        "crm_opportunity_team": opportunity_team(step.table("landed_associations")),
    }
    return Outcome(step.publish(None, {t: _typed(step, t, e) for t, e in told.items()}))


def _typed(step: Step, table: str, found: ir.Table) -> ir.Table:
    return found.select(**{c: found[c].cast(t) for c, t in step.contracts[table].schema.items()})


@dg.multi_asset(
    specs=[spec(t) for t in REPS],
    check_specs=[c for t in REPS for c in check_specs(t, t)],
    name="reps",
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Capacity, absences, reassignments and opportunity teams."""
    yield from run_step(context, platform, {t: [t] for t in REPS}, ASSET_OF, reps)
