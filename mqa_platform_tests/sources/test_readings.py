"""The same bytes are read again when what reads them changes, and land once for each day they are of."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.home import Home
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.sources import Source
from mqa_platform_tests.sources.contract.driving import ask, contents, land_under, policy_with

SURGE = "Acme Inc,acme.com,L,Software,crm,lead scoring,75,boston[75],United States\n"
NETWORKS = "192.0.2.0/24\n198.51.100.0/24\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.inbox.mkdir(parents=True)
    return home


def deliver(home: Home, name: str, text: str) -> Path:
    path = home.inbox / name
    path.write_text(text)
    return path


def source(connector: str, **options: Any) -> Source:
    declared = {"connector": connector, "path": "${MQA_HOME}/inbox/*", **options}
    return Source.model_validate(declared)


def weeks(home: Home) -> list[str]:
    found = ask(home, "SELECT event_date FROM landed_signals ORDER BY 1")
    return [str(day) for (day,) in found]


def statuses(home: Home) -> list[str]:
    return [s for (s,) in ask(home, "SELECT status FROM landed_batches ORDER BY landed_at")]


def test_a_report_that_has_not_changed_is_news_for_its_week_and_lands_once_for_it(
    home: Home,
) -> None:
    surge = policy_with(surge=source("bombora_surge"))
    for name in ("surge-2025-07-07.csv", "surge-2025-07-14.csv", "copy of 2025-07-14.csv"):
        deliver(home, name, SURGE)
    assert land_under(surge, home).files == 2
    assert weeks(home) == ["2025-07-07", "2025-07-14"]
    before = contents(home)
    report = land_under(surge, home)
    assert (report.files, report.known) == (0, 3)
    home.warehouse.unlink()
    land_under(surge, home)
    assert contents(home) == before
    assert statuses(home) == ["landed", "landed"]


def test_a_week_that_was_declared_wrong_is_read_again_in_the_place_of_the_wrong_one(
    home: Home,
) -> None:
    deliver(home, "surge.csv", SURGE)
    for week in ("2025-07-07", "2025-07-14", "2025-07-07"):
        land_under(policy_with(surge=source("bombora_surge", week=week)), home)
        assert weeks(home) == [week]
    assert sorted(statuses(home)) == ["landed", "superseded"]


def test_a_setting_that_decides_what_rows_mean_reads_the_files_again(home: Home) -> None:
    deliver(home, "nets.txt", NETWORKS)
    kinds = "SELECT DISTINCT kind FROM landed_ip_ranges"
    for kind in ("bot", "vpn"):
        report = land_under(policy_with(nets=source("cidr_list", kind=kind)), home)
        assert (report.files, ask(home, kinds)) == (1, [(kind,)])
    moved = source("cidr_list", kind="vpn", path="${MQA_HOME}/inbox/n*", expect_every_days=3)
    assert land_under(policy_with(nets=moved), home).files == 0


def test_another_connector_reads_the_files_again_and_a_mistaken_one_takes_nothing_away(
    home: Home,
) -> None:
    deliver(home, "nets.txt", NETWORKS)
    right, wrong = policy_with(nets=source("cidr_list")), policy_with(nets=source("trigger_feed"))
    land_under(right, home)
    (plain,) = ask(home, "SELECT batch_id FROM landed_batches")
    assert land_under(wrong, home).degraded
    assert ask(home, "SELECT count(*) FROM landed_ip_ranges") == [(2,)]
    assert not land_under(right, home).degraded
    assert ask(home, "SELECT batch_id FROM landed_batches WHERE status = 'landed'") == [plain]


def test_each_connector_reads_a_file_once_and_the_last_one_stands(home: Home) -> None:
    deliver(home, "empty.jsonl", "")
    for connector in ("segment_jsonl", "trigger_feed", "segment_jsonl"):
        policy = policy_with(events=source(connector))
        assert [land_under(policy, home).files for _ in range(2)] == [1, 0]
        assert statuses(home).count("landed") == 1


# Changes of fields are told in the words of the object that changed.

HISTORY = {
    "lands_as": "field_changes",
    "constants": {"object": "opportunity"},
    "fields": {
        "record_id": "DealId",
        "column_name": "Field",
        "old_value": "OldValue",
        "new_value": "NewValue",
        "changed_at": "CreatedDate",
    },
}


def deals(**states: str) -> Mappings:
    deal = {
        "lands_as": "opportunities",
        "fields": {"opportunity_id": "Id", "state": "StageName"},
        "values": {"state": states},
    }
    return Mappings.model_validate(
        {"crms": {"own": {"objects": {"Deal": deal, "Deal_History": HISTORY}}}}
    )


def change(home: Home) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["DealId", "Field", "OldValue", "NewValue", "CreatedDate"])
    writer.writerow(["1", "StageName", "Talk", "Signed", "2025-07-01T00:00:00Z"])
    deliver(home, "history.csv", buffer.getvalue())


@pytest.mark.parametrize("spelled", ["Deal_History", "DealHistory", "deal history"])
def test_a_stage_that_means_something_else_reads_the_history_of_stages_again(
    home: Home, spelled: str
) -> None:
    change(home)
    declared = source("crm_export", crm="own", object=spelled)
    won = "SELECT new_value FROM landed_field_changes WHERE column_name = 'is_won'"
    for state, told in (("won", "true"), ("lost", "false")):
        mapped = deals(Talk="open", Signed=state)
        report = land_under(policy_with(mapped, history=declared), home)
        assert (report.files, ask(home, won)) == (1, [(told,)])


def firms(**tiers: str) -> Mappings:
    firm = {
        "lands_as": "accounts",
        "fields": {"account_id": "Id", "name": "Name", "modified_at": "At", "tier": "Tier"},
        "values": {"tier": tiers},
    }
    return Mappings.model_validate({"crms": {"own": {"objects": {"Big_Firm": firm}}}})


def test_an_object_is_known_under_any_spelling_when_its_mapping_changes(home: Home) -> None:
    deliver(home, "firms.csv", "Id,Name,At,Tier\n001,Acme,2025-07-01T00:00:00Z,Gold\n")
    declared = source("crm_export", crm="own", object="BigFirm")
    for tier in ("strategic", "scaled"):
        assert land_under(policy_with(firms(Gold=tier), firms=declared), home).files == 1
        assert ask(home, "SELECT tier FROM landed_accounts") == [(tier,)]
