"""The ad platform's report costs the clicks that the market has, and the platform reads it."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, timedelta

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.advertising import ad_spend
from mqa_platform_tests.market.conftest import World


@pytest.fixture(scope="module")
def report(world: World) -> list[dict[str, str]]:
    rows = []
    for path in sorted((world.home / "inbox" / "ads").iterdir()):
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


def test_every_campaign_has_a_row_on_every_day(world: World, report: list[dict[str, str]]) -> None:
    days = [world.config.starts_on + timedelta(days=k) for k in range(world.config.days)]
    found = [(date.fromisoformat(r["day"]), r["campaign"]) for r in report]
    names = sorted({name for _, name in found})
    assert len(names) == 4
    assert sorted(found) == [(d, n) for d in days for n in names]
    assert world.summary.rows["ad_spend"] == len(report)


def test_a_click_that_is_paid_for_is_a_visit_with_that_campaign(
    world: World, report: list[dict[str, str]]
) -> None:
    paid = Counter(r["campaign"] for r in report for _ in range(int(r["clicks"])))
    seen: dict[str, str] = {}
    for message in world.messages:
        campaign = message.get("context", {}).get("campaign")
        # Who logs in after the click says so in a message of its own: the same visit.
        if campaign and message["type"] != "identify":
            seen[message["messageId"]] = campaign["name"]
    # Some messages are lost, come broken or name a time before the market; none comes of nothing.
    for name, visits in Counter(seen.values()).items():
        assert 0.97 * paid[name] <= visits <= paid[name]


def test_what_a_click_costs_and_how_many_see_an_ad_is_near_what_is_cited(
    report: list[dict[str, str]],
) -> None:
    clicks = sum(int(r["clicks"]) for r in report)
    assert sum(float(r["cost"]) for r in report) / clicks == pytest.approx(5.26, rel=0.03)
    assert all(int(r["impressions"]) >= int(r["clicks"]) for r in report)
    assert all((float(r["cost"]) > 0) == (int(r["clicks"]) > 0) for r in report)


def test_the_report_is_read_without_a_defect(world: World, report: list[dict[str, str]]) -> None:
    source = Source(connector="ad_spend", path="inbox/ads/spend-*.csv")
    landed = [ad_spend(p, source) for p in sorted((world.home / "inbox" / "ads").iterdir())]
    assert sum(part.rows for part in landed) == len(report)
    assert [part.defects.num_rows for part in landed] == [0] * len(landed)
    rows = [r for part in landed for r in part.tables["landed_spend"].to_pylist()]
    assert {r["currency"] for r in rows} == {"USD"}
    assert sum(r["amount"] for r in rows) == pytest.approx(sum(float(r["cost"]) for r in report))
