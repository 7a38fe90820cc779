"""Before the stages: new files land, and CRM records become history.

Belongs here: the assets ``landed_batches`` and the ``crm_*`` tables. Does not belong here: vendor formats
(``sources``) or fit (``accounts``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis
import ibis.expr.types as ir

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, CRM_TABLES, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core.crm import history
from mqa_platform.core.window import Window
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.lateness import IDENTITY, changed_since, earliest

_LANDED = {
    "crm_accounts": ("landed_accounts", "account_id"),
    "crm_contacts": ("landed_contacts", "contact_id"),
    "crm_opportunities": ("landed_opportunities", "opportunity_id"),
    "crm_activities": ("landed_activities", "activity_id"),
    "crm_users": ("landed_users", "user_id"),
}

# CRM tables that are published together → who reads the past from them, and must look again.
_READERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("crm_accounts", "crm_contacts"): (IDENTITY, "scores", "stages"),
    ("crm_opportunities", "crm_activities"): ("stages",),
    ("crm_users",): (),
}


def quarantined_signals(step: Step) -> ir.Table:
    """Rows set aside at landing, with the batch's arrival."""
    defects = step.table("landed_defects")
    ledger = step.table("landed_batches").select("batch_id", "landed_at")
    both = defects.join(ledger, "batch_id")
    return both.group_by("source", "raw_hash", "batch_id").aggregate(
        reason=both["reason"].min(),
        raw=both["raw"].min(),
        landed_at=both["landed_at"].min(),
        copies=both.count(),
    )


def land(step: Step, window: Window | None = None) -> Outcome:
    """Lands what is new, then publishes the ledger as audited and the quarantine."""
    report = land_new(step.session, step.policy, step.home)
    published = step.publish(
        None,
        {
            "landed_batches": step.table("landed_batches"),
            "quarantined_signals": quarantined_signals(step),
        },
    )
    facts: dict[str, Any] = {
        "new_files": report.files,
        "new_rows": sum(report.rows.values()),
        "new_quarantined": sum(report.quarantined.values()),
        **{f"quarantined_{reason}": n for reason, n in sorted(report.reasons.items())},
    }
    if report.messages:
        facts["messages"] = dg.MetadataValue.md("\n".join(f"- {m}" for m in report.messages))
    return Outcome(published, facts)


def crm(step: Step, window: Window | None = None) -> Outcome:
    """Publishes every CRM table with its history; days that it tells differently are asked for again."""
    published = []
    for tables, readers in _READERS.items():
        found = {t: step.session.keep(_history(step, t)) for t in tables}
        since = None
        if readers and step.session.days("signals"):
            changes = [changed_since(step.session, step.table(t), v) for t, v in found.items()]
            since = earliest(changes)
        reopens = readers if since else ()
        published += step.publish(None, found, reopens=reopens, from_day=since)
    return Outcome(published)


def _history(step: Step, table: str) -> ir.Table:
    """The versions of a CRM table with the columns and types of its contract."""
    landed, key = _LANDED[table]
    versions = history(step.table(landed), key)
    wanted = step.contracts[table].schema
    return versions.select(
        **{
            c: versions[c].cast(t) if c in versions.columns else ibis.null(t)
            for c, t in wanted.items()
        }
    )


@dg.multi_asset(
    specs=[spec("landed_batches")],
    check_specs=check_specs("landed_batches", "landed_batches", "quarantined_signals"),
    name="landed_batches",
)
def landed_batches(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Every file of every source, read once."""
    tables = {"landed_batches": ["landed_batches", "quarantined_signals"]}
    yield from run_step(context, platform, tables, ASSET_OF, land)


@dg.multi_asset(
    specs=[spec(t) for t in CRM_TABLES],
    check_specs=[c for t in CRM_TABLES for c in check_specs(t, t)],
    name="crm_tables",
)
def crm_tables(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """CRM records with the days each version held."""
    yield from run_step(context, platform, {t: [t] for t in CRM_TABLES}, ASSET_OF, crm)
