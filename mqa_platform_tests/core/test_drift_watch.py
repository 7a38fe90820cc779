"""The weekly watch: what it says of weeks made by hand, and how often it cries wolf in quiet ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from mqa_platform.core.calibration.counts import QUIET_WEEKS
from mqa_platform.core.calibration.drift import (
    PROPOSING,
    SHARES,
    age_rows,
    carried,
    drift_checks,
    unanswered,
)
from mqa_platform.core.calibration.shifts import of_counts
from mqa_platform.core.calibration.stale import Age
from mqa_platform.core.calibration.weeks import Weeks

FIRST = date(2025, 1, 6)
WEEK = timedelta(days=7)
KINDS = ("volume", "capacity", "conversion", "match_rate", "score_distribution", "signal_volume")


def monday(number: int) -> date:
    return FIRST + WEEK * number


def by_week(values):
    return {monday(k): v for k, v in enumerate(values)}


def quiet(weeks: int, **changed):
    """Ten MQAs a week into a room of ten, a third of them converting, all as it always was."""
    made = {
        "entries": [10] * weeks,
        "room": [10.0] * weeks,
        "conversions": [(3, 9)] * weeks,
        "matches": [(80, 100)] * weeks,
        "scores": [(50, 20, 15, 10, 4, 1)] * weeks,
        "signals": {"pricing_view": [40] * weeks, "demo_request": [5] * weeks},
    } | changed
    made.setdefault("for_reps", made["entries"])
    promoted = made.pop("promoted", ())
    signals = {name: by_week(v) for name, v in made.pop("signals").items()}
    return Weeks(
        FIRST, monday(weeks - 1), **{k: by_week(v) for k, v in made.items()}, signals=signals,
        promoted=promoted,
    )  # fmt: skip


def checks(weeks: Weeks, show: int = 1):
    return drift_checks(weeks, show, 13, 0.25)


def last(weeks: Weeks):
    return {(r["check_name"], r["segment"]): r for r in checks(weeks)}


def test_the_shares_of_all_checks_are_one_false_alarm_in_52_weeks():
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert set(SHARES) == set(KINDS)


def test_a_quiet_programme_has_no_alarm_and_every_check_can_say_so():
    found = last(quiet(40))
    assert set(found) == {
        *((k, "all") for k in KINDS[:-1]), ("signal_volume", "pricing_view"),
        ("signal_volume", "demo_request"),
    }  # fmt: skip
    assert {r["status"] for r in found.values()} == {"ok"}
    assert found["capacity", "all"]["seen"] == found["capacity", "all"]["expected"] == 130
    assert found["match_rate", "all"]["seen"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("check", "segment", "changed"),
    [
        ("volume", "all", {"entries": [10] * 37 + [4, 5, 4]}),
        ("capacity", "all", {"room": [20.0] * 40}),
        ("conversion", "all", {"conversions": [(3, 9)] * 27 + [(0, 9)] * 13}),
        ("match_rate", "all", {"matches": [(80, 100)] * 39 + [(50, 100)]}),
        ("score_distribution", "all", {"scores": [(50, 20, 15, 10, 4, 1)] * 39 + [(1, 4, 10, 15, 20, 50)]}),
        ("signal_volume", "pricing_view", {"signals": {"pricing_view": [40] * 37 + [8, 9, 7]}}),
    ],
)  # fmt: skip
def test_each_check_hears_what_it_is_for_and_no_other_does(check, segment, changed):
    found = last(quiet(40, **changed))
    alarms = {key for key, r in found.items() if r["status"] == "alarm"}
    assert alarms == {(check, segment)}
    assert "Within" not in found[check, segment]["says"]


def test_half_the_volume_is_heard_within_three_weeks():
    rows = checks(quiet(43, entries=[20] * 40 + [10] * 3), show=5)
    alarms = [r["week"] for r in rows if r["check_name"] == "volume" and r["status"] == "alarm"]
    assert alarms
    assert monday(40) <= alarms[0] <= monday(42)


def test_what_came_later_changes_nothing_that_was_said_of_a_week():
    before = {(r["check_name"], r["week"]): r for r in checks(quiet(40), show=3)}
    after = checks(quiet(42, entries=[10] * 40 + [0, 0]), show=5)
    for row in after:
        if row["week"] <= monday(39) and row["segment"] == "all":
            assert row == before[row["check_name"], row["week"]]


def test_a_young_programme_says_what_it_saw_and_claims_nothing():
    found = last(quiet(5))
    assert {r["status"] for r in found.values()} == {"cannot_say"}
    assert "too little is known" in found["volume", "all"]["says"]


def test_an_alarm_stands_since_its_first_week_and_is_new_once():
    rows = [r for r in checks(quiet(44, entries=[20] * 40 + [2] * 4), 4) if r["check_name"] == "volume"]  # fmt: skip
    alarms = [r for r in rows if r["status"] == "alarm"]
    assert [r["is_new"] for r in alarms] == [True] + [False] * (len(alarms) - 1)
    assert {r["since"] for r in alarms} == {alarms[0]["week"]}


# A promotion on the Wednesday of week 20 halves the threshold: twice as many enter, and scores lie higher above it.
LOWERED = {
    "entries": [10] * 20 + [60] + [20] * 19,
    "room": [20.0] * 40,
    "for_reps": [20] * 40,
    "scores": [(50, 20, 15, 10, 4, 1)] * 20 + [(1, 4, 10, 15, 20, 50)] * 20,
}


def test_what_a_promotion_does_on_purpose_is_no_alarm():
    weeks = quiet(40, **LOWERED, promoted=[monday(20) + timedelta(days=2)])
    rows = [r for r in checks(weeks, 20) if r["check_name"] in ("volume", "score_distribution")]
    assert {r["status"] for r in rows} == {"ok", "cannot_say"}
    # Nothing is said until there are weeks enough under the new rules: three, and eight before them.
    volume = {r["week"]: r for r in rows if r["check_name"] == "volume"}
    assert {volume[monday(n)]["status"] for n in range(20, 31)} == {"cannot_say"}
    assert {volume[monday(n)]["status"] for n in range(31, 40)} == {"ok"}
    assert volume[monday(39)]["expected"] == pytest.approx(20)
    scores = {r["week"]: r["status"] for r in rows if r["check_name"] == "score_distribution"}
    assert (scores[monday(33)], scores[monday(34)]) == ("cannot_say", "ok")


def test_a_promotion_is_held_against_the_room_after_three_weeks():
    # Ten a week into a room of twenty; the promotion fills it, and the flood of its own week is backlog.
    entered = {**LOWERED, "for_reps": LOWERED["entries"]}
    weeks = quiet(40, **entered, promoted=[monday(20) + timedelta(days=2)])
    found = {r["week"]: r for r in checks(weeks, 25) if r["check_name"] == "capacity"}
    assert found[monday(19)]["status"] == "alarm"
    assert {found[monday(n)]["status"] for n in (20, 21, 22)} == {"cannot_say"}
    assert (found[monday(23)]["seen"], found[monday(23)]["expected"]) == (60, 60)
    assert {found[monday(n)]["status"] for n in range(23, 40)} == {"ok"}
    # Were the promotion to bring twice the room, three weeks would tell.
    flood = {**entered, "room": [10.0] * 40}
    found = {r["week"]: r for r in checks(quiet(40, **flood, promoted=weeks.promoted), 25)
             if r["check_name"] == "capacity"}  # fmt: skip
    assert found[monday(23)]["status"] == "alarm"


def test_the_same_without_a_promotion_is_an_alarm():
    heard = {r["check_name"] for r in checks(quiet(40, **LOWERED), 19) if r["status"] == "alarm"}
    assert heard == {"volume", "score_distribution"}


def test_a_promotion_that_is_still_to_come_says_nothing_of_a_week_before_it():
    falling = {"entries": [20] * 37 + [4, 5, 4], "room": [10.0] * 40, "for_reps": [10] * 40}
    for promoted in ((), [monday(40)]):
        assert last(quiet(40, **falling, promoted=promoted))["volume", "all"]["status"] == "alarm"


def test_accounts_that_no_rep_was_to_take_fill_no_room():
    # Twenty enter a week, and ten of them go to a play of marketing: the reps' ten places are just filled.
    found = last(quiet(40, entries=[20] * 40, for_reps=[10] * 40))
    assert found["capacity", "all"]["status"] == "ok"
    assert found["capacity", "all"]["seen"] == 130


def test_weeks_of_which_no_rep_is_known_say_nothing_of_the_room():
    weeks = quiet(40)
    known = {w: n for w, n in weeks.room.items() if w >= monday(38)}
    found = last(replace(weeks, room=known))["capacity", "all"]
    assert found["status"] == "cannot_say"


def named(rows):
    return [{"motion": "new_business", **r} for r in rows]


def test_an_alarm_opens_one_proposal_however_long_it_stands():
    falling = [20] * 40 + [2] * 6
    first = carried(named(checks(quiet(43, entries=falling[:43]), 3)), [])
    asked = unanswered(first, monday(42))
    assert {r["check_name"] for r in asked} <= set(PROPOSING)
    assert "volume" in {r["check_name"] for r in asked}
    for row in asked:
        row["proposed_on"] = date(2025, 11, 3)
    # A week later only two weeks are shown, so the first week of the alarm is no longer among them.
    later = carried(named(checks(quiet(44, entries=falling[:44]), 2)), first)
    volume = [r for r in later if r["check_name"] == "volume"]
    began = next(r["week"] for r in first if r["check_name"] == "volume" and r["status"] == "alarm")
    assert {r["since"] for r in volume} == {began}
    assert {r["proposed_on"] for r in volume} == {date(2025, 11, 3)}
    assert "volume" not in {r["check_name"] for r in unanswered(later, monday(43))}


def test_a_threshold_that_nobody_looked_at_is_an_alarm_of_its_own():
    ages = [
        Age("new_business", "scaled", 75.0, date(2025, 1, 1), 120, 91),
        Age("new_business", "strategic", 60.0, date(2025, 4, 1), 30, 91),
    ]
    rows = age_rows(ages, monday(16))
    assert [r["status"] for r in rows] == ["alarm", "ok"]
    assert "120 days ago" in rows[0]["says"]
    # No proposal answers to it: somebody has to look.
    assert unanswered([{**r, "proposed_on": None} for r in rows], monday(16)) == []


def random_weeks(rng: np.random.Generator, weeks: int) -> Weeks:
    """A quiet programme: nothing changes, and web visits come in campaigns rather than one by one."""
    trials = rng.poisson(9, weeks)
    signals = {f"signal_{k}": rng.poisson(m, weeks) for k, m in enumerate((1, 3, 8, 20, 60))}
    # Negative binomial: four times the variance of a Poisson count.
    signals |= {f"burst_{k}": rng.negative_binomial(m / 3, 0.25, weeks) for k, m in enumerate((10, 40))}  # fmt: skip
    share = rng.beta(80, 20, weeks)
    seen = rng.poisson(150, weeks)
    return quiet(
        weeks,
        entries=[int(n) for n in rng.poisson(9.5, weeks)],
        room=[9.5] * weeks,
        conversions=[(int(rng.binomial(n, 0.3)), int(n)) for n in trials],
        matches=[(int(rng.binomial(n, p)), int(n)) for n, p in zip(seen, share, strict=True)],
        scores=[tuple(int(n) for n in rng.multinomial(120, (0.5, 0.2, 0.15, 0.1, 0.04, 0.01))) for _ in range(weeks)],
        signals={name: [int(n) for n in v] for name, v in signals.items()},
    )  # fmt: skip


@pytest.mark.slow
def test_all_checks_together_cry_wolf_at_most_once_in_52_quiet_weeks():
    rng = np.random.default_rng(8)
    programmes = 12
    alarms = []
    for _ in range(programmes):
        rows = drift_checks(random_weeks(rng, 26 + QUIET_WEEKS), QUIET_WEEKS, 13, 0.25)
        assert len({r["week"] for r in rows}) == QUIET_WEEKS
        alarms.append(sum(1 for r in rows if r["is_new"]))
    print(f"false alarms in {QUIET_WEEKS} quiet weeks, {programmes} programmes: {alarms}")  # noqa: T201
    assert sum(alarms) <= programmes


@pytest.mark.parametrize(("mean", "least"), [(10, 0.4), (20, 0.85), (45, 0.98)])
def test_a_fall_by_half_is_heard_within_three_weeks_where_counts_can_show_it(mean, least):
    rng, heard, level = np.random.default_rng(1), 0, SHARES["volume"] / QUIET_WEEKS
    programmes = 120
    for _ in range(programmes):
        counts = [int(n) for n in (*rng.poisson(mean, 29), *rng.poisson(mean / 2, 3))]
        weeks = [(counts[27 + k : 30 + k], counts[1 + k : 27 + k]) for k in range(3)]
        heard += any(of_counts(*pair, level).alarm for pair in weeks)
    print(f"half of {mean} a week: heard within three weeks in {heard / programmes:.0%}")  # noqa: T201
    assert heard >= least * programmes
