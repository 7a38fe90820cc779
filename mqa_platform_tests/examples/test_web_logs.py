"""The web logs example on the NASA day and the Elastic log."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest

from mqa_platform.home import Home
from mqa_platform.marts import open_marts
from mqa_platform.scenarios import ScenarioResult, run_scenario

pytestmark = pytest.mark.slow


def _requests_of(result: ScenarioResult, domain: str) -> Counter[str]:
    """Requests of hosts below a domain, by the account they are on (or the reason why on none)."""
    with open_marts(result.home) as marts:
        s = marts.table("signals")
        mine = s.filter((s["host"] == domain) | s["host"].endswith(f".{domain}")).select(
            "signal_id"
        )
        a = marts.table("accounts")
        names = a.filter(a["valid_to"].isnull()).select("account_id", "name")
        t = marts.table("touchpoints").join(names, "account_id").join(mine, "signal_id")
        on = marts.rows(t.group_by("name").aggregate(n=t.count()))
        u = marts.table("unresolved_signals").join(mine, "signal_id")
        off = marts.rows(u.group_by("reason").aggregate(n=u.count()))
    return Counter({r["name"]: r["n"] for r in on} | {r["reason"]: r["n"] for r in off})


def _lines_of(result: ScenarioResult, ending: str) -> int:
    path = result.home.data / "web" / "nasa_19950801.tsv.gz"
    with gzip.open(path, "rt", encoding="latin-1") as lines:
        return sum(line.split("\t", 1)[0].lower().endswith(ending) for line in lines)


def test_the_hosts_of_lockheed_are_one_account_lockheed_martin(web_logs: ScenarioResult) -> None:
    found = _requests_of(web_logs, "lockheed.com")
    assert found == {"Lockheed Martin": _lines_of(web_logs, ".lockheed.com")}


def test_every_request_of_a_host_of_att_is_on_att(web_logs: ScenarioResult) -> None:
    assert _requests_of(web_logs, "gw1.att.com") == {"AT&T": 137}
    assert _requests_of(web_logs, "att.com") == {"AT&T": _lines_of(web_logs, ".att.com")}


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("prodigy.com", "isp"),
        ("compuserve.com", "isp"),
        ("aol.com", "isp"),
        ("nasa.gov", "internal"),
        ("upenn.edu", "education"),
    ],
)
def test_providers_students_and_the_agency_itself_are_nobodys_account(
    web_logs: ScenarioResult, domain: str, reason: str
) -> None:
    assert _requests_of(web_logs, domain) == {reason: _lines_of(web_logs, f".{domain}")}


def test_every_account_is_a_company_of_the_list(web_logs: ScenarioResult) -> None:
    with open_marts(web_logs.home) as marts:
        accounts = marts.rows(marts.table("accounts").select("domain", "is_discovered"))
    assert not any(account["is_discovered"] for account in accounts)
    strangers = {"prodigy.com", "compuserve.com", "nasa.gov", "googlebot.com", "lockheed.com"}
    assert not strangers & {account["domain"] for account in accounts}


def test_a_crawler_is_on_no_account(web_logs: ScenarioResult) -> None:
    with open_marts(web_logs.home) as marts:
        s, u = marts.table("signals"), marts.table("unresolved_signals")
        bots = s.filter(s["is_bot_agent"]).join(
            u.select("signal_id", "reason"), "signal_id", how="left"
        )
        reasons = marts.rows(bots.group_by("reason").aggregate(n=bots.count()))
    assert [row["reason"] for row in reasons] == ["bot"]
    assert reasons[0]["n"] > 1000


def test_a_picture_stays_on_the_account_and_earns_nothing(web_logs: ScenarioResult) -> None:
    with open_marts(web_logs.home) as marts:
        t = marts.table("touchpoints")
        pictures = t.filter(t["page_type"] == "asset")
        types = marts.rows(pictures.group_by("signal_type").aggregate(n=pictures.count()))
        components = marts.rows(marts.table("score_receipts").select("component").distinct())
    assert [row["signal_type"] for row in types] == ["page_view"]
    assert "page_view" not in {row["component"] for row in components}


def test_the_procurement_pages_are_the_only_high_intent(web_logs: ScenarioResult) -> None:
    with open_marts(web_logs.home) as marts:
        s = marts.table("signals")
        bought = s.filter(s["signal_type"] == "procurement_view")
        paths = marts.rows(bought.select("page_path"))
    assert len(paths) > 80
    assert all(row["page_path"].lower().startswith("/procurement") for row in paths)


def test_every_request_is_on_an_account_or_has_its_reason(web_logs: ScenarioResult) -> None:
    with open_marts(web_logs.home) as marts:
        signals = marts.rows(marts.table("signals").count().name("n").as_table())[0]["n"]
        ledger = marts.rows(marts.table("landed_batches"))
    accepted = sum(b["accepted_rows"] for b in ledger if b["source"] in ("nasa", "elastic"))
    accounts, unresolved = web_logs.tables
    on = sum(row["touchpoints"] for row in accounts.rows)
    off = sum(row["signals"] for row in unresolved.rows)
    assert on + off == signals == accepted
    assert {"isp", "internal", "bot", "education", "hosting", "no_match"} <= {
        row["reason"] for row in unresolved.rows
    }


def test_anonymous_visits_alone_qualify_nobody(web_logs: ScenarioResult) -> None:
    with open_marts(web_logs.home) as marts:
        assert marts.rows(marts.table("handoffs")) == []


def test_running_the_example_again_changes_nothing(web_logs: ScenarioResult) -> None:
    outer = Home(web_logs.home.root.parent.parent, web_logs.home.data)
    again = run_scenario("web_logs", outer)
    assert not again.changed
    assert again.tables == web_logs.tables
