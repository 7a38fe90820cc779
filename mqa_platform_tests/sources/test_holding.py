"""A batch with too much dirt is held back alone; everything else of the run goes on."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.home import Home
from mqa_platform.policy.mapping import CrmMapping, CrmObject, Mappings
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.landing import land_new
from mqa_platform.storage import open_warehouse
from mqa_platform_tests.sources.contract.driving import ask, contents, land_under, policy_with

SEGMENT = "${MQA_HOME}/inbox/segment/*.jsonl"
CONSERVED = (
    "SELECT count(*) FROM landed_batches WHERE landed_rows <> "
    "accepted_rows + duplicate_rows + filtered_rows + quarantined_rows"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    (home.inbox / "segment").mkdir(parents=True)
    (home.inbox / "crm").mkdir(parents=True)
    return home


def page(number: int) -> str:
    at = "2025-07-02T10:00:07.25Z"
    return json.dumps(
        {
            "type": "page", "messageId": f"m{number}", "anonymousId": f"cookie{number % 7}",
            "timestamp": at, "sentAt": at, "receivedAt": at, "properties": {"path": "/pricing"},
            "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0"},
        }
    )  # fmt: skip


def deliver(home: Home, name: str, good: int, bad: int = 0, first: int = 0) -> Path:
    path = home.inbox / "segment" / name
    lines = [page(first + n) for n in range(good)] + [f"not json {n}" for n in range(bad)]
    path.write_text("\n".join(lines) + "\n")
    return path


def segment(**options: Any) -> Policy:
    return policy_with(
        segment=Source.model_validate({"connector": "segment_jsonl", "path": SEGMENT, **options})
    )


def ledger(home: Home, columns: str = "file_name, status") -> list[tuple[Any, ...]]:
    return ask(home, f"SELECT {columns} FROM landed_batches ORDER BY file_name, landed_at")


def test_a_batch_above_the_limit_is_held_alone_and_the_others_land(home: Home) -> None:
    deliver(home, "a.jsonl", good=120, bad=101)
    deliver(home, "b.jsonl", good=30, first=500)
    report = land_under(segment(), home)
    assert report.degraded
    (held,) = report.held
    assert (held.source, held.file) == ("segment", "a.jsonl")
    for told in ("101 of 221 rows", "45.7%", "1.0%", "101 bad_json", "max_quarantine_ratio"):
        assert told in held.reason
    assert ledger(home) == [("a.jsonl", "held"), ("b.jsonl", "landed")]
    assert ask(home, "SELECT count(*) FROM landed_signals") == [(30,)]
    assert ask(home, "SELECT count(*), count(DISTINCT reason) FROM landed_defects") == [(101, 1)]
    row = ledger(home, "landed_rows, accepted_rows, quarantined_rows, reasons, held_reason")[0]
    assert row[:3] == (221, 0, 221)
    assert json.loads(row[3])["quarantined"] == {"bad_json": 101, "held_with_batch": 120}
    assert row[4] == held.reason
    assert ask(home, CONSERVED) == [(0,)]


@pytest.mark.parametrize(
    ("good", "bad", "held"),
    [(0, 100, 0), (10, 100, 0), (0, 101, 1), (15_000, 151, 0), (14_000, 151, 1)],
)
def test_one_percent_may_be_bad_but_a_hundred_rows_always(
    home: Home, good: int, bad: int, held: int
) -> None:
    text = "\n".join([page(0).replace('"m0"', f'"m{n}"') for n in range(good)])
    path = home.inbox / "segment" / "a.jsonl"
    path.write_text(text + "\n" + "\n".join(["{"] * bad) + "\n")
    assert len(land_under(segment(), home).held) == held


def test_a_source_may_have_limits_of_its_own(home: Home) -> None:
    deliver(home, "a.jsonl", good=96, bad=4)
    assert land_under(segment(), home).held == []
    deliver(home, "b.jsonl", good=90, bad=4, first=500)
    strict = segment(max_quarantine_ratio=0.02, quarantine_at_least=2)
    (held,) = land_under(strict, home).held
    assert held.file == "b.jsonl"


def test_a_held_batch_stays_held_without_being_read_until_its_verdict_could_differ(
    home: Home,
) -> None:
    deliver(home, "a.jsonl", good=120, bad=101)
    before = land_under(segment(), home)
    opened: list[str] = []
    with open_warehouse(home).session() as session:
        again = land_new(session, segment(), home, progress=opened.append, environment={})
    assert opened == []
    assert (again.held, again.degraded, again.files) == (before.held, True, 0)
    entered = ledger(home, "batch_id, landed_at")
    report = land_under(segment(max_quarantine_ratio=0.6), home)
    assert (report.degraded, report.files, report.rows["segment"]) == (False, 1, 221)
    assert ledger(home) == [("a.jsonl", "landed")]
    assert [batch for batch, _ in ledger(home, "batch_id, landed_at")] == [entered[0][0]]
    assert ask(home, "SELECT count(*) FROM landed_signals") == [(120,)]
    assert ask(home, "SELECT count(*) FROM landed_defects") == [(101,)]


def test_a_corrected_file_is_a_new_batch_and_the_run_is_whole_again(home: Home) -> None:
    deliver(home, "a.jsonl", good=120, bad=101)
    assert land_under(segment(), home).degraded
    deliver(home, "a.jsonl", good=221)
    report = land_under(segment(), home)
    assert (report.degraded, report.files) == (False, 1)
    assert ledger(home) == [("a.jsonl", "superseded"), ("a.jsonl", "landed")]
    assert ask(home, "SELECT count(*) FROM landed_defects") == [(0,)]
    assert not land_under(segment(), home).degraded


def test_a_held_file_that_was_taken_away_no_longer_degrades_and_may_come_back(home: Home) -> None:
    path = deliver(home, "a.jsonl", good=120, bad=101)
    content = path.read_bytes()
    land_under(segment(), home)
    path.unlink()
    assert not land_under(segment(), home).degraded
    assert ledger(home) == [("a.jsonl", "superseded")]
    path.write_bytes(content)
    assert land_under(segment(), home).degraded
    assert ledger(home) == [("a.jsonl", "held")]


def test_a_file_that_cannot_be_read_at_all_is_held_with_no_rows(home: Home) -> None:
    deliver(home, "good.jsonl", good=3)
    (home.inbox / "segment" / "cut.jsonl").write_bytes(b"\x1f\x8b\x08\x00 truncated")
    report = land_under(segment(), home)
    (held,) = report.held
    assert "damaged gzip" in held.reason
    assert "Deliver it again" in held.reason
    assert ledger(home, "file_name, status, landed_rows") == [
        ("cut.jsonl", "held", 0), ("good.jsonl", "landed", 3)
    ]  # fmt: skip


def test_a_rebuilt_warehouse_knows_what_is_held_and_what_was(home: Home) -> None:
    deliver(home, "a.jsonl", good=120, bad=101)
    deliver(home, "b.jsonl", good=3)
    land_under(segment(), home)
    before = contents(home)
    home.warehouse.unlink()
    assert land_under(segment(), home).degraded
    assert contents(home) == before
    land_under(segment(quarantine_at_least=500), home)
    before = contents(home)
    home.warehouse.unlink()
    assert not land_under(segment(quarantine_at_least=500), home).degraded
    assert contents(home) == before


def test_a_required_source_without_a_file_fails_the_step_after_the_others_have_landed(
    home: Home,
) -> None:
    deliver(home, "a.jsonl", good=3)
    missing = Source(connector="segment_jsonl", path="${MQA_HOME}/none/*.jsonl", required=True)
    both = policy_with(a_missing=missing, **segment().sources.sources)
    with pytest.raises(SourceError, match="no file matches"):
        land_under(both, home)
    assert ledger(home) == [("a.jsonl", "landed")]


# A CRM's export is read by a part of mapping.yaml; when that changes it is read again.


def mapping(**tiers: str) -> Mappings:
    account = CrmObject.model_validate(
        {
            "lands_as": "accounts",
            "fields": {"account_id": "Id", "name": "Name", "modified_at": "SystemModstamp",
                       "tier": "Tier__c"},
            "values": {"tier": tiers},
            "required": ["account_id", "name", "modified_at"],
        }
    )  # fmt: skip
    return Mappings(crms={"crm": CrmMapping(objects={"Account": account})})


def crm(mappings: Mappings, **options: Any) -> Policy:
    declared = {"connector": "crm_export", "crm": "crm", "object": "Account",
                "path": "${MQA_HOME}/inbox/crm/*.csv", **options}  # fmt: skip
    return policy_with(mappings, accounts=Source.model_validate(declared))


def accounts(home: Home, tiers: list[str], name: str = "accounts.csv") -> Path:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["Id", "Name", "SystemModstamp", "Tier__c"])
    for number, tier in enumerate(tiers):
        writer.writerow([f"001{number}", f"Acme {number}", "2025-07-01T00:00:00Z", tier])
    path = home.inbox / "crm" / name
    path.write_text(buffer.getvalue())
    return path


def tiers(home: Home) -> list[tuple[Any, ...]]:
    return ask(home, "SELECT tier, count(*) FROM landed_accounts GROUP BY 1 ORDER BY 1")


def test_a_changed_mapping_reads_the_file_again_in_the_place_of_its_former_reading(
    home: Home,
) -> None:
    accounts(home, ["Gold", "Gold", "Silver"])
    land_under(crm(mapping(Gold="strategic", Silver="scaled")), home)
    assert tiers(home) == [("scaled", 1), ("strategic", 2)]
    changed = crm(mapping(Gold="scaled", Silver="programmatic"))
    report = land_under(changed, home)
    assert (report.files, report.degraded) == (1, False)
    assert tiers(home) == [("programmatic", 1), ("scaled", 2)]
    found = ledger(home, "status, sha256, read_as")
    assert [status for status, *_ in found] == ["superseded", "landed"]
    assert found[0][1] == found[1][1]
    assert found[0][2] != found[1][2]
    before = contents(home)
    assert land_under(changed, home).files == 0
    home.warehouse.unlink()
    land_under(changed, home)
    assert contents(home) == before


def test_a_mapping_that_is_set_back_gives_the_former_reading_back(home: Home) -> None:
    accounts(home, ["Gold", "Silver"])
    first, second = (
        crm(mapping(Gold="strategic", Silver="scaled")),
        crm(mapping(Gold="scaled", Silver="programmatic")),
    )
    for policy in (first, second, first):
        land_under(policy, home)
    assert tiers(home) == [("scaled", 1), ("strategic", 1)]
    before = contents(home)
    home.warehouse.unlink()
    land_under(first, home)
    assert contents(home) == before


def test_a_mapping_that_breaks_a_file_leaves_its_last_good_reading_in_use(home: Home) -> None:
    accounts(home, ["Gold"] * 150)
    good, broken = crm(mapping(Gold="strategic")), crm(mapping(Silver="scaled"))
    land_under(good, home)
    report = land_under(broken, home)
    assert report.degraded
    assert "unmapped" in report.held[0].reason
    assert tiers(home) == [("strategic", 150)]
    assert sorted(status for status, _ in ledger(home, "status, file_name")) == ["held", "landed"]
    # Set right in a third way: both former readings leave.
    assert not land_under(crm(mapping(Gold="programmatic")), home).degraded
    assert tiers(home) == [("programmatic", 150)]
    assert [s for s, _ in ledger(home, "status, file_name")].count("landed") == 1
    # Set back from broken: the held reading leaves, the good one was never gone.
    assert land_under(broken, home).degraded
    assert not land_under(crm(mapping(Gold="programmatic")), home).degraded
    assert tiers(home) == [("programmatic", 150)]


def test_an_unmapped_picklist_value_is_quarantined_with_its_count(home: Home) -> None:
    accounts(home, ["Gold", "Platin", "Platin"])
    land_under(crm(mapping(Gold="strategic")), home)
    (reasons,) = ledger(home, "reasons")[0]
    counted = json.loads(reasons)["quarantined"]
    assert [(n, "Platin" in why) for why, n in counted.items()] == [(2, True)]


def test_a_ledger_of_an_earlier_version_is_taken_over_without_landing_a_file_twice(
    home: Home,
) -> None:
    deliver(home, "a.jsonl", good=3)
    land_under(segment(), home)
    later = (
        "status",
        "stream",
        "read_as",
        "declared",
        "duplicate_rows",
        "filtered_rows",
        "reasons",
    )
    for column in later:
        ask(home, f"ALTER TABLE landed_batches DROP COLUMN {column}")
    (home.landing / "seen.json").unlink()
    report = land_under(segment(), home)
    assert (report.files, report.known) == (0, 1)
    assert ledger(home, "status, stream, filtered_rows") == [("landed", "", 0)]
