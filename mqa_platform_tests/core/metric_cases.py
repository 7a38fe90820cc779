"""Episodes and opportunities of which a test says only what it is about.

Belongs here: rows of the facts that metrics are counted in. Does not belong here: expectations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mqa_platform.core.metrics.counted import metric_accounts
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.summaries import conversion_metrics
from mqa_platform_tests.core.engine import TIMESTAMP, at, day, default_policy

_TEXTS = (
    "subject_id", "account_id", "motion", "cohort", "opportunity_cohort", "delivered_quarter",
    "opportunity_id", "tier", "segment", "score_type", "evidence_rule", "rep_id", "team", "signal",
    "status", "sla_state", "sla_rep_id", "sla_team", "origin", "channel", "campaign",
)  # fmt: skip
_DAYS = ("mqa_on", "meeting_on", "opportunity_on", "won_on", "ended_on")
_HOURS = ("touch_hours", "touch_business_hours", "meeting_hours", "meeting_business_hours")
_FLAGS = ("deal_won", "deal_closed", "is_accepted", "is_asked_of_sales", "is_with_rep")
EPISODES = pa.schema(
    [
        *((c, pa.string()) for c in _TEXTS),
        *((c, pa.date32()) for c in _DAYS),
        *((c, TIMESTAMP) for c in ("delivered_at", "accepted_at", "rejected_at")),
        *((c, pa.float64()) for c in _HOURS),
        *((c, pa.bool_()) for c in _FLAGS),
        *((c, pa.int64()) for c in ("episode", "age_days", "cohort_age_days")),
        *((c, pa.decimal128(18, 4)) for c in ("amount", "acv")),
    ]
)


def quarter(number: int) -> str:
    d = day(number)
    return f"{d.year}-Q{(d.month + 2) // 3}"


def episode(number: int, on: int, as_of: int, **changed: Any) -> dict[str, Any]:
    """An episode that began on a day, delivered at once to Ann, of which nothing came yet."""
    opportunity = changed.get("opportunity_on")
    last = day(on).replace(day=28)
    while last.month == day(on).month:
        last = last.fromordinal(last.toordinal() + 1)
    row = {
        "subject_id": f"h{number}", "account_id": f"a{number}", "motion": "new_business",
        "episode": 1, "mqa_on": day(on), "age_days": as_of - on, "cohort": f"{day(on):%Y-%m}",
        "cohort_age_days": day(as_of).toordinal() - last.toordinal() + 1,
        "opportunity_cohort": f"{opportunity:%Y-%m}" if opportunity else None,
        "opportunity_id": f"o{number}" if opportunity else None,
        "delivered_at": at(on), "delivered_quarter": quarter(on), "tier": "scaled",
        "segment": "Software", "rep_id": "ann", "is_with_rep": True, "is_accepted": False, "is_asked_of_sales": True,
        "deal_won": False, "deal_closed": False, "sla_state": "running", "status": "open",
    }  # fmt: skip
    return {**row, **changed}


def deal(number: int, on: int, **changed: Any) -> dict[str, Any]:
    """An open opportunity that no MQA was behind."""
    row = {
        "subject_id": f"o{number}", "account_id": f"a{number}", "cohort": f"{day(on):%Y-%m}",
        "origin": "none", "deal_won": False, "deal_closed": False,
    }  # fmt: skip
    return {**row, **changed}


@dataclass(frozen=True)
class Made:
    """What was counted, and every figure of it."""

    counted: list[dict[str, Any]]
    figures: list[dict[str, Any]]

    def of(self, dimension="all", segment="all", cohort="all") -> dict[str, dict[str, Any]]:
        """Metric → figure, of one dimension, segment and cohort."""
        wanted = (dimension, segment, cohort)
        cut = ("dimension", "segment", "cohort")
        return {m["metric"]: m for m in self.figures if tuple(m[c] for c in cut) == wanted}


def made_of(engine, kind: str, rows: list[dict[str, Any]], as_of: int, only=None, **beside) -> Made:
    """The figures of rows of one kind of facts, of all its metrics or some."""
    policy, held = default_policy(), Beside(day(0), day(as_of), **beside)
    facts = {kind: engine.table(rows, EPISODES)}
    counted = engine.keep(metric_accounts(facts, policy, only, held.spend))
    found = conversion_metrics(counted, policy, held, engine.apply)
    return Made(engine.rows(counted), engine.rows(found))
