"""In which order a rep works, what a manager sees grow old, and whether a play was followed up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa

from mqa_platform.core.follow_up import follow_up
from mqa_platform.core.worklist import ageing_handoffs, worklist
from mqa_platform_tests.core.clock_cases import activity, clocked, handoff, left, utc
from mqa_platform_tests.core.engine import ACCOUNTS, account, crm_schema

# Tuesday at half past eight in London: eight and a half of Monday's and Tuesday's hours are over in Berlin.
NOW = utc("2026-01-06T08:30")
MONDAY = "2026-01-05T10:00"


STAGES = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("stage_date", pa.date32()),
     ("suppression_reason", pa.string())]
)  # fmt: skip


def lists(engine, handoffs, as_of=None, now=NOW, stages=(), **given):
    accounts = engine.table([account("acme", name="Acme, Inc.")], ACCOUNTS)
    open_ones = clocked(engine, *handoffs, as_of=now, **given)
    found = worklist(open_ones, accounts, engine.table(list(stages), STAGES), as_of)
    return engine.rows(found, "rep_id", "rank")


def ranked(engine, handoffs, **given):
    return [row["handoff_id"] for row in lists(engine, handoffs, **given)]


def item(name, when=MONDAY, **changed):
    return handoff(when, handoff_id=name, account_id=changed.pop("account_id", name), **changed)


def test_who_asked_comes_first_then_the_least_time_left_then_tier_then_heat(engine):
    handoffs = [
        item("cold", score=Decimal(80)),
        item("hot", score=Decimal(120)),
        item("unknown_momentum", momentum=None),
        item("named", tier="strategic"),
        item("older", "2026-01-05T08:00"),
        item("asked", "2026-01-06T08:00", evidence_rule="hand_raise", sla_hours=4),
        item("asked_long_ago", evidence_rule="hand_raise", sla_hours=1),
        item("touched", "2026-01-05T08:00", tier="strategic"),
        item("asked_and_called", evidence_rule="hand_raise", sla_hours=1),
    ]
    done = [
        activity("2026-01-05T12:00", account_id="touched"),
        activity("2026-01-05T10:30", account_id="asked_and_called"),
    ]
    assert ranked(engine, handoffs, activities=done) == [
        "asked_long_ago", "asked", "older", "named", "hot", "cold", "unknown_momentum", "touched",
        "asked_and_called",
    ]  # fmt: skip


def test_minutes_do_not_outrank_a_tier(engine):
    handoffs = [
        item("first", "2026-01-05T10:05"),
        item("second", "2026-01-05T10:20", tier="strategic"),
    ]
    assert ranked(engine, handoffs) == ["second", "first"]


def test_each_rep_has_a_list_from_one_on_with_the_name_of_the_account(engine):
    handoffs = [item("h1", account_id="acme"), item("h2"), item("h3", rep_id="ben")]
    found = lists(engine, handoffs)
    assert [(r["rep_id"], r["rank"]) for r in found] == [("ann", 1), ("ann", 2), ("ben", 1)]
    assert [r["name"] for r in found] == ["Acme, Inc.", None, None]
    assert [r["sla_left_hours"] for r in found[:2]] == [1.5, 1.5]


def test_only_what_is_open_is_on_a_list_and_backlog_when_its_turn_has_come(engine):
    closed = [item(s, status=s) for s in ("rejected", "converted", "recycled")]
    waiting = [
        item("turn", status="backlog", released_on=date(2026, 1, 6)),
        item("later", status="backlog", released_on=date(2026, 1, 7)),
        item("none", status="backlog", released_on=None),
    ]
    handoffs = [item("open"), item("accepted", status="accepted"), *closed, *waiting]
    assert sorted(ranked(engine, handoffs)) == ["accepted", "open"]
    shown = ranked(engine, handoffs, as_of=date(2026, 1, 6))
    assert sorted(shown) == ["accepted", "open", "turn"]


def test_the_manager_sees_how_far_each_has_come_and_for_how_long(engine):
    handoffs = [
        item("new", "2026-01-06T08:00"),
        item("reminded", MONDAY),
        item("escalated", "2026-01-05T08:00", sla_hours=4),
        item("taken_away", "2026-01-05T08:00", sla_hours=1, evidence_rule="hand_raise"),
        item("touched", MONDAY),
        item("accepted", MONDAY, status="accepted"),
        item("future", "2026-01-06T09:00"),
        item("gone", status="rejected"),
    ]
    done = [activity("2026-01-05T12:00", account_id="touched")]
    t = clocked(engine, *handoffs, activities=done, as_of=NOW)
    accounts = engine.table([account("acme")], ACCOUNTS)
    found = {
        r["handoff_id"]: r
        for r in engine.rows(ageing_handoffs(t, accounts, engine.table([], STAGES)))
    }
    assert {name: r["state"] for name, r in found.items()} == {
        "new": "waiting", "reminded": "reminded", "escalated": "escalated", "taken_away": "taken_away",
        "touched": "touched", "accepted": "accepted", "future": "not_delivered",
    }  # fmt: skip
    assert found["touched"]["age_business_hours"] == found["reminded"]["age_business_hours"] == 6.5
    assert (found["new"]["age_business_hours"], found["future"]["age_business_hours"]) == (
        0.5,
        None,
    )
    assert (found["new"]["team"], found["escalated"]["sla_left_hours"]) == ("EMEA", -4.5)


def test_who_is_suppressed_today_is_on_no_worklist(engine):
    who = {"account_id": "acme", "motion": "new_business", "suppression_reason": "legal"}
    handoffs = [item("acme", MONDAY), item("other", MONDAY)]
    for held, shown in ((6, ["other"]), (5, ["acme", "other"])):
        stages = [{**who, "stage_date": date(2026, 1, held)}]
        found = lists(engine, handoffs, as_of=date(2026, 1, 6), stages=stages)
        assert [row["account_id"] for row in found] == shown


PLAYS = pa.schema(
    [
        ("handoff_id", pa.string()),
        ("play", pa.string()),
        *((name, pa.int64()) for name in ("touches", "people", "days")),
    ]
)
SEQUENCE = {"handoff_id": "h1", "play": "sequence", "touches": 3, "people": 2, "days": 10}


def followed(engine, done, now="2026-03-01T00:00", plays=(SEQUENCE,), handoffs=None, **given):
    t = clocked(engine, *(handoffs or [handoff()]), activities=done, as_of=utc(now), **given)
    a = engine.table(done, crm_schema("landed_activities"))
    return engine.rows(follow_up(t, engine.table(plays, PLAYS), a, utc(now)), "handoff_id")


CALLS = [
    activity("2026-01-05T12:00"),
    activity("2026-01-07T12:00", "email"),
    activity("2026-01-15T12:00", contact_id="max"),
]


def test_a_play_is_followed_up_by_so_many_touches_to_so_many_people_in_time(engine):
    (found,) = followed(engine, CALLS)
    assert (found["touches"], found["people"], found["state"]) == (3, 2, "met")
    assert (found["due_on"], found["play"]) == (date(2026, 1, 15), "sequence")


def test_what_came_too_late_or_was_no_touch_is_not_counted(engine):
    late = [*CALLS[:2], activity("2026-01-16T00:00", contact_id="max")]
    (found,) = followed(engine, late)
    assert (found["touches"], found["people"], found["state"]) == (2, 1, "missed")
    bulk = [*CALLS[:2], activity("2026-01-08T12:00", "bulk_email", contact_id="max")]
    assert followed(engine, bulk)[0]["touches"] == 2


def test_one_person_touched_often_and_nobody_in_particular_are_not_two_people(engine):
    nobody = [*CALLS[:2], activity("2026-01-08T12:00", contact_id=None)]
    (found,) = followed(engine, nobody)
    assert (found["touches"], found["people"], found["state"]) == (3, 1, "missed")


def test_there_is_time_until_the_last_day_is_over(engine):
    assert followed(engine, CALLS[:2], "2026-01-15T23:59")[0]["state"] == "running"
    assert followed(engine, CALLS[:2], "2026-01-16T00:00")[0]["state"] == "missed"


def test_what_was_over_before_is_neither_done_nor_missed(engine):
    (found,) = followed(engine, CALLS[:2], moves=[left("2026-01-12", "recycled")])
    assert found["state"] == "stopped"
    (found,) = followed(engine, CALLS, moves=[left("2026-01-20", "opportunity")])
    assert found["state"] == "met"


def test_touches_of_the_next_episode_are_not_counted(engine):
    second = handoff("2026-01-14T10:00", handoff_id="h2", episode=2)
    plays = [SEQUENCE, {**SEQUENCE, "handoff_id": "h2"}]
    first, next_one = followed(engine, CALLS, plays=plays, handoffs=[handoff(), second])
    assert (first["touches"], next_one["touches"]) == (2, 1)


def test_a_play_that_asks_for_nothing_has_no_row(engine):
    assert followed(engine, CALLS, plays=[{"handoff_id": "h1", "play": "nurture"}]) == []
    assert followed(engine, CALLS, plays=[]) == []
