"""The case the platform exists for: nobody is an MQL, and the account is an MQA."""

from __future__ import annotations

import pytest

from mqa_platform.core.overrides import Beside, suppressions
from mqa_platform.core.people import people
from mqa_platform.core.scores import score_lines, scores
from mqa_platform.core.stages import Crm, facts, stage_lines, stages
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    OVERRIDES,
    TOUCHPOINTS,
    account,
    crm_schema,
    day,
    default_policy,
    touch,
)
from mqa_platform_tests.core.walking import always

# 8 + 6 + 1: a price list, a download and a page, which is 30 % of an MQL of 50 points.
READING = ("pricing_view", "content_download", "product_or_blog_view")


def crm(engine, **tables):
    """CRM tables with nothing in them but the given rows."""
    names = ("accounts", "opportunities", "activities")
    return Crm(*(engine.table(tables.get(n, ()), crm_schema(f"landed_{n}")) for n in names))


def run(engine, rows, tier):
    """(people, scores, stages) of the day, through every step from touchpoints on."""
    policy = default_policy()
    touchpoints = engine.table(rows, TOUCHPOINTS)
    accounts = engine.table([account(tier=tier)], ACCOUNTS)
    contacts = engine.table((), crm_schema("landed_contacts"))
    mine = people(touchpoints, contacts, policy, day(0), engine.apply)
    lines = score_lines(touchpoints, policy, [day(0)], engine.apply)
    scored = scores(lines, accounts, policy, "v1")
    calendar = engine.con.sql(f"SELECT DATE '{day(0)}' AS day")
    nothing = suppressions(accounts, engine.table((), OVERRIDES))
    beside = Beside(nothing, engine.table((), OVERRIDES))
    known = facts(accounts, scored, crm(engine), calendar, "new_business", beside)
    walked = stage_lines(known, None, always(), {day(-100)}, engine.apply)
    held = stages(walked, nothing, "new_business", always())
    return engine.rows(mine), engine.rows(scored), engine.rows(held)


@pytest.mark.parametrize("tier", ["strategic", "scaled", "programmatic"])
def test_five_contacts_at_thirty_percent_of_an_mql_make_an_mqa(engine, tier):
    rows = [
        touch(0, kind, person_id=f"p{i}", signal_id=f"{i}{kind}")
        for i in range(5)
        for kind in READING
    ]
    mine, scored, held = run(engine, rows, tier)
    assert [p["person_score"] for p in mine] == [15] * 5
    assert not any(p["is_mql"] for p in mine)
    assert scored[0]["engagement_score"] >= scored[0]["threshold"]
    assert held[0]["stage"] == "mqa"


def test_one_person_with_the_same_points_makes_none(engine):
    rows = [
        touch(0, kind, person_id="p", signal_id=f"{i}{kind}") for i in range(5) for kind in READING
    ]
    mine, scored, held = run(engine, rows, "strategic")
    assert mine[0]["is_mql"]
    assert scored[0]["eligible_people"] == 1
    assert held[0]["stage"] != "mqa"
