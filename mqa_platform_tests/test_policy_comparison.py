"""What a replay is told in figures: old enough episodes, and reps who work here."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.console_policy import difference
from mqa_platform.core.history import PolicyHistory
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy_comparison import compared
from mqa_platform.policy_replay import Replayed, Side

POLICY = load_policy(None)
FIRST = date(2026, 1, 1)
WINDOW = Window(FIRST, FIRST + timedelta(days=28))


def entry(number: int, rep: str, on: date = FIRST) -> dict[str, Any]:
    return {"handoff_id": f"h{number}", "account_id": f"a{number}", "motion": "new_business", "episode": 1,
            "name": f"A{number}", "tier": "scaled", "created_on": on, "is_backlog": False,
            "evidence_rule": "people", "rep_id": rep}  # fmt: skip


def outcome(number: int, on: date, opportunity: date | None = None) -> dict[str, Any]:
    return {"account_id": f"a{number}", "motion": "new_business", "mqa_on": on, "meeting_on": None,
            "opportunity_on": opportunity, "won": None}  # fmt: skip


def side(entries: list[Any], outcomes: list[Any], as_of: date) -> Replayed:
    named = Side("live", "0" * 12, POLICY, PolicyHistory.always(POLICY, "0" * 12))
    queues = frozenset({"marketing_play", "unrouted_queue"})
    capacity: dict[str, int | None] = {"ann": 5, "bob": 10, "idle": 10}
    return Replayed(named, Home(Path("shadow")), entries, outcomes, [], capacity, queues, as_of)


def test_an_episode_is_in_a_rate_when_its_window_has_passed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Day 90 of the first two; the third is two weeks younger, and made its opportunity already.
    young = FIRST + timedelta(days=14)
    made = [outcome(1, FIRST, FIRST), outcome(2, FIRST), outcome(3, young, young)]
    entries = [entry(n, "ann") for n in (1, 2, 3)]
    as_of = FIRST + timedelta(days=90)
    found = compared(side(entries, made, as_of), side([], [], as_of), WINDOW)
    told = found["conversion_of_leavers"]
    assert told["episodes"] == 3
    rate = told["opportunity"]
    assert (rate["numerator"], rate["n_mature"], rate["censored"]) == (1, 2, 1)
    assert rate["value"] == 0.5
    # Nobody can say yet who will have been won.
    assert (told["won"]["n_mature"], told["won"]["value"]) == (0, None)
    difference(found)
    said = " ".join(capsys.readouterr().out.split())
    assert "opportunity 1 of 2, 50%" in said
    assert "1 too young" in said
    assert "won none of 3 old enough to say" in said


def test_the_load_is_that_of_reps_who_work_here_and_a_queue_is_none() -> None:
    entries = [entry(n, "ann") for n in range(24)]
    entries += [entry(n, "marketing_play") for n in range(100, 130)] + [
        entry(200, "unrouted_queue")
    ]
    load = compared(side(entries, [], FIRST), side([], [], FIRST), WINDOW)["one"]["rep_load"]
    # 24 in four weeks, for three reps of whom two had none.
    assert (load["reps"], load["a_rep_and_week"]) == (3, 2.0)
    assert [(b["rep_id"], b["entered"]) for b in load["busiest"]] == [("ann", 24)]
    assert load["above_capacity"] == ["ann"]
    assert load["queues"] == {"marketing_play": 30, "unrouted_queue": 1}
