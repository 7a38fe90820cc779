"""An experiment from the policy to the tables: who is held out is at nobody's desk, and its results are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import md5
from typing import Any

import pytest

from mqa_platform.assets import experiments, handoffs
from mqa_platform.core.crm_records import Known, crm_records
from mqa_platform.core.outbox import open_handoffs
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy
from mqa_platform.policy.write_back import WriteBack
from mqa_platform.warehouse.snapshot import refresh_snapshot
from mqa_platform_tests.system.pipeline import (
    ALL,
    FIRST,
    LAST,
    copy_home,
    fingerprints,
    opened,
    rows,
    run,
)

pytestmark = pytest.mark.slow
Verb = Callable[..., tuple[int, str]]
SHARE = 0.4
ON = f"\nexperiment:\n  name: spring\n  holdout_share: {SHARE}\n"
KNOWN = (
    "stages",
    "scores",
    "score_receipts",
    "touchpoints",
    "accounts",
    "crm_duplicates",
    "handoffs",
)


def hold_out(home: Home) -> None:
    """The packaged policy with an experiment, as RevOps would switch it on before the first day."""
    copy_policy(None, home.policy)
    path = home.policy / "routing.yaml"
    path.write_text(path.read_text(encoding="utf-8") + ON, encoding="utf-8")


@pytest.fixture(scope="module")
def tried(market: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All days of the market with two accounts in five held out; tests only read it."""
    home = copy_home(market, tmp_path_factory.mktemp("tried"), "inbox")
    hold_out(home)
    run(home, ALL)
    run(home, Window.of(LAST, LAST), work=(experiments.experiments,))
    with opened(home) as step:
        refresh_snapshot(step.session, home.snapshot)
    return home


def by_hand(account: str, motion: str, episode: int) -> bool:
    text = f"spring|{account}|{motion}|{episode}".encode()
    digits = int(md5(text, usedforsecurity=False).hexdigest()[:13], 16)
    return (digits + 0.5) / 16**13 < SHARE


def test_those_drawn_and_nobody_else_is_held_out(tried: Home) -> None:
    found = rows(
        tried, "SELECT account_id, motion, episode, evidence_rule, route_rule FROM handoffs"
    )
    held = {(a, m, e) for a, m, e, _, rule in found if rule == "holdout"}
    wanted = {
        (a, m, e) for a, m, e, evidence, _ in found if evidence == "people" and by_hand(a, m, e)
    }
    assert held == wanted != set()
    told = rows(
        tried, "SELECT account_id, motion, episode FROM experiment_arms WHERE arm = 'held_out'"
    )
    assert set(told) == held
    drawn = sum(evidence == "people" for *_, evidence, _ in found)
    assert rows(tried, "SELECT count(*) FROM experiment_arms") == [(drawn,)]


def test_the_experiment_moves_no_stage_and_no_score(tried: Home, built: Home) -> None:
    for sql in (
        "SELECT account_id, motion, changed_on, to_stage, rule FROM stage_transitions ORDER BY ALL",
        "SELECT account_id, motion, score_date, engagement_score FROM scores ORDER BY ALL",
    ):
        assert rows(tried, sql) == rows(built, sql)
    assert rows(built, "SELECT count(*) FROM experiment_arms") == [(0,)]


def test_what_is_held_out_reaches_no_rep_by_any_way(tried: Home) -> None:
    held = {h for (h,) in rows(tried, "SELECT handoff_id FROM handoffs WHERE status = 'held_out'")}
    assert held
    for table in ("worklist", "ageing_handoffs", "sla_events", "follow_up"):
        assert not held & {h for (h,) in rows(tried, f"SELECT handoff_id FROM {table}")}
    with opened(tried) as step:
        told = open_handoffs(step.table("handoffs"), step.table("stages"), LAST)
        assert not held & {r["handoff_id"] for r in step.session.rows(told.select("handoff_id"))}
        policy = WriteBack.model_validate({"fields": {"new_business": {"stage": "Stage__c"}}})
        known = Known(*(step.table(name) for name in KNOWN))
        records = step.session.rows(crm_records(known, policy, LAST))
    quiet = {
        a for (a,) in rows(
            tried, "SELECT account_id FROM handoffs WHERE status = 'held_out' AND motion = 'new_business'"
        )
    }  # fmt: skip
    left_out = {r["account_id"]: r["left_out"] for r in records}
    assert {left_out[a] for a in quiet if a in left_out} == {"held_out"}
    assert "held_out" not in {why for a, why in left_out.items() if a not in quiet}


