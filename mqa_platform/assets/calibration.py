"""Threshold proposals as an asset: what the thresholds should be, the curve behind it, and the reps' room.

Belongs here: ``threshold_proposals``, ``threshold_curve``, ``proposal_accounts`` and ``sales_room``. Does not belong
here: making a proposal (``calibrating``), or approving one (``promoting``): nothing here changes a policy.
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
from mqa_platform.calibrating import Proposed, proposal
from mqa_platform.core.window import Window

TABLES = ["threshold_proposals", "threshold_curve", "proposal_accounts", "sales_room"]
Rows = list[dict[str, Any]]


def calibration(step: Step, window: Window | None = None) -> Outcome:
    """Publishes the proposal as of the last published day; of each quarter the newest one is kept."""
    days = step.session.days("stages")
    if not days:
        # Nothing has been scored: the tables are there, and empty.
        return Outcome(step.publish(None, {t: _table(step, t, []) for t in TABLES}))
    found = proposal(step.session, step.policies, days[-1])
    stamp = {"proposed_on": found.as_of, "motion": found.motion}
    proposed = {row["tier"]: row["step"] for row in found.tiers}
    tiers = [{**r, **stamp, "policy_version": found.version} for r in found.tiers]
    curve = [
        {**r, **stamp, "is_proposed": proposed.get(r["tier"]) == r["step"]} for r in found.curve
    ]
    accounts = [{**r, **stamp} for r in step.session.rows(found.accounts)]
    new = {"threshold_proposals": tiers, "threshold_curve": curve, "proposal_accounts": accounts}
    told = {t: _table(step, t, _earlier(step, t, found.as_of) + rows) for t, rows in new.items()}
    told["sales_room"] = _table(step, "sales_room", _room(found))
    return Outcome(step.publish(None, told), _facts(found))


def _quarter(day: date) -> tuple[int, int]:
    return day.year, (day.month - 1) // 3


def _earlier(step: Step, table: str, as_of: date) -> Rows:
    """What was proposed in other quarters: a proposal is dated, and stays what it was."""
    rows = step.session.rows(step.table(table))
    return [r for r in rows if _quarter(r["proposed_on"]) != _quarter(as_of)]


def _room(found: Proposed) -> Rows:
    return [
        {"rep_id": r.rep_id, "week_from": r.week_from, "team": r.team, "capacity": r.capacity,
         "absent": r.absent, "open_work": r.open_work, "room": r.room}
        for r in found.room
    ]  # fmt: skip


def _table(step: Step, name: str, rows: Rows) -> ir.Table:
    schema = step.contracts[name].arrow_schema
    return step.session.constant(name, pa.Table.from_pylist(rows, schema=schema))


def _facts(found: Proposed) -> dict[str, Any]:
    s = found.solution
    facts: dict[str, Any] = {
        "status": s.status,
        "room_per_week": round(s.room, 2),
        "volume_now": round(s.volume_now, 2),
        "volume_proposed": round(s.volume, 2),
        "shortfall_per_week": round(s.shortfall, 2),
        "as_of": found.as_of.isoformat(),
    }
    return facts | {f"threshold_{r['tier']}": r["threshold_proposed"] for r in found.tiers}


@dg.multi_asset(
    specs=[spec("threshold_proposals")],
    check_specs=check_specs("threshold_proposals", *TABLES),
    name="calibration",
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """What the thresholds should be."""
    yield from run_step(context, platform, {"threshold_proposals": TABLES}, ASSET_OF, calibration)
