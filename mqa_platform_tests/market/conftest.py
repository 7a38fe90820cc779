"""One small market for the facts that only need to read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from mqa_platform.market import MarketConfig, MarketSummary, generate


@dataclass(frozen=True)
class World:
    """A generated market and ways to read it."""

    home: Path
    config: MarketConfig
    summary: MarketSummary
    messages: list[dict[str, Any]]
    broken_lines: int

    def truth(self, table: str) -> pa.Table:
        return parquet.read_table(self.home / "truth" / f"{table}.parquet")

    def crm(self, name: str) -> list[dict[str, Any]]:
        table = csv.read_csv(
            self.home / "inbox" / "salesforce" / f"{name}.csv",
            convert_options=csv.ConvertOptions(
                column_types={}, include_columns=None, strings_can_be_null=False
            ),
        )
        return table.to_pylist()

    def true_events(self, feed: str) -> dict[str, dict[str, Any]]:
        rows = self.truth("signal_account").to_pylist()
        return {row["event_id"]: row for row in rows if row["feed"] == feed}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("market")
    config = MarketConfig(accounts=600, days=150, seed=3)
    summary = generate(config, home)
    messages, broken = [], 0
    for path in sorted((home / "inbox" / "segment").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                messages.append(json.loads(line) | {"_file": path.stem})
            except json.JSONDecodeError:
                broken += 1
    return World(home, config, summary, messages, broken)
