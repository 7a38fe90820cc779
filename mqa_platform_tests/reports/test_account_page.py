"""The account page: one file that shows everything of an account and does nothing else."""

from __future__ import annotations

import base64
import os
import re
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from mqa_platform.reports.account_page import MOST_TOUCHES, AccountFacts, account_page
from mqa_platform.reports.charts import score_chart, score_text
from mqa_platform_tests.reports.facts import ATTACKS, facts
from mqa_platform_tests.reports.test_inert import tags_of

DAYS = [date(2026, 1, n) for n in range(1, 6)]
SCORES = [{"day": d, "score": 20.0 * n, "threshold": 60.0} for n, d in enumerate(DAYS)]


def told(outside: str = "Acme", **changed) -> AccountFacts:
    account = {"account_id": "0017", "name": outside, "domain": "acme.com", "industry": outside,
               "country": "Germany", "employees": 1200, "tier": "scaled"}  # fmt: skip
    touch = {"occurred_at": datetime(2026, 1, 4, 9, 30, tzinfo=UTC), "who": outside, "what": "pricing",
             "where": outside, "confidence": 0.75}  # fmt: skip
    line = {"component": "pricing_view", "points": Decimal("48.25"), "raw_points": Decimal(60),
            "lost_to_cap": Decimal(0), "decayed_points": Decimal("48.25"),
            "lost_to_ceiling": Decimal(0), "touchpoints": 7, "people": 3}  # fmt: skip
    contact = {"name": outside, "title": outside, "role": "technical_buyer", "reachable": False,
               "why_not": "unsubscribed", "last_seen_on": DAYS[3]}  # fmt: skip
    move = {"changed_on": DAYS[3], "from_stage": "engaged", "to_stage": "mqa", "rule": "qualified",
            "reason": outside}  # fmt: skip
    handoff = {"created_on": DAYS[3], "rep": outside, "status": "open", "evidence_rule": "people",
               "due_at": None}  # fmt: skip
    given = {
        "account": account, "motion": "new_business", "as_of": DAYS[-1],
        "stage": {"stage": "mqa", "entered_on": DAYS[3], "suppression_reason": None},
        "scores": SCORES, "receipt": [line], "contacts": [contact], "touches": [touch],
        "touches_in_all": 1, "transitions": [move], "handoffs": [handoff], "versions": ["abc123"],
    }  # fmt: skip
    return AccountFacts(**{**given, **changed})


@pytest.fixture(scope="module")
def page() -> str:
    return account_page(told(), facts("Acme"))


def test_the_page_shows_score_receipt_committee_timeline_stages_handoffs_and_brief(page):
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert [h.split(" of ")[0] for h in headings] == [
        "Score over time", "Receipt", "Buying committee", "Timeline", "Stages", "Handoffs", "Brief",
    ]  # fmt: skip
    for shown in (
        "48.25",
        "technical buyer",
        "unsubscribed",
        "2026-01-04 09:30",
        "qualified",
        "abc123",
    ):
        assert shown in page


def test_the_sum_of_the_receipt_is_on_the_page(page):
    receipt = page[page.index('id="receipt"') : page.index('id="committee"')]
    assert "sum" in receipt
    assert receipt.count("48.25") == 3


def test_the_chart_is_a_picture_inside_the_page_with_a_text_and_a_table_for_who_cannot_see_it(page):
    (picture,) = [a for t, a in tags_of(page) if t == "img"]
    assert picture["src"].startswith("data:image/svg+xml;base64,")
    assert picture["alt"] == score_text(SCORES, [DAYS[3]])
    assert "highest 80.0 on 2026-01-05" in picture["alt"]
    assert "Entered mqa on 2026-01-04" in picture["alt"]
    score = page[page.index('id="score"') : page.index('id="receipt"')]
    assert all(str(d) in score for d in DAYS)


def test_a_table_says_of_what_its_columns_and_rows_are(page):
    tables = page.count("<table>")
    assert tables == page.count("<caption>") == 6
    assert page.count('scope="col"') > tables
    assert 'scope="row"' in page
    assert '<html lang="en">' in page


def luminance(colour: str) -> float:
    long = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
    parts = [int(long[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_text_has_enough_contrast_on_white(page):
    colours = set(re.findall(r"[;{]color:(#[0-9a-f]{3,6})", page))
    assert colours
    assert all(1.05 / (luminance(c) + 0.05) >= 7 for c in colours)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: repr(a)[:30])
def test_outside_text_makes_no_tag_and_no_link_on_the_page(attack):
    nothing = {"scores": ()}
    safe = [t for t, _ in tags_of(account_page(told("Acme", **nothing), facts("Acme")))]
    made = account_page(told(attack, **nothing), facts(attack))
    assert [t for t, _ in tags_of(made)] == safe
    assert all(a["href"].startswith("#") for t, a in tags_of(made) if t == "a")
    assert len(made) < 60_000


def test_an_account_about_which_nothing_is_known_has_a_page():
    account = dict.fromkeys(("name", "domain", "industry", "country", "employees", "tier"))
    bare = AccountFacts({**account, "account_id": "0017"}, "new_business", DAYS[0])
    made = account_page(bare)
    assert "<h1>0017</h1>" in made
    assert "No score has been published." in made
    assert "Never handed over." in made
    assert "policy unknown" in made


def test_a_long_timeline_says_that_it_is_cut():
    touch = told().touches[0]
    made = account_page(told(touches=[touch] * MOST_TOUCHES, touches_in_all=1234, scores=()))
    assert "The latest 100 of 1,234 touchpoints." in made


def test_the_same_facts_give_the_same_page_to_the_byte(page):
    assert account_page(told(), facts("Acme")) == page


def test_the_chart_is_the_same_in_every_time_zone(monkeypatch):
    def drawn(zone: str) -> bytes:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        return base64.b64decode(score_chart(SCORES, [DAYS[3]]).split(",")[1])

    before = os.environ.get("TZ")
    try:
        assert drawn("UTC") == drawn("Pacific/Apia") == drawn("America/New_York")
    finally:
        monkeypatch.setenv("TZ", before or "UTC")
        time.tzset()


def test_one_day_of_scores_is_a_point_and_no_days_of_entry_are_no_error():
    assert score_chart(SCORES[:1], []).startswith("data:image/svg+xml;base64,")
