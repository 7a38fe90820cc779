"""One small market for all system tests, run once; a test that changes something takes a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform.market import MarketConfig, generate
from mqa_platform_tests.system.pipeline import ALL, DAYS, FIRST, copy_home, run


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The vendors' files and nothing else."""
    home = Home(tmp_path_factory.mktemp("market"))
    generate(MarketConfig(accounts=200, days=DAYS, seed=3, starts_on=FIRST), home.root)
    return home


@pytest.fixture(scope="session")
def built(market: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All days of the market in one range run; tests only read it."""
    home = copy_home(market, tmp_path_factory.mktemp("built"), "inbox")
    run(home, ALL)
    return home


@pytest.fixture
def home(built: Home, tmp_path: Path) -> Home:
    """A copy of the built home that the test may change."""
    return copy_home(built, tmp_path / "home")
