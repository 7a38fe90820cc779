"""Bought facts and lists reach the days they are about, whenever they arrive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mqa_platform.assets import accounts, feeds, sources
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import (
    FIRST,
    copy_home,
    differing,
    fingerprints,
    opened,
    rows,
    run,
)

DAYS = 6
SPAN = Window(FIRST, FIRST + timedelta(days=DAYS))
SOURCES = """sources:
  crm:
    connector: crm_export
    crm: salesforce
    object: Account
    path: ${MQA_HOME}/inbox/crm/*.csv
  ads:
    connector: ad_clicks
    path: ${MQA_HOME}/inbox/ads/*.csv
  clearbit:
    connector: enrichment
    path: ${MQA_HOME}/inbox/clearbit/*.csv
  targets:
    connector: account_list
    kind: target
    path: ${MQA_HOME}/inbox/targets/*.csv
  exclusions:
    connector: account_list
    kind: exclusion
    path: ${MQA_HOME}/inbox/exclusions/*.csv
  costs:
    connector: ad_spend
    path: ${MQA_HOME}/inbox/costs/*.csv
"""


def put(home: Home, name: str, *lines: str) -> None:
    path = home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def on_day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


@pytest.fixture
def clicking(tmp_path: Path) -> Home:
    """Two accounts whose people click on ads every day; nobody knows how large they are."""
    home = Home(tmp_path / "home")
    (home.root / "policy").mkdir(parents=True)
    (home.root / "policy" / "sources.yaml").write_text(SOURCES)
    (home.root / "policy" / "program.yaml").write_text(f"history_starts_on: {FIRST}\n")
    known = ",Software,Germany,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,FALSE"
    put(home, "crm/Account.csv",
        "Id,Name,Website,Industry,BillingCountry,CreatedDate,SystemModstamp,IsDeleted",
        f"a1,Acme,acme.com{known}", f"a2,Beta,beta.io{known}")  # fmt: skip
    clicks = [f"{on_day(n)},{d},Spring,1" for n in range(DAYS) for d in ("acme.com", "beta.io")]
    put(home, "ads/clicks.csv", "date,domain,campaign,clicks", *clicks)
    run(home, SPAN)
    return home


def stages(home: Home, account: str = "a1") -> list[tuple[str, str | None]]:
    found = rows(
        home,
        f"SELECT stage, suppression_reason FROM stages WHERE account_id = '{account}' "
        "ORDER BY stage_date",
    )
    return [(stage, reason) for stage, reason in found]


@pytest.mark.slow
def test_late_facts_and_lists_reopen_the_days_they_are_about(
    clicking: Home, tmp_path: Path
) -> None:
    home, last = clicking, Window(SPAN.hi - timedelta(days=1), SPAN.hi)
    # An account of unknown size is no target.
    assert {stage for stage, _ in stages(home)} == {"unqualified"}
    put(home, "clearbit/late.csv", "domain,employees,as_of", f"acme.com,201-500,{on_day(2)}")
    put(home, "exclusions/late.csv", "domain,reason,from,until",
        f"beta.io,legal,{on_day(1)},{on_day(3)}", f"nobody.com,legal,{on_day(1)},")  # fmt: skip
    put(home, "costs/ads.csv", "date,campaign,cost,currency", f"{on_day(1)},Spring,12.5,USD")
    # Nobody says which days it is about: the run is of the last day, as every morning.
    run(home, last)
    risen = [stage != "unqualified" for stage, _ in stages(home)]
    assert risen == [False] * 2 + [True] * 4
    assert [reason for _, reason in stages(home, "a2")] == [
        None,
        "legal",
        "legal",
        None,
        None,
        None,
    ]
    assert rows(home, "SELECT spend_date, amount FROM campaign_spend") == [
        (FIRST + timedelta(days=1), 12.5)
    ]
    clean = copy_home(home, tmp_path / "clean", "inbox", "policy")
    run(clean, SPAN)
    assert differing(fingerprints(home), fingerprints(clean)) == {}
    before = fingerprints(home)
    # The vendor repeats itself: nothing is opened again.
    put(home, "clearbit/again.csv", "domain,employees,as_of", f"acme.com,201-500,{on_day(4)}")
    changed = run(home, last)
    assert not changed["accounts"]
    assert set(differing(fingerprints(home), before)) <= {"landed_batches", "source_report"}


@pytest.mark.slow
def test_entries_that_are_about_nobody_are_shown(clicking: Home) -> None:
    put(clicking, "targets/t.csv", "domain", "acme.com", "nobody.com")
    with opened(clicking) as step:
        for work in (sources.land, feeds.feeds):
            work(step, SPAN)
        facts = accounts.accounts(step, SPAN).facts
    assert facts["list_entries_without_account"] == 1
    assert facts["list_entries_without_account_sample"].value == ["target targets: nobody.com"]
