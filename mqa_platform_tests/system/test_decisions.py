"""What was known when we acted stays as it was, whatever is learnt or run afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqa_platform.assets import handoffs
from mqa_platform.core.window import Window
from mqa_platform.decision_reports import decisions, drift, late, moment
from mqa_platform.home import Home
from mqa_platform.overrides import Decision, override
from mqa_platform.warehouse.snapshot import refresh_snapshot
from mqa_platform_tests.system.pipeline import (
    ALL,
    DAILY,
    DAYS,
    LANDING,
    LAST,
    copy_home,
    day,
    fingerprint,
    opened,
    rows,
    run,
)
from mqa_platform_tests.system.test_late_data import late_file

pytestmark = pytest.mark.slow
DECIDED = "SELECT * FROM decisions ORDER BY decision_id"


def test_every_handoff_has_its_decision_and_nothing_drifts_at_first(built: Home) -> None:
    made = rows(built, "SELECT handoff_id, score, rep_id, created_on FROM handoffs ORDER BY 1")
    told = "SELECT subject_id, score, rep_id, known_on FROM decisions WHERE kind = 'handoff' ORDER BY 1"
    assert made
    assert rows(built, told) == made
    assert rows(built, "SELECT count(*) FROM decision_drift WHERE drifted") == [(0,)]
    # The receipt that was written down sums to the score, as the published one does.
    for found in decisions(built):
        points = sum(round(float(line["points"]) * 10_000) for line in found["known"]["receipt"])
        assert points == round(float(found["score"]) * 10_000)


def test_a_decision_about_a_parent_holds_what_its_subtree_did(home: Home) -> None:
    parent, child = rows(
        home,
        "SELECT h.parent_account_id, h.account_id FROM account_hierarchy h JOIN touchpoints t "
        "USING (account_id) WHERE t.direction = 'inbound' AND t.touchpoint_date > DATE '2025-07-10' "
        "AND h.parent_account_id IS NOT NULL AND h.valid_to IS NULL "
        "GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2",
    )[0]
    given = Decision("stage", stage="mqa", starts_on=LAST, reason="asked", by="ann",
                     motion="new_business", ends_on=LAST + timedelta(days=9))  # fmt: skip
    override(home, parent, given, lambda home, days: run(home, days, work=(*LANDING, *DAILY)))
    run(home, day(DAYS - 1), work=(handoffs.handoffs,))
    ((own,),) = rows(
        home,
        f"SELECT coalesce(max(engagement_score), 0) FROM scores WHERE account_id = '{parent}' "
        f"AND motion = 'new_business' AND score_date = DATE '{LAST}'",
    )
    ((score, brief),) = rows(
        home, f"SELECT score, brief FROM handoffs WHERE account_id = '{parent}'"
    )
    assert score > own
    assert f"Score {float(score):.1f} " in brief
    below = {s for (s,) in rows(
        home, f"SELECT signal_id FROM touchpoints WHERE account_id = '{child}' AND direction = 'inbound' "
        "AND touchpoint_date > DATE '2025-07-10'",
    )}  # fmt: skip
    told = decisions(home, parent)
    assert {d["kind"] for d in told} == {"handoff", "override"}
    for found in told:
        assert found["score"] == score
        assert below <= set(found["known"]["evidence"])
        points = sum(round(float(line["points"]) * 10_000) for line in found["known"]["receipt"])
        assert points == round(float(score) * 10_000)
    assert drift(home, parent) == []


def test_a_rerun_and_a_backfill_write_no_decision_again(home: Home) -> None:
    before = rows(home, DECIDED)
    changed = run(home, day(10), ALL)
    assert not changed["decisions"]
    assert rows(home, DECIDED) == before


def test_a_lost_warehouse_remembers_what_was_known(home: Home) -> None:
    before = rows(home, DECIDED)
    home.warehouse.unlink()
    run(home, ALL)
    assert rows(home, DECIDED) == before


def test_late_data_changes_the_tables_and_not_what_was_known(home: Home) -> None:
    before = decisions(home)
    then = datetime.now(UTC)
    account = late_file(home)
    run(home, day(4))
    assert decisions(home, before=then) == before
    added = [d for d in decisions(home) if d not in before]
    # What qualifies only now is decided now, and the report names when it would have been.
    assert {d["account_id"] for d in added} <= {account}
    told = late(home)
    taken = [
        (r["source"], str(r["signal_date"]), r["signals"], r["outcome"]) for r in told["arrivals"]
    ]
    assert taken == [("segment", "2025-07-05", 6, "taken")]
    assert all(r["cause"] == "late_data" for r in drift(home) if r["account_id"] == account)


def test_a_report_of_a_past_moment_is_the_same_whenever_it_is_asked_for(
    home: Home, verb: Callable[..., tuple[int, str]]
) -> None:
    then = datetime.now(UTC).isoformat()
    code, printed = verb(home, "decisions", "--as-of", then, "--json")
    assert code == 0
    assert len(json.loads(printed)) == len(decisions(home))
    late_file(home)
    run(home, day(4))
    with opened(home) as step:
        # Somebody gives every handoff to another rep: the CRM changes, the report does not.
        step.session.run("UPDATE scores SET engagement_score = engagement_score - 50")
        handoffs.handoffs(step)
    assert verb(home, "decisions", "--as-of", then, "--json") == (0, printed)
    first = json.loads(printed)[0]["account_id"]
    code, one = verb(home, "decisions", "--account", first, "--as-of", then, "--json")
    assert [d["account_id"] for d in json.loads(one)] == [first]


def test_a_handoff_that_moved_to_an_earlier_day_is_named_with_the_days_it_came_late(
    home: Home,
) -> None:
    ((handoff, known, account),) = rows(
        home,
        "SELECT subject_id, known_on, account_id FROM decisions ORDER BY known_on DESC LIMIT 1",
    )
    with opened(home) as step:
        # As late data would: the same episode begins three days before it was known to.
        step.session.run(
            "UPDATE stage_transitions SET changed_on = changed_on - 3 WHERE to_stage = 'mqa' "
            f"AND account_id = '{account}'"
        )
        days = step.session.days("stages")
        step.session.run(
            f"UPDATE landed_batches SET landed_at = TIMESTAMPTZ '{step.at}', "
            f"published_from = DATE '{days[0]}', published_to = DATE '{days[-1]}'"
        )
        handoffs.handoffs(step)
        refresh_snapshot(step.session, home.snapshot)
    (found,) = [e for e in late(home)["entries"] if e["account_id"] == account]
    assert (found["days_late"], found["entered"], found["to_stage"]) == (3, known, "mqa")
    assert found["late_touchpoints"] > 0
    assert handoff in {d["subject_id"] for d in decisions(home)}


def test_what_is_beyond_the_horizon_is_counted_and_changes_nothing(
    built: Home, tmp_path: Path
) -> None:
    home = copy_home(built, tmp_path / "home")
    home.policy.mkdir()
    (home.policy / "program.yaml").write_text("late_horizon_days: 10\n")

    def published() -> list[str]:
        with opened(home) as step:
            return [
                fingerprint(step.session.arrow(step.table(t))) for t in ("signals", "touchpoints")
            ]

    before = published()
    late_file(home)
    run(home, Window.of(ALL.days()[-1], ALL.days()[-1]))
    assert published() == before
    told = late(home)
    assert (told["signals"], told["beyond_horizon"]) == (6, 6)
    assert [r["days_late"] for r in told["arrivals"]] == [25]


@pytest.mark.parametrize(
    ("text", "first_after"),
    [
        ("2025-07-09", datetime(2025, 7, 10, tzinfo=UTC)),
        ("2025-07-09T10:00:00", datetime(2025, 7, 9, 10, 0, 0, 1, tzinfo=UTC)),
        ("2025-07-09T10:00:00+02:00", datetime(2025, 7, 9, 8, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_day_is_meant_to_its_end(text: str, first_after: datetime) -> None:
    assert moment(text) == first_after
