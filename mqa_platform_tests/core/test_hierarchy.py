"""The tree of accounts: parents as of the day, merges, acquisitions, and what is no tree."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.hierarchy import MERGE, account_nodes
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import crm_schema, day

SCHEMA = crm_schema("landed_accounts")


def version(account, parent=None, first=-100, end=None, **more):
    return {
        **dict.fromkeys(SCHEMA.names),
        "account_id": account,
        "name": account,
        "parent_account_id": parent,
        "valid_from": day(first),
        "valid_to": None if end is None else day(end),
        "is_deleted": False,
        **more,
    }


def nodes(rows, merges=(), **identity):
    merged = pa.Table.from_pylist(
        [dict(zip(MERGE.names, m, strict=True)) for m in merges], schema=MERGE
    )
    kernel = account_nodes(Identity.model_validate(identity), merged)
    return kernel.fn(pa.Table.from_pylist(rows, schema=SCHEMA)).to_pylist()


def as_of(found, account, when):
    (row,) = [
        r
        for r in found
        if r["account_id"] == account
        and r["valid_from"] <= day(when)
        and (r["valid_to"] is None or day(when) < r["valid_to"])
    ]
    return row


THREE = [version("top"), version("mid", "top"), version("leaf", "mid")]


@pytest.mark.parametrize(
    ("roll_up", "node"), [("own", "leaf"), ("parent", "mid"), ("ultimate_parent", "top")]
)
def test_the_policy_names_the_node_that_gets_the_points(roll_up, node):
    row = as_of(nodes(THREE, roll_up=roll_up), "leaf", 0)
    assert (row["node_id"], row["parent_account_id"]) == (node, "mid")
    assert (row["ultimate_parent_id"], row["depth"], row["is_cyclic"]) == ("top", 2, False)


def test_a_parent_says_nothing_of_the_days_before_it_was_entered():
    rows = [version("top"), version("leaf", end=5), version("leaf", "top", first=5)]
    found = nodes(rows, roll_up="ultimate_parent")
    assert [as_of(found, "leaf", d)["node_id"] for d in (4, 5)] == ["leaf", "top"]


def test_a_grandparent_that_comes_later_counts_from_then_on():
    rows = [version("top"), version("mid", end=3), version("mid", "top", 3), version("leaf", "mid")]
    found = nodes(rows, roll_up="ultimate_parent")
    assert [as_of(found, "leaf", d)["node_id"] for d in (2, 3)] == ["mid", "top"]


def test_a_parent_that_is_gone_or_unknown_is_none():
    rows = [
        version("top", end=5),
        version("top", first=5, is_deleted=True),
        version("leaf", "top"),
        version("stray", "nobody"),
    ]
    found = nodes(rows, roll_up="parent")
    assert [as_of(found, "leaf", d)["node_id"] for d in (4, 5)] == ["top", "leaf"]
    assert as_of(found, "stray", 0)["node_id"] == "stray"


def test_a_cycle_is_broken_at_one_place_and_reported():
    rows = [version("b", "c"), version("c", "a"), version("a", "b"), version("out", "c")]
    found = nodes(rows, roll_up="ultimate_parent")
    assert {r["node_id"] for r in found} == {"a"}
    assert all(r["is_cyclic"] for r in found)


def test_a_merged_account_is_its_survivor_from_the_merge_on():
    rows = [version("old", end=5), version("old", first=5, is_deleted=True), version("kept")]
    found = nodes(rows, merges=[("old", "kept", day(5))])
    assert [as_of(found, "old", d)["node_id"] for d in (4, 5)] == ["old", "kept"]
    assert as_of(found, "old", 9)["depth"] == 0


def test_a_bought_company_is_the_buyers_from_the_day_of_the_acquisition():
    rows = [version("buyer", domain="buyer.com"), version("shop", "buyer", domain="shop.com")]
    deal = {"domain": "shop.com", "by": "buyer.com", "on": "2026-01-06"}
    found = nodes(rows, roll_up="parent", acquisitions=[deal])
    assert [as_of(found, "shop", d)["node_id"] for d in (4, 5)] == ["shop", "buyer"]
    entered = [version("buyer", domain="buyer.com"), version("shop", domain="shop.com")]
    assert nodes(entered, roll_up="parent", acquisitions=[deal]) == found


NAMES = ["a", "b", "c", "d", "e"]


@st.composite
def trees(draw):
    rows = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        cuts = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=3)))
        for first, end in zip(cuts, [*cuts[1:], None], strict=True):
            parent = draw(st.sampled_from([None, *NAMES, "nobody"]))
            rows.append(version(name, parent, first, end, is_deleted=draw(st.booleans())))
    return rows


@given(trees(), st.sampled_from(["own", "parent", "ultimate_parent"]))
def test_every_living_account_has_one_node_a_day_and_that_node_lives(rows, roll_up):
    found = nodes(rows, roll_up=roll_up)
    for when in range(12):
        living = {
            r["account_id"]
            for r in rows
            if not r["is_deleted"]
            and r["valid_from"] <= day(when)
            and (r["valid_to"] is None or day(when) < r["valid_to"])
        }
        told = [r for r in found if _holds(r, day(when))]
        # One row an account: whoever joins it neither loses nor doubles a point.
        assert sorted(r["account_id"] for r in told) == sorted(living)
        assert {r["node_id"] for r in told} <= living
        tops = {r["account_id"]: r["ultimate_parent_id"] for r in told}
        assert all(tops[top] == top for top in tops.values())


@given(trees().flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_the_versions_does_not_matter(pair):
    assert nodes(pair[0], roll_up="parent") == nodes(pair[1], roll_up="parent")


def _holds(row, when: date) -> bool:
    return row["valid_from"] <= when and (row["valid_to"] is None or when < row["valid_to"])
