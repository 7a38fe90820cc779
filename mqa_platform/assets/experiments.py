"""Experiment results as an asset: what came of the accounts that were held out, every week.

Belongs here: ``experiment_results``. Does not belong here: the draw, which is published with the handoffs
(``experiment_arms``), or the figures (``experimenting``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.routing import last_day
from mqa_platform.core.window import Window
from mqa_platform.experimenting import experiment_results

TABLES = ["experiment_results"]


def experiments(step: Step, window: Window | None = None) -> Outcome:
    """Publishes the comparison of both arms as of the last published day; nothing where nothing was drawn."""
    rows = experiment_results(step.session, step.policy, last_day(step))
    schema = step.contracts["experiment_results"].arrow_schema
    told = step.session.constant("experiment_results", pa.Table.from_pylist(rows, schema=schema))
    whole = [r for r in rows if r["tier"] == "all" and r["outcome"] == "opportunity"]
    facts = {f"{r['experiment']} {r['motion']}": r["says"] for r in whole}
    return Outcome(step.publish(None, {"experiment_results": told}), facts)


@dg.multi_asset(
    specs=[spec("experiment_results")],
    check_specs=check_specs("experiment_results", *TABLES),
    name="experiments",
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """What an experiment shows."""
    yield from run_step(context, platform, {"experiment_results": TABLES}, ASSET_OF, experiments)
