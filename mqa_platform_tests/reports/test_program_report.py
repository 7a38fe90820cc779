"""The programme report: one file that shows every figure with its interval, and says what the data cannot."""

from __future__ import annotations

import base64
import re
from datetime import date
from decimal import Decimal

import pytest

from mqa_platform.core.calibration.stale import Age
from mqa_platform.reports.program_parts import ProgramFacts, number, share
from mqa_platform.reports.program_report import program_page, section_markdown, sections
from mqa_platform.reports.program_watch import stale
from mqa_platform_tests.reports.facts import ATTACKS
from mqa_platform_tests.reports.test_account_page import luminance
from mqa_platform_tests.reports.test_inert import tags_of

DAY = date(2026, 3, 31)
BEGAN = date(2025, 7, 1)


def metric(name, value, low=None, high=None, unit="share", cohort="all", segment="all", **more):
    dimension = "all" if segment == "all" else "tier"
    row = {"metric": name, "dimension": dimension, "segment": segment, "cohort": cohort, "value": value,
           "low": low, "high": high, "numerator": 1.0, "denominator": 2.0, "n_mature": 40, "censored": 0,
           "unit": unit, "method": "wilson_95"}  # fmt: skip
    return {**row, **more}


METRICS = [
    metric("mqa_volume", 102.0, unit="accounts"),
    metric("mqa_to_opportunity_rate", 0.55, 0.398, 0.693, censored=62),
    metric("mqa_to_won_rate", None, censored=102),
    metric("mqa_to_opportunity_rate", 0.75, 0.3, 0.95, segment="strategic"),
    metric("mqa_to_opportunity_rate_km", 0.6, 0.4, 0.8, cohort="2026-01"),
    metric("mqa_to_opportunity_rate_km", None, cohort="2026-02", censored=19),
    metric("funnel_engaged", 200.0, unit="accounts"),
    metric("funnel_mqa", 50.0, unit="accounts"),
    metric("funnel_opportunity", 20.0, unit="accounts"),
    metric("funnel_won", 5.0, unit="accounts"),
    metric("mqa_per_rep", 20.0, 15.0, 26.0, unit="per rep", cohort="2025-Q4"),
    metric("mqa_per_rep", None, unit="per rep", cohort="2026-Q1"),
]


def curve(step, volume, precision, proposed=False):
    return {"proposed_on": DAY, "motion": "new_business", "tier": "all", "step": step, "threshold": None,
            "volume_per_week": volume, "week_low": volume - 5, "week_high": volume + 5, "precision": precision,
            "precision_low": 0.1, "precision_high": 0.9, "recall": None, "recall_low": None, "recall_high": None,
            "per_rep_week": 1.0, "is_proposed": proposed}  # fmt: skip


def lift(signal, value, low, high):
    return {"motion": "new_business", "signal": signal, "estimated_on": DAY, "accounts": 900, "winners_with": 9,
            "winners": 30, "coverage": 0.2, "rate_with": 0.1, "rate_without": 0.05, "lift": value, "low": low,
            "high": high, "overlaps_with": None, "overlap": None, "verdict": "lifts", "says": "Says."}  # fmt: skip


def missed(deal, rule, short=None, name="Acme"):
    return {"opportunity_id": deal, "account_id": f"a{deal}", "name": name, "created_on": DAY, "is_won": True,
            "origin": "none" if rule else "mqa_sourced", "missing_rule": rule, "max_score_90d": Decimal("70"),
            "points_short": short, "absent_signal": None}  # fmt: skip


def credit(part, model, pipeline, by="channel"):
    return {"by": by, "model": model, "part": part, "opportunities": 3, "credit": 1.0, "pipeline": pipeline,
            "revenue": 0, "spend": None, "roi": None}  # fmt: skip


