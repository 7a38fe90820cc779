"""Column lineage found by walking the graph; no engine is needed."""

import ibis
import pyarrow as pa
import pytest

from mqa_platform.core.kernel import Kernel
from mqa_platform.warehouse.lineage import Origins, column_lineage, uses_memory


@pytest.fixture
def hits():
    return ibis.table(
        {"id": "string", "account": "int64", "day": "date", "points": "float64"}, "hits"
    )


@pytest.fixture
def accounts():
    return ibis.table({"account": "int64", "name": "string", "parent": "int64"}, "accounts")


def test_a_computed_column_comes_from_the_columns_it_uses(hits):
    expr = hits.mutate(worth=hits.points * hits.account, one=ibis.literal(1)).filter(
        hits.day.notnull()
    )

    lineage = column_lineage(expr)

    assert lineage["worth"] == [("hits", "account"), ("hits", "points")]
    assert lineage["id"] == [("hits", "id")]
    assert lineage["one"] == []


def test_a_join_keeps_the_sides_apart(hits, accounts):
    joined = hits.join(accounts, "account", how="left")
    expr = joined.select("id", label=joined.name.concat(joined.id), account=joined.account)

    assert column_lineage(expr) == {
        "id": [("hits", "id")],
        "label": [("accounts", "name"), ("hits", "id")],
        "account": [("hits", "account")],
    }


def test_a_table_joined_with_itself_is_one_table(accounts):
    parents = accounts.view()
    expr = accounts.join(parents, accounts.parent == parents.account).select(
        accounts.account, parent_name=parents.name
    )

    assert column_lineage(expr) == {
        "account": [("accounts", "account")],
        "parent_name": [("accounts", "name")],
    }


def test_a_union_comes_from_both_sides(hits, accounts):
    expr = hits.select(key=hits.id).union(accounts.select(key=accounts.name), distinct=True)

    assert column_lineage(expr) == {"key": [("accounts", "name"), ("hits", "id")]}


def test_an_aggregate_comes_from_its_arguments_and_a_count_from_nothing(hits):
    expr = hits.group_by("account").agg(
        best=hits.points.max(where=hits.day.notnull()), n=hits.count()
    )

    assert column_lineage(expr) == {
        "account": [("hits", "account")],
        "best": [("hits", "day"), ("hits", "points")],
        "n": [],
    }


def test_a_window_function_comes_from_its_order_and_groups_too(hits):
    ranked = hits.mutate(
        place=ibis.row_number().over(group_by="account", order_by=ibis.desc("points"))
    )
    expr = ranked.filter(ranked.place == 0).select("id", "place")

    assert column_lineage(expr)["place"] == [("hits", "account"), ("hits", "points")]


def test_a_scalar_of_another_table_is_traced(hits, accounts):
    expr = hits.select("id", share=hits.points / accounts.account.max().as_scalar())

    assert column_lineage(expr)["share"] == [("accounts", "account"), ("hits", "points")]


def test_the_walk_goes_on_through_a_kernel_by_what_it_declares(hits, accounts):
    source = hits.mutate(weight=hits.points * 2)
    kernel = Kernel(
        "decay",
        lambda table: table,
        pa.schema([("account", pa.int64()), ("score", pa.float64())]),
        {"account": ("account",), "score": ("weight", "day")},
    )
    made = ibis.table({"account": "int64", "score": "float64"}, "decay_1")
    names = ibis.table({"account": "int64", "label": "string"}, "names_2")
    expr = made.join(names, "account").select("score", "label")

    lineage = column_lineage(expr, Origins({"decay_1": (kernel, source)}, {"names_2": "names"}))

    assert lineage == {
        "score": [("hits", "day"), ("hits", "points")],
        "label": [("names", "label")],
    }


def test_a_constant_table_in_memory_is_no_upstream(hits):
    pairs = ibis.memtable(pa.table({"account": [1], "label": ["a"]}))
    expr = hits.join(pairs, "account").select("id", "label")

    assert column_lineage(expr) == {"id": [("hits", "id")], "label": []}
    assert uses_memory(expr)
    assert not uses_memory(hits)
