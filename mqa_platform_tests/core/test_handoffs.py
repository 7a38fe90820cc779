"""Handoffs: who gets an account, what the handoff says, and in which order reps work."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.core.briefs import inert
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
    moves = [move(episode=i) for i in range(1, 61)]
    found = routes(engine, team, moves=moves)
    assert routes(engine, team[::-1], moves=moves[::-1]) == found
    assert {r for r, _ in found} == {u["user_id"] for u in team}
    without = routes(engine, team[1:], moves=moves)
    assert all(a == b for a, b in zip(found, without, strict=True) if a[0] != "rep0")


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


@pytest.mark.parametrize(
    ("after", "status"),
    [
        ([], "open"),
        ([move(1, "sales_accepted", "first_touch")], "accepted"),
        ([move(1, **REJECTED)], "rejected"),
        ([move(9, "recycled", "no_first_touch")], "recycled"),
        ([move(1, "sales_accepted", "x"), move(2, "opportunity", "crm_opportunity_open")],
         "converted"),
        ([move(9, "recycled", "score_below_exit"), move(50, "opportunity", "crm_opportunity_open")],
         "recycled"),
        ([move(1, "opportunity", "x"), move(9, "recycled", "crm_opportunity_lost")], "converted"),
    ],
)  # fmt: skip
def test_the_status_is_what_became_of_the_episode_and_not_of_what_came_later(engine, after, status):
    (found,) = engine.rows(made(engine, [move(), *after]))
    assert found["status"] == status


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


@pytest.mark.parametrize(
    ("tier", "reason", "hours"),
    [("strategic", "people", 4), ("scaled", "people", 8), ("programmatic", "people", 24),
     ("programmatic", "hand_raise", 1)],
)  # fmt: skip
def test_the_sla_is_the_tiers_and_a_hand_raise_has_its_own(engine, tier, reason, hours):
    (found,) = engine.rows(made(engine, [move(reason=reason)], [account(tier=tier)]))
    assert found["sla_hours"] == hours
    assert (found["delivered_at"], found["due_at"], found["sla_met"]) == (None, None, None)


def test_the_brief_gives_the_figures_of_the_receipt(engine):
    score = {
        "account_id": "acme", "engagement_score": Decimal("112.5"), "threshold": Decimal(100),
        "eligible_people": 3,
    }  # fmt: skip
    line = {
        "account_id": "acme", "component": "pricing_view", "points": Decimal("48.25"),
        "touchpoints": 7, "people": 3,
    }  # fmt: skip
    (found,) = engine.rows(made(engine, [move()], scores=[score], receipts=[line]))
    assert "Score 112.5 against a threshold of 100; 3 eligible people" in found["brief"]
    assert "pricing view: 48.2 points from 7 touchpoints of 3 known people" in found["brief"]


@pytest.mark.parametrize(
    "name",
    [
        "<!channel> Corp",
        "<@U123> Inc",
        "@here",
        "[Acme](https://evil.example)",
        "https://evil.example/x",
        "*bold* _it_ `code` ~s~ > quote # head",
        "a\u202etxt.exe",
        "line\nbreak\u2028more\u2029end\r",
        "zero\u200bwidth\ufeff\u00ad\u061c",
    ],
)
def test_outside_text_in_a_brief_is_inert(engine, name):
    (found,) = engine.rows(made(engine, [move()], [account(name=name)]))
    first = found["brief"].split("\n")[0]
    assert first.startswith("**") and first.endswith("several people of the account are active.")
    for bad in ("<!", "<@", "](", "://", " *bold", " _it_", " `code", "\u202e", "\u200b", "\ufeff",
                "\u2028", "\u2029", "\u00ad", "\u061c", "\r"):  # fmt: skip
        assert bad not in first
    assert "@" not in first.replace("\\@", "")


def test_a_name_is_cut_to_its_limit():
    assert inert("x" * 500) == "x" * 120
    assert inert("a&b") == "a\\&b"


def test_the_worklist_puts_a_request_first_then_the_tier_then_the_heat(engine):
    accounts = [
        account("cold", owner_id="owner"),
        account("hot", owner_id="owner"),
        account("rising", owner_id="owner"),
        account("large", owner_id="owner", tier="strategic"),
        account("asked", owner_id="owner"),
        account("gone", owner_id="owner"),
        account("foreign", country="France"),
    ]
    moves = [
        move(
            account_id=a["account_id"],
            reason="hand_raise" if a["account_id"] == "asked" else "people",
        )
        for a in accounts
    ]
    moves.append(move(1, account_id="gone", **REJECTED))
    heat = {"cold": (101, 0.0), "hot": (150, 0.0), "rising": (110, 3.0), "large": (81, None)}
    scores = [
        {"account_id": a, "engagement_score": Decimal(s), "threshold": Decimal(80), "momentum": m}
        for a, (s, m) in heat.items()
    ]
    found = engine.rows(worklist(made(engine, moves, accounts, scores)), "rep_id", "rank")
    assert [(r["rep_id"], r["rank"], r["account_id"]) for r in found] == [
        ("french", 1, "foreign"),
        ("owner", 1, "asked"),
        ("owner", 2, "large"),
        ("owner", 3, "rising"),
        ("owner", 4, "hot"),
        ("owner", 5, "cold"),
    ]
