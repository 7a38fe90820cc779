"""Handoffs: who gets an account, what the handoff says, and in which order reps work."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.handoffs import entries, handoffs, routed, worklist
from mqa_platform.core.score_lines import SCORE_LINES
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TIMESTAMP,
    account,
    at,
    crm_schema,
    day,
    default_policy,
    policy_with,
)

TRANSITIONS = pa.schema(
    [
        ("account_id", pa.string()),
        ("motion", pa.string()),
        ("changed_on", pa.date32()),
        ("seq", pa.int64()),
        ("from_stage", pa.string()),
        ("to_stage", pa.string()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("episode", pa.int64()),
        ("episode_tier", pa.string()),
        ("qualified_at", TIMESTAMP),
        ("policy_version", pa.string()),
    ]
)
SCORES = pa.schema(
    [
        ("account_id", pa.string()),
        ("motion", pa.string()),
        ("score_date", pa.date32()),
        ("engagement_score", pa.decimal128(18, 4)),
        ("threshold", pa.decimal128(18, 4)),
        ("momentum", pa.float64()),
        ("eligible_people", pa.int64()),
        ("score_type", pa.string()),
    ]
)
RECEIPTS = pa.schema([*list(SCORE_LINES)[:10], ("motion", pa.string())])


def move(number=0, to="mqa", rule="qualified", **changed):
    return {
        "account_id": "acme", "motion": "new_business", "changed_on": day(number), "seq": 0,
        "to_stage": to, "rule": rule, "reason": "people" if to == "mqa" else None, "episode": 1,
        "qualified_at": at(number) if to == "mqa" else None, "policy_version": "v1", **changed,
    }  # fmt: skip


def user(user_id, **changed):
    return {
        "user_id": user_id,
        "name": user_id,
        "is_active": True,
        "valid_from": day(-100),
        **changed,
    }


def entered_of(engine, moves, accounts):
    return engine.keep(entries(engine.table(moves, TRANSITIONS), engine.table(accounts, ACCOUNTS)))


def routes(engine, users, policy=None, moves=(), **changed):
    entered = entered_of(engine, moves or [move()], [account(**changed)])
    u = engine.table(users, crm_schema("landed_users"))
    found = engine.rows(routed(entered, u, policy or default_policy()), "handoff_id")
    return [(r["rep_id"], r["route_rule"]) for r in found]


TEAM = [
    user("owner"),
    user("german", territory="Austria;Germany", employees_min=100, employees_max=1000),
    user("french", territory="France"),
]


@pytest.mark.parametrize(
    ("changed", "users", "wanted"),
    [
        ({"owner_id": "owner"}, TEAM, ("owner", "named_owner")),
        ({"owner_id": "left"}, TEAM, ("german", "territory")),
        ({}, TEAM, ("german", "territory")),
        (
            {"owner_id": "owner"},
            [{**TEAM[0], "is_active": False}, TEAM[1]],
            ("german", "territory"),
        ),
        ({"employees": 1001}, [TEAM[1]], ("german", "round_robin")),
        ({"employees": 1000}, [TEAM[1]], ("german", "territory")),
        ({"country": None}, [TEAM[2]], ("french", "round_robin")),
        ({"country": "German"}, [TEAM[1]], ("german", "round_robin")),
        ({}, [], ("unrouted_queue", "fallback_queue")),
        ({}, [{**TEAM[1], "is_active": False}], ("unrouted_queue", "fallback_queue")),
        ({}, [{**TEAM[1], "valid_from": day(1)}], ("unrouted_queue", "fallback_queue")),
    ],
)
def test_the_first_rule_that_names_an_active_rep_decides(engine, changed, users, wanted):
    assert routes(engine, users, **changed) == [wanted]


def test_the_order_of_the_rules_is_policy(engine):
    order = [{"rule": "territory"}, {"rule": "named_owner"}]
    policy = policy_with(routing={"order": order})
    assert routes(engine, TEAM, policy, owner_id="owner") == [("german", "territory")]
    assert routes(engine, TEAM[:1], policy) == [("unrouted_queue", "fallback_queue")]


def test_the_order_of_the_users_changes_nothing_and_a_leaver_moves_only_his_own(engine):
    team = [user(f"rep{i}") for i in range(5)]
    moves = [move(i, episode=i) for i in range(1, 61)]
    found = routes(engine, team, moves=moves)
    assert routes(engine, team[::-1], moves=moves[::-1]) == found
    assert {r for r, _ in found} == {u["user_id"] for u in team}
    without = routes(engine, team[1:], moves=moves)
    assert all(a == b for a, b in zip(found, without, strict=True) if a[0] != "rep0")


def test_the_tier_of_a_handoff_is_the_one_with_which_the_episode_began(engine):
    frozen = {**move(), "episode_tier": "strategic"}
    (row,) = engine.rows(entered_of(engine, [frozen], [account(tier="scaled")]))
    assert row["tier"] == "strategic"
    (row,) = engine.rows(entered_of(engine, [move()], [account(tier="scaled")]))
    assert row["tier"] == "scaled"


def test_who_was_put_on_the_rung_by_hand_has_somebodys_word_for_evidence(engine):
    by_hand = {**move(), "rule": "override", "reason": "the CEO knows them"}
    (row,) = engine.rows(entered_of(engine, [by_hand], [account()]))
    assert row["evidence_rule"] == "override"


def test_an_account_that_nobody_is_known_of_goes_to_marketing(engine):
    found = routes(engine, TEAM, moves=[move(reason="anonymous_only")], owner_id="owner")
    assert found == [("marketing_play", "anonymous_evidence")]


def made(engine, moves, accounts=None, scores=(), receipts=(), policy=None):
    accounts = accounts or [account()]
    entered = entered_of(engine, moves, accounts)
    policy = policy or default_policy()
    users = engine.table(TEAM, crm_schema("landed_users"))
    return engine.keep(
        handoffs(
            entered,
            engine.keep(routed(entered, users, policy)),
            engine.table(moves, TRANSITIONS),
            engine.table(scores, SCORES, motion="new_business", score_date=day(0)),
            engine.table(receipts, RECEIPTS, motion="new_business", score_date=day(0)),
            policy,
            engine.apply,
        )
    )


REJECTED = {"to": "recycled", "rule": "crm_rejected", "reason": "timing"}


COURSES = [
    ([], "open"),
    ([move(1, "sales_accepted", "first_touch")], "accepted"),
    ([move(1, **REJECTED)], "rejected"),
    ([move(9, "recycled", "no_first_touch")], "recycled"),
    ([move(1, "sales_accepted", "x"), move(2, "opportunity", "crm_opportunity_open")], "converted"),
    (
        [move(9, "recycled", "score_below_exit"), move(50, "opportunity", "crm_opportunity_open")],
        "recycled",
    ),
    ([move(1, "opportunity", "x"), move(9, "recycled", "crm_opportunity_lost")], "converted"),
]


def test_the_status_is_what_became_of_the_episode_and_not_of_what_came_later(engine):
    moves = [
        {**m, "account_id": f"{i:03}"}
        for i, (after, _) in enumerate(COURSES)
        for m in [move(), *after]
    ]
    accounts = [account(f"{i:03}") for i in range(len(COURSES))]
    found = engine.rows(made(engine, moves, accounts), "account_id")
    assert [h["status"] for h in found] == [status for _, status in COURSES]


def test_a_backlog_entry_waits_for_release(engine):
    (found,) = engine.rows(made(engine, [move(rule="backlog")]))
    assert found["status"] == "backlog"
    assert engine.rows(worklist(made(engine, [move(rule="backlog")]))) == []


def test_each_episode_is_one_handoff_with_its_own_id(engine):
    moves = [move(), move(9, **REJECTED), move(60, episode=2)]
    found = engine.rows(made(engine, moves), "created_on")
    assert [(h["episode"], h["status"]) for h in found] == [(1, "rejected"), (2, "open")]
    assert len({h["handoff_id"] for h in found}) == 2
    assert found[0]["reject_reason"] == "timing"


def test_a_handoff_keeps_its_id_when_an_earlier_episode_is_found_or_lost(engine):
    (alone,) = engine.rows(made(engine, [move(40)]))
    earlier = [move(3), move(35, "recycled", "score_below_exit"), move(40, episode=2)]
    first, second = engine.rows(made(engine, earlier), "created_on")
    assert (second["handoff_id"], second["status"]) == (alone["handoff_id"], "open")
    assert first["handoff_id"] != second["handoff_id"]


def test_an_override_to_mqa_within_an_episode_is_no_second_handoff(engine):
    again = move(5, rule="override", from_stage="sales_accepted", reason="asked")
    moves = [move(), move(1, "sales_accepted", "first_touch"), again]
    (found,) = engine.rows(made(engine, moves))
    assert (found["created_on"], found["status"]) == (day(0), "accepted")
    assert found["evidence_rule"] == "people"


@pytest.mark.parametrize(
    ("after", "ended"),
    [
        ([], None),
        ([move(1, "sales_accepted", "x"), move(2, "opportunity", "x")], None),
        ([move(2, "opportunity", "x"), move(8, "customer", "crm_won")], day(8)),
        ([move(4, **REJECTED), move(90, "customer", "crm_won")], day(4)),
        ([move(6, "target", "override")], day(6)),
    ],
)
def test_an_episode_ends_when_it_is_recycled_won_or_put_lower_by_hand(engine, after, ended):
    (found,) = engine.rows(made(engine, [move(), *after]))
    assert found["ended_on"] == ended


def test_who_is_suppressed_today_is_on_no_worklist(engine):
    moves = [move(), move(account_id="other")]
    open_ones = made(engine, moves, [account(), account("other")])
    schema = pa.schema(
        [("account_id", pa.string()), ("motion", pa.string()), ("stage_date", pa.date32()),
         ("suppression_reason", pa.string())]
    )  # fmt: skip
    who = {"account_id": "acme", "motion": "new_business", "suppression_reason": "legal"}
    for held, shown in ((5, ["other"]), (4, ["acme", "other"])):
        stages = engine.table([{**who, "stage_date": day(held)}], schema)
        found = engine.rows(worklist(open_ones, day(5), stages), "account_id")
        assert [w["account_id"] for w in found] == shown


CLASSES = [
    ("strategic", "people", 4),
    ("scaled", "people", 8),
    ("programmatic", "people", 24),
    ("programmatic", "hand_raise", 1),
]


def test_the_sla_is_the_tiers_and_a_hand_raise_has_its_own(engine):
    moves = [move(account_id=str(i), reason=r) for i, (_, r, _) in enumerate(CLASSES)]
    accounts = [account(str(i), tier=tier) for i, (tier, _, _) in enumerate(CLASSES)]
    found = engine.rows(made(engine, moves, accounts), "account_id")
    assert [h["sla_hours"] for h in found] == [hours for _, _, hours in CLASSES]
    assert {(h["delivered_at"], h["due_at"], h["sla_met"]) for h in found} == {(None, None, None)}
