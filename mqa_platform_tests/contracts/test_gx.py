"""A contract's rules as a Great Expectations suite."""

from datetime import date
from pathlib import Path

import pytest

from mqa_platform.contracts import load_contracts
from mqa_platform.contracts.gx import escaped, gx_suite

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture(scope="module")
def expectations():
    visits = load_contracts(SAMPLE)["visits"]
    suite = gx_suite(
        visits,
        "visits__staged",
        window=(date(2026, 1, 1), date(2026, 1, 2)),
        table=lambda name: f'"{name}__staged"',
    )
    return {e.meta["rule"]: e for e in suite.expectations}


def test_every_rule_is_one_expectation_with_its_id(expectations):
    assert list(expectations) == [rule.name for rule in load_contracts(SAMPLE)["visits"].rules]


def test_column_rules_are_native_expectations(expectations):
    assert type(expectations["channel_in_set"]).__name__ == "ExpectColumnValuesToBeInSet"
    assert type(expectations["score_in_range"]).__name__ == "ExpectColumnValuesToBeBetween"
    assert expectations["score_in_range"].max_value == 100


def test_a_query_speaks_of_the_window_and_the_sister_table(expectations):
    query = expectations["every_visit_counted"].unexpected_rows_query

    assert '"visit_counts__staged" AS c' in query
    assert "v.visit_date >= DATE '2026-01-01' AND v.visit_date < DATE '2026-01-02'" in query
    assert 'FROM "visits__staged" GROUP BY' in query


def test_literal_braces_and_colons_reach_the_database_as_written():
    assert escaped("a ~ '(?:x{2})' AND b::date") == "a ~ '(?\\:x{{2}})' AND b::date"


def test_a_warning_is_a_warning_in_the_suite_too(expectations):
    assert expectations["long_visits"].severity == "warning"
    assert expectations["key_unique"].severity == "critical"
