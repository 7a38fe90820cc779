"""What was seen up to a day beside what became of it: no look ahead, and nothing that we caused ourselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from mqa_platform.core.calibration.futures import futures
from mqa_platform.core.calibration.observed import (
    entry_lines,
    lines_known_on,
    looks,
    may_rank,
    observed,
)
from mqa_platform.core.calibration.outreach import is_caused_by_us, of_own_accord
from mqa_platform_tests.core.engine import TOUCHPOINTS, at, day, default_policy, touch
from mqa_platform_tests.core.portability import problems

POLICY = default_policy()
ENTRIES = pa.schema([("account_id", pa.string()), ("created_on", pa.date32())])


def deal(account, created, closed=None, won=False):
    """An opportunity between two days of the tests' calendar."""
    return {"account_id": account, "created_at": at(created), "is_closed": closed is not None,
            "is_won": won, "closed_at": at(closed) if closed is not None else None}  # fmt: skip


def handoff(account, created, over=None):
    return {"account_id": account, "created_on": day(created), "over_on": over and day(over),
            "ended_on": None}  # fmt: skip


def told(*deals, handoffs=(), as_of=300, customers=False):
    return futures(deals, handoffs, day(as_of), customers)


@pytest.mark.parametrize(
    ("deals", "label"),
    [
        ((), 0.0),
        ((deal("acme", 40, 80, won=True),), 1.0),
        ((deal("acme", 40, 80),), 0.0),  # lost
        ((deal("acme", 40),), None),  # still open: nobody can say
        ((deal("acme", 40, 301, won=True),), None),  # won, and nobody knew on day 300
        ((deal("acme", 40), deal("acme", 50, 60, won=True)), 1.0),
        ((deal("acme", 101, 120, won=True),), 0.0),  # 91 days after
        ((deal("acme", 100, 120, won=True),), 1.0),  # 90 days after
        ((deal("acme", 10, 80, won=True),), None),  # of the day itself: open on it
        ((deal("acme", 2, 5, won=True), deal("acme", 40, 80, won=True)), None),  # a customer
        ((deal("acme", 2, 5), deal("acme", 40, 80, won=True)), 1.0),  # lost before, won now
        ((deal("bolt", 40, 80, won=True),), 0.0),
    ],
)
def test_what_became_of_acme_in_the_90_days_after_day_10(deals, label):
    assert told(*deals).label("acme", day(10), 90) == label


def test_what_has_not_passed_is_not_known():
    assert told(as_of=99).label("acme", day(10), 90) is None
    assert told(as_of=100).label("acme", day(10), 90) == 0.0


def test_customers_are_asked_only_where_they_are_the_buyers():
    won = (deal("acme", 2, 5, won=True), deal("acme", 40, 80, won=True))
    assert told(*won, customers=True).label("acme", day(10), 90) == 1.0


def test_sales_holds_an_account_from_the_day_after_the_handoff_to_its_end():
    f = told(handoffs=[handoff("acme", 10, 20), handoff("acme", 40)])
    held = [n for n in (9, 10, 11, 19, 20, 30, 40, 41, 200) if f.is_held("acme", day(n))]
    assert held == [11, 19, 41, 200]


def test_looks_are_two_weeks_apart_and_end_where_the_window_still_closes():
    found = looks(date(2026, 1, 1), date(2026, 6, 30), 90)
    assert found[-1] == date(2026, 4, 1)
    assert {(b - a).days for a, b in zip(found, found[1:], strict=False)} == {14}
    # Not before people have been counted for four weeks.
    assert found[0] == date(2026, 2, 4)
    assert looks(date(2026, 6, 1), date(2026, 6, 30), 90) == []


def seen(engine, *touches, days=(30,)):
    table = engine.table(touches, TOUCHPOINTS)
    lines = lines_known_on(table, POLICY, [day(n) for n in days], engine.apply)
    return {
        (r["account_id"], r["component"], r["score_date"]): r["points"] for r in engine.rows(lines)
    }


def test_only_what_had_been_received_by_the_day_is_known_on_it(engine):
    early = touch(10)
    late = touch(11, "high_intent_view", received_at=at(31))
    # A pricing view of 8 points, 20 days old at a half-life of 30.
    on_30 = seen(engine, early, late)
    assert on_30[("acme", "pricing_view", day(30))] == pytest.approx(8 * 2 ** (-20 / 30), abs=1e-4)
    assert ("acme", "high_intent_view", day(30)) not in on_30
    # A day later it is known, and counts from then on.
    on_31 = seen(engine, early, late, days=(31,))
    assert on_31[("acme", "high_intent_view", day(31))] == 6


def test_what_happens_later_changes_nothing_of_what_was_known(engine):
    past = [touch(3), touch(10, "demo_request", person_id="ann"), touch(12, person_id="bob")]
    future = [touch(n, "pricing_view", person_id="eve", signal_id=f"f{n}") for n in range(31, 60)]
    assert seen(engine, *past) == seen(engine, *past, *future)


