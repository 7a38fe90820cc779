"""docs/connect-your-crm.md is run as it stands: its commands, and the answers it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqa_platform_tests.sources.conftest import shared_data
from mqa_platform_tests.system.pipeline import ROOT

pytestmark = pytest.mark.slow
__all__ = ["shared_data"]

PAGE = ROOT / "docs" / "connect-your-crm.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
_MARK = "@@ block"


@dataclass(frozen=True)
class Block:
    """Commands of the page, and what they print if the page shows it."""

    commands: str
    shown: str | None


def blocks() -> list[Block]:
    return [Block(*found.groups()) for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def plain(text: str, home: Path) -> str:
    """What must be equal: no paths, versions or moments, and no blanks at the ends of lines."""
    text = text.replace(str(home), "$MQA_HOME")
    text = re.sub(r"version [0-9a-f]{12}, \d+ signals", "version …", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?", "MOMENT", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def outputs(folder: Path, data: Path) -> list[str]:
    """What each block prints, all of them run by one shell that stops at the first failure."""
    script = "set -euo pipefail\n" + "\n".join(
        f"echo '{_MARK} {at}'\n{block.commands}" for at, block in enumerate(blocks())
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MQA_", "DAGSTER_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    answer = subprocess.run(
        ["bash", "-c", script],
        env={**kept, "PATH": path, "MQA_DATA": str(data), "LC_ALL": "C.UTF-8"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert answer.returncode == 0, f"{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
    return re.split(rf"^{_MARK} \d+\n", answer.stdout, flags=re.MULTILINE)[1:]


def test_the_walk_through_prints_what_the_page_shows(tmp_path: Path, shared_data: Path) -> None:
    told = blocks()
    assert len(told) > 10
    printed = outputs(tmp_path, shared_data)
    assert len(printed) == len(told)
    home = tmp_path / "our-crm"
    for block, answer in zip(told, printed, strict=True):
        if block.shown is not None:
            assert plain(answer, home) == plain(block.shown, home), block.commands


def test_every_answer_of_the_page_belongs_to_a_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```text") == sum(block.shown is not None for block in blocks())
