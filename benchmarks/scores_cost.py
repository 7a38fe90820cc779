"""What a day of scores costs: the kernel against SQL, from a thousand account-years to a hundred thousand.

Prints seconds of processor time, peak memory and the exponent of growth for the kernel, the same for two spellings
of the signals' receipts in DuckDB's SQL (a window function over a dense calendar, and a join of points with the days
they count on), and the cost of one more day on top of a year. That all of them give the same receipts is checked first.
Each size runs in a process of its own, so that its peak memory is its own. Both ways begin with a table of touchpoints
in a DuckDB file and end with stored receipts; the kernel makes breadth, people, evidence and momentum as well.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from time import process_time

import numpy as np
import pyarrow as pa

from mqa_platform.core.score_lines import TOTAL
from mqa_platform.core.scores import score_lines
from mqa_platform.core.touches import INPUT
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session

FIRST = date(2025, 1, 1)
A_YEAR = 24
"""Touchpoints of an account and year."""


def touchpoints(accounts: int, days: int, policy: Policy) -> pa.Table:
    """Random touchpoints of the accounts; about 24 a year each, by six people at most."""
    rng = np.random.default_rng(7)
    rows = accounts * A_YEAR * days // 365
    whose = rng.integers(0, accounts, rows)
    names = list(policy.signals.signals)
    person = rng.integers(-2, 6, rows)
    columns = {
        "account_id": pa.array([f"a{n}" for n in range(accounts)]).take(pa.array(whose)),
        "touchpoint_date": pa.array(
            (rng.integers(0, days, rows) + (FIRST - date(1970, 1, 1)).days).astype(np.int32)
        ).cast(pa.date32()),
        "signal_type": pa.array(names).take(pa.array(rng.integers(0, len(names), rows))),
        "direction": pa.repeat(pa.scalar("inbound"), rows),
        "person_id": pa.array([f"p{a}_{p}" if p >= 0 else None for a, p in zip(whose, person, strict=True)],
                              pa.string()),
        "anonymous_id": pa.nulls(rows, pa.string()),
        "session_id": pa.nulls(rows, pa.string()),
        "strength": pa.array(rng.choice([0.2, 0.6, 1.0], rows)),
        "seniority": pa.array(rng.choice([0.75, 1.0, 1.5], rows)),
        "share": pa.array(rng.choice([0.5, 1.0], rows)),
        "match_confidence": pa.array(rng.choice([0.75, 0.9, 1.0], rows)),
        "intent_score": pa.nulls(rows, pa.float64()),
    }  # fmt: skip
    return pa.table({name: columns[name] for name in INPUT})


def rules(policy: Policy) -> pa.Table:
    """What SQL needs of the policy: a row a signal."""
    lookback, huge = policy.signals.lookback_days, 1e18
    return pa.Table.from_pylist(
        [
            {"component": n, "weight": s.weight, "half_life": float(s.half_life_days),
             "reach": s.reach_days(lookback), "person_cap": s.per_person_day or huge,
             "account_cap": s.per_account_day or huge, "ceiling": s.ceiling or huge}
            for n, s in policy.signals.signals.items()
        ]
    )  # fmt: skip


_DAILY = """
    points AS (
        SELECT t.account_id, r.component, t.touchpoint_date AS day,
            COALESCE(t.person_id, t.anonymous_id) AS who,
            r.weight * t.strength * t.seniority * t.share * t.match_confidence AS points
        FROM touched AS t JOIN rules AS r ON r.component = t.signal_type WHERE t.direction = 'inbound'
    ),
    people AS (
        SELECT account_id, p.component, day, SUM(points) AS raw,
            CASE WHEN who IS NULL THEN SUM(points) ELSE LEAST(SUM(points), ANY_VALUE(r.person_cap)) END AS mine
        FROM points AS p JOIN rules AS r ON r.component = p.component GROUP BY account_id, p.component, day, who
    ),
    daily AS (
        SELECT account_id, p.component, day, SUM(raw) AS raw,
            LEAST(SUM(mine), ANY_VALUE(r.account_cap)) AS net
        FROM people AS p JOIN rules AS r ON r.component = p.component GROUP BY account_id, p.component, day
    )
"""
_ROUNDED = """
    SELECT account_id, score_date, component, CAST(raw AS DECIMAL(18, 4)) AS raw_points,
        CAST(lost AS DECIMAL(18, 4)) AS lost_to_cap, CAST(decayed AS DECIMAL(18, 4)) AS decayed_points,
        CAST(LEAST(decayed, ceiling) AS DECIMAL(18, 4)) AS points
"""
JOIN = f"""
    CREATE OR REPLACE TABLE by_sql AS WITH {_DAILY},
    spread AS (
        SELECT account_id, d.day AS score_date, x.component, SUM(raw) AS raw, SUM(raw - net) AS lost,
            SUM(net * POW(2, -CAST(d.day - x.day AS DOUBLE) / r.half_life)) AS decayed,
            ANY_VALUE(r.ceiling) AS ceiling
        FROM daily AS x JOIN rules AS r ON r.component = x.component
        JOIN calendar AS d ON d.day >= x.day AND d.day < x.day + CAST(r.reach AS INTEGER)
        GROUP BY account_id, d.day, x.component
    ) {_ROUNDED} FROM spread WHERE CAST(raw AS DECIMAL(18, 4)) <> 0
