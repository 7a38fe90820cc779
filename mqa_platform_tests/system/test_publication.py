"""Bad data is never published: the last good rows stay, and the run says which rule stopped it."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import dagster as dg
import pytest

from mqa_platform.assets import platform, reporting
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.model import Contract
from mqa_platform.core.window import Window
from mqa_platform.definitions import build_definitions
from mqa_platform.home import Home
from mqa_platform.runs import RunFailedError, run_on
from mqa_platform.schedules import DAILY_REFRESH
from mqa_platform_tests.system.pipeline import (
    day,
    differing,
    fingerprints,
    rows,
    run,
)

ONE = day(29)


def with_rule(blocking: bool) -> dict[str, Contract]:
    """The contracts, with a rule on scores that real scores break."""
    contracts = dict(load_contracts())
    scores = contracts["scores"]
    (rule,) = [r for r in scores.rules if r.name == "score_is_the_sum_of_its_receipt"]
    strict = dataclasses.replace(
        rule,
        name="nobody_scores",
        description="No account has points.",
        blocking=blocking,
        arguments={},
        query="SELECT * FROM {batch} WHERE engagement_score > 0",
    )
    contracts["scores"] = dataclasses.replace(scores, rules=(*scores.rules, strict))
    return contracts


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch):
    def install(blocking: bool) -> None:
        contracts = with_rule(blocking)
        for module in (platform, reporting):
            monkeypatch.setattr(module, "load_contracts", lambda: contracts)

    return install


def touched(home: Home) -> None:
    """Something to publish: without a change nothing would be replaced anyway."""
    import duckdb

    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("UPDATE scores SET momentum = 9 WHERE score_date = DATE '2025-07-30'")
