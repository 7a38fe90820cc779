"""Checks on what happened rather than on rows: none holds anything back.

Belongs here: which there are, and how one tells Dagster its finding. Does not belong here: rules of
published rows (``data_contracts``, told by ``reporting``), or how a finding is made (the stages' modules).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class Watch:
    """One such check: the asset it hangs on, its name, and what holds when all is well."""

    asset: str
    name: str
    description: str
    # Error shows red in the UI; neither holds anything back.
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN

    def spec(self) -> dg.AssetCheckSpec:
        """The check as Dagster declares it."""
        return dg.AssetCheckSpec(
            name=self.name, asset=self.asset, description=self.description, blocking=False
        )

    def result(
        self, violations: int, told: str = "", metadata: Mapping[str, Any] | None = None
    ) -> dg.AssetCheckResult:
        """The finding of a run: it passed when nothing violates it; ``told`` names what does."""
        return dg.AssetCheckResult(
            asset_key=self.asset,
            check_name=self.name,
            passed=not violations,
            severity=self.severity,
            description=told if violations else self.description,
            metadata={"violations": violations, **(metadata or {})},
        )


SOURCES_HAVE_ARRIVED = Watch(
    "landed_batches",
    "sources_have_arrived",
    "Every source that has a rhythm has delivered in time, as of the last day of the run.",
)
PAGE_VIEWS_ARE_CLASSIFIED = Watch(
    "signals",
    "page_views_are_classified",
    "The page taxonomy knows all page views of the run's days but unclassified_limit of them.",
)
NOBODY_IS_UNROUTED = Watch(
    "handoffs",
    "nobody_is_unrouted",
    "No more open handoffs wait in a fallback queue than routing.max_unrouted.",
    dg.AssetCheckSeverity.ERROR,
)
THRESHOLDS_ARE_REVIEWED = Watch(
    "handoffs",
    "thresholds_are_reviewed",
    "Somebody has decided on every threshold in force within calibration.review_days.",
)
NOTHING_HAS_DRIFTED = Watch(
    "drift_checks",
    "nothing_has_drifted",
    "The last week's numbers are what chance makes of those before: at most one false alarm in 52 quiet weeks.",
)
MESSAGES_ARRIVE = Watch(
    "deliveries",
    "messages_arrive",
    "Every channel can be used, and no message was given up after it was tried.",
    dg.AssetCheckSeverity.ERROR,
)
THE_CRM_IS_WRITTEN = Watch(
    "crm_sync_changelog",
    "the_crm_is_written",
    "The last sync came to its end: neither the breaker nor the CRM stopped it.",
    dg.AssetCheckSeverity.ERROR,
)
WATCHES = (
    SOURCES_HAVE_ARRIVED,
    PAGE_VIEWS_ARE_CLASSIFIED,
    NOBODY_IS_UNROUTED,
    THRESHOLDS_ARE_REVIEWED,
    NOTHING_HAS_DRIFTED,
    MESSAGES_ARRIVE,
    THE_CRM_IS_WRITTEN,
)


def watch_specs(asset: str) -> list[dg.AssetCheckSpec]:
    """The watches that hang on an asset."""
    return [watch.spec() for watch in WATCHES if watch.asset == asset]
