"""The rules of the metrics' tables let good rows pass and find bad ones."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.rules import offending_rows

ORIGIN = {"opportunity_id": "o", "is_closed": True, "is_won": True, "amount": Decimal(10)}
CREDIT = {
    "opportunity_id": "o",
    "model": "linear",
    "credit": 0.5,
    "pipeline": Decimal(5),
    "revenue": Decimal(5),
}
FIGURE = {"metric": "m", "value": 0.5, "low": 0.4, "high": 0.6}
CAST = {"opportunities": 1.0, "opportunities_low": 0.0, "opportunities_high": 2.0}
ALARM = {"status": "alarm", "since": date(2026, 3, 2), "week": date(2026, 3, 9)}
RANKED = {"precision": 0.5, "precision_low": 0.3, "precision_high": 0.7}
MONTH = {
    "motion": "new_business",
    "split_on": date(2026, 3, 1),
    "accounts": 9,
    "positives": 2,
    "flagged": 1,
}
STAYS = {"weight_now": 8.0, "weight_proposed": 8.0, "status": "cannot_rank"}
ASKED = {"weight_asked": 5.2, "weight_low": 3.0, "weight_high": 7.0}
# Rule → table, rows that it lets pass, rows that it finds.
CASES = {
    "credits_sum_to_one": ("attribution", [CREDIT, CREDIT], [CREDIT]),
    "money_is_conserved": ("attribution", [CREDIT, CREDIT], [CREDIT, {**CREDIT, "revenue": Decimal(4)}]),
    "a_missed_deal_has_a_rule": (
        "opportunity_origin",
        [{"origin": "mqa_sourced"}, {"origin": "none", "missing_rule": "no_match"}],
        [{"origin": "none"}],
    ),
    "an_mqa_behind_it_is_named": (
        "opportunity_origin",
        [{"origin": "mqa_influenced", "episode": 1}, {"origin": "none"}],
        [{"origin": "mqa_sourced"}],
    ),
    "value_lies_in_its_interval": ("conversion_metrics", [FIGURE, {"value": 3.0}], [{**FIGURE, "low": 0.51}]),
    "a_forecast_lies_in_its_interval": (
        "pipeline_forecast", [CAST, {}], [{**CAST, "opportunities_high": 0.9}],
    ),
    "an_alarm_says_since_when": (
        "drift_checks", [ALARM, {"status": "ok", "week": date(2026, 3, 9)}],
        [{**ALARM, "since": None}, {**ALARM, "since": date(2026, 3, 16)}, {**ALARM, "status": "ok"}],
    ),
    "only_an_alarm_opens_a_proposal": (
        "drift_checks", [{**ALARM, "proposed_on": date(2026, 3, 16)}, {"status": "ok"}],
        [{"status": "ok", "proposed_on": date(2026, 3, 16)}],
    ),
    "figures_lie_in_their_intervals": (
        "backtests", [RANKED, {}], [{**RANKED, "precision_low": 0.6}, {"lift_top_decile": 3.0, "lift_high": 2.0}],
    ),
    "models_rank_the_same_accounts": (
        "backtests", [MONTH, MONTH], [MONTH, {**MONTH, "flagged": 2}],
    ),
    "rates_lie_in_their_intervals": (
        "score_outcomes", [{"accounts": 4, "opportunities": 1, "rate": 0.25, "low": 0.1, "high": 0.7}],
        [{"accounts": 4, "opportunities": 5}, {"rate": 0.25, "low": 0.3}],
    ),
    "the_future_is_always_suspected": (
        "backtest_leaks", [{"later_than_split": 2, "is_leak": True, "is_banned": False},
                           {"later_than_split": 0, "is_leak": False, "is_banned": False}],
        [{"later_than_split": 2, "is_leak": False, "is_banned": False}],
    ),
    "rules_stay_unless_deals_speak": (
        "weight_proposals", [STAYS, {**STAYS, "weight_proposed": 5.0, "status": "change"}],
        [{**STAYS, "weight_proposed": 5.0}],
    ),
    "an_interval_holds_what_it_is_of": (
        "weight_proposals", [STAYS, ASKED], [{**ASKED, "weight_low": None}],
    ),
    "a_claim_lies_on_one_side_of_one": (
        "signal_lift", [{"verdict": "lifts", "low": 1.1, "high": 4.0}, {"verdict": "cannot_say"}],
        [{"verdict": "lowers", "low": 0.5, "high": 1.1}],
    ),
    "a_half_life_stays_unless_it_is_seen": (
        "half_life_estimates", [{"half_life_now": 30.0, "half_life_proposed": 30.0, "status": "cannot_say"}],
        [{"half_life_now": 30.0, "half_life_proposed": 45.0, "status": "no_fading_seen"}],
    ),
}  # fmt: skip


def loaded(con, name, table, rows):
    fields = [pa.field(f.name, f.type) for f in load_contracts()[table].arrow_schema]
    full = [{**{f.name: None for f in fields}, **row} for row in rows]
    con.create_table(name, pa.Table.from_pylist(full, schema=pa.schema(fields)))


@pytest.mark.parametrize("name", CASES)
def test_a_rule_lets_good_rows_pass_and_finds_bad_ones(name):
    table, good, bad = CASES[name]
    contract = load_contracts()[table]
    rule = next(r for r in contract.rules if r.name == name)
    con = ibis.duckdb.connect()
    loaded(con, "opportunity_origin", "opportunity_origin", [ORIGIN])
    loaded(con, "good", table, good)
    loaded(con, "bad", table, bad)

    def found(batch):
        query = offending_rows(rule, contract, batch=batch, window=None, table=str)
        return len(con.raw_sql(query).fetchall())

    assert found("good") == 0
    assert found("bad") > 0
