"""Conversions: what an episode may claim."""

from __future__ import annotations

from datetime import timedelta

import ibis

from mqa_platform.core.conversions import conversions
from mqa_platform.core.stages import Crm
from mqa_platform_tests.core.engine import account, at, crm_schema, day, default_policy
from mqa_platform_tests.core.test_handoffs import SCORES, entered_of, move

QUALIFIED = at(0, 12)
BEFORE = timedelta(microseconds=-1)


def meeting(when, **changed):
    return {"activity_id": f"a{when}", "kind": "meeting", "is_held": True,
            "occurred_at": when, "is_deleted": False, **changed}  # fmt: skip


def deal(when, name="o1", **changed):
    return {"opportunity_id": name, "created_at": when, "is_closed": False,
            "is_won": False, "is_deleted": False, "amount": 12000.0, **changed}  # fmt: skip


def each(engine, records):
    """The outcomes of accounts that have one record each, in their order."""
    names = [f"{i:03}" for i in range(len(records))]
    mine = [{"account_id": n, **r} for n, r in zip(names, records, strict=True)]
    return outcomes(
        engine,
        [r for r in mine if "activity_id" in r],
        [r for r in mine if "opportunity_id" in r],
        [move(account_id=n) for n in names],
        [account(n) for n in names],
    )


def acmes(rows):
    return [{"account_id": "acme", **r} for r in rows]


def outcomes(engine, activities=(), deals=(), moves=None, accounts=None, touch=None):
    entered = entered_of(engine, moves or [move()], accounts or [account()])
    policy = default_policy()
    crm = Crm(
        engine.table((), crm_schema("landed_accounts")),
        engine.table(acmes(deals), crm_schema("landed_opportunities")),
        engine.table(acmes(activities), crm_schema("landed_activities")),
    )
    touched = ibis.literal(touch, type="timestamp('UTC')")
    routes = entered.select("handoff_id", rep_id=ibis.literal("ann"), first_touch_at=touched)
    scores = engine.table((), SCORES)
    return engine.rows(conversions(entered, routes, scores, crm, policy), "account_id", "episode")


def test_the_first_touch_is_the_one_of_the_handoffs_clock(engine):
    (found,) = outcomes(engine, touch=at(0, 15))
    assert (found["first_touch_at"], found["rep_id"]) == (at(0, 15), "ann")
    assert outcomes(engine)[0]["first_touch_at"] is None


MEETINGS = [
    (QUALIFIED, True),
    (QUALIFIED + BEFORE, False),
    (QUALIFIED + timedelta(days=30) + BEFORE, True),
    (QUALIFIED + timedelta(days=30), False),
]


def test_a_meeting_counts_from_qualification_to_the_end_of_its_window(engine):
    found = each(engine, [meeting(when) for when, _ in MEETINGS])
    assert [f["meeting_on"] is not None for f in found] == [counts for _, counts in MEETINGS]


NO_MEETINGS = [
    {"is_held": False},
    {"kind": "call"},
    {"is_deleted": True},
    {"account_id": "other"},
    {"valid_to": day(1)},
]


def test_only_a_meeting_that_was_held_counts(engine):
    found = each(engine, [meeting(at(3), **changed) for changed in NO_MEETINGS])
    assert [f["meeting_on"] for f in found] == [None] * len(NO_MEETINGS)


DEALS = [
    (QUALIFIED + BEFORE, False),
    (QUALIFIED, True),
    (QUALIFIED + timedelta(days=90) + BEFORE, True),
    (QUALIFIED + timedelta(days=90), False),
]


def test_an_opportunity_counts_when_it_was_made_in_the_window(engine):
    found = each(engine, [deal(when) for when, _ in DEALS])
    assert [f["opportunity_id"] is not None for f in found] == [counts for _, counts in DEALS]


def test_the_first_opportunity_is_the_episodes_and_an_older_one_never(engine):
    deals = [deal(at(-5), "old"), deal(at(9), "second"), deal(at(4), "first")]
    (found,) = outcomes(engine, deals=deals)
    assert (found["opportunity_id"], found["opportunity_on"]) == ("first", day(4))


def test_what_happens_after_the_next_entry_belongs_to_the_next_episode(engine):
    moves = [move(), move(20, episode=2)]
    one, two = outcomes(engine, [meeting(at(25))], [deal(at(22))], moves)
    assert (one["meeting_on"], one["opportunity_id"], one["won"]) == (None, None, None)
    assert (two["meeting_on"], two["opportunity_id"]) == (day(25), "o1")


CLOSINGS = [
    ({}, False),
    ({"is_closed": True, "closed_at": at(60)}, False),
    ({"is_closed": True, "is_won": True, "closed_at": at(60)}, True),
    ({"is_closed": True, "is_won": True, "closed_at": at(365, 11)}, True),
    ({"is_closed": True, "is_won": True, "closed_at": at(365, 12)}, False),
]


def test_a_deal_is_won_within_a_year(engine):
    found = each(engine, [deal(at(10), **changed) for changed, _ in CLOSINGS])
    assert [f["won"] for f in found] == [won for _, won in CLOSINGS]


TERMS = [(12, 12000), (24, 6000), (None, 12000), (0, None)]


def test_the_annual_value_is_the_amount_by_twelve_months(engine):
    found = each(engine, [deal(at(10), term_months=months) for months, _ in TERMS])
    assert [f["acv"] for f in found] == [acv for _, acv in TERMS]
