"""Who would enter at which threshold, what it would bring, and how it turned out: counted by hand."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.core.calibration.curve import (
    ALL,
    curve_rows,
    curves,
    found_deals,
    outcomes,
    weekly,
)
from mqa_platform.core.calibration.entries import (
    ENTRY,
    at_step,
    candidates,
    entries,
    thresholds,
)
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import ACCOUNTS, account, at, day, default_policy

SCORES = pa.schema(
    [
        ("account_id", pa.string()),
        ("score_date", pa.date32()),
        ("engagement_score", pa.decimal128(18, 4)),
        ("eligible_people", pa.int64()),
        ("people_on_high_intent", pa.int64()),
        ("anonymous_evidence", pa.bool_()),
        ("hand_raised", pa.bool_()),
    ]
)
DEALS = pa.schema(
    [
        ("opportunity_id", pa.string()),
        ("account_id", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("valid_to", pa.date32()),
        ("is_deleted", pa.bool_()),
    ]
)
POLICY = default_policy()
TWO = {"eligible_people": 2, "people_on_high_intent": 3}


def scored(engine, *rows):
    known = {"people_on_high_intent": 0, "anonymous_evidence": False, "hand_raised": False}
    told = [
        {"account_id": who, "score_date": day(n), "engagement_score": Decimal(p), **known, **more}
        for who, n, p, more in rows
    ]
    return engine.table(told, SCORES, eligible_people=0)


def entered(engine, *rows, accounts=("acme",), days=60):
    table = engine.table([account(account_id=a) for a in accounts], ACCOUNTS)
    found = candidates(scored(engine, *rows), table, POLICY, Window(day(0), day(days)))
    return entries(found, POLICY, day(0), engine.apply)


def days_at(engine, found, step):
    return [r["entered_on"] for r in engine.rows(found.filter(found["step"] == step), "entered_on")]


def test_the_step_in_force_is_the_threshold_in_force_and_steps_are_three_percent():
    assert thresholds(POLICY) == {"strategic": 80.0, "scaled": 90.0, "programmatic": 100.0}
    assert at_step(100, 0) == 100
    assert at_step(100, 1) == 103.0
    assert at_step(100, -1) == 97.1


def test_a_higher_threshold_is_entered_later_or_not_at_all(engine):
    # A programmatic account at 101, 120 and 150 points on three days.
    rows = [("acme", 5, 101, TWO), ("acme", 6, 120, TWO), ("acme", 7, 150, TWO)]
    found = entered(engine, *rows)
    assert days_at(engine, found, 0) == [day(5)]
    # 1.03 to the 6th is 1.194: 119.4 points. To the 14th it is 151.3.
    assert days_at(engine, found, 6) == [day(6)]
    assert days_at(engine, found, 14) == []


def test_one_person_and_research_without_a_name_cost_no_rep_anything(engine):
    one = {"eligible_people": 1, "people_on_high_intent": 1}
    nameless = {"eligible_people": 0, "anonymous_evidence": True}
    assert not engine.rows(entered(engine, ("acme", 5, 300, one), ("acme", 20, 300, nameless)))


def test_a_hand_raise_enters_at_every_threshold(engine):
    found = entered(engine, ("acme", 5, 1, {"hand_raised": True}))
    assert {r["step"] for r in engine.rows(found)} == set(range(-24, 41))


def test_who_is_above_on_the_first_day_is_standing_and_who_comes_back_enters_anew(engine):
    standing = [("acme", n, 110, TWO) for n in range(4)]
    # Seven days below are a pause, eight are the end of it.
    pause = [("acme", n, 110, TWO) for n in (11, 20)]
    assert days_at(engine, entered(engine, *standing, *pause), 0) == [day(11), day(20)]


def test_the_icp_and_a_suppression_keep_an_account_out(engine):
    table = engine.table(
        [account(account_id="no", fit_gate="fail"), account(account_id="partner", suppression_reason="partner")],
        ACCOUNTS,
    )  # fmt: skip
    rows = [("no", 5, 200, TWO), ("partner", 5, 200, TWO), ("nobody", 5, 200, TWO)]
    found = candidates(scored(engine, *rows), table, POLICY, Window(day(0), day(30)))
    assert engine.rows(found) == []


def entry_table(engine, *rows):
    told = [
        {"account_id": who, "tier": tier, "step": step, "entered_on": day(n), "hand_raised": False, "score": 1.0}
        for who, tier, step, n in rows
    ]  # fmt: skip
    return engine.table(told, ENTRY)


def test_weeks_count_back_from_the_day_of_the_proposal(engine):
    e = entry_table(engine, ("a", "scaled", 0, 60), ("b", "scaled", 0, 54), ("c", "scaled", 0, 53),
                    ("d", "scaled", 0, 61), ("e", "scaled", 0, 30))  # fmt: skip
    found = engine.rows(weekly(e, day(60), 4), "week")
    # Days 54 to 60 are week 0, 47 to 53 week 1; day 61 is to come and day 30 is too long ago.
    assert [(r["week"], r["n"]) for r in found] == [(0, 2), (1, 1)]


def deals(engine, *rows):
    told = [
        {"opportunity_id": f"o{i}", "account_id": who, "created_at": at(n), "is_deleted": gone}
        for i, (who, n, gone) in enumerate(rows)
    ]
    return engine.table(told, DEALS)


def test_an_entry_is_a_hit_when_an_opportunity_follows_within_the_window_and_young_ones_wait(
    engine,
):
    e = entry_table(engine, ("a", "scaled", 0, 10), ("b", "scaled", 0, 10), ("c", "scaled", 0, 10),
                    ("d", "scaled", 0, 10), ("e", "scaled", 0, 95))  # fmt: skip
    o = deals(
        engine,
        ("a", 10, False), ("a", 40, False),   # two deals are one hit
        ("b", 100, False),                    # on the 90th day: too late
        ("c", 9, False),                      # before
        ("d", 20, True),                      # deleted
        ("e", 96, False),                     # not mature
    )  # fmt: skip
    found = engine.rows(outcomes(e, o, day(100), 90))
    assert [(r["tier"], r["step"], r["mature"], r["hits"]) for r in found] == [("scaled", 0, 4, 1)]


def test_recall_asks_how_many_of_the_deals_had_an_entry_before(engine):
    e = entry_table(engine, ("a", "programmatic", 0, 10), ("a", "programmatic", 5, 30),
                    ("c", "programmatic", 0, 70))  # fmt: skip
    o = deals(engine, ("a", 50, False), ("b", 50, False), ("c", 60, False), ("refused", 55, False))
    accounts = engine.table(
        [account(account_id=a) for a in "abc"] + [account(account_id="refused", fit_gate="fail")], ACCOUNTS
    )  # fmt: skip
    found = engine.rows(found_deals(e, o, accounts, day(20), day(80), 90), "step")
    # Three deals to find; at step 0 and at step 5 only that of "a": "c" was let in after its own.
    assert {(r["step"], r["n"]) for r in found} == {(None, 3), (0, 1), (5, 1)}


def test_the_published_curve_adds_up_and_has_its_intervals(engine):
    bars = {"strategic": 80.0, "scaled": 90.0}
    told = [{"tier": t, "step": 0, "week": w, "n": n} for t, w, n in
            (("strategic", 0, 2), ("strategic", 1, 4), ("scaled", 1, 6))]  # fmt: skip
    hits = [{"tier": "strategic", "step": 0, "mature": 10, "hits": 5}]
    lost = [{"tier": "strategic", "step": None, "n": 8}, {"tier": "strategic", "step": 0, "n": 6}]
    rows = curve_rows(curves(bars, told, hits, lost, 2, 2), reps=3)
    row = {r["tier"]: r for r in rows if r["step"] == 0}
    assert row["strategic"]["volume_per_week"] == pytest.approx(3.0)
    assert row[ALL]["volume_per_week"] == pytest.approx(6.0)
    assert row[ALL]["per_rep_week"] == pytest.approx(2.0)
    assert (row["strategic"]["precision"], row["strategic"]["recall"]) == (0.5, 0.75)
    # Wilson, by hand: (0.5 + 1.9208/10) / 1.38416 is 0.5; half width 0.26.
    assert row["strategic"]["precision_low"] == pytest.approx(0.2366, abs=1e-4)
    assert row["scaled"]["precision"] is None
    assert row["scaled"]["threshold"] == 90


def test_a_policy_without_scores_has_an_empty_curve(engine):
    found = curves(thresholds(POLICY), [], [], [], 0, 13)
    rows = curve_rows(found, reps=0)
    assert {r["volume_per_week"] for r in rows} == {0.0}
    assert {r["per_rep_week"] for r in rows} == {None}
    assert all(r["volume_low"] is None for r in rows)
