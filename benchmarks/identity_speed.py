"""Identity by the number of signals: address look-up, names, visits, and the whole resolution.

Every part is the code that the assets run, with the packaged policy; the world grows with the signals (one
account in 400 signals, one browser in eight, one address in twelve). Look-up and visits are compared with
pandas and DuckDB on the same rows, after their answers were found equal. Prints seconds of the processor (a machine
that is shared disturbs them least), peak memory and the exponent of each: how steep seconds over signals are on a
log-log scale, 1.0 being linear. All but the whole resolution use one thread.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
from collections.abc import Callable, Mapping
from time import process_time
from types import MappingProxyType
from typing import Any

import duckdb
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from worlds.identity import World

from mqa_platform.assets.platform import Step
from mqa_platform.assets.sessions import evidence
from mqa_platform.core.identity import resolve
from mqa_platform.core.ip_owners import ip_lookup
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.core.name_matching import name_matches
from mqa_platform.core.visits import cut
from mqa_platform.evaluation.scratch import scratch_home, session_of
from mqa_platform.policy.loader import load_policy, policy_version

MILLION = 1_000_000
_VISITS = """
    WITH s AS (
        SELECT *, epoch_us(occurred_at) // 1000000 AS second FROM hits
    ), g AS (
        SELECT *, coalesce(second - lag(second) OVER w > 1800, true) AS opens
        FROM s WINDOW w AS (PARTITION BY anonymous_id ORDER BY occurred_at, signal_id)
    ), v AS (
        SELECT *, sum(opens::INT) OVER (PARTITION BY anonymous_id ORDER BY occurred_at, signal_id)
            AS visit
        FROM g
    )
    SELECT md5(anonymous_id || '|' || first_value(signal_id) OVER (
        PARTITION BY anonymous_id, visit ORDER BY occurred_at, signal_id)) AS session_id
    FROM v ORDER BY row
