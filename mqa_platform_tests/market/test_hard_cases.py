"""Hard cases are in the files as they are in life, and a market without them is what it was."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from pyarrow import parquet

from mqa_platform.market import MarketConfig, MarketError, generate
from mqa_platform.market.hard_cases import KINDS, deal
from mqa_platform.market.world import build_accounts

CONFIG = MarketConfig(accounts=1200, days=62, seed=5, hard_cases=0.2)


class Hard:
    """A market of hard cases and ways to read it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.truth = {
            name: parquet.read_table(home / "truth" / f"{name}.parquet").to_pylist()
            for name in ("accounts", "people", "signal_account")
        }
        self.messages = {}
        for path in sorted((home / "inbox" / "segment").glob("*.jsonl")):
            for line in path.read_text().splitlines():
                try:
                    message = json.loads(line)
                except json.JSONDecodeError:
                    continue
                self.messages.setdefault(message["messageId"], message)
        self.web = [r for r in self.truth["signal_account"] if r["feed"] == "segment"]
        self.web = [r for r in self.web if "timestamp" in self.messages.get(r["event_id"], {})]

    def file(self, name: str) -> list[dict[str, str]]:
        with (self.home / "inbox" / name).open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Hard:
    home = tmp_path_factory.mktemp("hard")
    generate(CONFIG, home)
    return Hard(home)


@pytest.fixture(scope="module")
def dealt() -> dict[str, set[int]]:
    return {k: set(v.tolist()) for k, v in deal(CONFIG, build_accounts(CONFIG))[1].items()}


def test_the_share_of_hard_accounts_is_the_one_asked_for(dealt: dict[str, set[int]]) -> None:
    assert set(dealt) == set(KINDS)
    total = sum(len(accounts) for accounts in dealt.values())
    assert 0.18 * CONFIG.accounts < total <= 0.21 * CONFIG.accounts
    assert len(set().union(*dealt.values())) == total


def test_the_share_has_limits() -> None:
    with pytest.raises(MarketError, match="hard_cases"):
        MarketConfig(hard_cases=0.6)


def test_the_same_hard_market_is_the_same_to_the_byte(tmp_path: Path, hard: Hard) -> None:
    generate(CONFIG, tmp_path)

    def digest(home: Path) -> dict[str, str]:
        files = sorted(p for p in (home / "inbox").rglob("*") if p.is_file())
        return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    assert digest(tmp_path) == digest(hard.home)


def test_a_market_without_hard_cases_does_not_mention_them(tmp_path: Path) -> None:
    generate(MarketConfig(accounts=200, days=14), tmp_path)
    assert "hard_cases" not in (tmp_path / "inbox" / ".market.json").read_text()
    head = (tmp_path / "inbox" / "office_ips" / "ranges.csv").read_text().splitlines()[0]
    assert head == "source_file,org,range_start_or_cidr,range_end,domain"


def test_some_mail_from_free_mailers_and_from_the_parents_domain(
    hard: Hard, dealt: dict[str, set[int]]
) -> None:
    domains = defaultdict(set)
    for person in hard.truth["people"]:
        domains[person["account_index"]].add(person["mail_address"].partition("@")[2])
    accounts = hard.truth["accounts"]
    for account in dealt["free_mail"]:
        assert domains[account] <= {"gmail.com", "outlook.com", "gmx.de", "yahoo.com"}
    for account in dealt["subsidiary"]:
        parent = accounts[accounts[account]["parent_index"]]
        assert domains[account] == {parent["registered_domain"]}


def test_two_accounts_of_the_crm_share_a_domain(hard: Hard) -> None:
    used = Counter(a["registered_domain"] for a in hard.truth["accounts"])
    assert set(used.values()) == {1, 2}
    latest = {row["Id"]: row["Website"] for row in hard.file("salesforce/Account.csv")}
    sites = Counter(w.split("//")[-1].removeprefix("www.").rstrip("/") for w in latest.values())
    assert max(sites.values()) == 2