def facts(name="Acme", **changed) -> ProgramFacts:
    tables = {
        "threshold_curve": [curve(-1, 12.0, 0.5), curve(0, 10.0, 0.6), curve(1, 8.0, 0.7, True)],
        "signal_lift": [lift("pricing_view", 2.0, 1.5, 3.0), lift("trigger_event", 0.5, 0.2, 1.4)],
        "opportunity_origin": [
            missed("1", "below_threshold", Decimal("4.5"), name), missed("2", "no_match"), missed("3", "no_match"),
            missed("4", None),
        ],
        "attribution": [credit("web", "linear", Decimal(750)), credit("none", "linear", Decimal(250)),
                        credit("web", "first", Decimal(1000)), credit(name, "linear", Decimal(1), "campaign")],
        "sales_room": [{"rep_id": "r1", "week_from": DAY, "team": name, "capacity": Decimal(9), "absent": Decimal(1),
                        "open_work": Decimal(2), "room": Decimal(6)}],
        "experiment_results": [],
    }  # fmt: skip
    given = {"as_of": DAY, "since": BEGAN, "motion": "new_business", "motions": ["new_business"], "currency": "EUR",
             "version": "abc123", "metrics": METRICS, "tables": tables, "names": {"r1": name},
             "definitions": [{"metric": "mqa_volume", "definition": "Episodes that began.", "unit": "accounts"},
                             {"metric": "acv", "definition": "Mean value.", "unit": "currency"}],
             "ages": [Age("new_business", "scaled", 90.0, BEGAN, 273, 91)]}  # fmt: skip
    return ProgramFacts(**{**given, **changed})


def empty() -> ProgramFacts:
    return ProgramFacts(DAY, BEGAN, "new_business", ["new_business"], "EUR", "abc123")


def made(told: ProgramFacts) -> str:
    return program_page(told, sections(told))


@pytest.fixture(scope="module")
def page() -> str:
    return made(facts())


def part(page: str, name: str) -> str:
    start = page.index(f'<section id="{name}"')
    return page[start : page.index("</section>", start)]


def test_big_numbers_are_text_with_their_interval_and_what_cannot_be_said_is_said(page):
    numbers = part(page, "headline")
    assert '<dt>MQAs</dt><dd class="value">102</dd>' in numbers
    assert "55.0\u00a0%</dd>" in numbers
    assert "95 % interval 39.8\u00a0% to 69.3\u00a0%; 62" in numbers
    won = numbers[numbers.index("MQA to won") :]
    assert won.startswith('MQA to won</dt><dd class="value">cannot say</dd>')


def test_the_funnel_gives_each_rung_as_a_share_of_the_one_before_and_of_all(page):
    # 50 of 200, 20 of 50 and of 200, 5 of 20 and of 200.
    cells = re.findall(r"<td>([\d.,]+ ?%?)</td>", part(page, "funnel").split("MQAs by month")[0])
    told = "200, 100.0 %, 50, 25.0 %, 25.0 %, 20, 40.0 %, 10.0 %, 5, 25.0 %, 2.5 %"
    assert ", ".join(cells) == told


def test_missed_deals_are_counted_by_the_rule_that_was_absent(page):
    lost = part(page, "missed")
    assert "3 of 4 opportunities" in lost
    counted = re.findall(r'<th scope="row">(no match|below threshold)</th><td>(\d)</td>', lost)
    assert counted == [("no match", "2"), ("below threshold", "1")]
    assert "4.50" in lost


def test_deals_without_a_touch_are_said_as_a_share(page):
    assert "50.0\u00a0% of the opportunities had no touch" in part(page, "attribution")


def test_a_rep_below_the_band_is_told_so_and_the_band_is_no_target(page):
    said = part(page, "reps")
    assert "20 MQAs a rep in 2025-Q4: below the band of 30 to 100" in said
    assert "no target" in said


def test_a_stale_threshold_is_flagged_at_the_head_of_the_page(page):
    assert page.index("Review due.") < page.index("<nav")
    assert "273 days ago (2025-07-01)" in page[: page.index("<nav")]
    fresh = facts(ages=[Age("new_business", "scaled", 90.0, DAY, 0, 91)])
    assert stale(fresh) is None
    assert "Review due." not in made(fresh)


