"""Who is in which play: the policy's table over all published days, as dated spans."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.plays import in_plays, placed, play_enrollments, plays_of
from mqa_platform_tests.core.engine import Engine, day, default_policy, policy_with

PLAY = {"next_action": "Do something now.", "talk_track": "What is new with you?"}
TABLE = {
    "plays": {
        "call": {"kind": "sales_sequence", "follow_up": {"touches": 4, "people": 2, "days": 9}, **PLAY},
        "ads": {"kind": "ad_audience", "frequency_per_week": 3, **PLAY},
    },
    "rules": [
        {"name": "asked", "stages": ["mqa"], "evidence": ["hand_raise"], "plays": ["call"]},
        {"name": "large", "tiers": ["strategic"], "stages": ["mqa"], "plays": ["call", "ads"]},
        {"name": "warm", "stages": ["engaged"], "score_types": ["balanced", "fit_heavy"],
         "plays": ["ads"]},
        {"name": "rest", "plays": []},
    ],
}  # fmt: skip


def schema(name: str) -> Any:
    return load_contracts()[name].arrow_schema


@pytest.fixture(scope="module")
def policy():
    return policy_with(plays=TABLE)


def stage(number: int, rung: str, account: str = "acme", **more: Any) -> dict[str, Any]:
    return {
        "account_id": account, "motion": "new_business", "stage_date": day(number), "stage": rung,
        "episode": 1, "policy_version": "v1", **more,
    }  # fmt: skip


def spans(engine: Engine, policy, stages, scores=(), fit=None, handoffs=()) -> list[tuple]:
    s = engine.table(stages, schema("stages"))
    rows = placed(
        s,
        engine.table(scores, schema("scores"), motion="new_business"),
        engine.table(
            fit if fit is not None else [FIT], schema("account_fit"), motion="new_business"
        ),
        engine.table(handoffs, schema("handoffs"), motion="new_business", episode=1),
        policy,
    )
    days = s.select("motion", day="stage_date").distinct()
    found = play_enrollments(in_plays(rows, policy), days)
    told = engine.rows(found, "account_id", "play", "enrolled_on")
    assert list(found.columns) == [c.name for c in load_contracts()["play_enrollments"].columns]
    return [(r["play"], r["enrolled_on"], r["left_on"], r["reason"]) for r in told]


FIT = {"account_id": "acme", "tier": "strategic", "valid_from": date(2020, 1, 1)}
RAISED = {"account_id": "acme", "evidence_rule": "hand_raise"}


def test_an_account_is_in_its_plays_from_the_day_of_the_stage_until_it_leaves_it(engine, policy):
    walk = [stage(0, "engaged"), stage(1, "mqa"), stage(2, "mqa"), stage(3, "recycled")]
    assert spans(engine, policy, walk) == [
        ("ads", day(1), day(3), "large"),
        ("call", day(1), day(3), "large"),
    ]


def test_the_same_play_by_another_rule_is_one_span(engine, policy):
    score = {"account_id": "acme", "score_date": day(0), "score_type": "balanced"}
    walk = [stage(0, "engaged"), stage(1, "mqa")]
    assert ("ads", day(0), None, "warm") in spans(engine, policy, walk, [score])


def test_who_comes_back_has_a_second_span(engine, policy):
    walk = [stage(0, "mqa"), stage(1, "recycled"), stage(2, "mqa", episode=2)]
    found = [s for s in spans(engine, policy, walk) if s[0] == "call"]
    assert [(a, b) for _, a, b, _ in found] == [(day(0), day(1)), (day(2), None)]


def test_days_that_were_never_run_end_nothing(engine, policy):
    walk = [stage(0, "mqa"), stage(9, "mqa")]
    assert {s[1:3] for s in spans(engine, policy, walk)} == {(day(0), None)}


def test_an_account_that_is_gone_leaves_on_the_first_day_without_it(engine, policy):
    walk = [stage(0, "mqa"), stage(0, "target", "other"), stage(1, "target", "other")]
    assert {s[1:3] for s in spans(engine, policy, walk)} == {(day(0), day(1))}


def test_a_suppressed_account_is_in_no_play_until_the_suppression_is_over(engine, policy):
    held = {"suppression_reason": "competitor", "suppressed_until": day(1)}
    walk = [stage(0, "mqa", **held), stage(1, "mqa", **held)]
    assert {s[1:3] for s in spans(engine, policy, walk)} == {(day(1), None)}
    for_good = [stage(0, "mqa", suppression_reason="legal")]
    assert spans(engine, policy, for_good) == []


def test_the_evidence_of_the_episode_chooses_before_the_tier(engine, policy):
    found = spans(engine, policy, [stage(0, "mqa")], handoffs=[RAISED])
    assert found == [("call", day(0), None, "asked")]
    # Once the episode is over its evidence says nothing.
    score = {"account_id": "acme", "score_date": day(0), "score_type": "balanced"}
    assert spans(engine, policy, [stage(0, "engaged")], [score], handoffs=[RAISED]) == [
        ("ads", day(0), None, "warm")
    ]


def test_the_tier_of_the_episode_counts_and_an_account_without_one_is_programmatic(engine, policy):
    frozen = [stage(0, "mqa", episode_tier="strategic")]
    scaled = {**FIT, "tier": "scaled"}
    assert len(spans(engine, policy, frozen, fit=[scaled])) == 2
    assert spans(engine, policy, [stage(0, "mqa")], fit=[]) == []


def test_the_leading_play_of_a_handoff_comes_with_its_follow_up(engine, policy):
    rows = [
        {"handoff_id": "a", "tier": "scaled", "evidence_rule": "hand_raise"},
        {"handoff_id": "b", "tier": "strategic", "evidence_rule": None, "score_type": "balanced"},
        {"handoff_id": "c", "tier": "scaled", "evidence_rule": "people"},
    ]
    found = engine.rows(plays_of(engine.table(rows, schema("handoffs")), policy), "handoff_id")
    told = [(r["play"], r["kind"], r["touches"], r["people"], r["days"]) for r in found]
    call = ("call", "sales_sequence", 4, 2, 9)
    assert told == [call, call, (None, None, None, None, None)]


def test_a_policy_without_plays_enrolls_nobody(engine):
    empty = policy_with(plays={"plays": {}, "rules": [{"name": "rest", "plays": []}]})
    assert spans(engine, empty, [stage(0, "mqa")]) == []


def test_the_packaged_policy_gives_every_handoff_a_play(engine):
    rows = [
        {"handoff_id": f"{t}{e}{s}", "tier": t, "evidence_rule": e, "score_type": s}
        for t in ("strategic", "scaled", "programmatic")
        for e in ("hand_raise", "people", "anonymous_only", "override")
        for s in ("balanced", "intent_heavy", "fit_heavy", None)
    ]
    table = engine.table(rows, schema("handoffs"))
    assert all(r["play"] for r in engine.rows(plays_of(table, default_policy())))


RUNGS = st.lists(st.sampled_from(["engaged", "mqa", "recycled", None]), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None)
@given(RUNGS)
def test_the_days_inside_the_spans_are_exactly_the_days_in_the_play(engine, policy, rungs):
    walk = [stage(i, r) for i, r in enumerate(rungs) if r] + [
        stage(i, "target", "other") for i in range(len(rungs))
    ]
    found = [s for s in spans(engine, policy, walk) if s[0] == "call"]
    inside = {
        i
        for i in range(len(rungs))
        for _, start, end, _ in found
        if start <= day(i) and (end is None or day(i) < end)
    }
    assert inside == {i for i, r in enumerate(rungs) if r == "mqa"}
