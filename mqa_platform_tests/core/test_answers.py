"""Whose touch is the answer to a handoff, and whether it came after the news of its day."""

from __future__ import annotations

import pytest

from mqa_platform.core.answers import answers
from mqa_platform.core.overrides import Beside, in_effect, suppressions
from mqa_platform.core.stages import Crm, facts
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    OVERRIDES,
    TOUCHPOINTS,
    account,
    at,
    crm_schema,
    day,
    touch,
)
from mqa_platform_tests.core.test_stage_facts import STAGE_SCORES, activity

OWNED = account(owner_id="anna")


def user(user_id, **changed):
    """A user as the CRM tells of one."""
    return {"user_id": user_id, "is_active": True, "valid_from": day(-100), **changed}


def answered(engine, *activities, accounts=(OWNED,), users=(), touchpoints=()):
    """(day, after the news) of the days on which acme was answered."""
    team = users or [user("anna")]
    found = answers(
        engine.table(activities, crm_schema("landed_activities")),
        engine.table(team, crm_schema("landed_users")),
        engine.table(accounts, ACCOUNTS),
        engine.table(touchpoints, TOUCHPOINTS),
        ["demo_request"],
    )
    return [(r["day"], r["answered_news"]) for r in engine.rows(found, "day")]


def call(number, hour=12, by="anna", **changed):
    return activity(number, occurred_at=at(number, hour), user_id=by, **changed)


def test_a_call_by_support_is_no_answer_of_the_owner(engine):
    found = answered(engine, call(1, by="support"), call(2, activity_id="b"))
    assert found == [(day(2), True)]


@pytest.mark.parametrize(
    ("changed", "users"),
    [
        ({"owner_id": None}, [user("anna")]),
        ({"owner_id": "left"}, [user("anna"), user("left", is_active=False)]),
        ({"owner_id": "left"}, [user("left", valid_to=day(1))]),
        ({"owner_id": "nobody the CRM knows"}, [user("anna")]),
    ],
)
def test_an_account_without_an_active_owner_is_answered_by_whoever_touches_it(
    engine, changed, users
):
    given = {"accounts": [account(**changed)], "users": users}
    assert answered(engine, call(1, by="ben"), **given) == [(day(1), True)]


def test_a_touch_that_the_crm_names_nobody_for_counts(engine):
    assert answered(engine, call(1, by=None)) == [(day(1), True)]


@pytest.mark.parametrize(
    ("calls", "after"), [([9], False), ([18], True), ([9, 18], True), ([12], False)]
)
def test_a_call_before_the_news_of_the_day_is_no_answer_to_it(engine, calls, after):
    seen = [touch(1, received_at=at(1, 8)), touch(1, received_at=at(1, 17), signal_id="x")]
    sent = touch(1, received_at=at(1, 23), direction="outbound", signal_id="y")
    rows = [call(1, hour, activity_id=str(hour)) for hour in calls]
    assert answered(engine, *rows, touchpoints=[*seen, sent]) == [(day(1), after)]


def test_who_asked_to_be_called_is_answered_after_the_request_whatever_they_read_later(engine):
    asked = touch(1, "demo_request", received_at=at(1, 9))
    later = touch(1, received_at=at(1, 17), signal_id="x")
    given = {"touchpoints": [asked, later]}
    assert answered(engine, call(1, 10), **given) == [(day(1), True)]
    assert answered(engine, call(1, 8), **given) == [(day(1), False)]


def test_the_facts_of_a_day_tell_a_touch_from_an_answer(engine):
    tables = {
        name: engine.table(rows, crm_schema(f"landed_{name}"))
        for name, rows in {
            "accounts": [],
            "opportunities": [],
            "activities": [call(0, by="support"), call(1, 9, activity_id="b")],
        }.items()
    }
    a, p = engine.table([OWNED], ACCOUNTS), engine.table([touch(1)], TOUCHPOINTS)
    users = engine.table([user("anna")], crm_schema("landed_users"))
    effective = in_effect(engine.table([], OVERRIDES))
    days = engine.con.sql(f"SELECT DATE '{day(0)}' + CAST(i AS INTEGER) AS day FROM range(3) t(i)")
    found = facts(
        a,
        engine.table([], STAGE_SCORES),
        Crm(**tables),
        days,
        "new_business",
        Beside(suppressions(a, effective), effective),
        None,
        answers(tables["activities"], users, a, p, ["demo_request"]),
    )
    rows = engine.rows(found, "day")
    assert [(r["touched"], r["answered"], r["answered_news"]) for r in rows] == [
        (True, False, False),
        (True, True, False),
        (False, False, False),
    ]
