"""Kernels give the same rows however the engine cuts the shards."""

import gc
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mqa_platform.contracts import ContractError
from mqa_platform.core.kernel import Kernel
from mqa_platform.warehouse.kernels import apply_by_shards, shard_ranges
from mqa_platform.warehouse.spark import SparkWarehouse
from mqa_platform_tests.warehouse.sample import LANDED

ROWS, ACCOUNTS = 3_000, 37
SCHEMA = pa.schema(
    [
        ("account", pa.int64()),
        ("last_seen", pa.timestamp("us", tz="UTC")),
        ("decayed", pa.float64()),
    ]
)


def decay(table: pa.Table) -> pa.Table:
    """Points of each account, halved for every earlier hit: an order-dependent recurrence."""
    frame = table.to_pandas().sort_values(["account", "seen_at", "hit_id"])
    made = []
    for account, hits in frame.groupby("account"):
        weights = 0.5 ** np.arange(len(hits))[::-1]
        made.append(
            (account, hits.seen_at.iloc[-1], float((hits.points.to_numpy() * weights).sum()))
        )
    return pa.Table.from_pandas(pd.DataFrame(made, columns=SCHEMA.names), preserve_index=False)


KERNEL = Kernel(
    "decay",
    decay,
    SCHEMA,
    {"account": ("account",), "last_seen": ("seen_at",), "decayed": ("points", "seen_at")},
)


@pytest.fixture(scope="module")
def hits():
    rng = np.random.default_rng(7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "hit_id": [f"h{n}" for n in range(ROWS)],
            "seen_at": [
                start + timedelta(microseconds=int(n)) for n in rng.integers(0, 10**12, ROWS)
            ],
            "points": rng.random(ROWS),
            "account": rng.integers(0, ACCOUNTS, ROWS),
            "batch_id": ["b"] * ROWS,
        },
        schema=LANDED["landed_hits"],
    )


def sharded(table: ibis.Table) -> ibis.Table:
    return table.mutate(shard=table.account % 8)


def in_order(table: pa.Table) -> list[dict]:
    return table.sort_by("account").to_pylist()


def test_a_kernel_gives_what_it_gives_over_the_whole_table(session, hits):
    given = session.constant("hits", hits)

    made = session.apply(KERNEL, sharded(given), "shard")

    assert in_order(session.arrow(made)) == in_order(decay(hits).cast(SCHEMA))
    assert session.arrow(made).schema == SCHEMA


@pytest.mark.parametrize(("rows_at_once", "made_calls"), [(1, 8), (1_000, 4), (10**9, 1)])
def test_a_kernel_does_not_see_how_the_shards_were_cut(session, hits, rows_at_once, made_calls):
    calls = []

    def counting(table: pa.Table) -> pa.Table:
        calls.append(len(table))
        return decay(table)

    kernel = Kernel("decay", counting, SCHEMA, KERNEL.lineage)
    made = apply_by_shards(
        session, kernel, sharded(session.constant("hits", hits)), "shard", rows_at_once
    )

    assert in_order(session.arrow(made)) == in_order(decay(hits).cast(SCHEMA))
    assert sum(calls) == ROWS
    assert len(calls) == made_calls


def test_the_result_of_a_kernel_can_be_joined_and_filtered(session, hits):
    given = session.constant("hits", hits)
    made = session.apply(KERNEL, sharded(given), "shard")

    joined = given.join(made, "account").filter(ibis._.account == 3)

    assert session.arrow(joined).num_rows == hits.to_pandas().account.eq(3).sum()


def test_no_rows_give_no_rows_without_calling_the_kernel(session, hits):
    def never(table: pa.Table) -> pa.Table:
        raise AssertionError("called")

    kernel = Kernel("never", never, SCHEMA, KERNEL.lineage)
    made = session.apply(kernel, sharded(session.constant("hits", hits.slice(0, 0))), "shard")

    assert session.arrow(made) == SCHEMA.empty_table()


def test_a_row_without_a_shard_is_an_error(session, hits):
    given = session.constant("hits", hits)

    with pytest.raises(ValueError, match="decay: a row without a shard"):
        session.apply(KERNEL, given.mutate(shard=given.account.nullif(0)), "shard")


def test_a_kernel_that_returns_other_columns_is_an_error(session, hits):
    kernel = Kernel("short", lambda table: table.select(["account"]), SCHEMA, KERNEL.lineage)

    with pytest.raises(ContractError, match="kernel short: .*missing decayed, last_seen"):
        session.apply(kernel, sharded(session.constant("hits", hits)), "shard")


def test_a_shard_is_never_cut():
    assert list(shard_ranges([(0, 5), (1, 5), (4, 100), (5, 1), (9, 2)], 10)) == [
        (0, 1),
        (4, 4),
        (5, 9),
    ]
    assert list(shard_ranges([], 10)) == []


def test_what_a_kernel_makes_range_by_range_leaves_with_the_session(duckdb_warehouse, hits):
    def stored(session):
        return [
            n
            for (n,) in session.fetch("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")
        ]

    with duckdb_warehouse.session() as session:
        given = sharded(session.constant("hits", hits))
        at_once = apply_by_shards(session, KERNEL, given, "shard", 10**9)
        in_ranges = apply_by_shards(session, KERNEL, given, "shard", 1_000)
        assert at_once.get_name() not in stored(session)
        assert in_ranges.get_name() in stored(session)
    with suppress(RuntimeError), duckdb_warehouse.session() as session:
        apply_by_shards(session, KERNEL, sharded(session.constant("hits", hits)), "shard", 1_000)
        raise RuntimeError("the step failed")

    with duckdb_warehouse.session() as session:
        assert not [name for name in stored(session) if "scratch" in name]


@pytest.mark.slow
@pytest.mark.spark
# py4j leaves its sockets to the garbage collector, which runs here and not in a later test.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_spark_gives_the_rows_of_the_embedded_engine(duckdb_warehouse, hits):
    def local_decay(table: pa.Table) -> pa.Table:
        # Defined here so that it travels to Spark's workers by value, not by the name of a test
        # module.
        import numpy as np
        import pandas as pd
        import pyarrow as pa

        made = []
        frame = table.to_pandas().sort_values(["account", "seen_at", "hit_id"])
        for account, rows in frame.groupby("account"):
            weights = 0.5 ** np.arange(len(rows))[::-1]
            points = float((rows.points.to_numpy() * weights).sum())
            made.append({"account": account, "last_seen": rows.seen_at.iloc[-1], "decayed": points})
        return pa.Table.from_pandas(pd.DataFrame(made), preserve_index=False)

    kernel = Kernel("decay", local_decay, SCHEMA, KERNEL.lineage)
    results = []
    for warehouse in (duckdb_warehouse, SparkWarehouse({}, LANDED)):
        with warehouse.session() as session:
            if warehouse is duckdb_warehouse:
                session.land("web", "b", "p", {"landed_hits": hits.drop_columns(["batch_id"])}, {})
            else:
                session.register("landed_hits", hits)
                with pytest.raises(Exception, match="Spark computes only"):
                    session.publish()
            table = session.table("landed_hits")
            names = session.constant(
                "names", pa.table({"account": [3, 4], "name": ["three", "four"]})
            )
            made = session.apply(kernel, sharded(table.filter(table.points > 0.25)), "shard")
            joined = made.join(names, "account", how="left").drop("account_right")
            results.append(in_order(session.arrow(joined)))

    gc.collect()
    assert len(results[0]) == ACCOUNTS
    assert results[0] == results[1]
