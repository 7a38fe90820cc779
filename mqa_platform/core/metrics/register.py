"""The register: every metric there is, by name.

Belongs here: the list. Does not belong here: what a metric counts (``of_episodes``, ``of_deals``,
``of_programme``).
"""

from __future__ import annotations

from typing import Any, Final

from mqa_platform.core.metrics import of_deals, of_episodes, of_programme
from mqa_platform.core.metrics.definitions import Metric
from mqa_platform.policy.models import Policy

METRICS: Final[dict[str, Metric]] = {
    m.name: m for m in (*of_episodes.METRICS, *of_deals.METRICS, *of_programme.METRICS)
}


def definitions(policy: Policy) -> list[dict[str, Any]]:
    """Every metric in words: metric, definition, unit, method, cohort and dimensions."""
    return [
        {
            "metric": m.name,
            "definition": m.words(policy),
            "unit": m.unit,
            "method": m.method,
            "cohort": m.cohort,
            "dimensions": ", ".join(("all", *m.dimensions)),
        }
        for m in METRICS.values()
    ]
