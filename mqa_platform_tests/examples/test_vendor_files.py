"""Every vendor file beside the project through its connector: nothing is lost and nothing is held."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqa_platform.cli import app
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.scenarios import PROJECT, ScenarioResult, run_scenario
from mqa_platform.source_reports import FIGURES, report
from mqa_platform.sources.globs import expand

pytestmark = pytest.mark.slow

# What no vendor delivers: notes and licences, the crawler list that comes as a library, and address
# databases that are broken on purpose.
NOT_DELIVERED = {
    "README.md",
    ".gitkeep",
    "MODIFICATIONS",
    "crawler-user-agents.json",
    "GeoIP2-City-Test-Broken-Double-Format.mmdb",
    "MaxMind-DB-test-broken-pointers-24.mmdb",
}


@pytest.fixture(scope="module")
def vendor_files(real_data: Path, example_home: Path) -> ScenarioResult:
    return run_scenario("vendor_files", Home(example_home, real_data))


def test_every_row_of_every_vendor_file_is_accounted_for(vendor_files: ScenarioResult) -> None:
    rows = report(vendor_files.home)
    assert rows
    for row in rows:
        told = sum(row[name] for name in FIGURES if name != "landed")
        assert row["landed"] == told, row["source"]


def test_no_vendor_file_is_held(vendor_files: ScenarioResult) -> None:
    held = next(t for t in vendor_files.tables if t.title.startswith("Files held back"))
    assert held.rows == []


def test_every_delivery_of_the_folder_has_a_source(
    vendor_files: ScenarioResult, real_data: Path
) -> None:
    policy = load_policy(PROJECT / "examples" / "vendor_files" / "policy")
    home = vendor_files.home
    read = {
        path.resolve()
        for source in policy.sources.sources.values()
        for path in expand(source, home.root, home.data)
    }
    there = {
        path.resolve()
        for path in real_data.rglob("*")
        if path.is_file() and path.name not in NOT_DELIVERED and "LICENSE" not in path.name
    }
    assert sorted(there - read) == []


@pytest.mark.parametrize(
    ("source", "file", "delimiter", "header"),
    [
        ("bombora", "intent/bombora_master_surge.csv", ",", 0),
        ("maven_pipeline", "crm/maven/sales_pipeline.csv", ",", 1),
        ("crunchbase_rounds", "companies/crunchbase2013_rounds.csv.gz", ",", 1),
        ("commits", "identity/openstack_commits.csv.gz", ",", 1),
        ("networks", "ip/asn-ipv4.csv.gz", ",", 0),
    ],
)
def test_the_rows_landed_are_the_rows_of_the_file(
    vendor_files: ScenarioResult,
    real_data: Path,
    source: str,
    file: str,
    delimiter: str,
    header: int,
) -> None:
    raw = (real_data / file).read_bytes()
    text = (gzip.decompress(raw) if file.endswith(".gz") else raw).decode("latin-1")
    lines = io.StringIO(text, newline=None)
    rows = sum(1 for row in csv.reader(lines, delimiter=delimiter) if any(row)) - header
    found = {row["source"]: row["landed"] for row in report(vendor_files.home)}
    assert found[source] == rows


def test_the_report_for_machines_is_a_list_of_figures_by_source(
    vendor_files: ScenarioResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQA_HOME", str(vendor_files.home.root))
    answer = CliRunner().invoke(app, ["sources", "report", "--json"])
    assert answer.exit_code == 0
    rows = json.loads(answer.stdout)
    assert {"source", *FIGURES} <= set(rows[0])
    assert all(isinstance(row[name], int) for row in rows for name in FIGURES)


def test_landing_the_folder_again_changes_nothing(vendor_files: ScenarioResult) -> None:
    again = run_scenario(
        "vendor_files", Home(vendor_files.home.root.parents[1], vendor_files.home.data)
    )
    assert not again.changed
