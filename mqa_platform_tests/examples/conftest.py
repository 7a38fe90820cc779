"""Each example, run once a session on the data beside the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform.scenarios import PROJECT, ScenarioResult, run_scenario

DATA = PROJECT.parent / "shared" / "data"
Run = Callable[[str], ScenarioResult]


@pytest.fixture(scope="session")
def real_data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"the real data are not beside the project, at {DATA}")
    return DATA


@pytest.fixture(scope="session")
def web_logs(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> ScenarioResult:
    return run_scenario("web_logs", Home(tmp_path_factory.mktemp("web_logs"), real_data))


@pytest.fixture(scope="session")
def open_source(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> ScenarioResult:
    return run_scenario("open_source", Home(tmp_path_factory.mktemp("open_source"), real_data))
