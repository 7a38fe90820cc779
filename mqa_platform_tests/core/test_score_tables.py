"""The scores and receipts tables: fit, tier and threshold as of the day beside the points."""

from __future__ import annotations

import pyarrow as pa
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

HEALTH = pa.schema([("source", pa.string()), ("day", pa.date32()), ("status", pa.string())])


def _published(engine, rows, accounts, policy, days, health=None):
    t = engine.table(rows, TOUCHPOINTS)
    a = engine.table(accounts, ACCOUNTS)
    lines = score_lines(t, policy, days, engine.apply)
    assert lines.schema().names == tuple(SCORE_LINES.names)
    return (
        engine.rows(scores(lines, a, policy, "v1", health), "account_id", "score_date"),
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


def _validity(engine, statuses, policy=None):
    """Day → (validity, degraded_by) of an account with a touchpoint on day 0."""
    rows = [{"source": s, "day": day(n), "status": status} for s, n, status in statuses]
    found, lines = _published(
        engine,
        [touch(0, person_id="p")],
        [account()],
        policy or default_policy(),
        [day(0), day(1)],
        engine.table(rows, HEALTH),
    )
    assert len(lines) > 0
    return [(r["validity"], r["degraded_by"]) for r in found]


def test_scores_of_a_day_without_late_sources_are_valid(engine):
    assert _validity(engine, []) == [("valid", "")] * 2
    assert _validity(engine, [("bombora", 0, "ok"), ("segment", 1, "ok")]) == [("valid", "")] * 2


def test_a_late_source_degrades_every_score_of_its_day_and_of_no_other(engine):
    late = [("segment", 1, "held"), ("bombora", 1, "stale"), ("bombora", 0, "ok")]
    assert _validity(engine, late) == [("valid", ""), ("degraded", "bombora:stale;segment:held")]


def test_a_source_that_is_not_declared_degrades_nothing(engine):
    assert _validity(engine, [("unheard_of", 0, "silent")])[0] == ("valid", "")


def test_a_service_without_a_rhythm_that_does_not_answer_degrades_the_score(engine):
    failed = [("triggers", 0, "lost_permission")]
    assert _validity(engine, failed)[0] == ("degraded", "triggers:lost_permission")
