"""Company names as others write them: what is asked, what counts, and how precise the answers are."""

from __future__ import annotations

import json
from random import Random

import ibis
import pytest
from typer.testing import CliRunner

from mqa_platform.cli import app
from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.name_matching import NAME_MATCH, matches, with_near_keys
from mqa_platform.core.ties import carriers, settled_names
from mqa_platform.evaluation.measures import EvaluationError
from mqa_platform.evaluation.name_dirt import OTHER, SAME
from mqa_platform.evaluation.name_lists import name_lists, read_names
from mqa_platform.evaluation.names import answers, evaluate_names, judged
from mqa_platform.policy.identity import Names

HEAD = "name,company\n"


@pytest.fixture
def given(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "names.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_a_match_is_right_only_with_the_company_it_means(given):
    listed = read_names(
        given(
            HEAD
            + '"ACME, Inc.",Acme\nAcme,\nTwin River Foods,\nTwin-River Foods GmbH,Twin River Foods\n'
            "Twinriver Foods,Acme\nNobody,\n,Acme\n"
        )
    )
    tally, errors = judged(listed, Names())
    # "Acme" is nobody's by the list and the account's by the letter: nobody could tell, so it is left out.
    assert (tally.asked, tally.belonging, tally.matches, tally.right) == (4, 3, 3, 2)
    assert (tally.near, tally.near_right) == (1, 0)
    assert errors == ["Twinriver Foods → Twin River Foods"]


def test_a_file_of_other_columns_is_refused_by_name(given, tmp_path):
    with pytest.raises(EvaluationError, match=r"names\.csv has no column 'company'"):
        read_names(given("name,account\nAcme,Acme\n"))
    with pytest.raises(EvaluationError, match=r"names\.csv names no account"):
        read_names(given(HEAD + "Acme,\n"))
    with pytest.raises(EvaluationError, match=r"names\.csv cannot be read"):
        read_names(given(HEAD + "Müller,Müller\n", "latin-1"))
    with pytest.raises(EvaluationError, match=r"absent\.csv cannot be read"):
        read_names(tmp_path / "absent.csv")


def test_a_written_name_is_asked_once_and_a_blank_one_never(given):
    listed = read_names(given(HEAD + "Acme Ltd,Acme\nAcme Ltd,Acme\n...,Acme\nAcme Co,Acme\n"))
    assert [text for text, *_ in listed.asked] == ["Acme Ltd", "Acme Co"]


@pytest.mark.parametrize("kind", OTHER)
def test_the_name_of_another_company_never_cleans_to_the_same(kind):
    for seed in range(20):
        for name in ("Juniper Networks", "Studio 54 Records", "Bank of Texas", "Aurora"):
            other = OTHER[kind](name, Random(seed))
            assert other == name or clean_company_name(other) != clean_company_name(name)


@pytest.mark.parametrize("kind", ["case", "article", "marks"])
def test_what_cleaning_takes_away_is_no_difference(kind):
    for seed in range(20):
        name = SAME[kind]("Juniper Networks", Random(seed))
        assert clean_company_name(name) == clean_company_name("Juniper Networks")


def test_the_answers_are_those_of_identity(tmp_path):
    """The same names through the expressions that identity joins with."""
    (market,), missing = name_lists(tmp_path, 3)
    assert len(missing) == 6
    asked = [text for text, *_ in market.asked[::9]]
    accounts = list(market.accounts[:600])
    found, _, _ = answers(accounts, asked, Names())
    con = ibis.duckdb.connect(threads=1)

    def table(name, columns, types):
        rows = [dict(zip(columns, row, strict=True)) for row in types[1]]
        return con.create_table(name, ibis.memtable(rows, schema=types[0]).to_pyarrow())

    keys = {name: clean_company_name(name) for name in [*accounts, *asked]}
    name_keys = table("k", ("name", "name_key"), (
        {"name": "string", "name_key": "string"}, list(keys.items())))  # fmt: skip
    known = {keys[a] for a in accounts}
    rows = list(matches(sorted(set(keys.values()) - known), sorted(known), Names()))
    near = con.create_table("m", ibis.memtable(rows, schema=ibis.Schema.from_pyarrow(NAME_MATCH)))
    text, day = "string", "date"
    crm = table("a", ("account_id", "name", "industry", "is_deleted", "valid_from", "valid_to"), (
        {"account_id": text, "name": text, "industry": text, "is_deleted": "boolean",
         "valid_from": day, "valid_to": day},
        [(name, name, None, False, "2020-01-01", None) for name in accounts]))  # fmt: skip
    nodes = table("n", ("account_id", "node_id", "valid_from", "valid_to"), (
        {"account_id": text, "node_id": text, "valid_from": day, "valid_to": day},
        [(name, name, "2020-01-01", None) for name in accounts]))  # fmt: skip
    both = con.create_table("b", with_near_keys(name_keys, near))
    carried = con.create_table("c", carriers(crm, both, nodes))
    settled = settled_names(carried).select("name_key", "name_account")
    told = both.join(settled, "name_key").to_pyarrow().to_pylist()
    said = {r["name"]: r["name_account"] for r in told if r["name_account"]}
    assert {name: said[name] for name in asked if name in said} == found


@pytest.mark.slow
def test_automatic_matches_are_precise_on_real_and_spoilt_lists(shared_data):
    found = evaluate_names(shared_data, Names(), seed=5)
    assert found["without"] == []
    assert found["automatic"]["matches"] >= 5000
    assert found["automatic"]["precision"] >= 0.995
    assert found["automatic"]["near"]["precision"] >= 0.99
    assert {each["list"] for each in found["lists"]} >= {"synthetic market", "OpenStack aliases"}


def test_the_command_measures_a_file_of_names_alone(given):
    path = given(HEAD + "Acme Ltd,Acme\nTwin,\n")
    said = CliRunner().invoke(
        app, ["evaluate", "identity", "--only", "names", "--names", str(path), "--json"]
    )
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)["names"]
    assert found["automatic"]["matches"] == 1
    assert (found["automatic"]["precision"], found["automatic"]["coverage"]) == (1.0, 1.0)
    assert found["review_share"] == 0.0
    shown = CliRunner().invoke(
        app, ["evaluate", "identity", "--only", "names", "--names", str(path)]
    )
    assert "100.00 %" in shown.stdout
