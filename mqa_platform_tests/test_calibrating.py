"""A whole proposal from tables made by hand: who enters, who leaves, and what odd data does to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_platform.calibrating import proposal
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.proposing import commands, write_proposal
from mqa_platform_tests.core.engine import Engine, default_policy, policy_with

LAST = date(2026, 6, 30)
TABLES = (
    "scores", "accounts", "account_fit", "crm_opportunities", "handoffs", "capacity", "absences",
    "conversions",
)  # fmt: skip
ALWAYS = date(2020, 1, 1)
SECTIONS = {"calibration": {"enough_episodes": 5}}


class Made:
    """Tables by name: what a test does not say of a row is null, and of a table, that it is empty."""

    def __init__(self, **rows):
        self.engine = Engine()
        self.made = {}
        for name in TABLES:
            schema = pa.schema(
                [pa.field(f.name, f.type) for f in load_contracts()[name].arrow_schema]
            )
            self.made[name] = self.engine.table(rows.get(name, ()), schema)
        self.table = self.made.__getitem__
        self.rows, self.keep, self.apply = self.engine.rows, self.engine.keep, self.engine.apply


def account(number, tier="scaled"):
    who = f"a{number}"
    fit = {"tier": tier, "fit_gate": "pass", "fit_grade": "A"}
    mine = {"account_id": who, "valid_from": ALWAYS, **fit}
    return {**mine, "name": f"Account {number}", "owner_id": "ann"}, {
        **mine,
        "motion": "new_business",
    }


def scores(number, day, points):
    return {"account_id": f"a{number}", "motion": "new_business", "score_date": day,
            "engagement_score": Decimal(points), "threshold": Decimal(90), "eligible_people": 3,
            "people_on_high_intent": 0, "anonymous_evidence": False, "hand_raised": False}  # fmt: skip


def programme(many=80, every=2, capacity=2, peak=lambda n: 80 + (n % 20)):
    """An account a day or two that rises once, to between 80 and 99 points, and has a deal soon after."""
    told = {"scores": [], "accounts": [], "account_fit": [], "crm_opportunities": []}
    for n in range(many):
        mine, fit = account(n)
        told["accounts"].append(mine)
        told["account_fit"].append(fit)
        on = LAST - timedelta(days=every * (many - n - 1))
        told["scores"].append(scores(n, on, peak(n)))
        told["crm_opportunities"].append(
            {"opportunity_id": f"o{n}", "account_id": f"a{n}", "valid_from": ALWAYS, "is_deleted": False,
             "created_at": datetime.combine(on, datetime.min.time(), UTC) + timedelta(days=3)}
        )  # fmt: skip
    told["capacity"] = [{"user_id": "ann", "valid_from": ALWAYS, "is_active": True, "is_listed": True,
                         "capacity_per_week": capacity}]  # fmt: skip
    return told


def proposed(history=None, **told):
    policy = policy_with(**SECTIONS)
    return proposal(Made(**told), history or PolicyHistory.always(policy, "v1"), LAST)


def test_more_room_lowers_the_threshold_and_names_who_would_have_entered():
    found = proposed(**programme(capacity=3))
    row = {r["tier"]: r for r in found.tiers}["scaled"]
    # Of an account every second day half reach 90: 1.75 a week, and 3 can be taken.
    assert row["volume_now"] == pytest.approx(1.75, abs=0.3)
    assert row["threshold_proposed"] < 90
    assert row["volume_per_week"] == pytest.approx(3, abs=0.5)
    assert row["precision"] == 1.0
    bar = row["threshold_proposed"]
    since = LAST - timedelta(days=91)
    wanted = {
        f"a{n}" for n in range(80)
        if bar <= 80 + (n % 20) < 90 and LAST - timedelta(days=2 * (79 - n)) > since
    }  # fmt: skip
    told = found.accounts.to_pyarrow().to_pylist()
    assert {r["account_id"] for r in told} == wanted
    assert {r["change"] for r in told} == {"enters"}
    assert row["entering"] == len(wanted)


def test_less_room_raises_it_and_names_who_would_not_have():
    found = proposed(**programme(capacity=1))
    row = {r["tier"]: r for r in found.tiers}["scaled"]
    assert found.solution.status == "solved"
    assert row["threshold_proposed"] > 90
    assert row["leaving"] > 0
    assert row["entering"] == 0


def test_open_work_and_other_motions_take_room_first():
    free = proposed(**programme(capacity=3)).solution.room
    h = {"rep_id": "ann", "created_on": LAST - timedelta(days=2), "motion": "new_business"}
    waiting = [{**h, "handoff_id": f"h{n}"} for n in range(13)]
    busy = proposed(**programme(capacity=3), handoffs=waiting).solution.room
    assert free - busy == pytest.approx(1.0)
    answered = [{**w, "first_touch_at": datetime(2026, 6, 29, tzinfo=UTC)} for w in waiting]
    assert proposed(**programme(capacity=3), handoffs=answered).solution.room == free
    other = [{**w, "motion": "expansion"} for w in answered]
    assert free - proposed(**programme(capacity=3), handoffs=other).solution.room == pytest.approx(
        1.0
    )


@pytest.mark.parametrize(
    ("rule", "reassigned", "taken"),
    [("anonymous_evidence", None, 0.0), ("holdout", None, 0.0), ("holdout", LAST, 1.0), ("owner", None, 1.0)],
)  # fmt: skip
def test_of_other_motions_only_what_a_rep_was_given_takes_room(rule, reassigned, taken):
    free = proposed(**programme(capacity=3)).solution.room
    h = {"rep_id": "somebody", "created_on": LAST - timedelta(days=2), "motion": "expansion",
         "route_rule": rule, "reassigned_on": reassigned}  # fmt: skip
    given = [{**h, "handoff_id": f"h{n}"} for n in range(13)]
    busy = proposed(**programme(capacity=3), handoffs=given).solution.room
    assert free - busy == pytest.approx(taken)


@pytest.mark.parametrize(
    "odd", ["nothing at all", "no deals", "no reps", "zero capacity", "one account"]
)
def test_odd_data_gives_a_proposal_that_changes_nothing_downwards(odd):
    told = programme(capacity=3)
    if odd == "nothing at all":
        told = {}
    elif odd == "no deals":
        told["crm_opportunities"] = []
    elif odd == "no reps":
        told["capacity"] = []
    elif odd == "zero capacity":
        told["capacity"][0]["capacity_per_week"] = 0
    else:
        told = programme(many=1)
    found = proposed(**told)
    assert all(r["threshold_proposed"] >= r["threshold_now"] for r in found.tiers)
    assert found.solution.status in ("cannot_say", "starved")


def test_a_threshold_lowered_in_vain_is_flagged_in_the_proposal():
    policy = policy_with(**SECTIONS)
    lower = policy_with(**SECTIONS, stages={"tiers": {
        **policy.stages.tiers.model_dump(), "scaled": {"threshold": 85, "sla_hours": 8}}})  # fmt: skip
    day = date(2026, 2, 1)
    history = PolicyHistory((Effective(date.min, policy, "v1"), Effective(day, lower, "v2")))
    c = {"motion": "new_business", "tier": "scaled"}
    won = {"opportunity_on": date(2026, 3, 1)}
    told = [
        {**c, "account_id": "x", "episode": 1, "mqa_on": day - timedelta(days=9), **won},
        {**c, "account_id": "y", "episode": 1, "mqa_on": day + timedelta(days=9)},
    ]
    found = proposed(history, **programme(capacity=3), conversions=told)
    row = {r["tier"]: r for r in found.tiers}["scaled"]
    assert (row["lowered_on"], row["conversion_before"], row["conversion_after"]) == (day, 1.0, 0.0)
    assert row["lowered_without_gain"] is True
    assert "conversion did not rise" in row["says"]


def test_the_folder_of_a_proposal_is_a_policy_with_those_thresholds(tmp_path: Path):
    home = Home(tmp_path)
    found = proposed(**programme(capacity=3))
    folder = write_proposal(home, found)
    assert folder is not None
    bars = {t: float(rule.threshold) for t, rule in load_policy(folder).stages.tiers}
    assert bars == {r["tier"]: r["threshold_proposed"] for r in found.tiers}
    assert str(folder) in commands(folder, found)[-1]
    # Written again it is the same folder; where nothing changes there is none.
    assert write_proposal(home, found) == folder
    assert write_proposal(home, proposed()) is None
    assert default_policy() == load_policy(None)
