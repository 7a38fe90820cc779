"""A merge that was wrong is taken back, and exactly its days are run again."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from mqa_platform.assets import accounts, feeds, sessions, signals, sources
from mqa_platform.core.window import Window
from mqa_platform.corrections import CorrectionError, correct
from mqa_platform.explain_match import explain_match
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.stitching import stitching
from mqa_platform_tests.system.deliveries import deliver, page
from mqa_platform_tests.system.pipeline import FIRST, copy_home, fingerprints, rows, run

WORK = (
    sources.land,
    sources.crm,
    feeds.feeds,
    signals.signals,
    sessions.sessions,
    accounts.accounts,
)
TABLES = (
    "signals", "sessions", "touchpoints", "unresolved_signals", "accounts", "account_hierarchy",
    "crm_duplicates", "discovered_accounts", "identity_reviews",
)  # fmt: skip
ALL = Window.of(FIRST, FIRST + timedelta(days=4))


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def visit(number: int, day: int, cookie: str, **more: object) -> str:
    return json.dumps({**json.loads(page(number, on(day))), "anonymousId": cookie, **more})


def named(number: int, day: int, cookie: str, email: str) -> str:
    return visit(number, day, cookie, type="identify", userId=email, traits={"email": email})


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The browser ``fox`` comes on days 0 and 3 without a name and is named on day 4; others daily."""
    home = Home(tmp_path_factory.mktemp("stitched"))
    for n in range(5):
        deliver(home, f"{n}.jsonl", visit(n, n, "owl"), visit(10 + n, n, f"other{n}"))
    lines = [visit(20, 0, "fox"), visit(21, 3, "fox"), named(22, 4, "fox", "ann@acme-fox.com")]
    deliver(home, "fox.jsonl", *lines)
    run(home, ALL, work=WORK)
    return home


@pytest.fixture
def stitched(once: Home, tmp_path: Path) -> Home:
    """A copy that the test may change."""
    return copy_home(once, tmp_path / "home")


def again(home: Home, window: Window | None) -> None:
    run(home, window or Window.of(on(0), on(0)), work=WORK)


def runs_of(home: Home) -> dict[date, str]:
    found = "SELECT day, run_id FROM _published_days WHERE table_name = 'touchpoints'"
    return dict(rows(home, found))


def run_again(home: Home) -> list[date]:
    """The days that were run since ``with_marks``."""
    return sorted(day for day, run_id in runs_of(home).items() if run_id != "before")


def assert_as_if_rebuilt(home: Home, folder: Path) -> None:
    """What stands is what a new installation with the same files would have."""
    clean = copy_home(home, folder, "inbox")
    run(clean, ALL, work=WORK)
    one, other = fingerprints(home), fingerprints(clean)
    assert {t: one[t] for t in TABLES} == {t: other[t] for t in TABLES}


def shares(home: Home) -> list[tuple[date, str]]:
    return rows(
        home,
        "SELECT touchpoint_date, account_id FROM touchpoints WHERE anonymous_id = 'fox' ORDER BY 1",
    )


def test_a_browser_taken_from_its_person_loses_its_days_and_no_other_day_is_run(
    stitched: Home, tmp_path: Path
) -> None:
    assert [day for day, _ in shares(stitched)] == [on(0), on(3)]
    with_marks(stitched)
    found = correct(stitched, "fox", None, "split", "a shared screen", again)
    assert (found.kind, found.days) == ("cookie", [on(0), on(3)])
    assert found.changed_days == [on(0), on(3)]
    assert shares(stitched) == []
    assert run_again(stitched) == [on(0), on(3)]
    assert_as_if_rebuilt(stitched, tmp_path / "clean")


def test_a_person_taken_from_all_browsers_loses_their_days_and_no_other_day_is_run(
    stitched: Home, tmp_path: Path
) -> None:
    with_marks(stitched)
    found = correct(stitched, "ann@acme-fox.com", None, "split", "a shared address", again)
    assert (found.kind, found.days, found.changed_days) == ("person", [on(0), on(3)], found.days)
    assert (shares(stitched), run_again(stitched)) == ([], found.days)
    assert_as_if_rebuilt(stitched, tmp_path / "clean")


def test_a_merge_by_hand_takes_a_split_back(stitched: Home) -> None:
    before = shares(stitched)
    correct(stitched, "fox", "ann@acme-fox.com", "split", None, again)
    assert shares(stitched) == []
    found = correct(stitched, "fox", "ann@acme-fox.com", "merge", "it was Ann", again)
    assert found.changed_days == [on(0), on(3)]
    assert shares(stitched) == before


def test_what_nobody_has_seen_cannot_be_taken_apart(stitched: Home) -> None:
    with pytest.raises(CorrectionError, match="no account, browser or lead 'wolf'"):
        correct(stitched, "wolf", None, "split", None, again)
    assert not (stitched.inbox / "corrections").exists()


def with_marks(home: Home) -> None:
    """Every day is marked as run before, so that a day that is run again shows."""
    import duckdb

    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("UPDATE _published_days SET run_id = 'before'")


def test_the_report_counts_what_was_learnt_after_the_visit(stitched: Home) -> None:
    told = stitching(stitched)
    assert [(r["day"], r["added"], r["as_known_then"]) for r in told["days"]] == [
        (on(0), 1.0, 0.0),
        (on(3), 1.0, 0.0),
    ]
    assert told["added"] == 2.0
    assert stitching(stitched, on(1), on(2))["added"] == 0


def test_explaining_a_match_uses_the_rules_of_the_pipeline(stitched: Home) -> None:
    ((signal, account),) = rows(
        stitched,
        "SELECT signal_id, account_id FROM touchpoints WHERE anonymous_id = 'fox' "
        "AND touchpoint_date = DATE '2025-07-01'",
    )
    told = explain_match(stitched, signal)
    (answer,) = told["answers"]
    assert (answer["account_id"], answer["resolution_rule"]) == (account, "stitched_cookie")
    spoke = [r["rule"] for r in told["rules"] if r["spoke"]]
    assert (spoke, told["kind"], told["as_of"]) == (["stitched_cookie"], "signal", on(0))
    told = explain_match(stitched, "Ann@acme-fox.com", on(2))
    (answer,) = told["answers"]
    assert (answer["account_id"], answer["resolution_rule"]) == (account, "email_domain")
    assert "ann@acme-fox.com" not in str(told).lower()
    (answer,) = explain_match(stitched, "someone@gmail.com")["answers"]
    assert (answer["account_id"], answer["reason"]) == (None, "free_mail")
    (answer,) = explain_match(stitched, "192.0.2.1")["answers"]
    assert (answer["account_id"], answer["reason"]) == (None, "no_match")
    with pytest.raises(MartError, match="no signal, e-mail"):
        explain_match(stitched, "what is this")
