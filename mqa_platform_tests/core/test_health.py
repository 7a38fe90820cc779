"""The health of sources: late is late on the same day, and what is known later never changes that."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core import health
from mqa_platform.sources.schemas import LANDED
from mqa_platform_tests.core.engine import TIMESTAMP, Engine, at, day, landed_schema, policy_with

LEDGER = pa.schema(
    [
        ("batch_id", pa.string()), ("source", pa.string()), ("status", pa.string()),
        ("held_reason", pa.string()), ("landed_at", TIMESTAMP), ("landed_on", pa.date32()),
        ("accepted_rows", pa.int64()), ("first_event_on", pa.date32()), ("last_event_on", pa.date32()),
    ]
)  # fmt: skip
ARRIVED = pa.schema([("source", pa.string()), ("day", pa.date32())])
EXPECTED = pa.schema([("source", pa.string()), ("expect_every_days", pa.int64())])
CALENDAR = pa.schema([("day", pa.date32())])


def judged(
    engine: Engine,
    arrived: dict[str, list[int]],
    expected: dict[str, int],
    days: range,
    ledger: list[dict[str, Any]] | None = None,
) -> dict[str, list[str]]:
    """Source → its status on every day of the range."""
    rows = engine.rows(table(engine, arrived, expected, days, ledger), "source", "day")
    return {s: [r["status"] for r in found] for s, found in groupby(rows, lambda r: r["source"])}


def table(
    engine: Engine,
    arrived: dict[str, list[int]],
    expected: dict[str, int],
    days: range,
    ledger: list[dict[str, Any]] | None = None,
) -> ir.Table:
    return health.source_health(
        engine.table(ledger or [], LEDGER),
        engine.table(
            [{"source": s, "day": day(n)} for s, those in arrived.items() for n in those], ARRIVED
        ),
        engine.table(
            [{"source": s, "expect_every_days": n} for s, n in expected.items()], EXPECTED
        ),
        engine.table([{"day": day(n)} for n in days], CALENDAR),
    )


def batch(status: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "batch_id": f"{status}{number}", "source": "web", "status": status, "landed_on": day(number),
        "landed_at": at(number, 6), "accepted_rows": 1, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def test_nothing_today_from_a_daily_source_is_stale_today(engine: Engine) -> None:
    assert judged(engine, {"web": [0, 1]}, {"web": 1}, range(5)) == {
        "web": ["ok", "ok", "stale", "stale", "silent"]
    }


def test_a_weekly_source_is_ok_until_its_rhythm_is_broken(engine: Engine) -> None:
    found = judged(engine, {"intent": [0, 7]}, {"intent": 8}, range(32))["intent"]
    assert found[:15] == ["ok"] * 15
    assert found[15:31] == ["stale"] * 16
    assert found[31] == "silent"


def test_a_source_that_never_delivered_is_silent(engine: Engine) -> None:
    rows = engine.rows(table(engine, {}, {"web": 3}, range(2)))
    assert [(r["status"], r["last_event_on"], r["days_behind"]) for r in rows] == [
        ("silent", None, None)
    ] * 2
    assert rows[0]["detail"] == "nothing has ever arrived"


def test_a_source_without_a_rhythm_has_no_health(engine: Engine) -> None:
    assert judged(engine, {"crm": [0]}, {"web": 1}, range(1)) == {"web": ["silent"]}
    assert judged(engine, {"crm": [0]}, {}, range(1)) == {}


def test_events_of_later_days_say_nothing_about_a_day(engine: Engine) -> None:
    rows = engine.rows(table(engine, {"web": [0, 9]}, {"web": 2}, range(3, 5)), "day")
    assert [(r["last_event_on"], r["days_behind"], r["status"]) for r in rows] == [
        (day(0), 3, "stale"),
        (day(0), 4, "stale"),
    ]
    assert rows[0]["detail"] == "expected every 2 days"


def test_events_before_the_history_count_for_its_first_day(engine: Engine) -> None:
    assert judged(engine, {"web": [-1]}, {"web": 2}, range(2)) == {"web": ["ok", "stale"]}


def test_a_held_batch_is_held_on_the_days_of_its_events(engine: Engine) -> None:
    held = batch("held", 9, first_event_on=day(1), last_event_on=day(2), held_reason="60 bad_json")
    rows = engine.rows(table(engine, {"web": [0, 1, 2, 3]}, {"web": 1}, range(4), [held]), "day")
    assert [r["status"] for r in rows] == ["ok", "held", "held", "ok"]
    assert rows[1]["detail"] == "60 bad_json"


def test_a_held_batch_without_readable_days_is_held_on_its_arrival(engine: Engine) -> None:
    assert judged(engine, {"web": [0, 1]}, {"web": 1}, range(2), [batch("held", 1)]) == {
        "web": ["ok", "held"]
    }


def test_a_lost_permission_outranks_everything_and_lasts_its_day(engine: Engine) -> None:
    ledger = [batch("held", 1), batch("unreachable", 1), batch("lost_permission", 1)]
    assert judged(engine, {"web": [0, 1, 2]}, {"web": 1}, range(3), ledger) == {
        "web": ["ok", "lost_permission", "ok"]
    }


def test_a_service_that_answers_again_the_same_day_was_reached(engine: Engine) -> None:
    failed = batch("unreachable", 0)
    late = batch("landed", 0, landed_at=at(0, 9))
    early = batch("landed", 0, landed_at=at(0, 3))
    days = {"web": [0]}
    assert judged(engine, days, {"web": 1}, range(1), [failed, late]) == {"web": ["ok"]}
    assert judged(engine, days, {"web": 1}, range(1), [failed, early]) == {"web": ["unreachable"]}


def test_an_answer_on_a_later_day_mends_all_days_before_it(engine: Engine) -> None:
    ledger = [batch("landed", 0), batch("unreachable", 1), batch("unreachable", 2)]
    days = {"web": [0, 1, 2, 3]}
    assert judged(engine, days, {"web": 1}, range(4), ledger) == {
        "web": ["unreachable", "unreachable", "unreachable", "ok"]
    }
    mended = [*ledger, batch("landed", 3)]
    assert judged(engine, days, {"web": 1}, range(4), mended) == {"web": ["ok"] * 4}


def test_a_run_of_yesterday_that_fails_this_morning_degrades_yesterday(engine: Engine) -> None:
    ledger = [batch("landed", 0), batch("lost_permission", 1)]
    assert judged(engine, {"web": [0]}, {"web": 1}, range(1), ledger) == {
        "web": ["lost_permission"]
    }


def test_a_source_without_a_rhythm_fails_all_the_same_and_is_never_late(engine: Engine) -> None:
    ledger = [batch("unreachable", 2), batch("held", 3)]
    rows = engine.rows(table(engine, {}, {}, range(9), ledger), "day")
    assert [(r["day"], r["status"]) for r in rows] == [(day(2), "unreachable"), (day(3), "held")]


def test_a_superseded_batch_says_nothing(engine: Engine) -> None:
    assert judged(engine, {"web": [0]}, {"web": 1}, range(1), [batch("superseded", 0)]) == {
        "web": ["ok"]
    }


SOURCES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.tuples(st.integers(1, 9), st.sets(st.integers(-5, 40))),
    min_size=1,
)
ENGINE = Engine()


@settings(deadline=None, max_examples=12)
@given(sources=SOURCES, until=st.integers(1, 29))
def test_a_status_is_what_the_days_since_the_last_event_say_whatever_comes_later(
    sources: dict[str, tuple[int, set[int]]], until: int
) -> None:
    expected = {s: rhythm for s, (rhythm, _) in sources.items()}
    days = {s: sorted(found) for s, (_, found) in sources.items()}
    whole = judged(ENGINE, days, expected, range(30))
    for source, (rhythm, found) in sources.items():
        for number, status in enumerate(whole[source]):
            past = [n for n in found if n <= number]
            behind = number - max(past) if past else 10**6
            wanted = "ok" if behind < rhythm else "stale" if behind < 3 * rhythm else "silent"
            assert status == wanted, (source, number)
    past_only = {s: [n for n in found if n < until] for s, found in days.items()}
    part = judged(ENGINE, past_only, expected, range(until))
    assert {s: found[:until] for s, found in whole.items()} == part


def test_every_landed_table_with_a_day_counts_as_a_sign_of_life() -> None:
    without = {"landed_defects", "landed_ip_ranges", "landed_ip_answers", "landed_rep_capacity"}
    assert set(health.DAY_OF) == set(LANDED) - without
    assert all(column in LANDED[name].names for name, column in health.DAY_OF.items())


def test_records_arrive_on_the_day_they_were_modified_and_ranges_on_the_day_they_landed(
    engine: Engine,
) -> None:
    landed = {name: engine.table([], landed_schema(name)) for name in health.DAY_OF}
    landed["landed_signals"] = engine.table(
        [{"source": "web", "event_date": day(1)}] * 2 + [{"source": "other", "event_date": day(1)}],
        landed_schema("landed_signals"),
    )
    landed["landed_accounts"] = engine.table(
        [{"source": "crm", "modified_at": at(3)}, {"source": "web", "modified_at": at(4)}],
        landed_schema("landed_accounts"),
    )
    ledger = engine.table(
        [
            batch("landed", 9),
            batch("landed", 9, source="crm"),
            batch("landed", 7, source="ranges"),
            batch("landed", 8, source="ranges", accepted_rows=0),
            batch("held", 6, source="ranges"),
        ],
        LEDGER,
    )
    found = engine.rows(health.arrivals(landed, ledger, ["web", "crm", "ranges"]), "source", "day")
    assert [(r["source"], r["day"]) for r in found] == [
        ("crm", day(3)),
        ("ranges", day(7)),
        ("web", day(1)),
        ("web", day(4)),
    ]


def test_a_degraded_day_names_every_late_source_in_alphabetical_order(engine: Engine) -> None:
    arrived = {"web": [0, 1], "intent": [0], "mail": [0, 1, 2]}
    expected = {"web": 1, "intent": 1, "mail": 1}
    found = table(engine, arrived, expected, range(3))
    rows = engine.rows(health.degraded_days(found, expected), "day")
    assert [(r["day"], r["degraded_by"]) for r in rows] == [
        (day(1), "intent:stale"),
        (day(2), "intent:stale;web:stale"),
    ]
    only = engine.rows(health.degraded_days(found, ["web"]), "day")
    assert [(r["day"], r["degraded_by"]) for r in only] == [(day(2), "web:stale")]


def test_only_sources_with_a_rhythm_are_expected() -> None:
    source = {"connector": "segment_jsonl", "path": "x"}
    policy = policy_with(
        sources={"sources": {"web": {**source, "expect_every_days": 2}, "app": source}}
    )
    assert health.expectations(policy) == {"web": 2}


def test_days_are_counted_over_month_and_leap_days(engine: Engine) -> None:
    expected = engine.table([{"source": "web", "expect_every_days": 40}], EXPECTED)
    arrived = engine.table([{"source": "web", "day": date(2024, 2, 1)}], ARRIVED)
    last = date(2024, 2, 1) + timedelta(days=30)
    calendar = engine.table([{"day": last}], CALENDAR)
    (row,) = engine.rows(
        health.source_health(engine.table([], LEDGER), arrived, expected, calendar)
    )
    assert (row["day"], row["days_behind"], row["status"]) == (date(2024, 3, 2), 30, "ok")
