"""Files come, grow and go while they are read, and pages of a feed go once they have landed."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connections import listed_in_place
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.pulled_addresses import drop_pages
from mqa_platform.storage import open_warehouse
from mqa_platform_tests.sources.contract.driving import ask, land_under, policy_with
from mqa_platform_tests.sources.fakes.json_feed import TOKEN, FakeFeed

NETWORKS = "192.0.2.0/24\n198.51.100.0/24\n"
RANGES = "SELECT count(*) FROM landed_ip_ranges"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.inbox.mkdir(parents=True)
    return home


@pytest.fixture
def nets() -> Policy:
    return policy_with(nets=Source(connector="cidr_list", path="${MQA_HOME}/inbox/*.txt"))


def test_a_file_that_grows_while_it_is_read_lands_in_the_next_run_and_as_a_whole(
    home: Home, nets: Policy
) -> None:
    growing = home.inbox / "a.txt"
    growing.write_text(NETWORKS)
    (home.inbox / "b.txt").write_text("203.0.113.0/24\n")

    def grow(name: str) -> None:
        if name == "a.txt":
            with growing.open("a") as file:
                file.write("192.0.2.7/32\n")

    with open_warehouse(home).session() as session:
        report = land_new(session, nets, home, progress=grow, environment={})
    (problem,) = report.problems
    assert (problem.status, report.files) == ("unreadable", 1)
    assert "changed while it was read" in problem.message
    assert ask(home, RANGES) == [(1,)]
    assert not land_under(nets, home).degraded
    assert ask(home, RANGES) == [(4,)]


def test_a_file_whose_time_was_set_back_is_looked_at_again(home: Home, nets: Policy) -> None:
    path = home.inbox / "a.txt"
    path.write_text(NETWORKS)
    before = path.stat()
    land_under(nets, home)
    path.write_text(NETWORKS.replace("192", "193"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert land_under(nets, home).files == 1


@pytest.mark.parametrize("told", ["[]", "7", '{"format": 2, "digests": []}', "{"])
def test_a_note_of_files_seen_that_is_no_such_note_is_ignored(
    home: Home, nets: Policy, told: str
) -> None:
    (home.inbox / "a.txt").write_text(NETWORKS)
    land_under(nets, home)
    (home.landing / "seen.json").write_text(told)
    assert land_under(nets, home).known == 1


def test_a_file_that_is_gone_is_left_out_and_one_that_the_disk_refuses_is_told(
    tmp_path: Path,
) -> None:
    here = tmp_path / "here.txt"
    here.touch()
    listed, refused = listed_in_place([tmp_path / "gone.txt", here, here / "below.txt"])
    assert [file.name for file in listed] == ["here.txt"]
    assert [problem.path.name for problem in refused] == ["below.txt"]


# A feed of visits: its pages hold addresses in clear.


def visit(number: int, **parts: Any) -> dict[str, Any]:
    at = "2025-07-02T10:00:07.25Z"
    return {
        "type": "page", "messageId": f"m{number}", "anonymousId": "cookie", "timestamp": at,
        "sentAt": at, "receivedAt": at, "properties": {"path": "/pricing"},
        "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0"}, **parts,
    }  # fmt: skip


def test_a_page_of_a_feed_stays_only_while_it_is_held(home: Home) -> None:
    bad = [visit(n, timestamp="noon", sentAt="noon", receivedAt="noon") for n in (3, 4)]
    feed = FakeFeed([visit(1), visit(2), *json.loads(json.dumps(bad))])
    declared = {"connector": "json_feed", "reads_as": "segment_jsonl", "url": f"{feed.url}/feed",
                "max_quarantine_ratio": 0.0}  # fmt: skip
    strict = policy_with(feed=Source.model_validate({**declared, "quarantine_at_least": 1}))
    environment = {"MQA_FEED_TOKEN": TOKEN}
    pulled = home.root / "pulled"
    try:
        for _ in range(2):
            assert len({held.file for held in land_under(strict, home, environment).held}) == 1
            (kept,) = pulled.rglob("*.jsonl")
            assert "noon" in kept.read_text()
        with open_warehouse(home).session() as session:
            due = {"feed": ["192.0.2.7"]}
            assert drop_pages(session, home, strict, due, date(2100, 1, 1)) == 0
        (kept,) = pulled.rglob("*.jsonl")
        mild = policy_with(feed=Source.model_validate(declared))
        assert not land_under(mild, home, environment).degraded
        assert list(pulled.rglob("*.jsonl")) == []
        # What has landed may come again under any name.
        land_under(mild, home, environment)
        assert list(pulled.rglob("*.jsonl")) == []
        assert ask(home, "SELECT count(*) FROM landed_signals") == [(2,)]
    finally:
        feed.close()


def test_a_feed_read_anew_goes_on_from_its_end_and_not_from_its_first_changed_page(
    home: Home,
) -> None:
    feed = FakeFeed([visit(n) for n in range(7)])
    declared = {"connector": "json_feed", "reads_as": "segment_jsonl", "url": f"{feed.url}/feed"}
    policy = policy_with(feed=Source.model_validate(declared))
    environment = {"MQA_FEED_TOKEN": TOKEN}
    try:
        land_under(policy, home, environment)
        feed.forgotten, feed.items[0] = {"6"}, visit(100)
        land_under(policy, home, environment)
        feed.forgotten, seen = set(), len(feed.log)
        land_under(policy, home, environment)
        assert [asked.query.get("cursor") for asked in feed.log[seen:]] == ["6"]
    finally:
        feed.close()
