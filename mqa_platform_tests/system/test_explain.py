"""A score can be taken apart to the last touchpoint, and the parts add up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from mqa_platform.explain import explain
from mqa_platform.explain_difference import explain_difference
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.why_not import why_not
from mqa_platform_tests.system.pipeline import FIRST, LAST, rows

ROUNDING = 0.00005 + 1e-9


def scored(home: Home) -> list[str]:
    found = rows(
        home,
        f"SELECT account_id FROM scores WHERE score_date = DATE '{LAST}' "
        "AND motion = 'new_business' ORDER BY 1",
    )
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


def test_the_change_between_two_days_is_explained_to_the_last_digit(built: Home) -> None:
    early, seen = FIRST + timedelta(days=12), set()
    for account in scored(built)[::7]:
        answer = explain_difference(built, account, early, LAST)
        assert answer["sums_exactly"], account
        after = answer["after"]["engagement_score"] or Decimal(0)
        before = answer["before"]["engagement_score"] or Decimal(0)
        assert answer["difference"] == after - before
        causes = {c["cause"] for c in answer["changes"]}
        # Nothing has moved since it was published.
        assert not causes & {"match", "policy"}, account
        seen |= causes
    assert {"new", "decay"} <= seen


def test_the_change_of_a_score_is_shown_on_the_command_line(
    built: Home, verb: Callable[..., tuple[int, str]]
) -> None:
    account, early = scored(built)[0], str(FIRST + timedelta(days=12))
    code, told = verb(built, "explain", account, "--diff", early, str(LAST))
    assert code == 0
    assert "What changed" in told
    assert "sum" in told
    code, told = verb(built, "explain", account, "--diff", early, str(LAST), "--json")
    assert code == 0
    assert json.loads(told)["sums_exactly"]
    code, _ = verb(built, "explain", account, "--diff", str(LAST), early)
    assert code == 2


def test_a_customer_has_a_score_of_its_own_in_expansion(built: Home) -> None:
    found = rows(
        built,
        f"SELECT account_id, engagement_score FROM scores WHERE score_date = DATE '{LAST}' "
        "AND motion = 'expansion' ORDER BY engagement_score DESC LIMIT 3",
    )
    for account, score in found:
        answer = explain(built, account, motion="expansion")
        assert answer["sums_exactly"]
        assert answer["engagement_score"] == score
    with pytest.raises(MartError, match="no motion"):
        explain(built, "anybody", motion="renewal")


def test_what_moved_since_somebody_acted_is_told_apart_from_what_happened(home: Home) -> None:
    account, day = rows(
        home,
        "SELECT account_id, known_on FROM decisions WHERE motion = 'new_business' ORDER BY ALL LIMIT 1",
    )[0]
    same = explain_difference(home, account, day, day, as_decided=True)
    assert (same["changes"], same["touchpoints_that_left"]) == ([], [])
    (kind,) = rows(
        home,
        f"SELECT component FROM score_receipts WHERE account_id = '{account}' AND component LIKE '%_view' "
        f"AND score_date = DATE '{day}' AND motion = 'new_business' ORDER BY points DESC LIMIT 1",
    )[0]
    # All touchpoints of a signal go to nobody, as a correction of identity would have it.
    with duckdb.connect(str(home.snapshot)) as con:
        lost = con.execute(
            "DELETE FROM touchpoints WHERE account_id = ? AND touchpoint_date <= ? "
            "AND signal_type = ? RETURNING signal_id",
            [account, day, kind],
        ).fetchall()
        mine = "account_id = ? AND score_date = ? AND motion = 'new_business'"
        ((gone,),) = con.execute(
            f"DELETE FROM score_receipts WHERE {mine} AND component = ? RETURNING points",
            [account, day, kind],
        ).fetchall()
        con.execute(
            f"UPDATE scores SET engagement_score = engagement_score - ? WHERE {mine}",
            [gone, account, day],
        )
    moved = explain_difference(home, account, day, day, as_decided=True)
    changes = [(c["component"], c["cause"], c["points"]) for c in moved["changes"]]
    assert changes == [(kind, "match", -gone)]
    assert moved["sums_exactly"]
    left = moved["touchpoints_that_left"]
    assert left
    assert {t["signal_id"] for t in left} <= {signal for (signal,) in lost}
    assert {t["now_at"] for t in left} == {None}
    with pytest.raises(MartError, match="days with one"):
        explain_difference(home, account, FIRST, LAST, as_decided=True)


def test_a_policy_that_was_edited_away_is_named_as_the_cause(
    home: Home, verb: Callable[..., tuple[int, str]]
) -> None:
    account, before = scored(home)[0], str(LAST - timedelta(days=1))
    # The day before was published under what the folder said then, and no copy of that is kept.
    with duckdb.connect(str(home.snapshot)) as con:
        mine = f"account_id = '{account}' AND score_date = DATE '{before}'"
        ((component,),) = con.execute(
            f"SELECT component FROM score_receipts WHERE {mine} AND motion = 'new_business' "
            "ORDER BY points DESC LIMIT 1"
        ).fetchall()
        con.execute(
            f"UPDATE score_receipts SET points = points + 7 WHERE {mine} AND component = '{component}'"
        )
        con.execute(
            "UPDATE scores SET engagement_score = engagement_score + 7, policy_version = 'abcdefabcdef' "
            f"WHERE {mine}"
        )
    answer = explain_difference(home, account, LAST - timedelta(days=1), LAST)
    assert answer["sums_exactly"]
    assert "match" not in {c["cause"] for c in answer["changes"]}
    (lost,) = [c for c in answer["changes"] if c["cause"] == "policy"]
    assert (lost["component"], lost["points"]) == (component, Decimal(-7))
    assert f"abcdefabcdef of {before} is no longer kept" in lost["why"]
    # The receipt of that day says so as well.
    assert not explain(home, account, LAST - timedelta(days=1))["policy_is_kept"]
    code, said = verb(home, "explain", account, "--as-of", before)
    assert code == 0
    assert "abcdefabcdef is no longer kept" in " ".join(said.split())
    assert explain(home, account)["policy_is_kept"]
