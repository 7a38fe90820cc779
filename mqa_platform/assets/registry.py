"""The asset list: keys, groups, owners, kinds and what each depends on, in one place.

Belongs here: what the Dagster UI shows of an asset before it has run. Does not belong here: what an asset
does (its module).
"""

from __future__ import annotations

import os
from datetime import timedelta

import dagster as dg

from mqa_platform.assets.reporting import PROGRAM_REPORT, SNAPSHOT, column_schema
from mqa_platform.contracts.loader import load_contracts

CRM_TABLES = (
    "crm_accounts",
    "crm_contacts",
    "crm_leads",
    "crm_opportunities",
    "crm_contact_roles",
    "crm_activities",
    "crm_users",
)
# What is bought, listed and spent: published beside the CRM.
FEEDS = ("enrichment", "account_lists", "campaign_spend")
# Who sells: published beside the CRM, read by routing.
REPS = ("capacity", "absences", "reassignments", "crm_opportunity_team")
DAILY = ("signals", "sessions", "touchpoints", "scores", "stages")

# Asset → the assets it reads. The sentence of the platform is the spine of this list.
DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "landed_batches": (),
    **dict.fromkeys((*CRM_TABLES, *FEEDS, *REPS), ("landed_batches",)),
    "capacity": ("landed_batches", "crm_users"),
    "signals": ("landed_batches",),
    "sessions": ("signals", "crm_accounts", "crm_contacts"),
    "touchpoints": ("signals", "sessions"),
    "accounts": (
        "sessions",
        "touchpoints",
        "crm_accounts",
        "crm_opportunities",
        "crm_activities",
        "crm_users",
        "enrichment",
        "account_lists",
    ),
    "scores": ("accounts", "touchpoints", "landed_batches", "crm_opportunities"),
    "stages": (
        "landed_batches",
        "scores",
        "accounts",
        "touchpoints",
        "crm_accounts",
        "crm_opportunities",
        "crm_activities",
        "crm_users",
    ),
    "handoffs": (
        "stages",
        "scores",
        "accounts",
        *REPS,
        "crm_accounts",
        "crm_users",
        "crm_contacts",
        "crm_contact_roles",
        "crm_opportunities",
        "crm_activities",
        "signals",
        "touchpoints",
        "landed_batches",
    ),
    "conversions": (
        "handoffs",
        "stages",
        "scores",
        "accounts",
        "touchpoints",
        "capacity",
        "absences",
        "campaign_spend",
        "crm_users",
        "crm_opportunities",
        "crm_activities",
    ),
    "threshold_proposals": (
        "conversions",
        "handoffs",
        "scores",
        "accounts",
        "capacity",
        "absences",
        "crm_opportunities",
    ),
    "experiment_results": ("handoffs", "conversions"),
    "drift_checks": (
        "conversions",
        "handoffs",
        "scores",
        "touchpoints",
        "capacity",
        "absences",
        "accounts",
        "crm_opportunities",
    ),
    "backtests": ("scores", "accounts", "touchpoints", "crm_opportunities"),
    "weight_proposals": ("touchpoints", "handoffs", "crm_opportunities"),
    # Sends: only the jobs that deliver have it.
    "deliveries": ("handoffs",),
    "crm_sync_changelog": ("handoffs", "stages", "scores", "accounts"),
    SNAPSHOT: (
        "conversions",
        "threshold_proposals",
        "experiment_results",
        "drift_checks",
        "backtests",
        "weight_proposals",
        "deliveries",
        "crm_sync_changelog",
    ),
    # Reads what every reader reads.
    PROGRAM_REPORT: (SNAPSHOT,),
}
# Table → the asset that publishes it, for lineage.
ASSET_OF = {name: name for name in DEPENDS_ON} | {
    "quarantined_signals": "landed_batches",
    "privacy_rewrites": "landed_batches",
    "policy_promotions": "landed_batches",
    "source_report": "landed_batches",
    "source_health": "landed_batches",
    "late_arrivals": "landed_batches",
    "dropped_signals": "signals",
    "unresolved_signals": "touchpoints",
    "account_fit": "accounts",
    "unknown_words": "accounts",
    "excluded_accounts": "accounts",
    "discovered_accounts": "accounts",
    "account_hierarchy": "accounts",
    "crm_duplicates": "accounts",
    "identity_reviews": "accounts",
    "score_receipts": "scores",
    "people": "scores",
    "activation_lists": "scores",
    "stage_transitions": "stages",
    "overrides": "stages",
    "worklist": "handoffs",
    "sla_events": "handoffs",
    "sla_compliance": "handoffs",
    "ageing_handoffs": "handoffs",
    "follow_up": "handoffs",
    "calendar_problems": "handoffs",
    "route_steps": "handoffs",
    "handoff_owners": "handoffs",
    "routing_exceptions": "handoffs",
    "experiment_arms": "handoffs",
    "briefs": "handoffs",
    "play_enrollments": "handoffs",
    "committees": "handoffs",
    "mql_decisions": "handoffs",
    "decisions": "handoffs",
    "decision_drift": "handoffs",
    "known_entries": "handoffs",
    "opportunity_origin": "conversions",
    "attribution": "conversions",
    "conversion_paths": "conversions",
    "metric_accounts": "conversions",
    "conversion_metrics": "conversions",
    "score_outcomes": "backtests",
    "backtest_leaks": "backtests",
    "signal_lift": "weight_proposals",
    "half_life_estimates": "weight_proposals",
    "threshold_curve": "threshold_proposals",
    "proposal_accounts": "threshold_proposals",
    "sales_room": "threshold_proposals",
    "pipeline_forecast": "conversions",
    "rejection_reasons": "conversions",
    "delivery_attempts": "deliveries",
    "crm_sync_runs": "crm_sync_changelog",
}
_SISTERS = {
    asset: [t for t, a in ASSET_OF.items() if a == asset and t != asset] for asset in DEPENDS_ON
}


def spec(key: str, partitions: dg.PartitionsDefinition | None = None) -> dg.AssetSpec:
    """The asset's spec: description, owner and columns from its contract."""
    engine = "postgres" if os.environ.get("MQA_WAREHOUSE_URL") else "duckdb"
    deps = [dg.AssetDep(d) for d in DEPENDS_ON[key]]
    if key == SNAPSHOT:
        return dg.AssetSpec(
            key,
            deps=deps,
            group_name="marts",
            owners=["team:data-engineering"],
            kinds={engine, "snapshot"},
            description="The published tables as one read-only file, replaced after every run.",
        )
    if key == PROGRAM_REPORT:
        return dg.AssetSpec(
            key,
            deps=deps,
            group_name="calibration",
            owners=["team:revops"],
            kinds={"html", "altair"},
            description="The programme report as one HTML file; its pictures and tables stand in the metadata.",
        )
    contract = load_contracts()[key]
    sisters = _SISTERS[key]
    also = f" Published with it: {', '.join(sisters)}." if sisters else ""
    return dg.AssetSpec(
        key,
        deps=deps,
        group_name=contract.group,
        owners=[f"team:{contract.owner}"],
        kinds={engine, "ibis"},
        description=f"{contract.description}{also}",
        partitions_def=partitions,
        metadata={
            "dagster/table_name": key,
            "dagster/column_schema": column_schema(contract),
            "contract": dg.MetadataValue.path(f"data_contracts/{key}.yaml"),
        },
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=contract.freshness or timedelta(hours=26)
        ),
    )
