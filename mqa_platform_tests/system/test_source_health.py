"""A source that is late is seen on the same day, in the UI and on the scores, and mended when it delivers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from mqa_platform.assets import health, scores, signals, sources
from mqa_platform.core.window import Window
from mqa_platform.definitions import build_definitions
from mqa_platform.explain import explain
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy
from mqa_platform.schedules import LAND_SOURCES
from mqa_platform.source_reports import reconciles, report
from mqa_platform_tests.system.deliveries import deliver, figures, land, only_day, page
from mqa_platform_tests.system.pipeline import FIRST, LAST, opened, rows, run

Verb = Callable[..., tuple[int, str]]
WEB = "source_health WHERE source = 'segment' AND day ="
THREE_DAYS = Window.of(FIRST, FIRST + timedelta(days=2))


def test_a_held_batch_is_shown_and_degrades_the_scores_of_its_days_until_it_is_mended(
    home: Home,
) -> None:
    late = "SELECT DISTINCT score_date, degraded_by FROM scores WHERE degraded_by LIKE '%segment%'"
    work = (sources.land, scores.scores)
    good = [page(5000 + n, LAST) for n in range(50)]
    path = deliver(home, "broken.jsonl", *good, *["not json"] * 150)
    run(home, only_day(FIRST), work=work)
    assert figures(home)[-1] == 1
    assert all(reconciles(r) for r in report(home))
    assert rows(home, f"SELECT status FROM {WEB} DATE '{LAST}'") == [("held",)]
    assert rows(home, late) == [(LAST, "segment:held")]
    path.unlink()
    deliver(home, "broken.jsonl", *good)
    run(home, only_day(FIRST), work=work)
    assert figures(home)[-1] == 0
    assert rows(home, late) == []


def test_nothing_today_is_an_alert_today_and_the_late_file_mends_the_day(three_days: Home) -> None:
    today = THREE_DAYS.days()[-1]
    (three_days.inbox / "segment" / "2.jsonl").rename(three_days.root / "late.jsonl")
    (alert,) = land(three_days, THREE_DAYS).watched
    assert not alert.passed
    assert alert.severity == dg.AssetCheckSeverity.WARN
    told = f"Nothing arrived in time by {today}: bombora is silent, it has never delivered"
    assert (alert.description or "").startswith(told)
    assert "segment is stale, last on 2025-07-02" in (alert.description or "")
    assert rows(three_days, f"SELECT status FROM {WEB} DATE '{today}'") == [("stale",)]
    shutil.move(three_days.root / "late.jsonl", three_days.inbox / "segment" / "2.jsonl")
    outcome = land(three_days, THREE_DAYS)
    assert "segment" not in (outcome.watched[0].description or "")
    assert f"As of {today}" in outcome.facts["source_health"].md_str
    assert rows(three_days, f"SELECT status FROM {WEB} DATE '{today}'") == [("ok",)]


def test_yesterday_was_not_late_because_of_what_came_since(three_days: Home) -> None:
    land(three_days, THREE_DAYS)
    before = rows(three_days, "SELECT * FROM source_health ORDER BY source, day")
    deliver(three_days, "later.jsonl", page(800, FIRST + timedelta(days=9)))
    land(three_days, THREE_DAYS)
    assert rows(three_days, "SELECT * FROM source_health ORDER BY source, day") == before


def test_a_change_of_health_reopens_exactly_the_scores_from_its_first_day(home: Home) -> None:
    eighth = FIRST + timedelta(days=8)
    quiet = "SELECT count(*) FROM scores WHERE validity = 'degraded' AND score_date >= DATE '{}'"
    with opened(home) as step:
        assert step.session.reopened("scores") is None
        declared = step.policy.sources.sources
        assert declared["triggers"].expect_every_days is None
    # News gets a rhythm that it never kept.
    folder = home.root / "policy"
    copy_policy(home.policy_folder(), folder)
    file = folder / "sources.yaml"
    text = file.read_text()
    place = "    path: ${MQA_HOME}/inbox/triggers/feed-*.jsonl\n"
    assert place in text
    file.write_text(text.replace(place, f"{place}    expect_every_days: 3\n"))
    again = Home(home.root)
    with opened(again) as step:
        sources.land(step, only_day(LAST))
        first = step.session.reopened("scores")
        assert first == FIRST
        scores.scores(step, only_day(LAST))
        assert step.session.reopened("scores") is None
        late = health.degraded_by(step, step.table("source_health"))
    told = dict(rows(again, "SELECT DISTINCT score_date, degraded_by FROM scores"))
    assert told == {day: ";".join(late.get(day, [])) for day in told}
    assert rows(again, quiet.format(eighth)) != [(0,)]
    with opened(again) as step:
        sources.land(step, only_day(LAST))
        assert step.session.reopened("scores") is None


def test_explain_says_what_a_score_lacks(built: Home, verb: Verb) -> None:
    (account, day, by) = rows(
        built,
        "SELECT account_id, score_date, degraded_by FROM scores JOIN accounts USING (account_id) "
        "WHERE motion = 'new_business' AND validity = 'degraded' AND valid_from <= score_date AND "
        "(valid_to IS NULL OR score_date < valid_to) ORDER BY 2 DESC, 1 LIMIT 1",
    )[0]
    answer = explain(built, account, day)
    assert (answer["validity"], answer["degraded_by"]) == ("degraded", by)
    code, told = verb(built, "explain", account, "--as-of", str(day))
    assert code == 0
    assert f"Degraded by {by}" in told


def test_health_is_shown_for_the_last_day_and_for_any_other(built: Home, verb: Verb) -> None:
    code, told = verb(built, "sources", "health", "--json")
    assert code == 0
    assert {(r["source"], r["day"]) for r in json.loads(told)} == {
        (s, str(LAST)) for s in ("segment", "marketo", "bombora")
    }
    code, told = verb(built, "sources", "health", "--as-of", str(FIRST))
    assert code == 0
    assert "nothing has ever arrived" in told
    assert verb(built, "sources", "health", "--as-of", "2019-01-01")[0] == 2
    assert verb(built, "sources", "health", "--as-of", "soon")[0] == 2


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    events = [e for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    return {e.asset_check_evaluation_data.check_name: e.asset_check_evaluation_data for e in events}


def test_the_ui_shows_late_sources_as_a_warning_and_the_run_goes_on(three_days: Home) -> None:
    job = build_definitions(home=three_days).resolve_job_def(LAND_SOURCES)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    assert result.success
    late = evaluations(result)["sources_have_arrived"]
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.WARN)
    (landed,) = result.asset_materializations_for_node("landed_batches")
    assert "| segment | silent | 2025-07-03 |" in landed.metadata["source_health"].value
    assert landed.metadata["rows_source_report"].value == 1
    assert report(three_days)[0]["accepted"] == 30


def test_pages_that_the_taxonomy_does_not_know_are_a_warning_with_the_commonest_of_them(
    three_days: Home,
) -> None:
    lines = [page(600 + n, FIRST, f"/relaunch/{n % 2}") for n in range(8)]
    with opened(three_days) as step:
        sources.land(step, THREE_DAYS)
        (fine,) = signals.signals(step, THREE_DAYS).watched
    assert fine.passed
    deliver(three_days, "relaunch.jsonl", *lines, page(700, FIRST, "/relaunch/0"))
    with opened(three_days) as step:
        sources.land(step, THREE_DAYS)
        outcome = signals.signals(step, THREE_DAYS)
    (warned,) = outcome.watched
    assert not warned.passed
    assert warned.metadata["unclassified"].value == 9
    assert warned.metadata["paths"].value == [
        {"path": "/relaunch/0", "views": 5},
        {"path": "/relaunch/1", "views": 4},
    ]
    assert outcome.by_day[FIRST]["unclassified_share"] == pytest.approx(9 / 19)
    assert outcome.by_day[FIRST + timedelta(days=1)]["unclassified_share"] == 0
