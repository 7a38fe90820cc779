"""What the fold costs: seconds of processor time and memory by account-days, and the exponent of the growth.

Run: ``python benchmarks/stages_cost.py [--millions 1 4 12]``. The facts are drawn, a quarter of the
accounts is active; they go through the kernel in parts of about two million rows, as the engines do it.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.fold import FACT_COLUMNS, fold_kernel
from mqa_platform.core.history import Span
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.stage_facts import fact_type
from mqa_platform.core.window import Window
from mqa_platform.policy.loader import load_policy

DAYS = 365
PART = 2_000_000
FIRST = date(2025, 1, 1)
_TYPES = {"date": pa.date32(), "boolean": pa.bool_(), "int64": pa.int64(), "string": pa.string()}


def facts(accounts: int, seed: int) -> pa.Table:
    """Facts of some accounts for a year; the same seed gives the same rows."""
    draw = np.random.default_rng(seed)
    rows = accounts * DAYS
    account = np.repeat(np.arange(accounts), DAYS)
    first = (FIRST - date(1970, 1, 1)).days
    day = np.tile(np.arange(first, first + DAYS), accounts)
    active = (account % 4 == 0) & (draw.random(rows) < 0.2)
    score = np.where(account % 4 == 0, np.abs(draw.normal(60, 40, rows)), 0.0)
    given = {
        "account_id": pa.array(account.astype(str)),
        "day": pa.array(day.astype(np.int32)).cast(pa.date32()),
        "engagement_score": pa.array(np.round(score, 4)),
        "tier": pa.array(np.where(account % 10 == 0, "strategic", "programmatic")),
        "fit_gate": pa.array(np.where(account % 3 == 0, "unknown", "pass")),
        "is_target": pa.array(account % 5 == 0),
        "eligible_people": pa.array(np.where(active, 3, 0)),
        "people_on_high_intent": pa.array(np.zeros(rows, dtype=np.int64)),
        "last_eligible_on": pa.array(day.astype(np.int32), mask=~active).cast(pa.date32()),
        "touched": pa.array(draw.random(rows) < 0.01),
    }
    given |= {"answered": given["touched"], "answered_news": given["touched"]}
    columns = []
    for name in FACT_COLUMNS:
        kind = fact_type(name)
        dtype = pa.decimal128(18, 4) if kind.startswith("decimal") else _TYPES[kind]
        column = given.get(name)
        columns.append(pa.nulls(rows, dtype) if column is None else column.cast(dtype, safe=False))
    return pa.Table.from_arrays(columns, names=list(FACT_COLUMNS))


def checked(kernel: Kernel) -> None:
    """The accounts of a part do not change each other's lines; also warms up what is imported late."""
    whole = facts(40, 7)
    few = pc.less(pc.cast(whole["account_id"], pa.int64()), 20)
    parts = [kernel.fn(whole.filter(few)), kernel.fn(whole.filter(pc.invert(few)))]
    order = [(c, "ascending") for c in ("account_id", "day", "kind", "seq")]
    assert pa.concat_tables(parts).sort_by(order).equals(kernel.fn(whole).sort_by(order))


def measured(kernel: Kernel, account_days: int) -> tuple[float, int, int]:
    """Seconds of processor time in the kernel, steps taken and state rows for so many account-days."""
    seconds, steps, states = 0.0, 0, 0
    left, part = account_days, 0
    while left > 0:
        given = facts(max(1, min(left, PART) // DAYS), part)
        started = time.process_time()
        lines = kernel.fn(given)
        seconds += time.process_time() - started
        states += lines["seq"].null_count
        steps += lines.num_rows - lines["seq"].null_count
        left, part = left - given.num_rows, part + 1
    return seconds, steps, states


def main() -> None:
    """Prints one line a size, and the exponent between the smallest and the largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4, 12, 36])
    sizes = [int(m * 1_000_000) for m in parser.parse_args().millions]
    span = Span(Window(FIRST, date(2100, 1, 1)), load_policy(), "v")
    kernel = fold_kernel([span], {FIRST})
    checked(kernel)
    found = []
    for size in sizes:
        seconds, steps, states = measured(kernel, size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found.append((states, seconds))
        print(
            f"{states:>12,} account-days  {seconds:8.2f} s  {1e6 * seconds / states:6.2f} µs each  "
            f"{steps:>9,} steps  peak {peak:,.0f} MiB"
        )
    if len(found) > 1:
        (a, s), (b, t) = found[0], found[-1]
        print(f"exponent {math.log(t / s) / math.log(b / a):.3f}")


if __name__ == "__main__":
    main()
