"""The market is reproducible, scales by one parameter, and stands alone."""

from __future__ import annotations

import ast
import hashlib
from datetime import date
from pathlib import Path

import pytest

import mqa_platform.market
from mqa_platform.market import MarketConfig, MarketError, generate

SMALL = MarketConfig(accounts=200, days=40, seed=11)


def _digests(home: Path) -> dict[str, str]:
    files = sorted(p for folder in ("inbox", "truth") for p in (home / folder).rglob("*"))
    return {
        str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
        if p.is_file()
    }


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path) -> None:
    first = generate(SMALL, tmp_path / "a")
    second = generate(SMALL, tmp_path / "b")
    assert first == second
    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")


def test_another_seed_gives_another_market(tmp_path: Path) -> None:
    generate(SMALL, tmp_path / "a")
    generate(MarketConfig(accounts=200, days=40, seed=12), tmp_path / "b")
    a, b = _digests(tmp_path / "a"), _digests(tmp_path / "b")
    assert a.keys() == b.keys()
    # Forty days may pass without a meeting: that file is a header in both.
    assert {name for name in a if a[name] == b[name]} <= {"inbox/salesforce/Event.csv"}


def test_volume_follows_accounts_and_days(tmp_path: Path) -> None:
    small = generate(MarketConfig(accounts=300, days=60), tmp_path / "small")
    large = generate(MarketConfig(accounts=900, days=120), tmp_path / "large")
    assert large.signal_rows / small.signal_rows == pytest.approx(6, rel=0.25)
    for summary in (small, large):
        rate = summary.signal_rows / summary.accounts / summary.config.days
        assert 0.45 < rate < 0.75


def test_files_are_named_by_their_first_day(tmp_path: Path) -> None:
    generate(MarketConfig(accounts=200, days=30, starts_on=date(2025, 12, 20)), tmp_path)
    inbox = tmp_path / "inbox"
    assert sorted(p.name for p in (inbox / "segment").iterdir()) == [
        "2025-12-20.jsonl",
        "2026-01-01.jsonl",
    ]
    assert sorted(p.name for p in (inbox / "bombora").iterdir()) == [
        f"surge-{day}.csv" for day in ("2025-12-22", "2025-12-29", "2026-01-05", "2026-01-12")
    ]
    assert (inbox / "marketo" / "activities-2026-01-01.csv").exists()
    assert (inbox / "triggers" / "feed-2026-01-01.jsonl").exists()


@pytest.mark.parametrize(
    "wrong", [{"accounts": 199}, {"accounts": 100_001}, {"days": 13}, {"seed": -1}]
)
def test_a_size_nobody_tried_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(MarketError, match="choose"):
        MarketConfig(**wrong)  # type: ignore[arg-type]


def test_progress_is_told_from_zero_to_one(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    generate(SMALL, tmp_path, lambda step, share: told.append((step, share)))
    shares = [share for _, share in told]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_the_market_imports_nothing_of_the_platform_it_judges() -> None:
    folder = Path(mqa_platform.market.__file__).parent
    foreign = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            foreign |= {
                n
                for n in names
                if n.startswith("mqa_platform") and not n.startswith("mqa_platform.market")
            }
    assert foreign == set()