"""


class Prepared(Step):
    """A step some of whose tables are given instead of read."""

    given: Mapping[str, ir.Table] = MappingProxyType({})

    def table(self, name: str) -> ir.Table:
        """The given table, else the empty one of the file."""
        return self.given[name] if name in self.given else super().table(name)


def _duckdb(tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """One thread, as ours has, and the tables in it."""
    con = duckdb.connect(config={"threads": 1})
    for name, table in tables.items():
        con.register("given", table)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    return con


def looked_up(world: World) -> dict[str, Callable[[], Any]]:
    """Ours on the text of every signal; the peers get the addresses as numbers."""
    kernel = ip_lookup(world.ranges)
    networks = world.ranges.filter(pc.equal(world.ranges["kind"], "asn"))
    frame = networks.select(["range_start", "org_key"]).to_pandas()
    numbers = pa.table({"ip": world.address, "row": np.arange(world.n)})
    con = _duckdb({"asked": numbers, "networks": networks})

    def ours() -> pa.Array:
        encoded = world.ips.dictionary_encode()
        found = kernel.fn(pa.table({"ip": encoded.dictionary}))["asn_key"].combine_chunks()
        return found.take(encoded.indices)

    def pandas() -> pd.Series:
        distinct, at = np.unique(world.address, return_inverse=True)
        asked = pd.DataFrame({"ip": distinct})
        return pd.merge_asof(asked, frame, left_on="ip", right_on="range_start")["org_key"].take(at)

    def in_duckdb() -> pa.Array:
        return con.execute(
            "SELECT org_key FROM asked ASOF JOIN networks ON ip >= range_start ORDER BY row"
        ).to_arrow_table()["org_key"]

    return {"ours": ours, "pandas": pandas, "DuckDB": in_duckdb}


def visited(world: World) -> dict[str, Callable[[], Any]]:
    """Ours and DuckDB with the visit's id; pandas with its number only."""
    asked = world.signals.select(["anonymous_id", "signal_id", "occurred_at"])
    con = _duckdb({"hits": asked.append_column("row", pa.array(np.arange(world.n)))})

    def ours() -> pa.Array:
        return cut(asked, 30, 24)["session_id"]

    def pandas() -> np.ndarray:
        frame = pd.DataFrame({"who": pd.Categorical(asked["anonymous_id"].to_pandas()),
                              "at": world.moment // 1_000_000})  # fmt: skip
        frame = frame.sort_values(["who", "at"])
        silent = frame.groupby("who", observed=True)["at"].diff()
        return (~(silent <= 1800)).cumsum().sort_index().to_numpy()

    def in_duckdb() -> pa.Array:
        return con.execute(_VISITS).to_arrow_table()["session_id"]

    return {"ours": ours, "pandas": pandas, "DuckDB": in_duckdb}


def named(world: World) -> dict[str, Callable[[], Any]]:
    """The names of the signals, distinct first, cleaned and matched with the accounts'."""
    names = load_policy(None).identity.names

    def ours() -> int:
        given = pc.unique(world.signals["company_name"].drop_null())
        keys = NAME_KEYS.fn(pa.table({"name": pa.concat_arrays([given, pa.array(world.names)])}))
        carried = pc.is_in(keys["name_key"], keys["name_key"][len(given) :].combine_chunks())
        asked = pa.table({"name_key": keys["name_key"], "is_account": carried})
        return len(name_matches(names).fn(asked))

    return {"ours": ours}


def resolved(world: World) -> Callable[[], float]:
    """``resolve`` with the evidence that the asset gathers, every table in a DuckDB file.

    The returned function gives the seconds without those of filling the file.
    """

    def ours() -> float:
        policy = load_policy(None)
        with scratch_home() as home, session_of(home) as session:
            step = Prepared(session, home, policy, policy_version(policy), "benchmark")
            given = {**world.people(), "landed_ip_ranges": world.ranges, "signals": world.signals}
            step.given = {n: session.keep(session.constant(n, t)) for n, t in given.items()}
            signals = step.given["signals"]
            began = process_time()
            facts = evidence(step, signals)
            answers = session.keep(resolve(signals, facts, policy, session.keep, session.apply))
            seconds = process_time() - began
            told = session.rows(answers.aggregate(n=answers["signal_id"].nunique()))
        if told[0]["n"] != world.n:
            raise SystemExit(f"{told[0]['n']:,} signals of {world.n:,} have an answer")
        return seconds

    return ours


def main() -> None:
    """Time every part at every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 5, 10, 20])
    parser.add_argument("--runs", type=int, default=3, help="of each below 10 million, else one")
    parser.add_argument("--resolve-up-to", type=float, default=20, help="millions; 0 leaves it out")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    for title, ways in (
        ("address look-up", looked_up),
        ("visits", visited),
        ("company names", named),
    ):
        timed: dict[str, list[float]] = {}
        for size in options.millions:
            runs = options.runs if size < 10 else 1
            for way, seconds in _compared(ways(World(int(size * MILLION))), runs).items():
                timed.setdefault(way, []).append(seconds)
            _line(title, size, {way: every[-1] for way, every in timed.items()})
        for way, every in timed.items():
            print(f"{title}, {way}: {_exponent(options.millions, every)}", flush=True)
    sizes = [size for size in options.millions if size <= options.resolve_up_to]
    whole = []
    for size in sizes:
        run = resolved(World(int(size * MILLION)))
        whole.append(statistics.median(run() for _ in range(options.runs if size < 5 else 1)))
        _line("resolve", size, {"ours": whole[-1]})
    print(f"resolve, ours: {_exponent(sizes, whole)}")


def _compared(ways: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Median seconds of each way, after one answer of each was found equal to ours."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    own: Any = None
    for turn in range(runs):
        for way, run in ways.items():
            gc.collect()
            began = process_time()
            answer = run()
            seconds[way].append(process_time() - began)
            if turn == 0:
                own = answer if own is None else own
                if not _agree(own, answer):
                    raise SystemExit(f"{way} answers otherwise")
            del answer
    return {way: statistics.median(every) for way, every in seconds.items()}


def _agree(one: Any, other: Any) -> bool:
    """Whether two columns part the rows in the same way: a visit may be called by its number."""
    if isinstance(one, int):
        return bool(one == other)
    first, second = (pd.factorize(np.asarray(pd.Series(x)))[0] for x in (one, other))
    return bool(np.array_equal(first, second))


def _line(title: str, size: float, seconds: dict[str, float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    told = ", ".join(f"{way} {taken:.2f} s" for way, taken in seconds.items())
    print(f"{title}, {size:g} million signals: {told}; peak memory {peak:.2f} GiB", flush=True)


def _exponent(sizes: list[float], seconds: list[float]) -> str:
    if len(sizes) < 2:
        return "no exponent from one size"
    slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    return f"exponent {slope:.2f} over {sizes[0]:g} to {sizes[-1]:g} million"


if __name__ == "__main__":
    main()
