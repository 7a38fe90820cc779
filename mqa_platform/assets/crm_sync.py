"""The CRM write-back as an asset: what changed is written, then the journal is published.

Belongs here: ``crm_sync_changelog`` and ``crm_sync_runs``, and that no call is made while the warehouse is
held open. Does not belong here: what is written (``core``), or how (``destinations``).
"""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.watches import THE_CRM_IS_WRITTEN
from mqa_platform.core.window import Window

# What sends is imported where it is used: whoever loads the code location, or runs the past, has no need of it.
if TYPE_CHECKING:
    from mqa_platform.destinations.crm_sync import Synced

TABLES = ["crm_sync_changelog", "crm_sync_runs"]
_PUBLISHED_DAYS = 90


def written(platform: Platform, run_id: str) -> "Synced | str":
    """Writes what changed; the warehouse is open only while the changes are read.

    Returns:
        What became of it, or why nothing is written here. A CRM that cannot be used is a failed run and no
        error: what the journal holds is published all the same.
    """
    from mqa_platform.destinations.channel import DestinationError
    from mqa_platform.destinations.crm import crm_runs, why_not
    from mqa_platform.destinations.crm_journal import CrmJournal
    from mqa_platform.destinations.crm_plan import Plan, planned
    from mqa_platform.destinations.crm_sync import FAILED, Synced
    from mqa_platform.destinations.sending_lock import OutboxBusyError
    from mqa_platform.promotions import policy_now

    home = platform.at()
    policy = policy_now(home).policy
    reason = why_not(home, policy)
    if reason is not None:
        return reason
    journal = CrmJournal(home.outbox)

    def plan() -> Plan:
        with platform.step(run_id) as step:
            return planned(step.session, journal, policy, step.at, step.session.constant)

    try:
        with crm_runs(home, policy, os.environ) as runs:
            return runs.sync(plan)
    except (DestinationError, OutboxBusyError) as problem:
        return Synced("", "sync", FAILED, str(problem))


def crm_sync_changelog(
    step: Step, window: Window | None = None, result: "Synced | str" = ""
) -> Outcome:
    """Publishes what the journal holds, with what this run wrote as facts."""
    from mqa_platform.destinations.crm_journal import CrmJournal

    journal = CrmJournal(step.home.outbox)
    changes = journal.changes(since=datetime.now(UTC) - timedelta(days=_PUBLISHED_DAYS))
    tables = {
        "crm_sync_changelog": [_change(row) for row in changes],
        "crm_sync_runs": [{"sync_run": row["run"], **row} for row in journal.runs()],
    }
    published = step.publish(None, {n: _table(step, n, rows) for n, rows in tables.items()})
    if isinstance(result, str):
        well = THE_CRM_IS_WRITTEN.result(0)
        return Outcome(published, {"state": "nothing written", "reason": result}, watched=[well])
    o = result.outcome
    facts = {"sync_run": result.run, "state": result.state, "reason": result.reason or ""}
    stopped = result.state in ("blocked", "failed", "stopped")
    watch = THE_CRM_IS_WRITTEN.result(int(stopped), f"{result.state}: {result.reason}")
    counts = {"sent": o.sent, "pending": o.pending, "refused": o.refused, "calls": o.calls}
    return Outcome(published, {**facts, **counts}, watched=[watch])


def _change(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: json.dumps(row[name], sort_keys=True) for name in ("fields", "stood")}
    return {**row, "sync_run": row["run"], **told}


def _table(step: Step, name: str, rows: list[dict[str, Any]]) -> Any:
    schema = step.contracts[name].arrow_schema
    listed = [{c: row.get(c) for c in schema.names} for row in rows]
    return step.session.constant(name, pa.Table.from_pylist(listed, schema=schema))


@dg.multi_asset(
    specs=[spec("crm_sync_changelog")],
    check_specs=check_specs("crm_sync_changelog", *TABLES),
    name="crm_sync_changelog",
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """The write-back to the CRM."""
    result = written(platform, context.run.run_id)
    work = partial(crm_sync_changelog, result=result)
    yield from run_step(context, platform, {"crm_sync_changelog": TABLES}, ASSET_OF, work)
