"""Each example, run once a session on the data beside the project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform.scenarios import PROJECT, ScenarioResult, run_scenario

DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"the real data are not beside the project, at {DATA}")
    return DATA


@pytest.fixture(scope="session")
def example_home() -> Iterator[Path]:
    # Not below pytest's own folder: its mode keeps the server's system user out.
    with tempfile.TemporaryDirectory(prefix="mqa-examples-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def web_logs(real_data: Path, example_home: Path) -> ScenarioResult:
    return run_scenario("web_logs", Home(example_home, real_data))


@pytest.fixture(scope="session")
def open_source(real_data: Path, example_home: Path) -> ScenarioResult:
    return run_scenario("open_source", Home(example_home, real_data))
