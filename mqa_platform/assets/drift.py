"""The weekly watch as an asset: what has moved since the policy was set, and the proposal that an alarm opens.

Belongs here: ``drift_checks``. Does not belong here: the checks (``core.calibration.drift``), or making a proposal
(``calibrating``): nothing here changes a policy.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from mqa_platform.assets.calibration import calibration
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.watches import NOTHING_HAS_DRIFTED
from mqa_platform.core.calibration.drift import AGE, carried, unanswered
from mqa_platform.core.window import Window
from mqa_platform.drifting import Watched, watch
from mqa_platform.threshold_reviews import ages

TABLES = ["drift_checks"]
_SHOWN = 5


def drift(step: Step, window: Window | None = None) -> Outcome:
    """Publishes the checks of the last quarter's weeks; an alarm that nobody has answered opens a proposal."""
    days = step.session.days("stages")
    if not days:
        return Outcome(step.publish(None, {"drift_checks": _table(step, [])}))
    as_of = days[-1]
    found = watch(step.session, step.policies, ages(step.home, step.policies, as_of), as_of)
    rows = carried(found.rows, step.session.rows(step.table("drift_checks")))
    facts: dict[str, Any] = {"as_of": as_of.isoformat(), "alarms": len(found.alarms)}
    new = unanswered(rows, found.week)
    if new:
        # The tables of a proposal are its own asset's; here they are made out of turn.
        facts["proposal_opened"] = as_of.isoformat()
        facts |= {f"proposal_{name}": value for name, value in calibration(step).facts.items()}
        for row in new:
            row["proposed_on"] = as_of
    published = step.publish(None, {"drift_checks": _table(step, rows)})
    return Outcome(published, facts, watched=[_watched(found)])


def _watched(found: Watched) -> dg.AssetCheckResult:
    alarms = [r for r in found.alarms if r["check_name"] != AGE]
    told = "; ".join(f"{r['check_name'].replace('_', ' ')}: {r['says']}" for r in alarms[:_SHOWN])
    week = found.week.isoformat() if found.week else ""
    return NOTHING_HAS_DRIFTED.result(len(alarms), told, {"week": week})


def _table(step: Step, rows: list[dict[str, Any]]) -> Any:
    schema = step.contracts["drift_checks"].arrow_schema
    told = [{name: r[name] for name in schema.names} for r in rows]
    return step.session.constant("drift_checks", pa.Table.from_pylist(told, schema=schema))


@dg.multi_asset(
    specs=[spec("drift_checks")], check_specs=check_specs("drift_checks", *TABLES), name="drift"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """What has moved since the policy was set."""
    yield from run_step(context, platform, {"drift_checks": TABLES}, ASSET_OF, drift)
