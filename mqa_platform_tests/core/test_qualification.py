"""The moment of qualification: the touchpoint that made it true, in the order of arrival."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.core import qualification
from mqa_platform.core.qualification import moment_kernel
from mqa_platform.policy.loader import load_policy

DAY = date(2025, 9, 10)
SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("touchpoint_date", pa.date32()),
        ("signal_type", pa.string()),
        ("direction", pa.string()),
        ("person_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("session_id", pa.string()),
        ("strength", pa.float64()),
        ("seniority", pa.float64()),
        ("share", pa.float64()),
        ("match_confidence", pa.float64()),
        ("intent_score", pa.float64()),
        ("received_at", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
        ("threshold", pa.decimal128(18, 4)),
        ("score_type", pa.string()),
        ("evidence_rule", pa.string()),
    ]
)


def at(hour: int, day: date = DAY) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def touch(hour: int, signal: str, person: str, day: date = DAY, **changes) -> dict:
    row = {
        "account_id": "a", "touchpoint_date": day, "signal_type": signal, "direction": "inbound",
        "person_id": person, "anonymous_id": None, "session_id": None, "strength": 1.0, "seniority": 1.0,
        "share": 1.0, "match_confidence": 1.0, "intent_score": None, "received_at": at(hour, day),
        "day": DAY, "threshold": Decimal("30.0000"), "score_type": "balanced", "evidence_rule": "people",
    }  # fmt: skip
    return row | changes


def moments(*rows: dict) -> dict[str, datetime]:
    table = moment_kernel(load_policy(None)).fn(pa.Table.from_pylist(list(rows), schema=SCHEMA))
    return {r["account_id"]: r["qualified_at"] for r in table.to_pylist()}


def test_the_second_person_makes_it_true_and_later_visits_do_not_move_it():
    rows = [
        touch(8, "event_attendance", "p1"),
        touch(9, "event_attendance", "p2"),
        touch(15, "pricing_view", "p1"),
    ]

    assert moments(*rows) == {"a": at(9)}


def test_earlier_days_count_whenever_they_were_received():
    yesterday = DAY - timedelta(days=1)
    rows = [
        touch(10, "event_attendance", "p1", yesterday, received_at=at(23), threshold=Decimal(29)),
        touch(9, "event_attendance", "p2", threshold=Decimal(29)),
    ]

    assert moments(*rows) == {"a": at(9)}


def test_what_arrived_later_on_the_day_is_not_known_before():
    rows = [
        touch(8, "event_attendance", "p1", received_at=at(20)),
        touch(9, "event_attendance", "p2"),
    ]

    assert moments(*rows) == {"a": at(20)}


def test_a_hand_raise_counts_from_the_request_whatever_the_score():
    rows = [
        touch(8, "product_or_blog_view", "p1", evidence_rule="hand_raise"),
        touch(11, "demo_request", "p1", evidence_rule="hand_raise"),
        touch(12, "demo_request", "p1", evidence_rule="hand_raise"),
    ]

    assert moments(*rows) == {"a": at(11)}


def test_a_moderate_fit_waits_for_the_committee():
    heavy = {"score_type": "intent_heavy"}
    rows = [touch(8 + i, "pricing_view", f"p{i}", **heavy) for i in range(4)]

    assert moments(*rows) == {"a": at(10)}


def test_an_entry_that_no_touchpoint_of_the_day_explains_has_no_moment():
    assert moments(touch(9, "product_or_blog_view", "p1")) == {}


def test_our_own_outreach_is_never_the_moment():
    rows = [
        touch(8, "event_attendance", "p1"),
        touch(9, "event_attendance", "p2"),
        touch(7, "outbound_email", "p1", direction="outbound"),
    ]

    assert moments(*rows) == {"a": at(9)}


@pytest.mark.parametrize("others", [0, 3])
def test_other_accounts_change_nothing(others):
    rows = [touch(8, "event_attendance", "p1"), touch(9, "event_attendance", "p2")]
    rows += [
        touch(7, "demo_request", "x", account_id=f"o{i}", evidence_rule="hand_raise")
        for i in range(others)
    ]

    assert moments(*rows)["a"] == at(9)


def test_a_day_of_many_touchpoints_is_not_replayed_for_each_of_them():
    second = timedelta(seconds=1)
    kinds = {n: ("event_attendance", f"p{n}") for n in (40, 777)}
    rows = [
        touch(0, *kinds.get(i, ("product_or_blog_view", "p0")), received_at=at(0) + i * second)
        for i in range(1500)
    ]
    assert moments(*rows) == {"a": at(0) + 777 * second}
    (search,) = qualification._searches(pa.Table.from_pylist(rows, schema=SCHEMA))
    asked = 0
    while search.is_open:
        picks = search.picks()
        search.narrow(picks, picks >= 777)
        asked += len(picks)
    assert search.moment == at(0) + 777 * second
    assert asked < 100


@pytest.mark.parametrize("limit", [1, 40])
def test_little_memory_changes_no_moment(monkeypatch, limit):
    rows = [touch(i % 23, "pricing_view", f"p{i % 5}", account_id=f"a{i % 3}") for i in range(60)]
    whole = moments(*rows)
    assert len(whole) == 3
    monkeypatch.setattr("mqa_platform.core.qualification._ROWS", limit)
    assert moments(*rows) == whole
