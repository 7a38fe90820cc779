"""Ad platforms: what the buyer did, what we showed, and what it cost."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.advertising import ad_clicks, ad_spend
from mqa_platform.sources.landed import SourceError


def landed(connector, write, content, name="ads.csv"):
    source = Source.model_validate({"connector": connector.__name__, "path": "x"})
    found = connector(write(name, content), source)
    told = found.accepted + found.duplicates + sum(found.filtered.values()) + len(found.defects)
    assert told == found.rows
    return found, {n: t.to_pylist() for n, t in found.tables.items()}


COMPANIES = (
    "Date,Company Name,Company Website,Campaign Name,Impressions,Clicks,Platform\n"
    "2026-01-05,Acme,https://acme.com,Spring,120,3,LinkedIn\n"
    "2026-01-05,Beta,beta.io,Spring,40,0,LinkedIn\n"
    "2026-01-05,Gamma,gamma.io,Spring,0,0,LinkedIn\n"
)


def test_a_company_that_clicked_acted_and_one_that_was_shown_an_ad_did_not(write):
    found, tables = landed(ad_clicks, write, COMPANIES)
    seen = [
        (r["company_domain"], r["event"], r["direction"], r["channel"], r["campaign"])
        for r in tables["landed_signals"]
    ]
    assert seen == [
        ("acme.com", "ad_click", "inbound", "linkedin", "Spring"),
        ("beta.io", "ad_impression", "outbound", "linkedin", "Spring"),
    ]
    assert found.filtered == {"no_activity": 1}
    # Nobody of the company is named, so nobody has to be asked.
    assert {r["consent"] for r in tables["landed_signals"]} == {"not_required"}


def test_the_same_report_exported_again_is_the_same_events(write):
    _, once = landed(ad_clicks, write, COMPANIES)
    header, *rows = COMPANIES.splitlines()
    _, again = landed(ad_clicks, write, "\n".join([header, *reversed(rows)]))
    ids = [{r["event_id"] for r in t["landed_signals"]} for t in (once, again)]
    assert ids[0] == ids[1]


def test_a_click_is_known_by_the_platforms_id(write):
    content = "click_time,gclid,campaign,email\n" + (
        "2026-01-05T10:00:00Z,G1,Spring,jane@acme.com\n" * 2
        + "2026-01-05T10:00:00Z,G2,Spring,jane@acme.com\n"
    )
    found, tables = landed(ad_clicks, write, content)
    assert (found.accepted, found.duplicates) == (2, 1)
    assert {r["event_id"] for r in tables["landed_signals"]} == {"ad_click:G1", "ad_click:G2"}
    assert {(r["channel"], r["email_domain"]) for r in tables["landed_signals"]} == {
        ("google", "acme.com")
    }


def test_rows_that_name_nobody_are_money_or_nothing(write):
    content = COMPANIES.replace("Platform", "Platform,Cost,Currency").replace(
        "LinkedIn\n", "LinkedIn,,\n"
    )
    content += (
        "2026-01-06,,,Spring,5000,12,LinkedIn,80.50,EUR\n2026-01-06,,,Spring,10,1,LinkedIn,,\n"
    )
    content += "2026-01-06,,,Spring,,,LinkedIn,,\nTotal,,,,5010,13,,80.50,EUR\n"
    found, tables = landed(ad_clicks, write, content)
    (cost,) = tables["landed_spend"]
    assert (cost["spend_date"], cost["amount"], cost["clicks"]) == (date(2026, 1, 6), 80.5, 12)
    assert found.filtered == {"no_activity": 1, "aggregate": 1, "names_nobody": 1, "total": 1}
    assert len(tables["landed_signals"]) == 2


CLICK_DIRT = [
    ("2026-13-05,acme.com,click", "bad_timestamp"),
    (",acme.com,click", "missing_timestamp"),
    ("2026-01-05,acme,click", "bad_domain"),
    ("2026-01-05,acme.com,hover", "unknown_event"),
]


@pytest.mark.parametrize(("row", "reason"), CLICK_DIRT)
def test_a_row_that_cannot_be_read_is_set_aside(write, row, reason):
    found, tables = landed(ad_clicks, write, f"date,domain,event\n{row}\n2026-01-05,ok.com,click\n")
    assert found.reasons() == {reason: 1}
    assert len(tables["landed_signals"]) == 1


GOOGLE = (
    "Day,Campaign,Device,Impr.,Clicks,Cost,Currency code\n"
    '2026-01-05,Brand,Computers,"1,200",30,"1,045.10",USD\n'
    "2026-01-05,Brand,Mobile phones,800,20,45.10,USD\n"
    "2026-01-05,Other,Computers, --,0,0.00,USD\n"
    "Total: Account,,,2000,50,1090.20,USD\n"
)


def test_spend_is_what_the_report_says_and_its_total_is_not_added(write):
    found, tables = landed(ad_spend, write, GOOGLE)
    rows = tables["landed_spend"]
    body = list(csv.DictReader(GOOGLE.splitlines()))[:-1]
    assert sum(r["amount"] for r in rows) == sum(float(r["Cost"].replace(",", "")) for r in body)
    assert [r["impressions"] for r in rows] == [1200, 800, None]
    assert found.filtered == {"total": 1}
    assert len({r["spend_id"] for r in rows}) == 3


def test_rows_that_look_alike_but_for_their_figures_are_all_counted(write):
    head, row = "date,campaign,cost,currency,unknown_cut\n", "2026-01-05,Brand,{},USD,{}\n"
    rows = [row.format(cost, cut) for cost, cut in ((5, "a"), (7, "b"), (6, "c"))]
    _, tables = landed(ad_spend, write, head + "".join(rows))
    assert sorted(r["amount"] for r in tables["landed_spend"]) == [5, 6, 7]
    _, again = landed(ad_spend, write, head + "".join(reversed(rows)))
    keyed = [{(r["spend_id"], r["amount"]) for r in t["landed_spend"]} for t in (tables, again)]
    assert keyed[0] == keyed[1]
    assert len({i for i, _ in keyed[0]}) == 3


def test_the_same_row_twice_is_paid_once(write):
    found, tables = landed(ad_spend, write, GOOGLE.replace("Total: Account", "2026-01-07,Brand") + (
        "2026-01-05,Other,Computers, --,0,0.00,USD\n"))  # fmt: skip
    assert found.duplicates == 1
    assert len(found.defects) == 1, "the total lost its last column"
    assert len(tables["landed_spend"]) == 3


FORMS = [
    ("Day,Campaign name,Amount spent (EUR)\n2026-01-05,X,12.5\n", 12.5, "EUR"),
    ("date,campaign,cost_micros,currency\n2026-01-05,X,12500000,usd\n", 12.5, "USD"),
    ('date,campaign,cost,currency\n2026-01-05,X,"$1,012.50",CAD\n', 1012.5, "CAD"),
    ("date,campaign,spend,currency\n2026-01-05,X,-3.5,USD\n", -3.5, "USD"),
]


@pytest.mark.parametrize(("content", "amount", "currency"), FORMS)
def test_every_platform_writes_money_its_own_way(write, content, amount, currency):
    _, tables = landed(ad_spend, write, content)
    (row,) = tables["landed_spend"]
    assert (row["amount"], row["currency"]) == (amount, currency)


SPEND_DIRT = [
    ("2026-01-05,X,,USD", "missing_amount"),
    ("2026-01-05,X,abc,USD", "bad_number"),
    ("2026-01-05,X,1e15,USD", "bad_number"),
    ("2026-01-05,X,5,", "missing_currency"),
    ("2026-01-05,X,5,dollars", "bad_currency"),
    (",X,5,USD", "missing_date"),
    ("2026-02-30,X,5,USD", "bad_timestamp"),
]


@pytest.mark.parametrize(("row", "reason"), SPEND_DIRT)
def test_money_without_a_day_a_sum_or_a_currency_is_set_aside(write, row, reason):
    found, _ = landed(ad_spend, write, f"date,campaign,cost,currency\n{row}\n2026-01-05,Y,1,USD\n")
    assert (found.reasons(), found.accepted) == ({reason: 1}, 1)


def test_a_report_without_costs_is_no_spend(write):
    with pytest.raises(SourceError, match="cost or cost_micros"):
        landed(ad_spend, write, "date,campaign\n2026-01-05,X\n")
