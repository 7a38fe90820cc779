"""Accounts as they stood on a past day: who is ranked, by what, and what is not known yet; by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from mqa_platform.core.calibration import backtest as core
from mqa_platform.core.calibration.leaks import leaks
from mqa_platform.core.calibration.past_accounts import banned, population
from mqa_platform.core.calibration.ranking import Ranking
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TIMESTAMP,
    TOUCHPOINTS,
    account,
    at,
    day,
    default_policy,
)
from mqa_platform_tests.core.portability import problems

POLICY = default_policy()
DAY = 100
SCORES = pa.schema(
    [
        ("account_id", pa.string()),
        ("score_date", pa.date32()),
        ("engagement_score", pa.decimal128(18, 4)),
        ("threshold", pa.decimal128(18, 4)),
        ("last_eligible_on", pa.date32()),
    ]
)
RECEIPTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("score_date", pa.date32()),
        ("component", pa.string()),
        ("points", pa.decimal128(18, 4)),
    ]
)
DEALS = pa.schema(
    [
        ("opportunity_id", pa.string()),
        ("account_id", pa.string()),
        ("created_at", TIMESTAMP),
        ("closed_at", TIMESTAMP),
        ("amount", pa.decimal128(18, 2)),
        ("valid_to", pa.date32()),
        ("is_deleted", pa.bool_()),
    ]
)
TOUCHES = pa.schema([*TOUCHPOINTS, ("event", pa.string())])
FITTED = pa.schema([*ACCOUNTS, ("fit_score", pa.decimal128(18, 4))])


def score(who, points, on=DAY, threshold=80):
    return {
        "account_id": who, "score_date": day(on), "engagement_score": Decimal(points),
        "threshold": Decimal(threshold), "last_eligible_on": day(on - 2),
    }  # fmt: skip


def touch(who, on, signal, **more):
    return {
        "account_id": who, "touchpoint_date": day(on), "occurred_at": at(on), "signal_type": signal,
        "direction": "inbound", "strength": 1.0, "signal_id": f"{who}{on}{signal}", **more,
    }  # fmt: skip


def deal(who, on, closed=None, amount=1000):
    return {
        "opportunity_id": f"{who}-{on}", "account_id": who, "created_at": at(on),
        "closed_at": None if closed is None else at(closed), "amount": Decimal(amount),
        "is_deleted": False,
    }  # fmt: skip


def unasked(who, points, on=DAY):
    return {
        "account_id": who,
        "score_date": day(on),
        "component": "total",
        "points": Decimal(points),
    }


def ranked(engine, accounts, scores=(), lines=None, touches=(), deals=()):
    """``lines`` are what is left of the scores without our own outreach; all of them where none are given."""
    if lines is None:
        lines = [{**s, "component": "total", "points": s["engagement_score"]} for s in scores]
        lines = [{k: s[k] for k in RECEIPTS.names} for s in lines]
    made = population(
        engine.table(accounts, FITTED),
        engine.table(scores, SCORES),
        engine.table(lines, RECEIPTS),
        engine.table(touches, TOUCHPOINTS),
        engine.table(deals, DEALS),
        POLICY,
        day(DAY),
    )
    return made, {r["account_id"]: r for r in engine.rows(made)}


def test_a_score_is_that_of_the_day_as_a_share_of_its_threshold(engine):
    accounts = [account("a"), account("b")]
    scores = [score("a", "100"), score("a", "500", DAY + 1), score("a", "5", DAY - 1)]
    _, found = ranked(engine, accounts, scores)
    assert found["a"]["score_share"] == pytest.approx(1.25)
    # Nobody scored b, which is no reason not to rank it.
    assert (found["b"]["score_share"], found["b"]["mqa"]) == (0.0, 0.0)


def test_just_below_the_threshold_is_below_it(engine):
    _, found = ranked(engine, [account("a")], [score("a", "79.9999")])
    assert found["a"]["score_share"] == pytest.approx(0.99)


def test_the_score_that_ranks_is_what_is_left_without_our_own_work(engine):
    scores = [score("a", "100"), score("b", "100")]
    parts = [{**unasked("a", 60), "component": "pricing_view"}, unasked("a", 80, DAY - 1)]
    _, found = ranked(engine, [account("a"), account("b")], scores, [unasked("a", 60), *parts])
    assert found["a"]["score_share"] == pytest.approx(1.25)
    assert found["a"]["mqa"] == pytest.approx(0.75)
    # All that b did was answering us.
    assert (found["b"]["score_share"], found["b"]["mqa"]) == (1.25, 0.0)


def test_the_last_touch_is_the_last_that_they_did_unasked_by_the_day(engine):
    ours, signals = banned(POLICY), POLICY.signals.signals
    free = [
        n for n, s in signals.items() if n not in ours and s.kind == "engagement" and s.weight > 0
    ]
    touches = [
        touch("a", DAY - 9, free[0]),
        touch("a", DAY - 4, free[1]),
        touch("a", DAY + 1, free[0]),
        touch("a", DAY - 1, free[0], direction="outbound"),
        touch("a", DAY - 2, ours[0]),
        touch("a", DAY - 3, free[0], channel="email"),
        touch("a", DAY - 2, free[0], received_at=at(DAY + 2)),
    ]
    _, found = ranked(engine, [account("a"), account("b")], touches=touches)
    assert found["a"]["recency_on"] == day(DAY - 4)
    assert found["a"]["recency"] == POLICY.signals.lookback_days + 1 - 4
    assert found["a"]["last_touch"] == POLICY.signals.signals[free[1]].weight
    assert (found["b"]["recency"], found["b"]["last_touch"]) == (0.0, 0.0)


def test_only_an_opportunity_after_the_day_and_in_the_window_is_an_outcome(engine):
    window = POLICY.conversions.opportunity_window_days
    deals = [
        deal("new", DAY + 1, amount=700), deal("new", DAY + 9, amount=9), deal("edge", DAY + window),
        deal("late", DAY + window + 1), deal("open", DAY), deal("over", DAY - 50, closed=DAY - 5),
        deal("both", DAY - 50), deal("both", DAY + 3),
    ]  # fmt: skip
    names = ("new", "edge", "late", "open", "over", "both", "none")
    _, found = ranked(engine, [account(n) for n in names], deals=deals)
    assert {n for n, r in found.items() if r["is_positive"]} == {"new", "edge"}
    assert found["new"]["amount"] == 700
    # There is nothing to find in an account that is in work on the day.
    assert set(found) == {"new", "edge", "late", "over", "none"}


def test_who_may_not_be_handed_over_is_not_ranked(engine):
    accounts = [
        account("a"),
        account("rival", suppression_reason="competitor"),
        account("tiny", fit_gate="fail"),
        account("gone", valid_to=day(DAY)),
        account("to_come", valid_from=day(DAY + 1)),
    ]
    _, found = ranked(engine, accounts)
    assert set(found) == {"a"}


def test_bands_and_groups_count_every_account_once(engine):
    scores = [score("a", "130"), score("b", "90"), score("c", "50"), score("d", "3")]
    deals = [deal("a", DAY + 5, amount=100), deal("b", DAY + 5, amount=50)]
    made, _ = ranked(engine, [account(n) for n in "abcde"], scores, deals=deals)
    counted = engine.rows(core.bands(made))
    rows = core.outcome_rows(counted, day(DAY), 90, 1)
    assert [(r["accounts"], r["opportunities"]) for r in rows] == [(1, 1), (1, 1), (1, 0), (1, 0), (1, 0)]  # fmt: skip
    assert rows[0]["amount"] == 100
    groups = engine.rows(core.groups(made, day(DAY)))
    rankings = core.rankings_of(groups, 5, 2, core.MODELS)
    assert all(r.accounts == 5 and r.positives == 2 for r in rankings.values())
    assert rankings["mqa"].auc() == 1.0
    found = core.compared(rankings, 2, day(DAY), 90, 1)
    assert [r["model"] for r in found] == list(core.MODELS)
    assert (found[0]["precision"], found[0]["recall"]) == (1.0, 1.0)
    # Fit of all is the same, so it finds what chance finds.
    assert found[3]["precision"] == pytest.approx(2 / 5)
    assert all(r["late"] == 0 for r in groups)


def test_an_account_without_a_part_of_the_score_stands_at_zero_of_it(engine):
    lines = [
        {
            "account_id": who,
            "score_date": day(on),
            "component": "pricing_view",
            "points": Decimal(p),
        }
        for who, on, p in (("a", DAY, 12), ("b", DAY, 3), ("c", DAY - 1, 50), ("unknown", DAY, 9))
    ]
    made, _ = ranked(engine, [account(n) for n in "abc"], deals=[deal("c", DAY + 1)])
    r = engine.table(lines, RECEIPTS)
    rows = engine.rows(core.component_groups(made, r, day(DAY)))
    ranking = core.rankings_of(rows, 3, 1, ["pricing_view"])["pricing_view"]
    assert ranking.groups == ((12.0, 1, 0), (3.0, 1, 0), (0.0, 1, 1))


def test_a_value_from_after_the_day_is_counted_as_late_and_suspected(engine):
    made, _ = ranked(engine, [account("a")], touches=[touch("a", DAY - 3, "pricing_view")])
    planted = made.mutate(recency_on=ibis.literal(day(DAY + 1)))
    late = {r["feature"]: r["late"] for r in engine.rows(core.groups(planted, day(DAY)))}
    assert late == {"mqa": 0, "recency": 1, "last_touch": 0, "fit_only": 0}
    rankings = core.rankings_of(engine.rows(core.groups(planted, day(DAY))), 1, 0, core.MODELS)
    found = leaks(rankings, late, day(DAY))
    assert [r["feature"] for r in found if r["is_leak"]] == ["recency"]


def test_months_are_ranked_once_their_outcomes_are_known_and_scores_are_warm():
    first = date(2025, 7, 1)
    assert core.split_days(first, date(2025, 12, 27), 90) == [date(2025, 8, 1), date(2025, 9, 1)]
    assert core.split_days(first, first + timedelta(days=100), 90) == []
    year = core.split_days(first, date(2027, 12, 27), 90)
    assert len(year) == 12
    assert year[-1] == date(2027, 9, 1)


def table(schema, name):
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)


def portable():
    made = population(
        table(FITTED, "accounts"), table(SCORES, "scores"), table(RECEIPTS, "receipts"),
        table(TOUCHES, "touchpoints"), table(DEALS, "deals"), POLICY, day(DAY),
    )  # fmt: skip
    return {
        "population": made,
        "groups": core.groups(made, day(DAY)),
        "bands": core.bands(made),
        "component_groups": core.component_groups(made, table(RECEIPTS, "receipts"), day(DAY)),
    }


PORTABLE = portable()


@pytest.mark.parametrize("name", PORTABLE)
def test_the_backtest_asks_only_for_what_every_engine_answers_alike(name):
    assert problems(PORTABLE[name]) == set()
    assert ibis.to_sql(PORTABLE[name], dialect="postgres")


def test_a_model_is_said_to_be_better_only_where_intervals_are_apart():
    def said(mqa, other):
        """So many hits among the 30 highest of 300, of 30 opportunities in all."""
        made = {
            name: Ranking.of([(1.0, 30, hits), (0.0, 270, 30 - hits)])
            for name, hits in zip(core.MODELS, (mqa, other, other, other), strict=True)
        }
        rows = core.compared(made, 30, day(DAY), 90, 20)
        return {r["model"]: r["says"] for r in rows}["recency"]

    assert "neither is said to be better" in said(20, 18)
    assert said(28, 9).endswith("less than the score.")
    assert said(9, 28).endswith("more than the score.")
