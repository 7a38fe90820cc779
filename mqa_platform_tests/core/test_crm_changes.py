"""What *changed* means, and what the records say."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from mqa_platform.core.crm_changes import CAUSES, LAST, crm_changes
from mqa_platform.core.crm_records import RECORD, Known, crm_records
from mqa_platform.policy.write_back import WriteBack
from mqa_platform_tests.core.engine import TIMESTAMP, Engine
from mqa_platform_tests.core.portability import problems

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = date(2026, 3, 1)
FIELDS = {"new_business": "stage=S__c"}
POLICY = WriteBack.model_validate(
    {"crm": "salesforce", "url": "https://x.my.salesforce.com", "fields": {"new_business": {"stage": "S__c"}}}
)  # fmt: skip
_KINDS = {
    "string": pa.string(), "date": pa.date32(), "float64": pa.float64(), "int64": pa.int64(),
    "timestamp('UTC', 6)": TIMESTAMP,
}  # fmt: skip
RECORDS = pa.schema([(c, _KINDS[kind]) for c, kind in RECORD.items()])
SENT = pa.schema([(c, _KINDS[kind]) for c, kind in LAST.items()])
BASE = {
    "account_id": "a", "motion": "new_business", "stage": "engaged", "since": date(2026, 2, 1),
    "score": 60.0, "threshold": 100.0, "top_reasons": "pricing_view, demo_request",
    "policy_version": "v1", "validity": "valid", "as_of": DAY,
    "evidence_at": datetime(2026, 2, 20, tzinfo=UTC), "touchpoints": 5,
}  # fmt: skip
BEFORE = {**BASE, "fields": "stage=S__c", "run": "r1", "sent_at": NOW - timedelta(days=1)}
NEWER = {"touchpoints": 6}


def causes(now: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    """The causes of one record, told by what differs from BASE; empty: it is not written."""
    engine = Engine()
    records = engine.table([{**BASE, **now}], RECORDS)
    last = engine.table([] if before is None else [{**BEFORE, **before}], SENT)
    found = engine.rows(crm_changes(records, last, POLICY, FIELDS, NOW))
    return [c for row in found for c in CAUSES if row[f"is_{c}"]]


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ({}, None, ["new"]),
        ({"left_out": "discovered"}, None, []),
        ({}, {}, []),
        ({"stage": "mqa"}, {}, ["stage"]),
        ({"since": date(2026, 2, 2)}, {}, ["since"]),
        ({"since": None}, {}, ["since"]),
        ({"validity": "degraded"}, {}, ["validity"]),
        ({"policy_version": "v2"}, {}, ["policy_version"]),
        ({"evidence_url": "https://x/y"}, {}, []),
        # 10 % of the threshold of 100 is more than 5 points.
        ({"score": 50.0}, {}, ["score"]),
        ({"score": 50.1}, {}, []),
        ({"score": 55.0, "threshold": 40.0}, {}, ["score"]),
        ({"top_reasons": "demo_request, pricing_view"}, {}, []),
        ({"top_reasons": "demo_request, pricing_view", **NEWER}, {}, ["top_reasons"]),
        ({}, {"sent_at": NOW - timedelta(days=30)}, []),
        ({}, {"sent_at": NOW - timedelta(days=30, seconds=1)}, ["age"]),
        ({}, {"fields": "stage=Old__c"}, ["fields"]),
        # Below engaged what only fades is never sent, however far and however long.
        ({"stage": "target", "score": 0.0}, {"stage": "target"}, []),
        (
            {"stage": "target", "score": 0.0},
            {"stage": "target", "sent_at": NOW - timedelta(99)},
            [],
        ),
        ({"stage": "target", "score": 20.0, **NEWER}, {"stage": "target"}, ["score"]),
        ({"stage": "target", "score": 0.0}, {}, ["stage"]),
    ],
)
def test_a_record_is_written_when_it_changed_and_for_no_other_reason(
    now: dict[str, Any], before: dict[str, Any] | None, expected: list[str]
) -> None:
    assert causes(now, before) == expected


def test_thirty_days_of_fading_cost_at_most_a_call_for_each_band_that_is_crossed() -> None:
    rng, rungs = random.Random(7), ("unqualified", "target", "engaged", "mqa", "recycled")
    start = {str(i): (rng.uniform(0, 300), rng.uniform(30, 60), rungs[i % 5]) for i in range(300)}
    sent = {
        i: {**BEFORE, "account_id": i, "stage": stage, "score": score, "sent_at": NOW}
        for i, (score, _, stage) in start.items()
    }
    engine, calls = Engine(), Counter[str]()
    # Every other day is looked at: what was not written yesterday is compared with the same again.
    for day in range(2, 31, 2):
        now = [
            {**BASE, "account_id": i, "stage": stage, "score": score * 2 ** (-day / half_life)}
            for i, (score, half_life, stage) in start.items()
        ]
        records, last = engine.table(now, RECORDS), engine.table(sent.values(), SENT)
        moment = NOW + timedelta(days=day)
        for row in engine.rows(crm_changes(records, last, POLICY, FIELDS, moment)):
            calls[row["account_id"]] += 1
            sent[row["account_id"]] |= {"score": row["score"], "sent_at": moment}
    assert sum(calls.values()) > 100
    for i, (score, half_life, stage) in start.items():
        crossed = int((score - score * 2 ** (-30 / half_life)) / 10)
        assert calls[i] <= (0 if stage in ("unqualified", "target") else crossed)


def _known(engine: Engine) -> Known:
    text, day, number = pa.string(), pa.date32(), pa.decimal128(18, 4)
    score, stage = {"motion": "new_business", "score_date": DAY}, {"motion": "new_business"}

    def table(columns: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
        return engine.table(rows, pa.schema(list(columns.items())))

    stages = {"account_id": text, "motion": text, "stage_date": day, "stage": text,
              "entered_on": day, "policy_version": text}  # fmt: skip
    scores = {"account_id": text, "motion": text, "score_date": day, "engagement_score": number,
              "threshold": number, "validity": text}  # fmt: skip
    receipts = {"account_id": text, "motion": text, "score_date": day, "component": text,
                "points": number}  # fmt: skip
    touched = {
        "account_id": text,
        "touchpoint_date": day,
        "occurred_at": TIMESTAMP,
        "direction": text,
    }
    accounts = {
        "account_id": text,
        "valid_from": day,
        "valid_to": day,
        "is_discovered": pa.bool_(),
        "sales_status": text,
    }
    handoffs = {"handoff_id": text, "account_id": text, "motion": text, "created_on": day,
                "evidence_url": text, "status": text}  # fmt: skip
    rung = {"stage_date": DAY, "stage": "mqa", "entered_on": DAY, "policy_version": "v1"}
    return Known(
        table(stages, [{**rung, **stage, "account_id": a} for a in ("kept", "twice", "found", "gone", "quiet")]
              + [{**rung, "account_id": "kept", "motion": "expansion"}]),
        table(scores, [{**score, "account_id": "kept", "engagement_score": 61, "threshold": 50,
                        "validity": "degraded"}]),
        table(receipts, [{**score, "account_id": "kept", "component": c, "points": p}
                         for c, p in (("floor", 0), ("a", 9), ("b", 20), ("c", 30), ("d", 2))]),
        table(touched, [{"account_id": "kept", "touchpoint_date": d, "direction": w,
                         "occurred_at": datetime(2026, 2, 20, tzinfo=UTC)}
                        for d, w in ((DAY, "inbound"), (DAY, "outbound"), (date(2026, 3, 2), "inbound"))]),
        table(accounts, [{"account_id": a, "valid_from": date(2020, 1, 1), "is_discovered": a == "found",
                          "sales_status": "accepted" if a == "kept" else None}
                         for a in ("kept", "twice", "found", "quiet")]
              + [{"account_id": "gone", "valid_from": date(2020, 1, 1), "valid_to": DAY,
                  "is_discovered": False}]),
        table({"account_id": text, "survivor_id": text}, [{"account_id": "twice", "survivor_id": "kept"}]),
        table(handoffs, [{"handoff_id": "h", "account_id": "kept", "motion": "new_business",
                          "created_on": DAY, "evidence_url": "https://x/h.html", "status": "open"},
                         {"handoff_id": "k", "account_id": "quiet", "motion": "new_business",
                          "created_on": DAY, "evidence_url": None, "status": "held_out"}]),
    )  # fmt: skip


def test_a_record_tells_the_last_day_and_only_accounts_of_the_crm_are_written() -> None:
    engine = Engine()
    records = crm_records(_known(engine), POLICY, DAY)
    rows = {r["account_id"]: r for r in engine.rows(records)}
    assert {a: r["left_out"] for a, r in rows.items()} == {
        "kept": None, "twice": "duplicate", "found": "discovered", "gone": "not_in_crm",
        # Its stage in the CRM would tell sales to call.
        "quiet": "held_out",
    }  # fmt: skip
    kept = rows["kept"]
    assert (kept["score"], kept["threshold"], kept["touchpoints"]) == (61.0, 50.0, 1)
    assert kept["top_reasons"] == "c, b, a"
    assert kept["evidence_url"] == "https://x/h.html"
    assert (kept["old_answer"], rows["twice"]["old_answer"]) == ("accepted", None)
    # Without a score an account is as trustworthy as the day.
    assert {r["validity"] for r in rows.values()} == {"degraded"}


def test_records_and_changes_are_portable() -> None:
    engine = Engine()
    records = crm_records(_known(engine), POLICY, DAY)
    last = engine.table([BEFORE], SENT)
    assert problems(crm_changes(records, last, POLICY, FIELDS, NOW)) == set()
