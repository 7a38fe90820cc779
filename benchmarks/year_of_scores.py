"""A year of scores and stages in one range run: seconds, memory and disk from 1 to 36 million account-days.

The steps of the pipeline run as they are (kernels, SQL, audit, publication, both motions) on a warehouse whose
accounts and touchpoints are drawn; then one more day on top. Each size has a process of its own, so that its peak
memory is its own. Seconds are those of the processor, all threads together; the clock's stand beside them.

Run: ``python benchmarks/year_of_scores.py [--millions 1 4 12 36]``.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from scores_cost import FIRST, touchpoints

from mqa_platform.assets.platform import Step
from mqa_platform.assets.scores import scores
from mqa_platform.assets.stages import stages
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.home import Home
from mqa_platform.promotions import policy_now
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session

DAYS = 365
_TIERS = np.array(["strategic", "scaled", "programmatic"])


def _filled(schema: pa.Schema, given: dict[str, pa.Array]) -> pa.Table:
    """All columns of a published table; what is not given is null."""
    rows = len(next(iter(given.values())))
    columns = [
        given[f.name].cast(f.type) if f.name in given else pa.nulls(rows, f.type) for f in schema
    ]
    return pa.Table.from_arrays(
        columns, schema=pa.schema([pa.field(f.name, f.type) for f in schema])
    )


def _instants(days: pa.Array) -> pa.Array:
    return days.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def _accounts(number: int) -> dict[str, pa.Array]:
    draw = np.random.default_rng(11)
    return {
        "account_id": pa.array([f"a{n}" for n in range(number)]),
        "valid_from": pa.repeat(pa.scalar(date(1900, 1, 1)), number),
        "tier": pa.array(_TIERS).take(pa.array(draw.integers(0, 3, number))),
        "is_target": pa.array(draw.random(number) < 0.3),
        "fit_gate": pa.repeat(pa.scalar("pass"), number),
        "fit_score": pa.array(draw.uniform(20, 100, number)),
        "fit_grade": pa.repeat(pa.scalar("B"), number),
        "motion": pa.repeat(pa.scalar("new_business"), number),
    }


def fill(session: Session, accounts: int, policy: object) -> None:
    """The published tables that scoring and the stages read; every table of the catalogue exists."""
    for name in (*session.catalogue.contracts, *session.catalogue.landed):
        session.ensure(name)
    drawn = touchpoints(accounts, DAYS + 1, policy)
    rows = drawn.num_rows
    given = {name: drawn[name].combine_chunks() for name in drawn.column_names}
    at = _instants(given["touchpoint_date"])
    given |= {
        "signal_id": pa.array([f"s{n}" for n in range(rows)]),
        "event": given["signal_type"],
        "occurred_at": at,
        "received_at": at,
        "resolution_rule": pa.repeat(pa.scalar("email_domain"), rows),
    }
    whole = session.catalogue.arrow_schema("touchpoints")
    session.load("touchpoints", _filled(whole, given))
    judged = _accounts(accounts)
    session.load("accounts", _filled(session.catalogue.arrow_schema("accounts"), judged))
    session.load("account_fit", _filled(session.catalogue.arrow_schema("account_fit"), judged))


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the processor and of the clock."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return {"cpu": time.process_time() - processor, "wall": time.perf_counter() - clock}


def one(accounts: int) -> dict[str, object]:
    """A year and a day of one size."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Home(Path(folder))
        now = policy_now(home)
        with open_warehouse(home).session() as session:
            fill(session, accounts, now.policy)
        found: dict[str, object] = {}
        year = Window(FIRST, FIRST + timedelta(days=DAYS))
        for name, window in (("year", year), ("day", Window(year.hi, year.hi + ONE_DAY))):
            for stage, step_of in (("scores", scores), ("stages", stages)):
                with open_warehouse(home).session() as session:
                    step = Step(session, home, now.policy, now.version, "bench", datetime.now(UTC))
                    found[f"{name} {stage}"] = measured(lambda: step_of(step, window))  # noqa: B023
        with open_warehouse(home).session() as session:
            counted = ("scores", "score_receipts", "stages", "stage_transitions")
            found["rows"] = {t: session.fetch(f"SELECT COUNT(*) FROM {t}")[0][0] for t in counted}
        found["file_gib"] = home.warehouse.stat().st_size / 1024**3
    found["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return found


def main() -> None:
    """Prints each size, and the exponent of the processor's seconds over account-days."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4, 12, 36])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return
    taken = []
    for millions in options.millions:
        accounts = max(1, round(millions * 1e6 / DAYS))
        command = [sys.executable, __file__, "--one", str(accounts)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(told.splitlines()[-1])
        year, day = (
            {k: sum(found[f"{name} {s}"][k] for s in ("scores", "stages")) for k in ("cpu", "wall")}
            for name in ("year", "day")
        )
        taken.append((accounts * DAYS, year["cpu"]))
        print(
            f"{millions:g} million account-days ({accounts:,} accounts): scores "
            f"{found['year scores']['cpu']:.1f} s, stages {found['year stages']['cpu']:.1f} s of the processor "
            f"({year['wall']:.0f} s by the clock), peak {found['peak_gib']:.2f} GiB, file "
            f"{found['file_gib']:.2f} GiB, {found['rows']['score_receipts']:,} receipt lines\n"
            f"  one more day: {day['cpu']:.2f} s, {day['cpu'] / year['cpu']:.2%} of the year",
            flush=True,
        )
    if len(taken) > 1:
        (a, s), (b, t) = taken[0], taken[-1]
        print(f"exponent {math.log(t / s) / math.log(b / a):.3f}")


if __name__ == "__main__":
    main()
