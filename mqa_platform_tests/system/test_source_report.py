"""Where every row of a source has gone: counted in the running platform, printed, and refused when lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from mqa_platform.assets import sources
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy
from mqa_platform.source_reports import FIGURES, reconciles, report
from mqa_platform.warehouse import AuditFailed
from mqa_platform_tests.system.deliveries import deliver, figures, land, page
from mqa_platform_tests.system.pipeline import ALL, FIRST, copy_home, opened, rows

Verb = Callable[..., tuple[int, str]]


def test_every_source_of_the_market_reconciles_to_the_last_row(built: Home) -> None:
    found = report(built)
    assert {r["source"] for r in found} >= {"segment", "marketo", "bombora", "salesforce_accounts"}
    assert [r["source"] for r in found if not reconciles(r)] == []
    ledger = rows(built, "SELECT source, sum(landed_rows) FROM landed_batches GROUP BY 1")
    assert {r["source"]: r["landed"] for r in found} == dict(ledger)
    kept = dict(
        rows(built, "SELECT source, count(DISTINCT event_id) FROM landed_signals GROUP BY 1")
    )
    assert {r["source"]: r["accepted"] for r in found if r["source"] in ("marketo", "bombora")} == {
        s: n for s, n in kept.items() if s in ("marketo", "bombora")
    }
    assert sum(r["duplicate"] for r in found) > 0
    for row in found:
        for kind, reasons in row["reasons"].items():
            assert sum(reasons.values()) == row[kind], row["source"]


def test_a_file_that_repeats_lines_of_another_gives_duplicates_and_conflicts(
    three_days: Home,
) -> None:
    again = [page(n, FIRST) for n in range(4)]
    deliver(
        three_days, "again.jsonl", *again, page(4, FIRST, "/blog"), page(900, FIRST), "not json"
    )
    land(three_days)
    assert figures(three_days) == (37, 31, 5, 1, 0, 1, 0)


def test_the_next_full_export_of_the_crm_repeats_what_did_not_change(three_days: Home) -> None:
    folder = three_days.inbox / "salesforce"
    folder.mkdir()
    head = "Id,Name,Website,SystemModstamp,CreatedDate,IsDeleted\n"
    row = "{id},{name},{id}.com,2025-07-0{day}T10:00:00.000Z,2025-01-01T10:00:00.000Z,false\n"
    monday = [row.format(id=i, name=f"Company {i}", day=1) for i in ("001a", "001b", "001c")]
    tuesday = [*monday[:2], row.format(id="001c", name="New Name", day=2)]
    (folder / "Account-1.csv").write_text(head + "".join(monday))
    (folder / "Account-2.csv").write_text(head + "".join(tuesday))
    land(three_days)
    assert figures(three_days, "salesforce_accounts")[:3] == (6, 4, 2)


def test_the_report_is_printed_with_totals_and_as_json(built: Home, verb: Verb) -> None:
    code, told = verb(built, "sources", "report", "--json")
    assert code == 0
    found = json.loads(told)
    assert all(
        set(FIGURES) | {"source", "conflict", "held_batches", "reasons"} <= set(r) for r in found
    )
    assert all(type(r[n]) is int for r in found for n in FIGURES)
    code, told = verb(built, "sources", "report")
    assert code == 0
    (line,) = [text for text in told.splitlines() if " all " in text]
    total = [int(cell) for cell in line.split("│")[2:7]]
    assert total[0] == sum(r["landed"] for r in found)
    assert total[1] == sum(r["accepted"] for r in found)
    assert "segment, quarantined: " in told


def test_a_report_that_does_not_add_up_ends_with_1(built: Home, verb: Verb, tmp_path: Path) -> None:
    home = copy_home(built, tmp_path / "home", "snapshot.duckdb")
    with duckdb.connect(str(home.snapshot)) as con:
        con.execute("UPDATE source_report SET accepted = accepted - 1 WHERE source = 'segment'")
    code, told = verb(home, "sources", "report", "--json")
    assert code == 1
    assert len(json.loads(told)) > 1


def test_lost_rows_are_refused_before_they_are_published(three_days: Home) -> None:
    land(three_days)
    with opened(three_days) as step:
        step.session.run("DELETE FROM landed_signals WHERE event_id = 'm3'")
        with pytest.raises(AuditFailed, match="every_row_is_accounted_for"):
            sources.land(step, ALL)


def test_a_source_that_cannot_be_read_fails_the_check_and_an_unused_one_does_not(
    three_days: Home, verb: Verb
) -> None:
    code, told = verb(three_days, "sources", "check", "--json")
    found = {r["source"]: r for r in json.loads(told)}
    assert code == 0
    assert (found["segment"]["status"], found["bombora"]["status"]) == ("ok", "empty")
    copy_policy(three_days.policy_folder(), three_days.root / "policy")
    (three_days.root / "policy" / "sources.yaml").write_text(
        "sources:\n  web:\n    connector: segment_jsonl\n    required: true\n"
        "    path: ${MQA_HOME}/nowhere/*.jsonl\n"
    )
    code, told = verb(three_days, "sources", "check")
    assert code == 1
    assert "misconfigured" in told


def test_nothing_to_report_before_anything_has_landed(tmp_path: Path, verb: Verb) -> None:
    assert verb(Home(tmp_path), "sources", "report")[0] == 2
