"""What ``mqa init`` writes, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqa_platform.cli import app
from mqa_platform.home import Home
from mqa_platform.initialise import initialise
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.problems import PolicyError
from mqa_platform.source_checks import mapping, reach
from mqa_platform.sources.registry import read
from mqa_platform_tests.sources.crm_cases import STAMP, csv_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", tmp_path)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Two accounts, one of a type that nobody has explained."""
    folder = tmp_path / "crm"
    folder.mkdir()
    accounts = [
        {"Id": "1", "Name": "Acme", "Type": "Customer", "SystemModstamp": STAMP},
        {"Id": "2", "Name": "Ally Inc", "Type": "Ally", "SystemModstamp": STAMP},
    ]
    (folder / "Account.csv").write_text(csv_of(*accounts))
    return folder


def _decide(home: Home, old: str, new: str) -> None:
    path = home.policy / "mapping.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_fresh_home_gets_a_mapping_and_the_sources_of_the_export(
    home: Home, export: Path
) -> None:
    told = initialise(home, "salesforce", export)
    policy = load_policy(home.policy)
    assert list(policy.mapping.crms) == ["salesforce"]
    (source,) = policy.sources.sources.values()
    assert source.path == "${MQA_DATA}/crm/Account.csv"
    assert told.sources == ["salesforce_account"]
    assert told.rows_waiting == 1
    found = read("salesforce_account", source, export / "Account.csv", policy.mapping)
    assert found.reasons() == {"unmapped_value: account_type=Ally": 1}


def test_doing_it_again_changes_nothing(home: Home, export: Path) -> None:
    initialise(home, "salesforce", export)
    before = {path.name: path.read_bytes() for path in home.policy.iterdir()}
    again = initialise(home, "salesforce", export)
    assert (again.written, again.proposed, again.sources) == ([], "", [])
    assert {path.name: path.read_bytes() for path in home.policy.iterdir()} == before


def test_a_decision_is_an_edit_and_survives_the_next_init(home: Home, export: Path) -> None:
    initialise(home, "salesforce", export)
    _decide(home, '# Ally: "?"', "Ally: partner")
    edited = (home.policy / "mapping.yaml").read_text()
    (export / "Contact.csv").write_text(
        csv_of({"Id": "3", "AccountId": "1", "Email": "a@b.co", "SystemModstamp": STAMP})
    )
    again = initialise(home, "salesforce", export)
    assert (home.policy / "mapping.yaml").read_text() == edited
    assert again.proposed.endswith("mapping.proposed.yaml")
    assert "+      Contact:" in again.diff
    assert again.decisions == []
    # The proposal lies in the policy folder, and the policy is valid all the same.
    values = load_policy(home.policy).mapping.crms["salesforce"].objects["Account"].values
    assert values["account_type"]["Ally"] == "partner"
    # A file of an object that the mapping in force does not have waits for it.
    assert again.sources == []
    forced = initialise(home, "salesforce", export, force=True)
    assert forced.sources == ["salesforce_contact"]
    objects = load_policy(home.policy).mapping.crms["salesforce"].objects
    assert objects["Account"].values["account_type"]["Ally"] == "partner"
    assert "Contact" in objects
    assert (home.policy / "mapping.yaml.bak").read_text() == edited
    assert not (home.policy / "mapping.proposed.yaml").exists()


def test_an_undecided_value_without_its_mark_is_named_with_its_line(
    home: Home, export: Path
) -> None:
    initialise(home, "salesforce", export)
    _decide(home, '# Ally: "?"', 'Ally: "?"')
    with pytest.raises(PolicyError, match=r"mapping.yaml:\d+: .*account_type cannot be \?; it is"):
        load_policy(home.policy)


def test_a_second_crm_leaves_the_first_as_it_is(home: Home, export: Path, tmp_path: Path) -> None:
    initialise(home, "salesforce", export)
    first = (home.policy / "mapping.yaml").read_text()
    other = tmp_path / "hubspot"
    other.mkdir()
    page = {"id": "1", "properties": {"name": "Acme", "type": "PROSPECT"}}
    (other / "companies.jsonl").write_text(json.dumps(page))
    told = initialise(home, "hubspot", other)
    assert (home.policy / "mapping.yaml").read_text() == first
    assert Path(told.proposed).read_text().startswith(first)
    initialise(home, "hubspot", other, force=True)
    policy = load_policy(home.policy)
    assert set(policy.mapping.crms) == {"salesforce", "hubspot"}
    assert set(policy.sources.sources) == {"salesforce_account", "hubspot_companies"}


def test_a_mapping_in_one_line_is_not_torn_apart(home: Home, export: Path) -> None:
    home.policy.mkdir(parents=True)
    (home.policy / "mapping.yaml").write_text("crms: {own: {objects: {}}}\n")
    with pytest.raises(PolicyError, match="write one key a line"):
        initialise(home, "salesforce", export)
    assert (home.policy / "mapping.yaml").read_text() == "crms: {own: {objects: {}}}\n"


