"""Weight proposals as an asset: what closed deals say of each signal, beside what the policy says.

Belongs here: ``weight_proposals``, ``signal_lift`` and ``half_life_estimates``. Does not belong here: computing them
(``weighing``), or approving any of it (``promoting``): nothing here changes a policy.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core.calibration.weights import CHANGE
from mqa_platform.core.window import Window
from mqa_platform.weighing import Weighed, half_life_rows, lift_rows, weighed, weight_rows

TABLES = ["weight_proposals", "signal_lift", "half_life_estimates"]
Rows = list[dict[str, Any]]


def weights(step: Step, window: Window | None = None) -> Outcome:
    """Publishes what is said as of the last published day; of each quarter the newest proposal is kept."""
    days = step.session.days("stages")
    if not days:
        return Outcome(step.publish(None, {t: _table(step, t, []) for t in TABLES}))
    found = weighed(step.session, step.policies, days[-1])
    stamp = {"estimated_on": found.as_of, "motion": found.motion}
    proposed = [{**r, **stamp, "policy_version": found.version} for r in weight_rows(found)]
    rows = {
        "weight_proposals": _earlier(step, found.as_of) + proposed,
        "signal_lift": [{**r, **stamp} for r in lift_rows(found)],
        "half_life_estimates": [{**r, **stamp} for r in half_life_rows(found)],
    }
    told = {t: _table(step, t, listed) for t, listed in rows.items()}
    return Outcome(step.publish(None, told), _facts(found))


def _quarter(day: date) -> tuple[int, int]:
    return day.year, (day.month - 1) // 3


def _earlier(step: Step, as_of: date) -> Rows:
    """What was proposed in other quarters: a proposal is dated, and stays what it was."""
    rows = step.session.rows(step.table("weight_proposals"))
    return [r for r in rows if _quarter(r["estimated_on"]) != _quarter(as_of)]


def _table(step: Step, name: str, rows: Rows) -> ir.Table:
    schema = step.contracts[name].arrow_schema
    return step.session.constant(name, pa.Table.from_pylist(rows, schema=schema))


def _facts(found: Weighed) -> dict[str, Any]:
    changed = [w.component for w in found.ranked.weights if w.status == CHANGE]
    facts: dict[str, Any] = {
        "as_of": found.as_of.isoformat(),
        "winners": found.ranked.winners,
        "accounts": found.ranked.accounts,
        "weights_to_change": ", ".join(changed) or "none",
    }
    return facts if found.ranked.p_value is None else facts | {"p_value": found.ranked.p_value}


@dg.multi_asset(
    specs=[spec("weight_proposals")],
    check_specs=check_specs("weight_proposals", *TABLES),
    name="weights",
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """What closed deals say of the weights."""
    yield from run_step(context, platform, {"weight_proposals": TABLES}, ASSET_OF, weights)
