"""Before the stages: new files land, and CRM records become history.

Belongs here: the assets ``landed_batches`` and the ``crm_*`` tables. Does not belong here: vendor formats
(``sources``) or fit (``accounts``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.crm_versions import versions
from mqa_platform.assets.health import TABLES as HEALTH
from mqa_platform.assets.health import last_day, source_tables, watched
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.privacy import guard_personal_data, told_of
from mqa_platform.assets.registry import ASSET_OF, CRM_TABLES, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_days, run_step
from mqa_platform.core.answers import owners
from mqa_platform.core.participation import EXPANSION, won
from mqa_platform.core.window import Window
from mqa_platform.promotions import TABLE as PROMOTIONS
from mqa_platform.promotions import promotions_table
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.lateness import IDENTITY, changed_since, earliest
from mqa_platform.sources.retention import REWRITES

# What the asset ``landed_batches`` publishes, itself first.
_LEDGERS = ["landed_batches", "quarantined_signals", REWRITES, PROMOTIONS, *HEALTH]
# CRM tables that are published together → who reads the past from them, and must look again.
_READERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("crm_accounts", "crm_contacts"): (IDENTITY, "scores", "stages"),
    ("crm_opportunities", "crm_activities"): ("stages",),
    ("crm_leads", "crm_contact_roles", "crm_users"): (),
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
    """Lands what is new, then publishes the ledger as audited, the quarantine and how the sources are.

    ``window`` are the days of the run, None where it has none: the sources are judged to the last.
    """
    report = land_new(step.session, step.policy, step.home)
    dropped = guard_personal_data(step, report)
    published = step.publish(
        None,
        {
            "landed_batches": step.table("landed_batches"),
            "quarantined_signals": quarantined_signals(step),
            REWRITES: step.table(REWRITES),
            PROMOTIONS: step.session.constant("promotions_log", promotions_table(step.home)),
            **source_tables(step, last_day(window)),
        },
    )
    facts: dict[str, Any] = {
        "new_files": report.files,
        "new_rows": sum(report.rows.values()),
        "new_quarantined": sum(report.quarantined.values()),
        **{f"quarantined_{reason}": n for reason, n in sorted(report.reasons.items())},
    }
    facts |= {"degraded": report.degraded, "held_batches": len(report.held)}
    facts |= {"dropped_addresses": dropped.addresses}
    if told := report.told():
        facts["messages"] = dg.MetadataValue.md("\n".join(f"- {m}" for m in told))
    arrived, shown = watched(step, last_day(window))
    return Outcome(told_of(published, dropped), {**facts, **shown}, watched=[arrived])


def crm(step: Step, window: Window | None = None) -> Outcome:
    """Publishes every CRM table with its history; days that it tells differently are asked for again."""
    published = []
    for tables, readers in _READERS.items():
        found = {t: step.session.keep(versions(step, t)) for t in tables}
        since = None
        if readers and step.session.days("signals"):
            changes = [changed_since(step.session, step.table(t), v) for t, v in found.items()]
            since = earliest(changes)
            _ask_for_customers(step, found)
        _ask_for_owners(step, found)
        reopens = readers if since else ()
        published += step.publish(None, found, reopens=reopens, from_day=since)
    return Outcome(published)


def _ask_for_customers(step: Step, found: dict[str, ir.Table]) -> None:
    """Another win makes another customer, and who is one decides who is scored for expansion."""
    deals = found.get("crm_opportunities")
    if deals is None or EXPANSION not in step.policies.motions:
        return
    since = changed_since(step.session, won(step.table("crm_opportunities")), won(deals))
    if since is not None:
        # Before the table is there: a kill in between asks in vain, and never leaves a day unasked.
        step.session.reopen("scores", since)


def _ask_for_owners(step: Step, found: dict[str, ir.Table]) -> None:
    """Whether an owner is still active decides whose touch is the answer to a handoff."""
    users = found.get("crm_users")
    if users is None or not step.session.days("stages"):
        return
    accounts = step.table("crm_accounts")
    before, now = owners(step.table("crm_users"), accounts), owners(users, accounts)
    since = changed_since(step.session, before, now)
    if since is not None:
        step.session.reopen("stages", since)


@dg.multi_asset(
    specs=[spec("landed_batches")],
    check_specs=check_specs("landed_batches", *_LEDGERS),
    name="landed_batches",
)
def landed_batches(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Every file of every source, read once."""
    tables = {"landed_batches": _LEDGERS}
    days = run_days(context)
    yield from run_step(context, platform, tables, ASSET_OF, lambda step, _: land(step, days))


@dg.multi_asset(
    specs=[spec(t) for t in CRM_TABLES],
    check_specs=[c for t in CRM_TABLES for c in check_specs(t, t)],
    name="crm_tables",
)
def crm_tables(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """CRM records with the days each version held."""
    yield from run_step(context, platform, {t: [t] for t in CRM_TABLES}, ASSET_OF, crm)
