"""The backtest as an asset: what past scores were worth, month by month, beside what is naive.

Belongs here: ``backtests``, ``score_outcomes`` and ``backtest_leaks``. Does not belong here: ranking or counting
(``core.calibration``): nothing here changes a policy.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.backtesting import backtest
from mqa_platform.core.window import Window

TABLES = ["backtests", "score_outcomes", "backtest_leaks"]


def backtests(step: Step, window: Window | None = None) -> Outcome:
    """Publishes the backtest of every month whose outcomes are known by the last published day."""
    days = step.session.days("stages")
    if not days:
        return Outcome(step.publish(None, {t: _table(step, t, []) for t in TABLES}))
    found = backtest(step.session, step.policies, days[-1])
    rows = dict(zip(TABLES, (found.models, found.outcomes, found.leaks), strict=True))
    published = step.publish(None, {t: _table(step, t, rows[t]) for t in TABLES})
    facts: dict[str, Any] = {"as_of": found.as_of.isoformat(), "months": len(found.days)}
    if found.days:
        newest = {r["model"]: r for r in found.models if r["split_on"] == found.days[-1]}
        facts["newest_month"] = found.days[-1].isoformat()
        lifts = {f"lift_{model}": r["lift_top_decile"] for model, r in newest.items()}
        facts |= {name: value for name, value in lifts.items() if value is not None}
        facts["says"] = newest["mqa"]["says"]
    facts["suspected_leaks"] = sum(1 for r in found.leaks if r["is_leak"])
    return Outcome(published, facts)


def _table(step: Step, name: str, rows: list[dict[str, Any]]) -> Any:
    schema = step.contracts[name].arrow_schema
    told = [{column: r[column] for column in schema.names} for r in rows]
    return step.session.constant(name, pa.Table.from_pylist(told, schema=schema))


@dg.multi_asset(
    specs=[spec("backtests")], check_specs=check_specs("backtests", *TABLES), name="backtests"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """What past scores were worth."""
    yield from run_step(context, platform, {"backtests": TABLES}, ASSET_OF, backtests)
