"""What the loader reads, and what it refuses to read."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import ibis.expr.datatypes as dt
import pyarrow as pa
import pytest

from mqa_platform.contracts import ContractError, load_contracts
from mqa_platform.contracts.loader import read_contract

SAMPLE = Path(__file__).parent / "sample"

HEAD = """
apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
"""
ONE_COLUMN = HEAD + "      - {name: a, logicalType: string}\n"


@pytest.fixture(scope="module")
def visits():
    return load_contracts(SAMPLE)["visits"]


def test_every_contract_of_the_folder_is_read_by_table_name():
    assert list(load_contracts(SAMPLE)) == ["people_list", "visit_counts", "visits"]


def test_logical_types_become_portable_types(visits):
    assert visits.schema["amount"] == dt.Decimal(18, 4)
    assert visits.schema["score"] == dt.float64
    assert visits.schema["page_views"] == dt.int64
    assert visits.arrow_schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")


def test_a_contract_knows_its_key_day_owner_group_and_freshness(visits):
    assert visits.key == ("visit_id",)
    assert visits.day_column == "visit_date"
    assert visits.owner == "data-engineering"
    assert visits.group == "sessions"
    assert visits.freshness == timedelta(hours=26)
    assert visits.column("person_key").classification == "pii"


def test_an_owner_may_be_a_member_of_the_team():
    people = load_contracts(SAMPLE)["people_list"]

    assert people.owner == "revops"
    assert people.day_column is None


def test_every_promise_becomes_a_rule(visits):
    assert [rule.name for rule in visits.rules] == [
        "inside_window",
        "key_unique",
        "required_given",
        "numbers_finite",
        "visit_id_matches",
        "channel_in_set",
        "page_views_in_range",
        "score_in_range",
        "long_visits",
        "every_visit_counted",
    ]


def test_a_warning_does_not_block(visits):
    blocking = {rule.name: rule.blocking for rule in visits.rules}

    assert not blocking.pop("long_visits")
    assert all(blocking.values())


def test_a_file_is_named_as_its_table(tmp_path):
    (tmp_path / "other.yaml").write_text(ONE_COLUMN)

    with pytest.raises(ContractError, match="other.yaml: describes table t: name the file t.yaml"):
        load_contracts(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: [", "not a valid ODCS document"),
        (ONE_COLUMN + "surprise: 1\n", "surprise"),
        (ONE_COLUMN.replace("v3.1.0", "v2.2.2"), "apiVersion"),
        (ONE_COLUMN + "  - name: u\n", "exactly one table"),
        (ONE_COLUMN + "      - {name: a, logicalType: string}\n", "each named once"),
        (HEAD + "      - {name: A b, logicalType: string}\n", "'A b' is not an allowed name"),
        (
            HEAD + "      - {name: a, logicalType: object}\n",
            "logicalType 'object' is not published",
        ),
        (HEAD + "      - {name: a, logicalType: number, physicalType: money}\n", "decimal"),
        (HEAD + "      - {name: a, logicalType: string, partitioned: true}\n", "is a date"),
        (
            HEAD + "      - {name: a, logicalType: integer, logicalTypeOptions: {multipleOf: 2}}\n",
            "multipleOf not understood",
        ),
        (
            HEAD + "      - {name: a, logicalType: string, logicalTypeOptions: {minimum: 2}}\n",
            "minimum and maximum are for",
        ),
        (
            HEAD + "      - {name: a, logicalType: integer, logicalTypeOptions: {maxLength: 2}}\n",
            "are for strings",
        ),
        (
            HEAD
            + "      - {name: a, logicalType: string, quality: [{metric: rowCount, mustBe: 0}]}\n",
            "'rowCount' with arguments",
        ),
        (
            HEAD
            + "      - {name: a, logicalType: date, quality: [{metric: nullValues, mustBe: 3}]}\n",
            "mustBe: 0",
        ),
    ],
)
def test_a_promise_that_is_not_understood_is_an_error(text, told):
    with pytest.raises(ContractError, match=told):
        read_contract(text)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{type: sql, name: r, query: 'SELECT 1 FROM {batch}', mustBe: 1}", "needs mustBe: 0"),
        ("{type: sql, name: r, query: SELECT 1, mustBe: 0}", "does not read {batch}"),
        (
            "{type: sql, name: r, query: 'SELECT {today} FROM {batch}', mustBe: 0}",
            "placeholder {today}",
        ),
        (
            "{type: sql, name: r, query: 'SELECT 1 FROM {batch}, {table}', mustBe: 0}",
            "placeholder {table}",
        ),
        (
            "{type: sql, name: r, query: 'SELECT 1 FROM {batch}, {table:A;B}', mustBe: 0}",
            "not a table name",
        ),
        (
            "{type: sql, name: 'No', query: 'SELECT 1 FROM {batch}', mustBe: 0}",
            "not an allowed name",
        ),
        (
            "{type: sql, name: r, query: 'SELECT 1 FROM {batch}', mustBe: 0, severity: loud}",
            "severity",
        ),
        ("{type: custom, engine: soda, name: r}", "type library or sql"),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: [b]}}", "its own columns"),
    ],
)
def test_a_table_rule_that_could_not_be_run_is_an_error(rule, told):
    with pytest.raises(ContractError, match=told):
        read_contract(f"{ONE_COLUMN}    quality:\n      - {rule}\n")


def test_two_rules_of_one_name_are_refused():
    rule = "      - {type: sql, name: r, query: 'SELECT 1 FROM {batch}', mustBe: 0}\n"

    with pytest.raises(ContractError, match="repeated: r"):
        read_contract(f"{ONE_COLUMN}    quality:\n{rule}{rule}")


def test_text_quality_describes_and_promises_nothing():
    contract = read_contract(
        f"{ONE_COLUMN}    quality:\n      - {{type: text, description: Nice.}}\n"
    )

    assert contract.rules == ()


def test_library_rules_of_a_table_and_a_column():
    contract = read_contract(
        HEAD
        + "      - name: a\n        logicalType: string\n        unique: true\n"
        + "        logicalTypeOptions: {minLength: 2, maxLength: 5}\n"
        + "        quality:\n"
        + "          - {metric: invalidValues, mustBe: 0, arguments: {pattern: '[a-z]+'}}\n"
        + "          - {metric: nullValues, mustBe: 0, severity: warning}\n"
        + "      - {name: d, logicalType: date, logicalTypeOptions: {minimum: 2020-01-01}}\n"
        + "    quality:\n"
        + "      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [a, d]}}\n"
    )

    assert {rule.name: (rule.kind, rule.blocking) for rule in contract.rules} == {
        "a_unique": ("unique", True),
        "a_length": ("length", True),
        "a_matches": ("matches", True),
        "a_not_null": ("not_null", False),
        "d_in_range": ("in_range", True),
        "a_d_unique": ("unique", True),
    }
    assert (
        next(rule for rule in contract.rules if rule.name == "d_in_range").minimum == "2020-01-01"
    )


def test_reading_contracts_does_not_load_the_rule_engine():
    code = (
        "import sys; from pathlib import Path; from mqa_platform.contracts import load_contracts;"
        f"load_contracts(Path({str(SAMPLE)!r})); import mqa_platform.contracts.gx;"
        "import mqa_platform.warehouse;"
        "assert not {'great_expectations', 'sqlalchemy', 'pyspark', 'psycopg'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
