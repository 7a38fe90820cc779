"""A policy comes into force on a day with two approvals, and re-opens exactly the days from there on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy.problems import PolicyError
from mqa_platform.promoting import Approval, Promoted, PromotionRefusedError, promote
from mqa_platform.promotions import load_history, policy_now, promotions
from mqa_platform.reverting import revert
from mqa_platform_tests.system.pipeline import ALL, FIRST, LAST, copy_home, day, rows, run

ASKED = Approval("ann", "fewer, warmer accounts", "replay of July", "marketing-lead", "sales-lead")
THRESHOLD = ("stages.yaml", "threshold: 90", "threshold: 80")
BREADTH = ("signals.yaml", "multi_contact:\n  weight: 10", "multi_contact:\n  weight: 100")


def changed(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """The packaged policy with lines changed."""
    copy_policy(None, folder)
    for file, before, after in edits:
        path = folder / file
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))
    return folder


def golden_is_fine(folder: Path) -> list[str]:
    return []


def run_again(home: Home, window: Window) -> None:
    run(home, window)


def put(home: Home, folder: Path, effective: date, approval: Approval = ASKED) -> Promoted:
    return promote(home, folder, effective, approval, golden_is_fine, run_again)


@pytest.mark.parametrize(
    ("approval", "reason"),
    [
        (replace(ASKED, sales=""), "the approval of sales is missing; sales-lead may give it"),
        (replace(ASKED, marketing=""), "the approval of marketing is missing"),
        (replace(ASKED, sales="ann"), "ann may not approve for sales; sales-lead may"),
        (replace(ASKED, sales="marketing-lead"), "cannot approve for both sides"),
        (replace(ASKED, evidence=" "), "the evidence is missing"),
        (replace(ASKED, rationale=""), "the rationale is missing"),
    ],
)
@pytest.mark.parametrize("motion", ["", "motions/expansion/"])
def test_a_threshold_does_not_change_without_two_approvals_and_evidence(
    tmp_path: Path, approval: Approval, reason: str, motion: str
) -> None:
    edit = ("threshold: 75", "threshold: 70") if motion else THRESHOLD[1:]
    folder = changed(tmp_path / "new", (f"{motion}stages.yaml", *edit))
    home = Home(tmp_path / "home")
    with pytest.raises(PromotionRefusedError, match=reason) as refused:
        put(home, folder, FIRST, approval)
    named = (
        "expansion/stages.tiers.scaled.threshold" if motion else "(stages.tiers.scaled.threshold"
    )
    assert named in str(refused.value)
    assert not home.root.exists()


def test_a_promotion_is_refused_where_golden_accounts_come_out_otherwise(tmp_path: Path) -> None:
    folder, home = changed(tmp_path / "new", THRESHOLD), Home(tmp_path / "home")
    with pytest.raises(PromotionRefusedError, match="five_contacts: stage on day 9"):
        promote(home, folder, FIRST, ASKED, lambda _: ["five_contacts: stage on day 9"], run_again)
    assert not home.root.exists()


def test_who_may_approve_is_said_by_the_policy_in_force_and_not_by_the_new_one(
    tmp_path: Path,
) -> None:
    folder = changed(
        tmp_path / "new", THRESHOLD, ("program.yaml", "[sales-lead]", "[sales-lead, ann]")
    )
    with pytest.raises(PromotionRefusedError, match="ann may not approve for sales"):
        put(Home(tmp_path / "home"), folder, FIRST, replace(ASKED, sales="ann"))


@pytest.mark.parametrize("side", ["marketing", "sales"])
def test_nobody_approves_who_is_named_by_the_new_policy_only(tmp_path: Path, side: str) -> None:
    home = Home(tmp_path / "home")
    copy_policy(None, home.policy)
    program = home.policy / "program.yaml"
    text = program.read_text()
    program.write_text(text.replace(f"  {side}: [{side}-lead]\n", ""))
    folder = changed(tmp_path / "new", THRESHOLD)
    with pytest.raises(PromotionRefusedError, match=f"in force names no approver for {side}; name"):
        put(home, folder, FIRST)
    assert not (home.policies / "log").exists()
    program.write_text(text)
    assert put(home, folder, FIRST).entry.promotion_id == "0002"


def test_who_is_named_by_a_policy_for_later_does_not_approve_yet(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    another = ("program.yaml", "[sales-lead]", "[another-lead]")
    put(home, changed(tmp_path / "later", another), date(2999, 1, 1))
    folder = changed(tmp_path / "new", THRESHOLD)
    with pytest.raises(PromotionRefusedError, match="another-lead may not approve for sales"):
        put(home, folder, FIRST, replace(ASKED, sales="another-lead"))
    put(home, folder, FIRST)


def test_a_policy_that_nobody_could_approve_a_change_of_is_not_promoted(tmp_path: Path) -> None:
    folder = changed(tmp_path / "new", ("program.yaml", "[sales-lead]", "[]"))
    with pytest.raises(PromotionRefusedError, match="names no approver for sales of what comes"):
        put(Home(tmp_path / "home"), folder, FIRST)


def test_a_promotion_says_by_name_what_no_replay_has_shown(tmp_path: Path) -> None:
    folder = changed(
        tmp_path / "new", THRESHOLD, ("signals.yaml", "factor: 1.5", "factor: 1.75"),
        ("identity.yaml", "discovery: true", "discovery: false"),
    )  # fmt: skip
    home, told = Home(tmp_path / "home"), list[str]()
    promote(home, folder, FIRST, ASKED, golden_is_fine, run_again, told.append)
    (line,) = told
    assert line.endswith("identity.discovery, signals.seniority.")
    revert(home, FIRST, "bob", "too many", run_again, told.append)
    assert told == [line, line]
    promote(home, changed(tmp_path / "bar", THRESHOLD), FIRST, ASKED, golden_is_fine, run_again,
            told.append)  # fmt: skip
    assert told == [line, line]


def test_nothing_is_promoted_twice_or_before_the_history(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(PromotionRefusedError, match="in force on 2025-07-01 already"):
        put(home, changed(tmp_path / "same"), FIRST)
    with pytest.raises(PromotionRefusedError, match="before the history"):
        put(home, changed(tmp_path / "new", THRESHOLD), FIRST - timedelta(days=1))


def test_a_promoted_policy_is_kept_as_it_was_promoted(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    folder = changed(tmp_path / "new", THRESHOLD)
    version = policy_version(load_policy(folder))
    put(home, folder, day(10).lo)
    (folder / "stages.yaml").write_text("exit_days: 9\n")
    history = load_history(home)
    assert [e.version for e in history.entries] == [policy_version(load_policy(None)), version]
    assert history.effective_on(day(9).lo).policy.stages.exit_days == 5
    assert history.effective_on(day(10).lo).policy == load_policy(home.policies / version)
    assert policy_now(home).version == version
    kept = home.policies / version / "stages.yaml"
    kept.write_text(kept.read_text() + "\n")
    with pytest.raises(PolicyError, match="is not what was promoted"):
        load_history(home)


def test_an_edit_of_the_folder_changes_nothing_once_something_was_promoted(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    put(home, changed(tmp_path / "new", THRESHOLD), day(10).lo)
    before = load_history(home).versions()
    home.policy.mkdir()
    (home.policy / "stages.yaml").write_text("exit_days: 9\n")
    (home.policy / "sources.yaml").write_text("sources: {}\n")
    after = load_history(home)
    assert list(after.versions()) == list(before)
    assert all(p.sources.sources == {} for p in after.versions().values())
    assert after.entries[-1].policy.stages == before[after.entries[-1].version].stages


def test_a_promotion_that_was_cut_off_after_its_baseline_has_not_begun(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    put(home, changed(tmp_path / "new", THRESHOLD), day(10).lo)
    (home.policies / "log" / "0002.json").unlink()
    home.policy.mkdir()
    (home.policy / "stages.yaml").write_text("exit_days: 9\n")
    # The folder is still what counts, and becomes the baseline of the promotion that is made.
    assert policy_now(home).policy.stages.exit_days == 9
    put(home, tmp_path / "new", day(10).lo)
    assert [p.kind for p in promotions(home)] == ["baseline", "baseline", "promotion"]
    history = load_history(home)
    assert history.effective_on(FIRST).policy.stages.exit_days == 9
    assert history.effective_on(LAST).policy.stages.exit_days == 5


def test_a_changed_copy_is_not_promoted_again(tmp_path: Path) -> None:
    home, folder = Home(tmp_path / "home"), changed(tmp_path / "new", THRESHOLD)
    put(home, folder, day(10).lo)
    revert(home, day(12).lo, "bob", "too many", run_again)
    kept = home.policies / promotions(home)[1].version / "stages.yaml"
    before = kept.read_bytes()
    kept.write_bytes(before + b"# changed")
    with pytest.raises(PolicyError, match="is not what was promoted"):
        put(home, folder, day(14).lo)
    kept.write_bytes(before)
    put(home, folder, day(14).lo)
    assert len(load_history(home).entries) == 4


def scores_by_day(home: Home) -> dict[date, tuple[str, float]]:
    told = "SELECT score_date, max(policy_version), sum(engagement_score) FROM scores GROUP BY 1"
    return {d: (version, float(points)) for d, version, points in rows(home, told)}


@pytest.mark.slow
def test_a_promotion_changes_the_days_from_its_day_on_and_no_others(
    built: Home, tmp_path: Path
) -> None:
    home = copy_home(built, tmp_path / "home")
    folder = changed(tmp_path / "new", THRESHOLD, BREADTH)
    version, effective = policy_version(load_policy(folder)), day(20).lo
    told = "SELECT * FROM {} WHERE {} < DATE '" + str(effective) + "' ORDER BY ALL"
    tables = (("scores", "score_date"), ("score_receipts", "score_date"), ("stages", "stage_date"),
              ("stage_transitions", "changed_on"))  # fmt: skip
    before = {t: rows(home, told.format(t, d)) for t, d in tables}
    points = scores_by_day(home)
    handed = rows(home, "SELECT handoff_id, created_on FROM handoffs ORDER BY 1")
    done = put(home, folder, effective)
    assert done.days == [d for d in ALL.days() if d >= effective]
    assert {t: rows(home, told.format(t, d)) for t, d in tables} == before
    after = scores_by_day(home)
    assert {d for d, (used, _) in after.items() if used == version} == set(done.days)
    assert all(after[d][1] > points[d][1] for d in done.days)
    # The flood guard: who was above on the day of the promotion is a backlog, and opens no handoff.
    entered = rows(
        home,
        "SELECT DISTINCT rule FROM stage_transitions WHERE to_stage = 'mqa' AND motion = 'new_business' "
        f"AND changed_on = DATE '{effective}' AND reason <> 'hand_raise'",
    )
    assert entered == [("backlog",)]
    again = rows(home, "SELECT handoff_id, created_on FROM handoffs ORDER BY 1")
    assert {h for h in handed if h[1] < effective} <= set(again)
    # The log is a table, and a clean rebuild gives the same scores.
    log = rows(home, "SELECT kind, version, changes FROM policy_promotions ORDER BY promotion_id")
    assert [entry[:2] for entry in log] == [
        ("baseline", points[FIRST][0]),
        ("promotion", version),
    ]
    assert json.loads(log[1][2])["stages.tiers.scaled.threshold"] == [90.0, 80.0]
    clean = copy_home(home, tmp_path / "clean", "inbox", "policies")
    run(clean, ALL)
    everything = "SELECT * FROM {} ORDER BY ALL"
    for table in ("scores", "score_receipts", "stages", "stage_transitions", "handoffs"):
        assert rows(clean, everything.format(table)) == rows(home, everything.format(table)), table
    # One more run finds nothing to do, and the revert is one call.
    assert not any(run(home, Window.of(LAST, LAST)).values())
    revert(home, effective, "bob", "too many", run_again)
    assert scores_by_day(home) == points


@pytest.mark.slow
def test_the_verbs_put_a_policy_in_force_tell_of_it_and_take_it_back(
    tmp_path: Path, verb: Callable[..., tuple[int, str]]
) -> None:
    home, folder = Home(tmp_path / "home"), changed(tmp_path / "new", THRESHOLD)
    for golden in (folder / "golden").glob("*.yaml"):
        if golden.stem != "hand_raise":
            golden.unlink()
    asked = ["policy", "promote", str(folder), "--effective", "2025-08-01", "--rationale", "fewer"]
    assert verb(home, *asked)[0] == 1
    assert verb(home, "policy", "promote", str(folder), "--effective", "soon")[0] == 2
    assert not home.root.exists()
    approvals = ["--approved-by-marketing", "marketing-lead", "--approved-by-sales", "sales-lead"]
    code, said = verb(home, *asked, "--evidence", "replay", *approvals, "--author", "ann", "--json")
    assert code == 0
    told = json.loads(said)
    assert (told["kind"], told["author"], told["days_run_again"]) == ("promotion", "ann", [])
    assert told["changes"] == {"stages.tiers.scaled.threshold": [90.0, 80.0]}
    assert verb(home, "policy", "revert", "--rationale", "too many")[0] == 0
    entries = json.loads(verb(home, "policy", "log", "--json")[1])
    assert [e["kind"] for e in entries] == ["baseline", "promotion", "revert"]
    assert entries[2]["version"] == entries[0]["version"]
    assert entries[2]["effective_from"] == "2025-08-01"
    assert "too many" in verb(home, "policy", "log")[1]
