"""Bots by behaviour: what no person does on a day, and what people do that looks a little like it."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.bots import bot_days, requests
from mqa_platform_tests.core.engine import TIMESTAMP, at, day, default_policy, policy_with

VIEWS = pa.schema(
    [
        ("anonymous_id", pa.string()),
        ("ip", pa.string()),
        ("signal_date", pa.date32()),
        ("occurred_at", TIMESTAMP),
        ("event", pa.string()),
        ("direction", pa.string()),
        ("page_type", pa.string()),
        ("status", pa.int64()),
    ]
)
REQUESTS = pa.schema(
    [
        ("visitor", pa.string()),
        ("day", pa.date32()),
        ("occurred_at", TIMESTAMP),
        ("status", pa.int64()),
        ("is_page", pa.bool_()),
        ("shard", pa.int64()),
    ]
)
# Seconds between the pages of somebody who reads.
READING = [4, 11, 37, 2, 95, 8, 61, 19, 240, 5, 73, 3, 28, 150, 9, 46, 12, 310, 7, 33, 88, 6, 54]


def asked(gaps, status=200, visitor="v", number=0, is_page=True):
    """One visitor's requests with these gaps in seconds, from eight in the morning on."""
    moment, rows = 8 * 3600.0, []
    for i, gap in enumerate([0, *gaps]):
        moment += gap
        code = status(i) if callable(status) else status
        when = at(number, 0) + timedelta(seconds=moment)
        rows.append({"visitor": visitor, "day": day(number), "occurred_at": when, "status": code,
                     "is_page": is_page, "shard": 0})  # fmt: skip
    return rows


def judged(rows, **bots):
    policy = policy_with(identity={"bots": bots}) if bots else default_policy()
    table = pa.Table.from_pylist(rows, schema=REQUESTS)
    return {
        (r["visitor"], r["day"]): r["behaviour"] for r in bot_days(policy).fn(table).to_pylist()
    }


@pytest.mark.parametrize(
    ("rows", "behaviour"),
    [
        (asked(READING), None),
        (asked(READING, status=404), "error_flood"),
        (asked(READING, status=lambda i: 404 if i < 20 else 200), "error_flood"),
        (asked(READING, status=lambda i: 404 if i < 19 else 200), None),
        (asked((READING * 2)[:39], status=lambda i: 404 if i < 20 else 200), "error_flood"),
        (asked((READING * 2)[:40], status=lambda i: 404 if i < 20 else 200), None),
        (asked(READING, status=499), "error_flood"),
        (asked(READING, status=399), None),
        (asked(READING, status=500), None),
        (asked(READING, status=503), None),
        (asked(READING, status=None), None),
        (asked([60] * 19), "regular_intervals"),
        (asked([60] * 18), None),
        (asked([60, 61, 59] * 8), "regular_intervals"),
        (asked([50, 70] * 12), None),
        # A page with its pictures: all in a second, as many clocks write it.
        (asked([0] * 40), None),
        (asked([0.05] * 40), None),
        (asked([0.3, 0.7] * 301), "page_rate"),
        (asked([0.3, 0.7] * 301, is_page=False), None),
        (asked([0.7, 1.7] * 240), None),
    ],
)
def test_a_day_is_a_bots_by_what_it_holds(rows, behaviour):
    assert judged(rows) == ({("v", day(0)): behaviour} if behaviour else {})


def test_each_visitor_and_each_day_is_judged_alone():
    rows = [
        *asked([60] * 25, visitor="clock"),
        *asked(READING, visitor="clock", number=1),
        *asked(READING, visitor="reader"),
    ]
    assert judged(rows) == {("clock", day(0)): "regular_intervals"}


def test_the_limits_are_the_policys():
    rows = asked([60] * 25)
    assert judged(rows, regular_requests=50) == {}
    assert judged(asked(READING, status=404), errors=100) == {}
    assert judged(asked(READING), views_in_ten_minutes=10) == {("v", day(0)): "page_rate"}


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_the_order_of_requests_and_of_visitors_means_nothing(data):
    rows = [
        *asked([60] * 25, visitor="a"),
        *asked(READING, visitor="b"),
        *asked(READING, status=404, visitor="c"),
        *asked(READING, visitor="a", number=1),
    ]
    assert judged(data.draw(st.permutations(rows))) == judged(rows)


def test_a_visitor_is_a_cookie_else_an_address_and_pictures_are_no_reading(engine):
    view = {
        "signal_date": day(0),
        "occurred_at": at(0),
        "event": "page_view",
        "direction": "inbound",
    }
    views = engine.table(
        [
            {**view, "anonymous_id": "c", "ip": "192.0.2.1", "page_type": "other"},
            {**view, "ip": "192.0.2.1", "page_type": "careers"},
            {**view},
            {**view, "anonymous_id": "c", "event": "email_click"},
            {**view, "anonymous_id": "c", "direction": "outbound"},
        ],
        VIEWS,
    )
    rows = engine.rows(requests(views, default_policy()), "visitor")
    # Careers pages are unscored by the default policy.
    assert [(r["visitor"], r["is_page"]) for r in rows] == [("192.0.2.1", False), ("c", True)]
