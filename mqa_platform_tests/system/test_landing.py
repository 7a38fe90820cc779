"""What the vendors deliver lands once, is counted to the last row, and never changes again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mqa_platform.assets import sources
from mqa_platform.home import Home
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.lateness import withdrawn
from mqa_platform_tests.system.pipeline import copy_home, opened, rows

LEDGER = (
    "SELECT source, file_name, landed_rows, accepted_rows, quarantined_rows FROM landed_batches"
)
CONSERVED = (
    "SELECT count(*) FROM landed_batches WHERE landed_rows <> "
    "accepted_rows + duplicate_rows + filtered_rows + quarantined_rows"
)


@pytest.fixture
def small(tmp_path: Path) -> Home:
    """A home with one good web file."""
    home = Home(tmp_path / "home")
    folder = home.inbox / "segment"
    folder.mkdir(parents=True)
    lines = [page(n) for n in range(200)]
    (folder / "2025-07-01.jsonl").write_text("\n".join(lines) + "\n")
    return home


def page(number: int, path: str = "/pricing", day: int = 2) -> str:
    at = f"2025-07-{day:02d}T10:{number % 60:02d}:07.25Z"
    return json.dumps(
        {
            "type": "page",
            "messageId": f"m{number}-{day}-{path}",
            "anonymousId": f"cookie{number % 7}",
            "timestamp": at,
            "sentAt": at,
            "receivedAt": at,
            "properties": {"path": path},
            "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "consent": "granted"},
        }
    )


def land(home: Home) -> dict[str, object]:
    with opened(home) as step:
        return sources.land(step).facts


def parquet(home: Home) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in home.landing.rglob("*.parquet")}


def test_the_ledger_accounts_for_every_row_of_every_file(built: Home) -> None:
    found = rows(built, LEDGER)
    assert {source for source, *_ in found} >= {"segment", "marketo", "bombora", "office_ips"}
    assert rows(built, CONSERVED) == [(0,)]
    defects = rows(built, "SELECT coalesce(sum(copies), 0) FROM quarantined_signals")[0][0]
    assert sum(bad for *_, bad in found) == defects > 0
    for told, quarantined, filtered in rows(
        built, "SELECT reasons, quarantined_rows, filtered_rows FROM landed_batches"
    ):
        reasons = json.loads(told)
        assert sum(reasons["quarantined"].values()) == quarantined
        assert sum(reasons["filtered"].values()) == filtered
    signals, dropped, landed = rows(
        built,
        "SELECT (SELECT count(*) FROM signals), "
        "(SELECT coalesce(sum(landed_rows), 0) FROM dropped_signals), "
        "(SELECT count(*) FROM landed_signals WHERE event_date BETWEEN DATE '2025-07-01' "
        "AND DATE '2025-07-30')",
    )[0]
    assert landed == signals + dropped
    assert dropped > 0


def test_every_file_of_the_inbox_has_a_batch_of_its_own(built: Home) -> None:
    files = [p for p in built.inbox.rglob("[!.]*") if p.is_file()]
    digests = {digest for (digest,) in rows(built, "SELECT sha256 FROM landed_batches")}
    assert len(digests) == len(files)
    marks = {p.name.split(".")[0] for p in built.landing.rglob("*.landed_defects.parquet")}
    assert marks == {batch for (batch,) in rows(built, "SELECT batch_id FROM landed_batches")}


def test_the_same_bytes_under_another_name_land_once(small: Home) -> None:
    assert land(small)["new_files"] == 1
    shutil.copy(small.inbox / "segment/2025-07-01.jsonl", small.inbox / "segment/copy.jsonl")
    again = land(small)
    assert (again["new_files"], again["new_rows"]) == (0, 0)
    assert rows(small, "SELECT count(*) FROM landed_signals") == [(200,)]
    assert len(rows(small, LEDGER)) == 1


def test_a_file_that_was_replaced_lands_beside_what_it_was(small: Home) -> None:
    land(small)
    path = small.inbox / "segment/2025-07-01.jsonl"
    path.write_text(path.read_text() + page(900) + "\n")
    assert land(small)["new_rows"] == 201
    assert rows(small, "SELECT count(*), count(DISTINCT event_id) FROM landed_signals") == [
        (401, 201)
    ]


def test_landing_again_leaves_the_parquet_files_alone(small: Home) -> None:
    land(small)
    before = parquet(small)
    (small.inbox / "segment/late.jsonl").write_text(page(1, "/blog") + "\n")
    land(small)
    after = parquet(small)
    assert before.items() <= after.items()
    assert len({name.split(".")[0] for name in after}) == 2


def test_a_batch_can_be_read_without_the_platform(small: Home) -> None:
    land(small)
    (path,) = small.landing.rglob("*.landed_signals.parquet")
    table = pq.read_table(path)
    note = json.loads(table.schema.metadata[b"mqa_ledger"])
    assert (note["source"], note["landed_rows"], table.num_rows) == ("segment", 200, 200)
    assert path.parent.name == note["landed_on"]
    assert path.parent.parent.name == "segment"


def test_an_empty_file_and_a_source_without_files_are_no_failure(small: Home) -> None:
    (small.inbox / "segment/empty.jsonl").write_text("")
    facts = land(small)
    assert facts["new_files"] == 2
    assert "bombora: no files match" in facts["messages"].md_str
    assert ("segment", "empty.jsonl", 0, 0, 0) in rows(small, LEDGER)


def test_a_few_unreadable_rows_are_set_aside_with_their_reason(small: Home) -> None:
    path = small.inbox / "segment/2025-07-01.jsonl"
    path.write_text(path.read_text() + '{"type": "page"\n' + page(5).replace("T10", "Tnoon") + "\n")
    facts = land(small)
    assert (facts["new_rows"], facts["new_quarantined"]) == (202, 2)
    found = rows(small, "SELECT reason, raw FROM quarantined_signals ORDER BY reason")
    assert [reason for reason, _ in found] == ["bad_json", "bad_timestamp"]
    assert found[0][1] == '{"type": "page"'


def test_a_file_with_too_much_dirt_degrades_the_run_and_everything_else_is_published(
    small: Home,
) -> None:
    broken = small.inbox / "segment/broken.jsonl"
    broken.write_text("\n".join(["not json"] * 130 + [page(n, "/docs") for n in range(20)]))
    with opened(small) as step:
        outcome = sources.land(step)
    facts = outcome.facts
    assert (facts["degraded"], facts["held_batches"], facts["new_rows"]) == (True, 1, 200)
    assert "broken.jsonl is held: 130 of 150 rows" in facts["messages"].md_str
    failed = {
        c.rule: c.blocking for c in outcome.published["landed_batches"].checks if not c.passed
    }
    assert failed == {"no_batch_is_held": False}
    assert rows(small, "SELECT count(*) FROM landed_signals") == [(200,)]
    assert rows(small, "SELECT sum(copies) FROM quarantined_signals") == [(130,)]
    broken.unlink()
    with opened(small) as step:
        outcome = sources.land(step)
    assert outcome.facts["degraded"] is False
    assert all(c.passed for c in outcome.published["landed_batches"].checks)


def test_a_batch_that_leaves_reopens_the_published_days_of_its_signals(
    built: Home, tmp_path: Path
) -> None:
    home = copy_home(built, tmp_path / "home")
    batch, first = rows(
        home,
        "SELECT batch_id, min(event_date) FROM landed_signals WHERE source = 'segment' "
        "GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
    )[0]
    with opened(home) as step:
        asked, signals = withdrawn(step.session, [batch])
        assert withdrawn(step.session, []) == (None, None)
    assert signals == first
    assert asked in (None, rows(home, "SELECT min(day) FROM _published_days")[0][0])


def test_a_lost_warehouse_is_filled_again_from_landing_alone(small: Home) -> None:
    land(small)
    before = rows(small, "SELECT * EXCLUDE batch_id FROM landed_signals ORDER BY event_id")
    ledger = rows(small, "SELECT * FROM landed_batches")
    small.warehouse.unlink()
    shutil.rmtree(small.inbox)
    land(small)
    assert rows(small, "SELECT * EXCLUDE batch_id FROM landed_signals ORDER BY event_id") == before
    assert rows(small, "SELECT * FROM landed_batches") == ledger


def test_a_batch_that_was_cut_short_is_read_again(small: Home) -> None:
    land(small)
    small.warehouse.unlink()
    (mark,) = small.landing.rglob("*.landed_defects.parquet")
    mark.unlink()
    with opened(small) as step:
        report = land_new(step.session, step.policy, step.home)
        assert report.files == 1
        assert step.session.fetch("SELECT count(*) FROM landed_signals") == [(200,)]


def test_a_copied_home_needs_nothing_of_the_old_one(small: Home, tmp_path: Path) -> None:
    land(small)
    moved = copy_home(small, tmp_path / "moved")
    shutil.rmtree(small.root)
    assert land(moved)["new_files"] == 0
    assert rows(moved, "SELECT count(*) FROM landed_signals") == [(200,)]
