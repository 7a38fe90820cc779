"""Briefs, pages and audiences of a whole market, as somebody at the command line gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import rows

pytestmark = pytest.mark.slow
Verb = Callable[..., tuple[int, str]]


def briefed(home: Home) -> list[tuple[str, str, str, dict]]:
    """(handoff_id, account_id, motion, facts) of every handoff."""
    found = rows(
        home,
        "SELECT handoff_id, h.account_id, h.motion, b.facts FROM handoffs h JOIN briefs b USING (handoff_id)"
        " ORDER BY 1",
    )
    return [(h, a, m, json.loads(f)) for h, a, m, f in found]


def test_every_handoff_has_a_brief_that_reads_from_its_own_receipt(built):
    assert briefed(built)
    assert len(briefed(built)) == rows(built, "SELECT COUNT(*) FROM handoffs")[0][0]
    for handoff, account, motion, facts in briefed(built):
        parts = rows(
            built,
            f"SELECT r.component FROM score_receipts r JOIN handoffs h ON r.account_id = h.account_id"
            f" AND r.motion = h.motion AND r.score_date = h.created_on WHERE h.handoff_id = '{handoff}'",
        )
        (score,) = [s for s in facts["sections"] if s["name"] == "score"]
        told = [s for s in score["sentences"] if " points" in s["text"]]
        assert len(told) == len(parts), (account, motion)


def test_every_signal_that_a_sentence_cites_is_a_touchpoint_of_the_account_or_below_it(built):
    known = {r[0] for r in rows(built, "SELECT signal_id FROM touchpoints")}
    for _, _, _, facts in briefed(built):
        cited = {c for part in facts["sections"] for s in part["sentences"] for c in s["cites"]}
        assert cited
        assert cited <= known


def test_the_brief_of_an_account_comes_in_every_form(built, verb: Verb, tmp_path: Path):
    _, account, motion, facts = briefed(built)[0]
    asked = ("brief", account, "--motion", motion)
    code, text = verb(built, *asked)
    assert code == 0
    assert text.startswith("# ")
    code, text = verb(built, *asked, "--json")
    assert json.loads(text) == facts
    code, text = verb(built, *asked, "--format", "slack")
    assert json.loads(text)["blocks"]
    target = tmp_path / "brief.html"
    assert verb(built, *asked, "--format", "html", "-o", str(target))[0] == 0
    assert "Content-Security-Policy" in target.read_text()
    assert target.stat().st_mode & 0o077 == 0


def test_what_cannot_be_answered_is_a_usage_error(built, verb: Verb):
    never = rows(built, "SELECT account_id FROM accounts WHERE account_id NOT IN"
                        " (SELECT account_id FROM handoffs) ORDER BY 1 LIMIT 1")[0][0]  # fmt: skip
    assert verb(built, "brief", never)[0] == 2
    assert verb(built, "brief", "no such company at all")[0] == 2
    assert verb(built, "brief", never, "--format", "pdf")[0] == 2
    assert verb(built, "audience", "export", "no_such_play")[0] == 2


def test_an_account_that_was_never_handed_over_has_a_page_all_the_same(built, verb: Verb):
    never = rows(built, "SELECT account_id FROM accounts WHERE account_id NOT IN"
                        " (SELECT account_id FROM handoffs) ORDER BY 1 LIMIT 1")[0][0]  # fmt: skip
    code, text = verb(built, "page", never)
    assert code == 0
    assert "Never handed over." in text


def test_pages_are_written_for_open_handoffs_and_go_with_them(home, verb: Verb):
    folder = home.root / "reports" / "accounts"
    folder.mkdir(parents=True)
    (folder / "old.html").write_text("x")
    code, text = verb(home, "pages", "--json")
    assert code == 0
    wanted = rows(
        home, "SELECT handoff_id FROM handoffs WHERE status IN ('open', 'accepted', 'backlog')"
    )
    assert {p.stem for p in folder.iterdir()} == {r[0] for r in wanted}
    assert json.loads(text)["folder"] == str(folder)


def test_the_spans_of_the_plays_end_with_the_stage_that_began_them(built):
    plays = rows(built, "SELECT COUNT(*), COUNT(left_on) FROM play_enrollments")[0]
    assert plays[0] > 0
    wrong = rows(
        built,
        "SELECT p.account_id FROM play_enrollments p JOIN stages s ON s.account_id = p.account_id"
        " AND s.motion = p.motion AND s.stage_date = p.enrolled_on"
        " WHERE s.stage = 'unqualified' OR (s.suppression_reason IS NOT NULL AND s.suppressed_until IS NULL)",
    )
    assert wrong == []


def test_an_audience_of_the_market_is_told_by_account_and_by_person(
    home, verb: Verb, tmp_path: Path
):
    play = rows(home, "SELECT play FROM play_enrollments WHERE left_on IS NULL"
                      " AND motion = 'new_business' GROUP BY 1 ORDER BY COUNT(*) DESC LIMIT 1")[0][0]  # fmt: skip
    code, text = verb(home, "audience", "export", play, "-o", str(tmp_path / "a.csv"), "--json")
    assert code == 0
    assert json.loads(text)["added"] > 0
    code, text = verb(home, "audience", "export", play, "-o", str(tmp_path / "a.csv"), "--json")
    assert (json.loads(text)["added"], json.loads(text)["removed"]) == (0, 0)
    code, text = verb(home, "audience", "export", play, "--hashed")
    assert code == 0
    assert "@" not in text


def test_people_stand_in_columns_that_are_marked_as_personal():
    contracts = load_contracts()
    for table, column in (("briefs", "facts"), ("handoffs", "brief"), ("committees", "contact_id")):
        (found,) = [c for c in contracts[table].columns if c.name == column]
        assert found.classification == "pii"
