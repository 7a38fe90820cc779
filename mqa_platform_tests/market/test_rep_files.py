"""What RevOps keeps about the reps of the market agrees with the CRM's own users."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from mqa_platform.market.config import MarketConfig
from mqa_platform.market.rep_files import write_reps
from mqa_platform.market.reps import SalesTeam, build_sales_team
from mqa_platform.market.world import build_accounts

CONFIG = MarketConfig(accounts=400, days=120, seed=5)


@pytest.fixture(scope="module")
def team() -> SalesTeam:
    return build_sales_team(CONFIG, build_accounts(CONFIG))


@pytest.fixture(scope="module")
def folder(team: SalesTeam, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("market") / "reps"
    write_reps(CONFIG, team, found)
    return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_active_rep_is_listed_with_the_capacity_and_territory_of_the_crm(
    team: SalesTeam, folder: Path
) -> None:
    listed = {row["rep_id"]: row for row in read(folder / "reps.csv")}
    assert set(listed) == {r.user_id for r in team.reps if r.is_active}
    for rep in (r for r in team.reps if r.is_active):
        row = listed[rep.user_id]
        assert int(row["capacity_per_week"]) == rep.capacity_per_week
        assert row["regions"].split(";") == list(rep.countries)
        assert row["time_zone"] == rep.time_zone


def test_absences_of_a_rep_do_not_overlap_and_nobody_stands_in_for_himself(folder: Path) -> None:
    spans: dict[str, list[tuple[date, date]]] = {}
    rows = read(folder / "absences.csv")
    assert rows
    for row in rows:
        span = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
        assert CONFIG.starts_on <= span[0] < CONFIG.starts_on + timedelta(days=CONFIG.days)
        assert span[0] < span[1]
        assert row["cover_id"] != row["rep_id"]
        spans.setdefault(row["rep_id"], []).append(span)
    for mine in spans.values():
        assert all(a[1] <= b[0] for a, b in zip(sorted(mine), sorted(mine)[1:], strict=False))


def test_the_same_seed_writes_the_same_files(team: SalesTeam, folder: Path, tmp_path: Path) -> None:
    write_reps(CONFIG, team, tmp_path / "again")
    for name in ("reps.csv", "absences.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
