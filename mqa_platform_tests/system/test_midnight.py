"""Visits across midnight: late, in any order, through Dagster or not, they are those of one pass."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.runs import run_on
from mqa_platform_tests.system.deliveries import deliver, page
from mqa_platform_tests.system.pipeline import FIRST, fingerprints, rows, run

DAYS = 4
TABLES = ("sessions", "touchpoints", "unresolved_signals", "scores", "score_receipts", "stages")
VISITS = (
    "SELECT session_date, page_views, strftime(started_at, '%H:%M'), strftime(ended_at, '%H:%M') "
    "FROM sessions "
    "WHERE anonymous_id = 'owl' ORDER BY started_at"
)


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def seen(number: int, day: int, time: str) -> str:
    """A page that the owl looks at, which never sleeps at midnight."""
    at = f"{on(day).isoformat()}T{time}:00.000Z"
    line = json.loads(page(number, on(day)))
    return json.dumps({**line, "anonymousId": "owl", "timestamp": at, "sentAt": at})


KNOWN = [
    seen(7001, 1, "23:25"),
    seen(7002, 2, "00:15"),
    seen(7003, 2, "23:40"),
    seen(7004, 3, "00:05"),
]
LATE = seen(7005, 1, "23:50")


NAMED = json.dumps(
    {
        **json.loads(seen(7000, 0, "09:00")),
        "type": "identify",
        "userId": "ann@owls.example",
        "traits": {"email": "ann@owls.example"},
    }
)


def with_owl(folder: Path, *more: str) -> Home:
    """A home with web visits and nothing else; the owl has told us its address."""
    home = Home(folder)
    for n in range(DAYS):
        deliver(home, f"{n}.jsonl", *(page(10 * n + i, on(n)) for i in range(10)))
    deliver(home, "owl.jsonl", NAMED, *KNOWN, *more)
    return home


@pytest.fixture(scope="module")
def one_pass(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All that is ever known, in one run."""
    home = with_owl(tmp_path_factory.mktemp("one_pass"), LATE)
    run(home, Window(on(0), on(DAYS)))
    return home


@pytest.mark.slow
def test_a_visit_across_midnight_stands_on_the_day_it_begins(one_pass: Home) -> None:
    assert rows(one_pass, VISITS) == [
        (on(1), 3, "23:25", "00:15"),
        (on(2), 2, "23:40", "00:05"),
    ]


@pytest.mark.slow
def test_days_backwards_and_a_late_signal_end_in_the_visits_of_one_pass(
    one_pass: Home, tmp_path: Path
) -> None:
    home = with_owl(tmp_path / "home")
    run(home, Window(on(2), on(4)), Window(on(0), on(2)))
    assert [day for day, *_ in rows(home, VISITS)] == [on(1), on(2), on(2)]
    # Nobody says which days the late file is about: the run is of the last day, as every morning.
    deliver(home, "owl-late.jsonl", LATE)
    with dg.DagsterInstance.ephemeral() as instance:
        run_on(instance, home, Window(on(3), on(4)))
    found, expected = fingerprints(home), fingerprints(one_pass)
    assert rows(home, "SELECT count(*) FROM touchpoints WHERE session_id IS NOT NULL") == [(5,)]
    assert {t: found[t] for t in TABLES} == {t: expected[t] for t in TABLES}
    assert found["_reopened"] == "[]"
