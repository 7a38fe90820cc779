"""The threshold curve asks only for what every engine answers alike."""

from __future__ import annotations

from datetime import date

import ibis
import pytest

from mqa_platform.core.calibration.curve import found_deals, outcomes, weekly
from mqa_platform.core.calibration.entries import ENTRY, candidates, entries
from mqa_platform.core.calibration.proposals import changed_accounts
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import ACCOUNTS, default_policy
from mqa_platform_tests.core.portability import problems
from mqa_platform_tests.core.test_threshold_entries import DEALS, SCORES

DAY = date(2026, 3, 1)


def table(schema, name):
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)


def cases():
    policy, seen = default_policy(), []
    accounts, deals, entered = table(ACCOUNTS, "accounts"), table(DEALS, "deals"), table(ENTRY, "entries")  # fmt: skip
    found = candidates(table(SCORES, "scores"), accounts, policy, Window(date(2026, 1, 1), DAY))

    def apply(kernel, expr, shard_by):
        seen.append(expr)
        return entered

    steps = {"strategic": 0, "scaled": -3, "programmatic": 5}
    return {
        "entries": entries(found, policy, date(2026, 1, 1), apply),
        "candidates": seen[0],
        "weekly": weekly(entered, DAY, 26),
        "outcomes": outcomes(entered, deals, DAY, 90),
        "found_deals": found_deals(entered, deals, accounts, date(2026, 1, 1), DAY, 90),
        "changed_accounts": changed_accounts(entered, accounts, steps, DAY, 13),
    }


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_the_curve_asks_only_for_what_every_engine_answers_alike(name):
    assert problems(CASES[name]) == set()
    assert ibis.to_sql(CASES[name], dialect="postgres")
