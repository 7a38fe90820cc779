"""The scores and receipts tables: fit, tier and threshold as of the day beside the points."""

from __future__ import annotations

import pytest

from mqa_platform.core.score_lines import SCORE_LINES
from mqa_platform.core.scores import score_lines, score_receipts, scores
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TOUCHPOINTS,
    account,
    day,
    default_policy,
    touch,
)


def _published(engine, rows, accounts, policy, days):
    t = engine.table(rows, TOUCHPOINTS)
    a = engine.table(accounts, ACCOUNTS)
    lines = score_lines(t, policy, days, engine.apply)
    assert lines.schema().names == tuple(SCORE_LINES.names)
    return (
        engine.rows(scores(lines, a, policy, "v1"), "account_id", "score_date"),
        engine.rows(score_receipts(lines, a, policy), "account_id", "score_date", "component"),
    )


def test_fit_and_tier_are_those_of_the_day_and_a_refused_account_is_not_scored(engine):
    rows = [touch(0, person_id="p"), touch(0, account_id="bad", signal_id="x", person_id="q")]
    accounts = [
        account(tier="scaled", valid_to=day(2)),
        account(tier="strategic", valid_from=day(2), fit_grade="C"),
        account("bad", fit_gate="fail"),
    ]
    found, lines = _published(engine, rows, accounts, default_policy(), [day(1), day(2)])
    assert [(r["account_id"], r["threshold"], r["score_type"]) for r in found] == [
        ("acme", 90, "fit_heavy"),
        ("acme", 80, None),
    ]
    assert {r["account_id"] for r in lines} == {"acme"}


@pytest.mark.parametrize(
    ("grade", "demos", "kind"),
    [("B", 3, "balanced"), ("C", 3, "intent_heavy"), ("A", 1, "fit_heavy"), ("D", 1, None)],
)
def test_the_score_type_says_whether_fit_or_interest_carries_it(engine, grade, demos, kind):
    rows = [touch(i, "demo_request", person_id=f"p{i}") for i in range(demos)]
    found, _ = _published(
        engine, rows, [account(fit_grade=grade)], default_policy(), [day(demos - 1)]
    )
    assert found[0]["score_type"] == kind