def test_look_alike_domains_are_nobodys(hard: Hard) -> None:
    known = {a["registered_domain"] for a in hard.truth["accounts"]}
    strangers = [p for p in hard.truth["people"] if p["noise_kind"] == "look_alike"]
    assert strangers
    for person in strangers:
        assert person["account_index"] is None
        assert person["mail_address"].partition("@")[2] not in known
    seen = [r for r in hard.web if r["noise_kind"] == "look_alike"]
    assert all(r["account_index"] is None for r in seen)
    assert {r["person_index"] for r in seen} <= {p["person_index"] for p in strangers}


def test_a_browser_goes_on_with_another_employers_address(hard: Hard) -> None:
    """Job changes and consultants: one browser, people of two accounts."""
    accounts = defaultdict(set)
    for row in hard.web:
        if row["person_index"] is not None:
            cookie = hard.messages[row["event_id"]]["anonymousId"]
            accounts[cookie].add(row["account_index"])
    assert sum(len(a) == 2 for a in accounts.values()) >= 4
    assert max(len(a) for a in accounts.values()) == 2
    versions = defaultdict(set)
    for row in hard.file("salesforce/Contact.csv"):
        versions[row["Id"]].add((row["AccountId"], row["Email"]))
    assert any(len(v) > 1 for v in versions.values())


def test_guests_of_many_accounts_come_from_one_address(
    hard: Hard, dealt: dict[str, set[int]]
) -> None:
    behind = defaultdict(set)
    for row in hard.web:
        if row["account_index"] in dealt["guest_network"]:
            address = hard.messages[row["event_id"]]["context"]["ip"]
            behind[address].add(row["account_index"])
    assert any(len(accounts) >= 5 for accounts in behind.values())


def test_an_office_that_moved_is_listed_for_both_with_their_days(hard: Hard) -> None:
    ranges = defaultdict(list)
    for row in hard.file("office_ips/ranges.csv"):
        ranges[row["range_start_or_cidr"].split("/")[0]].append(row)
    moved = [rows for rows in ranges.values() if len(rows) > 1]
    assert moved
    for before, after in moved:
        assert before["org"] != after["org"]
        assert before["valid_to"] == after["valid_from"] != ""


def test_vendors_write_names_their_own_way_and_without_a_domain(
    hard: Hard, dealt: dict[str, set[int]]
) -> None:
    names = {a["company_name"] for a in hard.truth["accounts"]}
    unnamed = [
        row
        for row in hard.file("office_ips/ranges.csv")
        if not row["domain"] and row["org"].title() not in {n.title() for n in names}
    ]
    assert unnamed
    news = [
        json.loads(line)
        for path in (hard.home / "inbox" / "triggers").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert all(item["domain"] or item["company"] for item in news)


def test_a_gateway_clicks_within_seconds_with_a_browsers_agent(hard: Hard) -> None:
    sent, scans = {}, []
    told = {r["event_id"]: r for r in hard.truth["signal_account"] if r["feed"] == "marketo"}
    for path in (hard.home / "inbox" / "marketo").glob("activities-*.csv"):
        for row in hard.file(f"marketo/{path.name}"):
            key = (row["lead_id"], row["campaign_id"])
            if row["activity_type_id"] == "6":
                sent[key] = row["activity_date"]
            elif told[row["id"]]["noise_kind"] == "mail_gateway":
                scans.append((key, row))
    assert len(scans) > 20
    for key, row in scans:
        assert "Mozilla" in row["user_agent"]
        assert sent[key][:16] <= row["activity_date"][:16]


def test_a_monitor_asks_at_machine_regular_intervals(hard: Hard) -> None:
    times = defaultdict(list)
    for row in hard.web:
        message = hard.messages[row["event_id"]]
        if row["noise_kind"] == "bot" and message["context"]["ip"].startswith("45."):
            assert "Mozilla" in message["context"]["userAgent"]
            times[message["anonymousId"], message["timestamp"][:10]].append(message["timestamp"])
    assert any(len(t) >= 35 for t in times.values())


def test_every_message_still_has_its_truth(hard: Hard) -> None:
    told = {r["event_id"] for r in hard.truth["signal_account"] if r["feed"] == "segment"}
    assert set(hard.messages) <= told
    people = hard.truth["people"]
    for row in hard.web:
        message = hard.messages[row["event_id"]]
        email = message["userId"] or message.get("properties", {}).get("email")
        if email:
            assert people[row["person_index"]]["mail_address"] == email
