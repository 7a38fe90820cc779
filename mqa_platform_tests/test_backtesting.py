"""The backtest from whole tables: who takes part in the motion that is ranked; by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.backtesting import backtest
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.history import PolicyHistory
from mqa_platform_tests.core.engine import Engine, default_policy

SPLIT, LAST = date(2026, 3, 1), date(2026, 6, 10)
ALWAYS = date(2020, 1, 1)
TABLES = (
    "scores", "score_receipts", "touchpoints", "accounts", "account_fit", "crm_opportunities",
)  # fmt: skip


class Made:
    """Tables by name; what a test does not say of a row is null, and of a table, that it is empty."""

    def __init__(self, **rows):
        self.engine = Engine()
        self.made = {}
        for name in TABLES:
            schema = pa.schema(
                [pa.field(f.name, f.type) for f in load_contracts()[name].arrow_schema]
            )
            self.made[name] = self.engine.table(rows.get(name, ()), schema)
        self.table = self.made.__getitem__
        self.rows, self.keep, self.apply = self.engine.rows, self.engine.keep, self.engine.apply


def score(who, day, motion):
    return {"account_id": who, "motion": motion, "score_date": day, "threshold": Decimal(90),
            "engagement_score": Decimal(100), "last_eligible_on": day}  # fmt: skip


def deal(number, who, day, won=False):
    at = datetime.combine(day, datetime.min.time(), UTC)
    return {"opportunity_id": f"o{number}", "account_id": who, "valid_from": day, "is_deleted": False,
            "created_at": at, "is_closed": won, "is_won": won, "closed_at": at if won else None,
            "amount": 1000.0}  # fmt: skip


def programme(motion):
    """Two prospects and a customer since last year, all of them scored; one of each has a deal in April."""
    names = {"prospect": None, "other": None, "customer": "customer"}
    mine = [{"account_id": a, "valid_from": ALWAYS, "account_type": kind} for a, kind in names.items()]  # fmt: skip
    fit = [{"account_id": a, "valid_from": ALWAYS, "motion": motion, "fit_gate": "pass"} for a in names]  # fmt: skip
    days = (SPLIT - timedelta(days=60), SPLIT)
    deals = [deal(0, "bought", date(2025, 5, 1), won=True)]
    deals += [
        deal(n, a, date(2026, 4, 10)) for n, a in enumerate(("prospect", "customer", "bought"), 1)
    ]
    bought = {"account_id": "bought", "valid_from": ALWAYS}
    return {
        "accounts": [*mine, bought],
        "account_fit": [*fit, {**bought, "motion": motion, "fit_gate": "pass"}],
        "scores": [score(a, d, motion) for a in (*names, "bought") for d in days],
        "crm_opportunities": deals,
    }


def ranked(motion, **told):
    policy = default_policy()
    program = policy.program.model_copy(update={"motion": motion})
    policy = policy.model_copy(update={"program": program})
    found = backtest(Made(**programme(motion), **told), PolicyHistory.always(policy, "v1"), LAST)
    return {(r["split_on"], r["model"]): r for r in found.models}[SPLIT, "mqa"]


@pytest.mark.parametrize(
    ("motion", "accounts", "positives"), [("new_business", 2, 1), ("expansion", 2, 2)]
)
def test_customers_are_ranked_in_expansion_and_nowhere_else(motion, accounts, positives):
    # The CRM calls one of them a customer; the other one won a deal last year.
    row = ranked(motion)
    assert (row["accounts"], row["positives"]) == (accounts, positives)


def touch(who, day, **changed):
    at = datetime.combine(day, datetime.min.time(), UTC)
    row = {"signal_id": f"{who}{day}", "account_id": who, "touchpoint_date": day, "occurred_at": at,
           "received_at": at, "event": "page_view", "page_type": "pricing", "signal_type": "pricing_view",
           "direction": "inbound", "channel": "web", "share": 1.0, "match_confidence": 1.0, "strength": 1.0,
           "seniority": 1.0, "person_id": f"p{who}", "is_known_person": True}  # fmt: skip
    return {**row, **changed}


@pytest.mark.parametrize(
    ("other", "auc"),
    [({}, 0.5), ({"channel": "email"}, 1.0), ({"received_at": datetime(2026, 3, 5, tzinfo=UTC)}, 1.0)],
    ids=["both came by themselves", "one came by our mail", "one was not known yet"],
)  # fmt: skip
def test_a_visit_that_our_mail_brought_or_that_came_late_ranks_nobody(other, auc):
    # Both are published with the same score, and the first one has a deal.
    seen = SPLIT - timedelta(days=3)
    touches = [touch("prospect", seen), touch("other", seen, **other)]
    row = ranked("new_business", touchpoints=touches)
    assert (row["positives"], row["auc"]) == (1, auc)


def test_a_home_without_a_score_has_no_backtest():
    found = backtest(Made(), PolicyHistory.always(default_policy(), "v1"), LAST)
    assert (found.days, found.models, found.outcomes, found.leaks) == ([], [], [], [])
