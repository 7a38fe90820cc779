"""The programme report of a home: its command writes the file, and the UI gets the same sections."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from mqa_platform.assets import program_report
from mqa_platform.assets.platform import Platform
from mqa_platform.home import Home
from mqa_platform.program_reports import gathered, report_path
from mqa_platform.reports.program_report import section_markdown, sections
from mqa_platform_tests.system.pipeline import copy_home, rows


def mqa(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "MQA_WAREHOUSE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "mqa_platform.cli", *arguments],
        env=environment | {"MQA_HOME": str(home)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_command_writes_the_report_where_it_is_told_and_prints_the_path(
    built: Home, tmp_path: Path
) -> None:
    target = tmp_path / "q1.html"
    answer = mqa(built.root, "report", "-o", str(target), "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {"report": str(target)}
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    facts = gathered(built)
    months = rows(
        built,
        "SELECT period, met, breached, running FROM sla_compliance "
        f"WHERE period_kind = 'month' AND dimension = 'motion' AND segment = '{facts.motion}'",
    )
    shown = page[page.index('<section id="sla"') :].split("</section>")[0]
    assert months
    for period, met, breached, running in months:
        (line,) = re.findall(f'<tr><th scope="row">{period}</th>.*', shown)
        assert f"<td>{met}</td><td>{breached}</td><td>{running}</td>" in line
    assert f"{facts.since} to {facts.as_of}" in page


def test_without_a_run_the_report_says_what_is_missing(tmp_path: Path) -> None:
    answer = mqa(tmp_path, "report", "-o", str(tmp_path / "x.html"))
    assert answer.returncode == 2
    assert "it is written" in answer.stderr
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "x.html").exists()


def test_the_user_interface_shows_every_section_as_the_page_does(
    built: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_home(built, tmp_path / "home")
    monkeypatch.delenv("MQA_WAREHOUSE_URL", raising=False)
    monkeypatch.setenv("MQA_HOME", str(home.root))
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [program_report.asset], instance=instance, resources={"platform": Platform(home=str(home.root))}
        )  # fmt: skip
    (told,) = [m.metadata for m in done.asset_materializations_for_node("program_report")]
    made = sections(gathered(home))
    assert {s.id: section_markdown(s) for s in made} == {s.id: told[s.id].value for s in made}
    assert len(made) == 17
    page = report_path(home).read_text(encoding="utf-8")
    assert all(f'<section id="{s.id}"' in page for s in made)
    assert told["bytes"].value == len(page.encode())
