"""Pages out of published tables, also of accounts about which little is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mqa_platform.account_pages import drop_pages, find_brief, page_of, write_pages
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform_tests.reports.facts import facts
from mqa_platform_tests.test_audiences import LAST, publish

EMPTY = (
    "account_fit", "briefs", "crm_users", "handoffs", "score_receipts", "scores", "signals",
    "stage_transitions", "touchpoints",
)  # fmt: skip


def handoff(handoff_id: str, account: str, **more: object) -> dict[str, object]:
    return {
        "handoff_id": handoff_id, "account_id": account, "motion": "new_business", "episode": 1,
        "rep_id": "r1", "status": "open", "created_on": LAST, **more,
    }  # fmt: skip


def told(home: Home, *handoffs: dict[str, object]) -> None:
    briefs = [
        {"handoff_id": h["handoff_id"], "facts": json.dumps(facts(f"Brief {h['handoff_id']}"))}
        for h in handoffs
    ]
    given = {**dict.fromkeys(EMPTY, []), "handoffs": list(handoffs), "briefs": briefs}
    publish(home, **given)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_handoff_of_an_account_that_the_crm_has_lost_still_has_its_page(home):
    told(home, handoff("h1", "a1"), handoff("h2", "gone"))
    assert [p.name for p in write_pages(home)] == ["h1.html", "h2.html"]
    page = (home.root / "reports" / "accounts" / "h2.html").read_text()
    assert "<h1>gone</h1>" in page
    assert "Brief h2" in page


def test_pages_are_readable_by_their_owner_alone_and_can_be_dropped(home):
    told(home, handoff("h1", "a1"))
    (path,) = write_pages(home)
    assert path.stat().st_mode & 0o077 == 0
    assert drop_pages(home) == 1
    assert not path.exists()
    assert drop_pages(home) == 0


def test_the_brief_is_that_of_the_latest_episode(home):
    told(home, handoff("h1", "a2"), handoff("h2", "a2", episode=2))
    found, brief = find_brief(home, "Acme, Inc.")
    assert (found["handoff_id"], brief["name"]) == ("h2", "Brief h2")
    assert "Brief h2" in page_of(home, "a2")


def test_an_account_that_was_never_handed_over_is_told_so(home):
    told(home)
    with pytest.raises(MartError, match="was never handed over in new_business; mqa why-not"):
        find_brief(home, "a3")
    assert "Never handed over." in page_of(home, "a3")
