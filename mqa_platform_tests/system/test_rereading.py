"""Who somebody is and what a page is about have no days: a promotion that changes them reads all days again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.promoting import PromotionRefusedError, promote
from mqa_platform.promotions import in_force
from mqa_platform.rereading import rereading
from mqa_platform_tests.system.pipeline import (
    FIRST,
    copy_home,
    day,
    differing,
    fingerprints,
    rows,
    run,
)
from mqa_platform_tests.system.test_promotions import (
    ASKED,
    BREADTH,
    THRESHOLD,
    changed,
    golden_is_fine,
    put,
    run_again,
)

VPS = ("signals.yaml", "factor: 1.5", "factor: 2.0")
CAREERS = ("signals.yaml", "career_page_types: [careers]", "career_page_types: [careers, blog]")
CONSENT = ("signals.yaml", "marketo: granted", "marketo: denied")
PAGES = ("signals.yaml", "^/(pricing|plans)", "^/(pricing|plans|docs)")
ANSWERS = ("signals.yaml", "as_anonymous: true", "as_anonymous: false")
OFFICES = ("identity.yaml", "office_ip: 0.75", "office_ip: 0.6")
PRICING = ("signals.yaml", "page_types: [pricing]", "page_types: [pricing, product]")
PRODUCT = ("signals.yaml", "[product, blog, docs, demo", "[blog, docs, demo")
EFFECTIVE = day(3).lo
DAYS = Window(FIRST, day(5).lo)


@pytest.mark.parametrize(
    ("edit", "pages", "people", "signals"),
    [
        (VPS, False, True, False),
        (CAREERS, False, True, False),
        (OFFICES, False, True, False),
        (ANSWERS, False, True, False),
        (CONSENT, True, False, False),
        (PAGES, True, False, False),
        (PRICING, False, False, True),
        (THRESHOLD, False, False, False),
    ],
)
def test_each_setting_asks_for_what_reads_it_and_for_nothing_else(
    tmp_path: Path, edit: tuple[str, str, str], pages: bool, people: bool, signals: bool
) -> None:
    policy = load_policy(changed(tmp_path / "new", edit))
    found = rereading(Home(tmp_path / "home"), EFFECTIVE, policy)
    assert (found.pages, found.people, found.signals) == (pages, people, signals)
    assert bool(found.names) == (pages or people)


@pytest.mark.slow
def test_a_promotion_of_what_has_no_days_equals_a_clean_rebuild(
    market: Home, tmp_path: Path
) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")
    run(home, DAYS)
    before = f"SELECT * FROM scores WHERE score_date < DATE '{EFFECTIVE}' ORDER BY ALL"
    made = (
        "SELECT DISTINCT signal_type FROM touchpoints WHERE page_type = 'product' "
        f"AND event = 'page_view' AND touchpoint_date {{}} DATE '{EFFECTIVE}'"
    )
    points = rows(home, before)
    said: list[str] = []
    folder = changed(tmp_path / "new", VPS, CAREERS, CONSENT, PAGES, PRICING, PRODUCT)
    done = promote(home, folder, EFFECTIVE, ASKED, golden_is_fine, run_again, said.append)
    # It is told by name, before any day is run, and days before the first one change as well.
    for name in ("seniority", "career_page_types", "page_types", "consent_default"):
        assert f"signals.{name}" in said[0]
    assert "every published day" in said[0]
    assert done.days == DAYS.days()
    assert rows(home, before) != points
    # What an event is worth has days: a page becomes another signal from the promotion's day on.
    assert rows(home, made.format("<")) == [("product_or_blog_view",)]
    assert rows(home, made.format(">=")) == [("pricing_view",)]
    clean = copy_home(home, tmp_path / "clean", "inbox", "policies")
    run(clean, DAYS)
    assert differing(fingerprints(home), fingerprints(clean)) == {}


def test_what_has_no_days_cannot_wait_for_one(tmp_path: Path) -> None:
    home, today = Home(tmp_path / "home"), datetime.now(UTC).date()
    later = today + timedelta(days=7)
    with pytest.raises(PromotionRefusedError, match=r"signals\.seniority would change on"):
        put(home, changed(tmp_path / "vps", VPS), later)
    assert not home.root.exists()
    # A threshold may wait; but then nothing without days may change before it and change back with it.
    put(home, changed(tmp_path / "lower", THRESHOLD), later)
    with pytest.raises(PromotionRefusedError, match=f"would change on {later}"):
        put(home, tmp_path / "vps", FIRST)
    assert [p.kind for p in in_force(home)] == ["baseline", "promotion"]


@pytest.mark.slow
def test_a_promotion_for_a_weekend_makes_a_backlog_of_the_next_run(
    market: Home, tmp_path: Path
) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")
    run(home, DAYS)
    put(home, changed(tmp_path / "new", BREADTH), day(5).lo)
    run(home, day(7))
    entered = rows(
        home,
        "SELECT DISTINCT rule FROM stage_transitions WHERE to_stage = 'mqa' AND motion = 'new_business' "
        f"AND changed_on = DATE '{day(7).lo}' AND evidence <> 'hand_raise'",
    )
    assert entered == [("backlog",)]