def test_an_invalid_policy_is_named_before_anything_is_written(home: Home, export: Path) -> None:
    home.policy.mkdir(parents=True)
    (home.policy / "stages.yaml").write_text("tears: 1\n")
    with pytest.raises(PolicyError, match="stages.yaml:1"):
        initialise(home, "salesforce", export)
    assert [path.name for path in home.policy.iterdir()] == ["stages.yaml"]


def test_feeds_that_this_home_has_stay_declared(home: Home, export: Path) -> None:
    inbox = home.inbox / "bombora"
    inbox.mkdir(parents=True)
    (inbox / "surge-2025-07-06.csv").write_text("x")
    initialise(home, "salesforce", export)
    assert set(load_policy(home.policy).sources.sources) == {"bombora", "salesforce_account"}
    assert "# Weekly research surges" in (home.policy / "sources.yaml").read_text()


def test_sources_are_added_to_the_users_own_file_without_touching_it(
    home: Home, export: Path
) -> None:
    home.policy.mkdir(parents=True)
    mine = "sources:\n  web:   # ours\n    connector: apache_combined\n    path: /var/log/a*\n"
    (home.policy / "sources.yaml").write_text(mine)
    initialise(home, "salesforce", export)
    assert (home.policy / "sources.yaml").read_text().startswith(mine)
    assert set(load_policy(home.policy).sources.sources) == {"web", "salesforce_account"}


def test_a_file_that_a_declared_glob_reads_gets_no_second_entry(home: Home, export: Path) -> None:
    initialise(home, "salesforce", export)
    path = home.policy / "sources.yaml"
    path.write_text(path.read_text().replace("Account.csv", "Account*.csv"))
    text = (export / "Account.csv").read_text()
    (export / "Account_2.csv").write_text(text.replace("Ally Inc", "Ally Ltd"))
    assert initialise(home, "salesforce", export).sources == []


def test_names_with_wildcards_in_them_stay_names(home: Home, export: Path) -> None:
    (export / "Account.csv").rename(export / "Account[1]*.csv")
    initialise(home, "salesforce", export)
    (source,) = load_policy(home.policy).sources.sources.values()
    assert source.path == "${MQA_DATA}/crm/Account[[]1][*].csv"
    assert [f.detail for f in reach(home) if f.ok is False] == []


def test_the_doctor_names_what_the_mapping_asks_for_and_no_file_has(
    home: Home, export: Path
) -> None:
    initialise(home, "salesforce", export)
    assert [f.ok for f in mapping(home)] == [True]
    _decide(home, "# tier: Tier__c", "tier: Tier__c")
    (finding,) = mapping(home)
    assert finding.ok is None
    assert finding.detail == "no file of Account has a field for tier (Tier__c)"
    sources = home.policy / "sources.yaml"
    sources.write_text(sources.read_text().replace("object: Account", "object: Acount"))
    (finding,) = mapping(home)
    assert finding.ok is False
    assert "salesforce_account reads Acount of salesforce" in finding.detail


def test_the_doctor_says_which_source_cannot_be_reached_and_what_to_do(
    home: Home, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MQA_HUBSPOT_TOKEN", raising=False)
    initialise(home, "salesforce", export)
    with (home.policy / "sources.yaml").open("a") as file:
        file.write(
            "\n  hubspot_api:\n    connector: hubspot_api\n    url: https://api.hubapi.com\n"
        )
    findings = {f.check: f for f in reach(home)}
    assert findings["source hubspot_api"].ok is False
    assert "MQA_HUBSPOT_TOKEN" in (
        findings["source hubspot_api"].detail + findings["source hubspot_api"].remedy
    )
    assert findings["reach"].detail == "1 of 2 sources can be read"


def test_the_command_prints_json_and_wants_one_place_to_look_at(
    home: Home, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQA_HOME", str(home.root))
    told = CliRunner().invoke(
        app, ["init", "--crm", "salesforce", "--export", str(export), "--json"]
    )
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert answer["rows_waiting"] == 1
    assert [(d["value"], d["rows"]) for d in answer["decisions"]] == [("Ally", 1)]
    assert "partner" in answer["decisions"][0]["choices"]
    assert CliRunner().invoke(app, ["init", "--crm", "salesforce"]).exit_code == 2


@pytest.mark.parametrize("crm", ["salesforce", "hubspot", "maven"])
def test_a_real_export_lands_under_the_mapping_that_was_made_for_it(
    crm: str, tmp_path: Path, shared_data: Path
) -> None:
    home = Home(tmp_path / "home", shared_data)
    told = initialise(home, crm, shared_data / "crm" / crm)
    policy = load_policy(home.policy)
    waiting = 0
    for name, source in policy.sources.sources.items():
        path = shared_data / (source.path or "").removeprefix("${MQA_DATA}/")
        found = read(name, source, path, policy.mapping)
        reasons = found.reasons()
        waiting += sum(n for r, n in reasons.items() if r.startswith("unmapped_value: "))
    assert waiting == told.rows_waiting + told.changes_waiting
    every = {p.name for p in (shared_data / "crm" / crm).glob("*.csv")}
    declared = {Path(s.path or "").name for s in policy.sources.sources.values()}
    assert declared | set(told.left_out) == every
