"""A score can be taken apart to the last touchpoint, and the parts add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mqa_platform.explain import explain
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.why_not import why_not
from mqa_platform_tests.system.pipeline import LAST, rows

ROUNDING = 0.00005 + 1e-9


def scored(home: Home) -> list[str]:
    found = rows(home, f"SELECT account_id FROM scores WHERE score_date = DATE '{LAST}' ORDER BY 1")
    return [account for (account,) in found]


@pytest.fixture(scope="module")
def answers(built: Home) -> dict[str, dict[str, Any]]:
    """Every account with a score on the last day, explained."""
    return {account: explain(built, account) for account in scored(built)}


@pytest.mark.slow
def test_every_score_of_the_last_day_is_the_sum_of_its_receipt(
    answers: dict[str, dict[str, Any]],
) -> None:
    assert len(answers) > 50
    for account, answer in answers.items():
        assert answer["sums_exactly"], account
        assert answer["as_of"] == LAST
        points = sum((c["points"] for c in answer["components"]), Decimal(0))
        assert points == answer["engagement_score"], account
        for component in answer["components"]:
            kept = component["decayed_points"] - component["lost_to_ceiling"]
            assert component["points"] == kept, (account, component["component"])


@pytest.mark.slow
def test_the_touchpoints_of_a_component_add_up_to_its_decayed_points(
    answers: dict[str, dict[str, Any]],
) -> None:
    seen = set()
    for account, answer in answers.items():
        for component in answer["components"]:
            parts = component["evidence"]
            if not parts:
                continue
            seen.add(component["component"])
            found = sum(p["contribution"] for p in parts)
            assert found == pytest.approx(float(component["decayed_points"]), abs=ROUNDING), account
            raw = sum(p["points"] for p in parts)
            assert raw == pytest.approx(float(component["raw_points"]), abs=ROUNDING), account
            lost = sum(p["points"] * (1 - p["kept"]) for p in parts)
            assert lost == pytest.approx(float(component["lost_to_cap"]), abs=ROUNDING), account
            assert len(parts) == component["touchpoints"], account
            people = {p["person_id"] for p in parts} - {None}
            assert len(people) == component["people"], account
    assert {"pricing_view", "email_reply_or_click", "intent_surge"} <= seen


def test_every_qualified_account_can_be_explained_on_the_day_it_qualified(built: Home) -> None:
    found = rows(built, "SELECT account_id, created_on, score, brief FROM handoffs")
    assert found
    for account, day, score, brief in found:
        answer = explain(built, account, day)
        assert answer["sums_exactly"]
        assert answer["engagement_score"] == score
        assert f"{score:.1f}" in brief or f"{score:.0f}" in brief


def test_what_keeps_an_account_from_qualifying_is_named(built: Home) -> None:
    found = rows(built, f"SELECT account_id, stage FROM stages WHERE stage_date = DATE '{LAST}'")
    missing = 0
    for account, stage in found[::40]:
        answer = why_not(built, account)
        assert answer["stage"] == stage
        assert all(bool(r["missing"]) != r["holds"] for r in answer["rules"]), account
        missing += bool(answer["missing"])
    assert missing


def test_an_account_nobody_knows_is_answered_with_the_nearest_name(built: Home) -> None:
    (name,) = rows(built, "SELECT name FROM accounts ORDER BY length(name) DESC LIMIT 1")[0]
    with pytest.raises(MartError, match="did you mean"):
        explain(built, f"{name}x")