"""
# The sum of an exponential: grow every point from the first day on, add up, shrink the sum to the day.
WINDOW = f"""
    CREATE OR REPLACE TABLE by_sql AS WITH {_DAILY},
    pairs AS (SELECT DISTINCT account_id, component FROM daily),
    dense AS (
        SELECT p.account_id, p.component, d.day AS score_date, COALESCE(x.raw, 0) AS raw,
            COALESCE(x.net, 0) AS net, r.half_life, r.ceiling, r.reach,
            CAST(d.day - DATE '{FIRST}' AS DOUBLE) / r.half_life AS age
        FROM pairs AS p CROSS JOIN calendar AS d JOIN rules AS r ON r.component = p.component
        LEFT JOIN daily AS x ON x.account_id = p.account_id AND x.component = p.component AND x.day = d.day
    ),
    spread AS (
        SELECT account_id, component, score_date, ceiling, SUM(raw) OVER w AS raw, SUM(raw - net) OVER w AS lost,
            SUM(net * POW(2, age)) OVER w * POW(2, -age) AS decayed
        FROM dense WINDOW w AS (PARTITION BY account_id, component ORDER BY score_date
            ROWS BETWEEN reach - 1 PRECEDING AND CURRENT ROW)
    ) {_ROUNDED} FROM spread WHERE CAST(raw AS DECIMAL(18, 4)) <> 0
"""


def by_kernel(session: Session, policy: Policy, days: list[date]) -> None:
    """The receipts and totals by the kernel, stored."""
    lines = score_lines(session.con.table("touched"), policy, days, session.apply)
    session.run("CREATE OR REPLACE VIEW by_kernel AS SELECT * FROM " + lines.get_name())


def timed(work: Callable[[], object]) -> float:
    """Seconds of the processor for one call, all threads together."""
    started = process_time()
    work()
    return process_time() - started


def difference(session: Session) -> tuple[int, float]:
    """Receipts that only one of the ways has, and the largest difference of a figure in the others."""
    numbers = ("raw_points", "lost_to_cap", "decayed_points", "points")
    worst = ", ".join(f"MAX(ABS(k.{n} - s.{n}))" for n in numbers)
    ((alone, *found),) = session.fetch(
        f"SELECT COUNT(*) FILTER (WHERE k.account_id IS NULL OR s.account_id IS NULL), {worst} "
        "FROM (SELECT * FROM by_kernel WHERE component IN (SELECT component FROM rules)) AS k "
        "FULL JOIN by_sql AS s ON k.account_id = s.account_id AND k.score_date = s.score_date "
        "AND k.component = s.component"
    )
    return int(alone), float(max(found))


def one(accounts: int, days: int, way: str) -> None:
    """One size in one way: prints seconds and peak gigabytes; for ``equal`` how far the ways differ."""
    policy = load_policy(None)
    calendar = [FIRST + timedelta(days=n) for n in range(days)]
    with (
        tempfile.TemporaryDirectory() as folder,
        open_warehouse(Home(Path(folder))).session() as session,
    ):
        for name, table in (
            ("touched", touchpoints(accounts, days, policy)),
            ("rules", rules(policy)),
            ("calendar", pa.table({"day": pa.array(calendar, pa.date32())})),
        ):
            session.con.create_table(name, table)
        if way == "equal":
            by_kernel(session, policy, calendar)
            for name, sql in (("window", WINDOW), ("join", JOIN)):
                session.run(sql)
                alone, worst = difference(session)
                print(f"{name} SQL: {alone} receipts on one side only, largest difference {worst}")
            return
        seconds = {
            "kernel": lambda: by_kernel(session, policy, calendar),
            "day": lambda: by_kernel(session, policy, calendar[-1:]),
            "window": lambda: session.run(WINDOW),
            "join": lambda: session.run(JOIN),
        }
        taken = timed(seconds[way])
        lines = session.fetch(
            f"SELECT COUNT(*), COUNT(*) FILTER (WHERE component = '{TOTAL}') FROM "
            + ("by_kernel" if way in ("kernel", "day") else "by_sql")
        )[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(taken, peak, lines[0])


def measured(accounts: int, days: int, way: str) -> tuple[float, float, int]:
    """Seconds, peak gigabytes and lines of one size in one way, in a process of its own."""
    answer = _in_a_process(accounts, days, way).split()
    return float(answer[0]), float(answer[1]), int(answer[2])


def _in_a_process(accounts: int, days: int, way: str) -> str:
    command = [sys.executable, __file__, "--one", str(accounts), str(days), way]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4, 12, 36],
                        help="account-days of each size")  # fmt: skip
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--sql-up-to", type=float, default=4, help="the largest size that SQL runs")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(int(options.one[0]), int(options.one[1]), options.one[2])
        return
    print(_in_a_process(150, 120, "equal"), flush=True)
    taken: list[tuple[float, float]] = []
    for millions in options.millions:
        accounts = max(1, round(millions * 1e6 / options.days))
        seconds, peak, lines = measured(accounts, options.days, "kernel")
        taken.append((accounts * options.days, seconds))
        print(
            f"{millions:g} million account-days ({accounts:,} accounts × {options.days} days, {lines:,} lines): "
            f"kernel {seconds:.1f} s, {seconds / millions:.2f} s a million, peak {peak:.2f} GiB",
            flush=True,
        )
        day, *_ = measured(accounts, options.days, "day")
        print(f"  one more day: {day:.2f} s, {day / seconds:.1%} of all days", flush=True)
        if millions <= options.sql_up_to:
            for way in ("window", "join"):
                other, above, _ = measured(accounts, options.days, way)
                print(
                    f"  {way} SQL {other:.1f} s, peak {above:.2f} GiB: kernel {other / seconds:.1f} times as fast",
                    flush=True,
                )
    if len(taken) > 1:
        sizes, seconds_ = (np.log(np.array(x)) for x in zip(*taken, strict=True))
        exponent = np.polyfit(sizes, seconds_, 1)[0]
        print(f"exponent of the kernel's seconds over account-days: {exponent:.3f}")
        if not math.isfinite(exponent):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
