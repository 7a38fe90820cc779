"""What a rep reads: the brief of a handoff, and the order of the worklist."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mqa_platform.core.briefs import inert
from mqa_platform.core.handoffs import worklist
from mqa_platform_tests.core.engine import account
from mqa_platform_tests.core.test_handoffs import REJECTED, made, move

NAMES = [
    "<!channel> Corp",
    "<@U123> Inc",
    "@here",
    "[Acme](https://evil.example)",
    "https://evil.example/x",
    "*bold* _it_ `code` ~s~ > quote # head",
    "a\u202etxt.exe",
    "line\nbreak\u2028more\u2029end\r",
    "zero\u200bwidth\ufeff\u00ad\u061c",
]
REFUSED = (
    "<!", "<@", "](", "://", " *bold", " _it_", " `code", "\u202e", "\u200b", "\ufeff", "\u2028",
    "\u2029", "\u00ad", "\u061c", "\r",
)  # fmt: skip


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


@pytest.fixture(scope="module")
def briefs(engine):
    accounts = [account(f"a{i}", name=name) for i, name in enumerate(NAMES)]
    found = engine.rows(
        made(engine, [move(account_id=a["account_id"]) for a in accounts], accounts)
    )
    return {NAMES[int(h["account_id"][1:])]: h["brief"] for h in found}


@pytest.mark.parametrize("name", NAMES)
def test_outside_text_in_a_brief_is_inert(briefs, name):
    first = briefs[name].split("\n")[0]
    assert first.startswith("**")
    assert first.endswith("several people of the account are active.")
    assert not [bad for bad in REFUSED if bad in first]
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
