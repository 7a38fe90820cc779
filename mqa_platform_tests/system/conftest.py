"""One small market for all system tests, run once; a test that changes something takes a copy."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mqa_platform.cli import main
from mqa_platform.home import Home
from mqa_platform.market import MarketConfig, generate
from mqa_platform_tests.system.deliveries import deliver, page
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


@pytest.fixture
def three_days(tmp_path: Path) -> Home:
    """A home with three days of web visits and nothing else, ten a day."""
    home = Home(tmp_path / "home")
    for n in range(3):
        day = FIRST + timedelta(days=n)
        deliver(home, f"{n}.jsonl", *(page(10 * n + i, day) for i in range(10)))
    return home


@pytest.fixture
def verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    """``mqa`` in this process on a home: its exit code and what it printed."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.delenv("MQA_WAREHOUSE_URL", raising=False)

    def call(home: Home, *arguments: str) -> tuple[int, str]:
        monkeypatch.setenv("MQA_HOME", str(home.root))
        monkeypatch.setattr(sys, "argv", ["mqa", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    yield call
    signal.signal(signal.SIGTERM, before)
