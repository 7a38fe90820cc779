"""A decision by hand is written once, holds from its first day to its last, and can be taken back."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.core.window import Window
from mqa_platform.explain import explain
from mqa_platform.home import Home
from mqa_platform.overrides import Decision, OverrideError, override
from mqa_platform.why_not import why_not
from mqa_platform_tests.system.pipeline import (
    DAYS,
    FIRST,
    LANDING,
    LAST,
    copy_home,
    fingerprints,
    rows,
    run,
)
from mqa_platform_tests.system.pipeline import stages as fold

pytestmark = pytest.mark.slow
MOTION = "new_business"


def again(home: Home, window: Window) -> None:
    run(home, window, work=(*LANDING, fold.stages))


def decide(home: Home, account: str, action: str, **given: Any) -> dict[str, Any]:
    decision = Decision(action, **{"reason": "asked by legal", "by": "ann", **given})
    return override(home, account, decision, again)


def states(home: Home, account: str) -> dict[date, tuple[str, str | None]]:
    found = rows(
        home,
        "SELECT stage_date, stage, suppression_reason FROM stages "
        f"WHERE account_id = '{account}' AND motion = '{MOTION}'",
    )
    return {day: (stage, why) for day, stage, why in found}


def entered(home: Home) -> tuple[str, date]:
    """The account that entered mqa first, and when."""
    found = rows(
        home,
        "SELECT account_id, changed_on FROM stage_transitions WHERE to_stage = 'mqa' "
        f"AND motion = '{MOTION}' ORDER BY changed_on, account_id",
    )
    return found[0]


def test_a_snooze_blocks_the_entry_and_ends_by_itself(home: Home) -> None:
    account, day = entered(home)
    decide(home, account, "snooze", starts_on=day - timedelta(days=1), days=3)
    after = states(home, account)
    assert [after[day + timedelta(days=n)][1] for n in range(-2, 3)] == [
        None,
        "manual",
        "manual",
        "manual",
        None,
    ]
    assert after[day][0] == "engaged"
    assert after[day + timedelta(days=2)][0] == "mqa"


def test_days_before_a_decision_and_other_accounts_keep_their_rows(home: Home) -> None:
    account, day = entered(home)
    everything = "SELECT * FROM stages WHERE account_id <> ? OR stage_date < ? ORDER BY ALL"
    filled = everything.replace("?", f"'{account}'", 1).replace("?", f"DATE '{day}'", 1)
    before = rows(home, filled)
    found = decide(home, account, "exclude", starts_on=day, ends_on=LAST)
    assert rows(home, filled) == before
    assert {c["day"] for c in found["changed"]} == set(states(home, account)) - {
        d for d in states(home, account) if d < day
    } - {LAST}


def test_a_stage_by_hand_holds_until_its_day_and_is_told_everywhere(home: Home) -> None:
    account, day = entered(home)
    end = LAST - timedelta(days=1)
    decide(home, account, "stage", stage="disqualified", starts_on=day, ends_on=end)
    after = states(home, account)
    assert {after[day + timedelta(days=n)][0] for n in range((end - day).days)} == {"disqualified"}
    steps = rows(
        home,
        "SELECT rule, reason, to_stage FROM stage_transitions "
        f"WHERE account_id = '{account}' AND motion = '{MOTION}' AND changed_on = DATE '{day}'",
    )
    assert ("override", "asked by legal", "disqualified") in steps
    (told,) = explain(home, account, day)["overrides"]
    assert (told["stage"], told["by"], told["ends_on"]) == ("disqualified", "ann", end)
    answer = why_not(home, account, day)
    assert answer["overrides"] == [told]
    assert any("asked by legal" in r["detail"] for r in answer["rules"])


def test_a_withdrawal_gives_the_days_back_and_both_are_kept(home: Home) -> None:
    account, day = entered(home)
    before = fingerprints(home)
    decide(home, account, "exclude", starts_on=day, ends_on=LAST + timedelta(days=30))
    assert states(home, account)[day] == ("engaged", "manual")
    decide(home, account, "withdraw", starts_on=day, reason="")
    after = fingerprints(home)
    for table in ("stages", "stage_transitions"):
        assert after[table] == before[table]
    kept = rows(home, 'SELECT action, "by" FROM overrides ORDER BY "at"')
    assert kept == [("exclude", "ann"), ("withdraw", "ann")]


def test_what_was_decided_before_the_first_run_holds_in_it(
    home: Home, market: Home, tmp_path: Path
) -> None:
    account, day = entered(home)
    decide(home, account, "snooze", starts_on=day, days=4)
    clean = copy_home(home, tmp_path / "clean", "inbox")
    run(clean, Window(FIRST, FIRST + timedelta(days=DAYS)))
    one, other = fingerprints(home), fingerprints(clean)
    for table in ("stages", "stage_transitions", "overrides"):
        assert one[table] == other[table]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"action": "stage", "stage": "hot", "ends_on": LAST}, "no stage 'hot'"),
        ({"action": "exclude"}, "until when"),
        ({"action": "exclude", "ends_on": FIRST, "starts_on": LAST}, "would end on"),
        ({"action": "snooze", "days": 3, "reason": " "}, "say why"),
        ({"action": "snooze", "days": 3, "motion": "renewal"}, "no motion 'renewal'"),
    ],
)
def test_a_decision_without_a_reason_or_an_end_is_refused(
    built: Home, given: dict[str, Any], why: str
) -> None:
    account, _ = entered(built)
    with pytest.raises(OverrideError, match=why):
        decide(built, account, **{"reason": "asked", **given})
    assert not (built.inbox / "overrides").exists()
