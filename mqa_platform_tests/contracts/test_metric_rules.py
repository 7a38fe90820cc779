"""The rules of the metrics' tables let good rows pass and find bad ones."""

from __future__ import annotations

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