def test_every_picture_has_a_text_and_a_table_and_loads_nothing(page):
    pictures = [a for t, a in tags_of(page) if t == "img"]
    assert len(pictures) >= 7
    assert all(p["src"].startswith("data:image/svg+xml;base64,") for p in pictures)
    assert all(len(p["alt"] or "") > 20 for p in pictures)
    assert page.count("The same as a table") == len(pictures)
    after = re.split(r"<figure>", page)[1:]
    assert all("<table>" in a.split("</details>")[0] for a in after)
    assert not [t for t, _ in tags_of(page) if t in ("script", "link", "iframe", "object")]
    (policy,) = [a["content"] for t, a in tags_of(page) if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for p in pictures:
        svg = base64.b64decode(p["src"].split(",")[1]).decode()
        assert not re.search(r'(href|src)="http', svg)


def test_headings_are_in_order_and_named_in_the_navigation(page):
    levels = [int(t[1]) for t, _ in tags_of(page) if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= before + 1 for before, later in zip(levels, levels[1:], strict=False))
    ids = {a["id"] for t, a in tags_of(page) if t == "section"}
    assert {a["href"][1:] for t, a in tags_of(page) if t == "a"} == ids
    assert '<html lang="en">' in page


def test_text_has_contrast_motion_is_asked_for_and_paper_shows_all(page):
    colours = set(re.findall(r"[;{]color:(#[0-9a-f]{3,6})", page))
    assert colours
    assert all(1.05 / (luminance(c) + 0.05) >= 7 for c in colours)
    assert "@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}" in page
    assert "details::details-content{content-visibility:visible" in page.split("@media print")[1]


def test_a_home_with_nothing_published_has_a_report_that_says_so():
    page = made(empty())
    assert not [t for t, _ in tags_of(page) if t in ("img", "table")]
    assert "No proposal has been made yet" in page
    assert "No experiment has drawn anything" in page
    assert page.count("cannot say") >= 10
    assert [s.id for s in sections(empty()) if not s.cannot] == []
    assert page.count("What this does not say.") == len(sections(empty()))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: repr(a)[:30])
def test_outside_text_makes_no_tag_on_the_page_and_no_markup_in_the_ui(attack, monkeypatch):
    # The pictures are the same work for every attack, and what stands in them is no part of the page.
    for place in ("program_calibration", "program_deals", "program_results", "program_sales"):
        for kind in ("bars", "curves", "intervals", "periods"):
            monkeypatch.setattr(
                f"mqa_platform.reports.{place}.{kind}", lambda *_, **__: "data:,", raising=False
            )
    safe = [t for t, _ in tags_of(made(facts("Acme")))]
    assert [t for t, _ in tags_of(made(facts(attack)))] == safe
    rooms = next(s for s in sections(facts(attack)) if s.id == "reps")
    (row,) = [line for line in section_markdown(rooms).splitlines() if line.endswith("| 6 |")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 7


def test_the_user_interface_gets_the_same_pictures_and_tables(page):
    told = section_markdown(next(s for s in sections(facts()) if s.id == "weights"))
    (source,) = re.findall(r"!\[[^\]]+\]\((data:image/svg\+xml;base64,[^)]+)\)", told)
    assert f'src="{source}"' in page
    assert "| pricing view |" in told


def test_the_same_facts_give_the_same_page_to_the_byte(page):
    assert made(facts()) == page


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.0, "3"), (0.0, "0"), (1234.5, "1,234"), (12.345, "12.35"), (0.0165, "0.0165"), (-8.0, "-8")],
)  # fmt: skip
def test_numbers_are_written_as_one_reads_them(value, shown):
    assert number(value) == shown


def test_a_share_that_is_not_known_is_no_zero():
    assert share(None) == ""
    assert share(0.0) == "0.0\u00a0%"
