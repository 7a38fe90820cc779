"""What explain-match says is what the tables say, and it tells when they are about to change."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from mqa_platform.assets import accounts, feeds, sessions, signals, sources
from mqa_platform.core.window import Window
from mqa_platform.explain_match import explain_match
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform_tests.system.deliveries import deliver, page
from mqa_platform_tests.system.pipeline import FIRST, copy_home, rows, run

WORK = (
    sources.land,
    sources.crm,
    feeds.feeds,
    signals.signals,
    sessions.sessions,
    accounts.accounts,
)
GATEWAY = "198.51.100.9"


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def visit(number: int, day: int, cookie: str, **more: object) -> str:
    return json.dumps({**json.loads(page(number, on(day))), "anonymousId": cookie, **more})


def named(number: int, day: int, cookie: str, email: str) -> str:
    return visit(number, day, cookie, type="identify", userId=email, traits={"email": email})


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Day 0: ``fox``, still without a name, and sixty browsers behind one address. Day 1: others."""
    home = Home(tmp_path_factory.mktemp("explained"))
    behind = {"context": {"ip": GATEWAY, "userAgent": "Mozilla/5.0"}}
    crowd = [visit(100 + n, 0, f"b{n}", **behind) for n in range(60)]
    deliver(home, "0.jsonl", visit(20, 0, "fox"), *crowd)
    deliver(home, "1.jsonl", visit(1, 1, "owl"))
    run(home, Window.of(on(0), on(1)), work=WORK)
    return home


@pytest.fixture
def home(once: Home, tmp_path: Path) -> Home:
    """A copy that the test may change."""
    return copy_home(once, tmp_path / "home")


def fox(home: Home) -> str:
    (found,) = rows(home, "SELECT signal_id FROM signals WHERE anonymous_id = 'fox'")
    return str(found[0])


def test_a_signal_reads_as_the_tables_say(home: Home) -> None:
    told = explain_match(home, fox(home))
    assert not told["is_pending"]
    assert [a["reason"] for a in told["answers"]] == [p["reason"] for p in told["published"]]


def test_what_landed_since_is_told_beside_what_still_stands(home: Home) -> None:
    deliver(home, "2.jsonl", named(22, 2, "fox", "ann@acme-fox.com"))
    run(home, Window.of(on(0), on(0)), work=WORK[:1])
    told = explain_match(home, fox(home))
    assert told["is_pending"]
    assert [a["resolution_rule"] for a in told["answers"]] == ["stitched_cookie"]
    assert [p["reason"] for p in told["published"]] == ["no_match"]


def test_an_address_is_judged_among_its_day_as_the_pipeline_does(home: Home) -> None:
    """Also after the address itself was dropped."""
    reasons = rows(
        home,
        "SELECT DISTINCT reason FROM unresolved_signals JOIN signals USING (signal_id) "
        "WHERE anonymous_id LIKE 'b%'",
    )
    assert reasons == [("shared_ip",)]
    (answer,) = explain_match(home, GATEWAY, on(0))["answers"]
    assert answer["reason"] == "shared_ip"
    (answer,) = explain_match(home, GATEWAY, on(1))["answers"]
    assert answer["reason"] == "no_match"


def test_a_signal_may_be_asked_about_as_if_it_had_come_on_another_day(home: Home) -> None:
    told = explain_match(home, fox(home), on(1))
    assert (told["as_of"], told["published"]) == (on(1), [])


def test_a_rule_says_what_speaks_against_its_own_clue(home: Home) -> None:
    told = {r["rule"]: r["why"] for r in explain_match(home, "someone@gmail.com")["rules"]}
    assert told["email_domain"] == "refused: free_mail"
    assert told["crm_contact"] == "knows nothing of it"


@pytest.mark.parametrize("wanted", ["what is this", "email:\x1b[31mann", "email:ann"])
def test_what_is_nothing_we_know_is_refused_by_name(home: Home, wanted: str) -> None:
    with pytest.raises(MartError, match="no signal, e-mail"):
        explain_match(home, wanted)


@pytest.mark.parametrize("as_of", [None, date(2025, 7, 1)])
def test_before_any_day_was_run_there_is_nothing_to_ask(tmp_path: Path, as_of: date | None) -> None:
    empty = Home(tmp_path)
    with pytest.raises(MartError, match="no day has been run yet"):
        explain_match(empty, "acme.com", as_of)
