"""Why sales rejects, and what is suggested to be left out."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from mqa_platform.core.metrics.reps import active_reps, spend_by_month
from mqa_platform.core.rejections import rejection_reasons
from mqa_platform_tests.core.engine import at, day
from mqa_platform_tests.core.metric_cases import EPISODES, episode

RECEIPTS = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("score_date", pa.date32()),
     ("component", pa.string())]
)  # fmt: skip
HANDOFFS = pa.schema([*EPISODES, ("handoff_id", pa.string()), ("reject_reason", pa.string())])


def reasons(engine, rows, receipts=()):
    made = [{"handoff_id": r["subject_id"], **r} for r in rows]
    lines = engine.table(receipts, RECEIPTS, motion="new_business", score_date=day(0))
    found = rejection_reasons(engine.table(made, HANDOFFS), lines, engine.apply)
    return {(r["dimension"], r["segment"], r["reason"]): r for r in engine.rows(found)}


def answered(number, reason=None, **changed):
    told = {"rejected_at": at(1), "reject_reason": reason} if reason else {"is_accepted": True}
    return episode(number, 0, 100, **told, **changed)


RETAIL = [answered(n, "bad_fit", segment="Retail") for n in range(8)]
OTHERS = [answered(n) for n in range(20, 40)]


def test_a_reason_is_told_as_a_share_of_what_sales_answered(engine):
    rows = [*RETAIL, *OTHERS, episode(90, 0, 100)]
    found = reasons(engine, rows)["all", "all", "bad_fit"]
    assert (found["rejected"], found["answered"], found["share"]) == (8, 28, 8 / 28)
    assert found["suggestion"] is None


def test_where_a_reason_stands_out_it_is_suggested_what_to_leave_out(engine):
    found = reasons(engine, [*RETAIL, *OTHERS])
    retail = found["segment", "Retail", "bad_fit"]
    assert (retail["share"], retail["usual_share"]) == (1, 0)
    assert retail["suggestion"].startswith("segment Retail: leave it out of the ICP")
    # Ann has them all: nobody is there to compare her with.
    assert found["rep_id", "ann", "bad_fit"]["suggestion"] is None


def test_three_others_are_too_few_to_stand_out_from(engine):
    # 5 of 50 beside 0 of 3: the three may as well reject one in two.
    rows = [*RETAIL[:5], *(answered(n, segment="Retail") for n in range(100, 145)), *OTHERS[:3]]
    found = reasons(engine, rows)["segment", "Retail", "bad_fit"]
    assert (found["rejected"], found["answered"], found["usual_share"]) == (5, 50, 0)
    assert found["suggestion"] is None


def test_a_rep_who_rejects_more_is_asked_and_not_left_out(engine):
    rows = [*({**r, "rep_id": "bob", "team": "east"} for r in RETAIL), *OTHERS]
    found = reasons(engine, rows)
    for key in (("rep_id", "bob"), ("team", "east")):
        assert found[*key, "bad_fit"]["suggestion"].startswith(f"{key[0]} {key[1]}: ask")


def test_what_sales_was_never_given_has_no_share_in_its_answers(engine):
    held_out = [answered(n, is_asked_of_sales=False) for n in range(50, 60)]
    found = reasons(engine, [*RETAIL, *OTHERS, *held_out])["all", "all", "bad_fit"]
    assert found["answered"] == 28


def test_few_rejections_suggest_nothing(engine):
    found = reasons(engine, [*RETAIL[:4], *OTHERS])["segment", "Retail", "bad_fit"]
    assert (found["rejected"], found["suggestion"]) == (4, None)


def test_a_rejection_stands_under_every_signal_of_its_receipt(engine):
    lines = [{"account_id": "a0", "component": c} for c in ("ad_click", "pricing_view")]
    found = reasons(engine, [answered(0, "bad_fit"), answered(1)], lines)
    assert {k[1] for k in found if k[0] == "signal"} == {"ad_click", "pricing_view"}
    assert found["all", "all", "bad_fit"]["answered"] == 2


def rep(user, **changed):
    return {"user_id": user, "valid_from": date(1900, 1, 1), "valid_to": None, "is_active": True,
            "is_listed": True, "capacity_per_week": 5, "team": "east", **changed}  # fmt: skip


def test_active_reps_are_those_who_could_take_handoffs_in_the_quarter():
    rows = [
        rep("ann"), rep("left", valid_to=date(2026, 4, 1)), rep("gone", valid_to=date(2026, 1, 1)),
        rep("new", valid_from=date(2026, 6, 30)), rep("idle", capacity_per_week=0),
        rep("ceo", is_listed=False), rep("unknown", is_active=None), rep("free", capacity_per_week=None),
    ]  # fmt: skip
    found = active_reps(rows, date(2026, 1, 1), date(2026, 5, 1))
    assert {q: set(of) for q, of in found.items()} == {
        "2026-Q1": {"ann", "left", "free"},
        "2026-Q2": {"ann", "new", "free"},
    }
    # Where nobody is listed, the users of the CRM are the reps.
    crm_only = active_reps([rep("ann", is_listed=False)], date(2026, 1, 1), date(2026, 1, 2))
    assert crm_only == {"2026-Q1": {"ann": "east"}}


def test_a_list_of_reps_that_begins_later_empties_no_quarter_before_it():
    rows = [
        rep("ann", is_listed=False, valid_to=date(2026, 4, 1)),
        rep("ann", valid_from=date(2026, 4, 1)),
        rep("bob", is_listed=False),
    ]
    found = active_reps(rows, date(2026, 1, 1), date(2026, 5, 1))
    assert {q: set(of) for q, of in found.items()} == {
        "2026-Q1": {"ann", "bob"},
        "2026-Q2": {"ann"},
    }


def test_spend_in_another_currency_is_left_out_and_named():
    rows = [
        {"spend_date": date(2026, 1, 1), "amount": 10.5, "currency": "USD"},
        {"spend_date": date(2026, 1, 31), "amount": -0.5, "currency": "USD"},
        {"spend_date": date(2026, 2, 1), "amount": 7, "currency": "EUR"},
        {"spend_date": date(2026, 2, 1), "amount": None, "currency": "USD"},
    ]
    assert spend_by_month(rows, "USD") == ({"2026-01": 10.0}, ["EUR"])