def test_who_is_held_out_is_in_no_play_of_its_episode(tried: Home) -> None:
    now = (
        "SELECT count(*) FROM handoffs h JOIN play_enrollments p ON h.account_id = p.account_id AND "
        f"h.motion = p.motion WHERE p.enrolled_on <= DATE '{LAST}' AND (p.left_on IS NULL OR "
        f"p.left_on > DATE '{LAST}') AND h.ended_on IS NULL AND h.status "
    )
    assert rows(tried, now + "= 'held_out'") == [(0,)]
    assert rows(tried, now + "<> 'held_out'") > [(0,)]


def test_made_again_the_arms_are_the_same(tried: Home, tmp_path: Any) -> None:
    home = copy_home(tried, tmp_path / "home", "inbox", "landing", "warehouse.duckdb", "policy")
    before = fingerprints(home)
    run(home, Window.of(LAST, LAST), work=(handoffs.handoffs, experiments.experiments))
    assert fingerprints(home) == before


def test_the_same_rules_simulated_hold_out_the_same(tried: Home, verb: Verb) -> None:
    code, out = verb(
        tried, "route", "simulate", "--from", FIRST.isoformat(), "--to", LAST.isoformat(), "--json"
    )
    told = json.loads(out)
    (count,) = rows(tried, "SELECT count(*) FROM handoffs WHERE route_rule = 'holdout'")[0]
    assert (code, told["held_out"], told["moved"]) == (0, count, [])


def test_the_verbs_say_what_is_published(tried: Home, built: Home, verb: Verb) -> None:
    code, out = verb(tried, "experiment", "result", "--json")
    assert code == 0
    told = json.loads(out)["results"]
    (n,) = rows(tried, "SELECT count(*) FROM experiment_results")[0]
    assert len(told) == n > 0
    whole = [r for r in told if r["tier"] == "all"]
    # No window of thirty days is over on the thirtieth.
    assert {r["outcome"] for r in whole} == {"meeting", "opportunity", "won"}
    assert {r["verdict"] for r in whole} == {"too_few"}
    assert "Cannot say" in verb(tried, "experiment", "result")[1]
    assert "has drawn anything" in verb(built, "experiment", "result")[1]


def test_the_plan_says_what_cannot_be_said_and_what_a_baseline_would(
    tried: Home, verb: Verb
) -> None:
    code, out = verb(tried, "experiment", "plan", "--json")
    plan = json.loads(out)
    days = rows(
        tried,
        "SELECT created_on FROM handoffs WHERE evidence_rule = 'people' AND motion = 'new_business' ORDER BY 1",
    )
    weeks = ((LAST - days[0][0]).days + 1) // 7
    since = LAST - timedelta(weeks=weeks)
    n = sum(day > since for (day,) in days)
    assert (code, plan["weeks"], plan["per_week"]) == (0, weeks, pytest.approx(n / weeks))
    assert plan["rate"] is None
    assert {p["detectable"] for p in plan["plans"]} == {None}
    code, out = verb(
        tried, "experiment", "plan", "--share", "0.5", "--baseline", "0.4", "--lift", "20", "--json"
    )
    plan = json.loads(out)
    assert [p["share"] for p in plan["plans"]] == [0.5] * 3
    assert plan["needed"][0]["weeks"] >= 1
    assert verb(tried, "experiment", "plan", "--motion", "nothing")[0] == 2
    assert "smallest lift" in verb(tried, "experiment", "plan")[1]
