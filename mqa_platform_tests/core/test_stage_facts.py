"""The facts that the ladder asks about, and the tables that stages leaves."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.overrides import Beside, in_effect, suppressions
from mqa_platform.core.participation import customers
from mqa_platform.core.qualification import MOMENT
from mqa_platform.core.stages import before, facts, stage_lines, stage_transitions, stages
from mqa_platform_tests.core.engine import ACCOUNTS, OVERRIDES, account, at, day
from mqa_platform_tests.core.test_five_contacts import crm
from mqa_platform_tests.core.test_handoffs import SCORES
from mqa_platform_tests.core.walking import always

STAGE_SCORES = pa.schema(
    [
        *SCORES,
        ("people_on_high_intent", pa.int64()),
        ("anonymous_evidence", pa.bool_()),
        ("hand_raised", pa.bool_()),
        ("last_eligible_on", pa.date32()),
    ]
)


def known(
    engine, *, days=(0,), accounts=None, scores=(), motion="new_business", overrides=(),
    crm_accounts=(), **tables,
):  # fmt: skip
    calendar = engine.keep_arrow(pa.table({"day": pa.array([day(n) for n in days], pa.date32())}))
    a = engine.table(accounts or [account()], ACCOUNTS)
    s = engine.table(scores, STAGE_SCORES, motion=motion)
    beside = standing(engine, a, overrides)
    records = crm(engine, accounts=crm_accounts, **tables)
    return facts(a, s, records, calendar, motion, beside)


def standing(engine, accounts, overrides=()):
    """What stands beside the rungs; an override names what is special about it."""
    told = engine.table(
        [{"override_id": f"o{i}", **o} for i, o in enumerate(overrides)], OVERRIDES,
        account_id="acme", reason="asked", by="ann", at=at(0), starts_on=day(0),
    )  # fmt: skip
    effective = in_effect(told)
    return Beside(suppressions(accounts, effective), effective)


def column(engine, name, **given):
    return [r[name] for r in engine.rows(known(engine, **given), "day")]


def opportunity(**changed):
    return {"opportunity_id": "o", "account_id": "acme", "is_closed": False, "is_won": False,
            "is_deleted": False, "valid_from": day(1), **changed}  # fmt: skip


def activity(number, **changed):
    return {"activity_id": "a", "account_id": "acme", "kind": "call", "is_held": True,
            "occurred_at": at(number), "is_deleted": False, "valid_from": day(-9), **changed}  # fmt: skip


def status(number, word, **changed):
    return {"account_id": "acme", "valid_from": day(number), "sales_status": word,
            "is_deleted": False, **changed}  # fmt: skip


def test_deals_are_those_known_on_the_day(engine):
    versions = [
        opportunity(valid_to=day(3)),
        opportunity(valid_from=day(3), is_closed=True, closed_at=at(3), loss_reason="price"),
    ]
    given = {"days": range(5), "opportunities": versions}
    assert column(engine, "open_opportunity", **given) == [False, True, True, False, False]
    assert column(engine, "loss_reason", **given) == [None, None, None, "price", "price"]
    assert not any(column(engine, "is_customer", **given))


def test_one_of_two_deals_lost_leaves_the_other_open(engine):
    deals = [opportunity(), opportunity(opportunity_id="p", is_closed=True, closed_at=at(1))]
    assert column(engine, "open_opportunity", days=[1], opportunities=deals) == [True]


@pytest.mark.parametrize(
    ("kind", "won", "customer"),
    [("prospect", True, True), ("customer", False, True), ("former_customer", True, False),
     (None, False, False)],
)  # fmt: skip
def test_a_customer_has_a_won_deal_or_the_crms_word_and_has_not_left(engine, kind, won, customer):
    deals = [opportunity(is_closed=True, is_won=True)] if won else []
    accounts = [account(account_type=kind)]
    given = {"days": [1], "opportunities": deals, "accounts": accounts}
    assert column(engine, "is_customer", **given) == [customer]


def test_a_former_customer_who_buys_again_is_one_whatever_the_crm_calls_it(engine):
    versions = [
        account(account_type="customer", valid_to=day(2)),
        account(account_type="former_customer", valid_from=day(2), valid_to=day(5)),
        # Another change of the record says nothing new about when it left.
        account(account_type="former_customer", valid_from=day(5), tier="scaled"),
    ]
    first = opportunity(is_closed=True, is_won=True, closed_at=at(1))
    again = opportunity(
        opportunity_id="p", is_closed=True, is_won=True, closed_at=at(4), valid_from=day(4)
    )
    given = {"days": range(1, 7), "accounts": versions}
    left = column(engine, "is_customer", **given, opportunities=[first])
    assert left == [True, False, False, False, False, False]
    bought = column(engine, "is_customer", **given, opportunities=[first, again])
    assert bought == [True, False, False, True, True, True]
    spine = engine.con.sql(
        f"SELECT 'acme' AS account_id, DATE '{day(1)}' + CAST(i AS INTEGER) AS day FROM range(6) t(i)"
    )
    records = crm(engine, opportunities=[first, again])
    took_part = customers(spine, engine.table(versions, ACCOUNTS), records.opportunities)
    assert [r["day"] for r in engine.rows(took_part, "day")] == [day(1), day(4), day(5), day(6)]


def test_a_meeting_that_was_moved_is_one_touch(engine):
    moved = [
        activity(1, kind="meeting", valid_to=day(1)),
        activity(2, kind="meeting", valid_from=day(1)),
    ]
    touched = column(engine, "touched", days=range(4), activities=moved)
    assert touched == [False, False, True, False]


@pytest.mark.parametrize(
    "changed", [{"kind": "bulk_email"}, {"is_held": False}, {"is_deleted": True}]
)
def test_bulk_mail_and_no_shows_are_no_touch(engine, changed):
    assert column(engine, "touched", activities=[activity(0, **changed)]) == [False]


def test_a_sales_status_is_an_event_on_the_day_it_changes(engine):
    versions = [
        status(1, "accepted"),
        status(2, "accepted"),
        status(3, "rejected", sales_status_reason="timing"),
        status(4, None),
        status(5, "rejected"),
    ]
    found = column(engine, "sales_event", days=range(6), crm_accounts=versions)
    assert found == [None, "accepted", None, "rejected", None, "rejected"]


def test_a_second_rejection_with_another_reason_is_an_event(engine):
    versions = [
        status(1, "rejected", sales_status_reason="timing"),
        status(2, "rejected", sales_status_reason="timing", name="Acme Inc"),
        status(3, "rejected", sales_status_reason="bad_fit"),
        status(4, "rejected"),
    ]
    given = {"days": range(5), "crm_accounts": versions}
    assert column(engine, "sales_event", **given) == [None, "rejected", None, "rejected", None]
    assert column(engine, "sales_reason", **given) == [None, "timing", None, "bad_fit", None]


def test_a_suppression_ends_on_its_day(engine):
    accounts = [account(suppression_reason="legal", suppressed_until=day(2))]
    found = column(engine, "is_suppressed", days=range(4), accounts=accounts)
    assert found == [True, True, False, False]


def test_an_account_has_facts_on_the_days_it_exists_with_that_days_tier(engine):
    accounts = [
        account(valid_from=day(1), valid_to=day(2), tier="scaled"),
        account(valid_from=day(3), tier="strategic"),
    ]
    rows = engine.rows(known(engine, days=range(5), accounts=accounts), "day")
    assert [(r["day"], r["tier"]) for r in rows] == [
        (day(1), "scaled"),
        (day(3), "strategic"),
        (day(4), "strategic"),
    ]


HOT = {
    "account_id": "acme", "engagement_score": 120, "eligible_people": 3, "hand_raised": False,
    "people_on_high_intent": 0, "anonymous_evidence": False, "threshold": 100,
}  # fmt: skip


def walked(engine, days, scores, *, accounts=None, start=None):
    rows = known(engine, days=days, accounts=accounts, scores=scores)
    return stage_lines(rows, start, always(), {day(-100)}, engine.apply)


def test_a_run_starts_from_the_last_state_even_of_an_account_that_was_away(engine):
    versions = [account(valid_to=day(1)), account(valid_from=day(3))]
    other = account("other")
    scores = [{**HOT, "score_date": day(n), "last_eligible_on": day(n)} for n in (0, 3)]
    given = {"accounts": [*versions, other]}
    whole = walked(engine, range(4), scores, **given)
    first = walked(engine, range(2), scores, **given)
    nothing = suppressions(engine.table((), ACCOUNTS), engine.table((), OVERRIDES))
    published = engine.keep(stages(first, nothing, "new_business", always()))
    start = before(published, day(1), "new_business")
    second = walked(engine, range(2, 4), scores, start=start, **given)
    order = ("account_id", "day", "kind", "seq")
    assert engine.rows(first.union(second), *order) == engine.rows(whole, *order)
    held = engine.rows(stages(whole, nothing, "new_business", always()), "stage_date")
    held = [r for r in held if r["account_id"] == "acme"]
    assert [(r["stage_date"], r["stage"], r["episode"]) for r in held] == [
        (day(0), "mqa", 1),
        (day(3), "mqa", 1),
    ]


def test_qualified_at_stands_on_steps_to_mqa_and_is_the_days_start_for_a_crm_change(engine):
    scores = [{**HOT, "score_date": day(0), "last_eligible_on": day(0)}]
    lines = walked(engine, [0], scores)
    when = {"account_id": "acme", "day": day(0), "qualified_at": at(0, 17)}
    for rows, wanted in (
        ([when], at(0, 17)),
        ([], at(0, 0)),
        ([{**when, "day": day(1)}], at(0, 0)),
    ):
        moments = engine.table(rows, MOMENT)
        found = engine.rows(stage_transitions(lines, moments, "new_business", always()), "seq")
        assert [(t["to_stage"], t["qualified_at"]) for t in found] == [
            ("target", None),
            ("engaged", None),
            ("mqa", wanted),
        ]