OWN = [
    touch(20, "email_reply_or_click", channel="email", person_id="ann"),
    touch(21, "ad_click", channel="ads"),
    touch(22, "pricing_view", channel="Email", person_id="ann"),
    touch(23, "high_intent_view", channel="cpc"),
    touch(24, "outbound_email", direction="outbound", channel="email"),
    touch(25, "pricing_view", direction="outbound"),
    touch(26, "unsubscribe", channel="web", person_id="ann"),
]


def test_nothing_that_our_outreach_caused_is_seen(engine):
    assert seen(engine, *OWN) == {}
    kept = touch(20, signal_id="mine", channel="web")
    found = engine.rows(of_own_accord(engine.table([*OWN, kept], TOUCHPOINTS), POLICY))
    assert [r["signal_id"] for r in found] == ["mine"]


def test_signals_that_only_outreach_can_bring_about_rank_nothing():
    banned = [n for n, s in POLICY.signals.signals.items() if is_caused_by_us(s)]
    assert banned == ["email_reply_or_click", "ad_click"]
    assert not set(banned) & set(may_rank(POLICY))
    lines = [
        {"account_id": "acme", "score_date": day(30), "component": c, "points": 3.0}
        for c in (*banned, "total")
    ]
    o = observed(lines, POLICY, told(), 90)
    assert o.x.sum() == 0
    assert len(o.y) == 1


def test_people_who_only_answered_our_mail_make_no_committee(engine):
    mail = [
        touch(20 + n, "email_reply_or_click", person_id=p, channel="email", signal_id=f"m{n}")
        for n, p in enumerate("abcd")
    ]
    found = seen(engine, touch(25, person_id="ann"), *mail)
    assert {c for _, c, _ in found} == {"pricing_view", "total"}


def test_rows_hold_how_often_each_thing_was_seen_and_what_followed():
    line = {"account_id": "acme", "score_date": day(30)}
    lines = [
        {**line, "component": "pricing_view", "points": 12.0},
        {**line, "component": "multi_contact", "points": 20.0},
        {**line, "component": "negative_company_event", "points": -4.0},
        {**line, "component": "total", "points": 28.0},
        {"account_id": "bolt", "score_date": day(30), "component": "total", "points": 0.0},
        {"account_id": "held", "score_date": day(30), "component": "total", "points": 0.0},
    ]
    became = told(deal("acme", 40, 80, won=True), handoffs=[handoff("held", 20)])
    o = observed(lines, POLICY, became, 90, lambda a: 1.0 if a == "acme" else 4.0)
    at_ = {n: i for i, n in enumerate(o.components)}
    # 12 points at 8 each, 20 at 10, and −4 at −8: units are never negative.
    assert o.x[0, at_["pricing_view"]] == 1.5
    assert o.x[0, at_["multi_contact"]] == 2
    assert o.x[0, at_["negative_company_event"]] == 0.5
    assert o.x[1].sum() == 0
    assert list(o.y) == [1.0, 0.0]
    assert list(o.weight) == [1.0, 4.0]
    assert o.won_on[0] == day(40).toordinal()
    assert o.winners == 1


def test_an_account_is_seen_on_the_day_it_was_handed_over(engine):
    table = engine.table([touch(10), touch(10, account_id="bolt", signal_id="b")], TOUCHPOINTS)
    entries = engine.table([{"account_id": "acme", "created_on": day(12)}], ENTRIES)
    lines = entry_lines(table, entries, POLICY, [day(12)], engine.apply)
    found = {(r["account_id"], r["score_date"], r["component"]) for r in engine.rows(lines)}
    assert found == {("acme", day(12), "pricing_view"), ("acme", day(12), "total")}


def test_it_asks_only_for_what_every_engine_answers_alike(engine):
    made, given = [], ibis.table(ibis.Schema.from_pyarrow(TOUCHPOINTS), name="touchpoints")
    entries = ibis.table(ibis.Schema.from_pyarrow(ENTRIES), name="handoffs")

    def apply(kernel, expr, shard_by):
        made.append(expr)
        return ibis.table(ibis.Schema.from_pyarrow(kernel.schema), name="lines")

    days = [day(30), day(44)]
    asked = [
        lines_known_on(given, POLICY, days, apply),
        entry_lines(given, entries, POLICY, days, apply),
    ]
    for expr in (*asked, *made):
        assert problems(expr) == set()
        assert ibis.to_sql(expr, dialect="postgres")


def test_a_deal_without_a_day_of_closing_was_closed_at_once():
    made = datetime(2026, 2, 1, tzinfo=UTC)
    row = {
        "account_id": "acme",
        "created_at": made,
        "is_closed": True,
        "is_won": True,
        "closed_at": None,
    }
    f = futures([row, {**row, "account_id": None}], [], made.date() + timedelta(days=200))
    assert f.deals["acme"][0].closed == made.date()
    assert list(f.deals) == ["acme"]
