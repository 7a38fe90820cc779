"""The demo's loop: from a trigger event to an accepted handoff with its brief, on this machine alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqa_platform import loop_home
from mqa_platform.delivery_demo import Step, run_loop
from mqa_platform.home import Home
from mqa_platform.loop_home import LoopHomeError, new_home, raise_hand


@pytest.mark.slow
def test_an_account_goes_from_a_trigger_event_to_an_accepted_handoff_with_its_brief(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever shows the demo may be logged in to real services: the loop must not know of it.
    mine = {
        "MQA_WAREHOUSE": "postgresql://nobody@192.0.2.1/none",
        "MQA_SALESFORCE_ACCESS_TOKEN": "a-real-one",
        "MQA_SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com",
        "HTTPS_PROXY": "http://192.0.2.1:1",
        "http_proxy": "http://192.0.2.1:1",
    }
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    told: list[Step] = []
    steps = run_loop(Home(tmp_path), told.append)
    assert steps == told
    assert {name: os.environ[name] for name in mine} == mine
    lines = {step.title: step.lines for step in steps}
    before, after, *_ = lines["The run finds that it is qualified, and tells sales"]
    assert before.endswith("engaged")
    assert after.endswith("mqa")
    assert any(line.startswith("- Alder Robotics qualified") for line in lines["The rep's brief"])
    assert "CRM Sales_Status__c: Accepted" in lines["The answer is in the CRM"]
    last = lines["It is read back as a fact"]
    assert last[0].endswith("sales_accepted")
    assert last[1].endswith("accepted")
    assert "CRM MQA_Stage__c: sales_accepted" in last
    assert [s.at for s in steps] == sorted(s.at for s in steps)


def test_a_folder_that_is_not_the_loops_is_left_alone(tmp_path: Path) -> None:
    first = new_home(Home(tmp_path))
    (first.root / "market.json").touch()
    assert list(new_home(Home(tmp_path)).root.glob("*.json")) == []
    (tmp_path / "other" / "loop").mkdir(parents=True)
    (tmp_path / "other" / "loop" / "mine.txt").touch()
    with pytest.raises(LoopHomeError, match="move it away"):
        new_home(Home(tmp_path / "other"))
    assert (tmp_path / "other" / "loop" / "mine.txt").exists()


def test_right_after_midnight_the_request_is_of_the_new_day(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in ("segment", "triggers"):
        (home.inbox / name).mkdir(parents=True)
    web, news = raise_hand(home, datetime(2026, 3, 1, 0, 1, tzinfo=UTC))
    request = web.read_text().splitlines()[-1]
    assert '"timestamp": "2026-03-01T00:00:00.000Z"' in request
    assert '"event": "Demo Requested"' in request
    assert loop_home.DOMAIN in news.read_text()
