"""The weekly watch from whole tables: whose MQAs fill the reps' room, and what a promotion is; by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.drifting import watch
from mqa_platform_tests.core.engine import Engine, default_policy, policy_with

FIRST = date(2026, 1, 5)
WEEKS = 24
LAST = FIRST + timedelta(days=7 * WEEKS - 1)
PROMOTED = FIRST + timedelta(days=7 * 12)
TABLES = (
    "scores", "conversions", "handoffs", "touchpoints", "unresolved_signals", "capacity", "absences",
)  # fmt: skip


class Made:
    """Tables by name; what a test does not say of a row is null, and of a table, that it is empty."""

    def __init__(self, **rows):
        self.engine = Engine()
        self.made = {}
        for name in TABLES:
            schema = pa.schema(
                [pa.field(f.name, f.type) for f in load_contracts()[name].arrow_schema]
            )
            self.made[name] = self.engine.table(rows.get(name, ()), schema)
        self.table = self.made.__getitem__
        self.rows, self.keep, self.apply = self.engine.rows, self.engine.keep, self.engine.apply


def programme(rule="owner"):
    """Seven MQAs a week, 21 from the thirteenth on; of these every second one by a rule of routing."""
    told = {"scores": [], "conversions": [], "handoffs": []}
    for week in range(WEEKS):
        monday = FIRST + timedelta(days=7 * week)
        told["scores"].append({"account_id": "a", "motion": "new_business", "score_date": monday,
                               "engagement_score": Decimal(0), "threshold": Decimal(90)})  # fmt: skip
        for n in range(21 if monday >= PROMOTED else 7):
            made = {
                "handoff_id": f"{week}-{n}",
                "account_id": f"{week}-{n}",
                "motion": "new_business",
            }
            told["conversions"].append({**made, "mqa_on": monday + timedelta(days=n % 7)})
            told["handoffs"].append({**made, "created_on": monday, "rep_id": "ann",
                                     "route_rule": rule if n % 2 else "owner"})  # fmt: skip
    told["capacity"] = [{"user_id": "ann", "valid_from": date(2020, 1, 1), "is_active": True,
                         "capacity_per_week": 21}]  # fmt: skip
    return told


def watched(history, **told):
    return watch(Made(**told), history, [], LAST)


def checks(history, **told):
    found = watched(history, **told)
    return {r["check_name"]: r for r in found.rows if r["week"] == found.week}


POLICY = default_policy()
ALWAYS = PolicyHistory.always(POLICY, "v1")


def test_volume_that_a_promotion_trebled_is_no_alarm_and_without_one_it_is():
    tiers = POLICY.stages.tiers.model_dump()
    lower = policy_with(stages={"tiers": {**tiers, "scaled": {"threshold": 85, "sla_hours": 8}}})
    promoted = PolicyHistory((Effective(date.min, POLICY, "v1"), Effective(PROMOTED, lower, "v2")))
    rows = {h: [r for r in watched(h, **programme()).rows if r["check_name"] == "volume"]
            for h in (ALWAYS, promoted)}  # fmt: skip
    assert "alarm" in {r["status"] for r in rows[ALWAYS]}
    assert "alarm" not in {r["status"] for r in rows[promoted]}
    # Twelve weeks less that of the promotion: three are held against the eight before them.
    last = rows[promoted][-1]
    assert (last["status"], last["seen"], last["expected"]) == ("ok", 21, 21)


@pytest.mark.parametrize(
    ("rule", "seen"), [("owner", 21 * 12 + 7), ("anonymous_evidence", 11 * 12 + 4), ("holdout", 11 * 12 + 4)]
)  # fmt: skip
def test_the_reps_room_is_filled_by_what_was_theirs_to_take(rule, seen):
    found = checks(ALWAYS, **programme(rule))["capacity"]
    assert (found["seen"], found["expected"]) == (seen, 13 * 21)
    assert (found["status"] == "alarm") == (rule != "owner")


def test_without_any_rep_nothing_is_said_of_the_room():
    told = {**programme(), "capacity": []}
    assert checks(ALWAYS, **told)["capacity"]["status"] == "cannot_say"
