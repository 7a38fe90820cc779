"""What stands beside the rung: suppressions and decisions by hand; and who takes part in expansion."""

from __future__ import annotations

import pytest

from mqa_platform.core.overrides import in_effect, suppressed_days, suppressions
from mqa_platform_tests.core.engine import ACCOUNTS, OVERRIDES, account, at, day
from mqa_platform_tests.core.test_stage_facts import column, known, opportunity

SNOOZE = {"action": "snooze", "starts_on": day(1), "ends_on": day(3)}
WITHDRAWN = {"action": "withdraw", "at": at(2), "starts_on": day(2), "ends_on": None}


def beside(engine, *overrides, accounts=(), days=5, motion="new_business"):
    """(day, reason, until, by) of the days on which acme is suppressed."""
    told = engine.table(
        [{"override_id": f"o{i}", **o} for i, o in enumerate(overrides)], OVERRIDES,
        account_id="acme", reason="asked", by="ann", at=at(0), starts_on=day(0),
    )  # fmt: skip
    effective = in_effect(told)
    spine = engine.con.sql(
        f"SELECT 'acme' AS account_id, DATE '{day(0)}' + CAST(i AS INTEGER) AS day FROM range({days}) t(i)"
    )
    held = suppressions(engine.table(accounts, ACCOUNTS), effective)
    return [
        ((r["day"] - day(0)).days, r["suppression_reason"], r["suppressed_until"], r["suppressed_by"])
        for r in engine.rows(suppressed_days(spine, held, motion), "day")
    ]  # fmt: skip


def test_a_snooze_holds_on_its_days_with_its_end_and_its_author(engine):
    assert beside(engine, SNOOZE) == [
        (1, "manual", day(3), "ann"),
        (2, "manual", day(3), "ann"),
    ]


def test_a_withdrawal_ends_what_was_decided_before_it_and_nothing_after(engine):
    assert [d for d, *_ in beside(engine, SNOOZE, WITHDRAWN)] == [1]
    later = {**SNOOZE, "at": at(2, 13)}
    assert [d for d, *_ in beside(engine, SNOOZE, WITHDRAWN, later)] == [1, 2]
    same_day = {**WITHDRAWN, "starts_on": day(1)}
    assert beside(engine, SNOOZE, same_day) == []


def test_a_withdrawal_in_one_motion_leaves_what_holds_in_all(engine):
    only = {**WITHDRAWN, "motion": "expansion"}
    assert [d for d, *_ in beside(engine, SNOOZE, only)] == [1, 2]


def test_of_two_suppressions_the_crms_is_named_and_then_the_longest(engine):
    crm = account(suppression_reason="competitor", valid_from=day(2), valid_to=day(3))
    longer = {"action": "exclude", "starts_on": day(0), "ends_on": day(4), "by": "bob"}
    assert [(d, why, by) for d, why, _, by in beside(engine, SNOOZE, longer, accounts=[crm])] == [
        (0, "manual", "bob"),
        (1, "manual", "bob"),
        (2, "competitor", None),
        (3, "manual", "bob"),
    ]


def test_an_exclusion_of_one_motion_leaves_the_others_alone(engine):
    only = {**SNOOZE, "motion": "expansion"}
    assert beside(engine, only) == []
    assert [d for d, *_ in beside(engine, only, motion="expansion")] == [1, 2]
    assert [d for d, *_ in beside(engine, SNOOZE, motion="expansion")] == [1, 2]
    held = column(engine, "is_suppressed", days=range(3), overrides=[only])
    assert held == [False, False, False]


def test_the_last_word_puts_an_account_on_a_rung_in_its_motion(engine):
    first = {"action": "stage", "stage": "engaged", "ends_on": day(4)}
    second = {
        "action": "stage",
        "stage": "recycled",
        "starts_on": day(2),
        "ends_on": day(3),
        "at": at(1),
    }
    other = {**first, "motion": "expansion", "stage": "mqa", "at": at(3)}
    found = column(engine, "forced_stage", days=range(5), overrides=[first, second, other])
    assert found == ["engaged", "engaged", "recycled", "engaged", None]


def expanding(engine, name, **given):
    return [
        (r["day"], r[name]) for r in engine.rows(known(engine, motion="expansion", **given), "day")
    ]


def test_an_account_has_expansion_facts_since_it_first_was_a_customer(engine):
    versions = [
        account(account_type="prospect", valid_to=day(2)),
        account(account_type="customer", valid_from=day(2), valid_to=day(4)),
        account(account_type="former_customer", valid_from=day(4)),
    ]
    found = expanding(engine, "is_customer", days=range(6), accounts=versions)
    assert found == [(day(2), True), (day(3), True), (day(4), False), (day(5), False)]
    assert expanding(engine, "is_customer", days=range(3), accounts=[account()]) == []


def test_the_deal_that_made_it_a_customer_is_no_expansion_deal(engine):
    first = [
        opportunity(valid_to=day(2), created_at=at(1)),
        opportunity(
            valid_from=day(2), is_closed=True, is_won=True, closed_at=at(2), created_at=at(1)
        ),
    ]
    more = [
        opportunity(opportunity_id="p", valid_from=day(3), valid_to=day(5), created_at=at(3)),
        opportunity(
            opportunity_id="p", valid_from=day(5), is_closed=True, is_won=True, closed_at=at(5),
            created_at=at(3),
        ),
    ]  # fmt: skip
    given = {"days": range(1, 7), "opportunities": [*first, *more]}
    assert [v for _, v in expanding(engine, "open_opportunity", **given)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert expanding(engine, "last_won_on", **given)[-1] == (day(6), day(5))
    assert expanding(engine, "last_won_on", **given)[0] == (day(2), None)


@pytest.mark.parametrize(("motion", "days"), [("new_business", 3), ("expansion", 2)])
def test_the_scores_of_a_motion_are_its_own(engine, motion, days):
    versions = [account(account_type="prospect", valid_to=day(1)),
                account(account_type="customer", valid_from=day(1))]  # fmt: skip
    assert len(engine.rows(known(engine, days=range(3), accounts=versions, motion=motion))) == days
