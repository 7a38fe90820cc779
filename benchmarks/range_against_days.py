"""One range run against one run a day, through Dagster, on a year of the synthetic market.

Prints both, their ratio, and the share of the range run that is Dagster's, the audit's and the stages' own.
Running every day singly takes hours, so single days are run at the start and at the end of the year, each on top
of all days before it, and the days between are run as one range; the year of single days is their mean × its days.
That both ways end in equal tables is checked first, on a small market.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

from mqa_platform.core.window import Window
from mqa_platform.exports import export
from mqa_platform.home import Home
from mqa_platform.market import MarketConfig, generate
from mqa_platform.runs import RunResult, run_days

START = date(2025, 7, 1)
TABLES = ("scores", "score_receipts", "stages", "stage_transitions", "handoffs")


def timed(home: Home, window: Window) -> tuple[float, RunResult]:
    """Seconds of a run, and its result."""
    started = perf_counter()
    result = run_days(home, window)
    return perf_counter() - started, result


def shares(seconds: float, result: RunResult) -> dict[str, float]:
    """Where a run's time went, as shares of the whole."""
    facts = [
        f
        for name, f in result.facts.items()
        if not name.startswith("crm_") or name == "crm_accounts"
    ]
    work = sum(f.get("seconds_work", 0.0) for f in _once_a_step(facts))
    audit = sum(f.get("seconds_audit", 0.0) for f in result.facts.values())
    return {
        "dagster": (seconds - work) / seconds,
        "audit": audit / seconds,
        "stages": (work - audit) / seconds,
    }


def _once_a_step(facts: list[dict]) -> list[dict]:
    """Facts of one asset a step: sessions and touchpoints come from one, and say the same seconds."""
    seen, out = set(), []
    for fact in facts:
        if fact.get("seconds_work") not in seen:
            seen.add(fact.get("seconds_work"))
            out.append(fact)
    return out


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument(
        "--samples", type=int, default=3, help="single days at each end of the year"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"equal tables on 300 accounts and 12 days: {_equal(Path(folder))}", flush=True)
        home = Home(Path(folder) / "year")
        started = perf_counter()
        summary = generate(_config(options.accounts, options.days), home.root)
        print(
            f"market: {options.accounts:,} accounts, {options.days} days, {summary.signal_rows:,} signal rows, "
            f"written in {perf_counter() - started:.1f} s",
            flush=True,
        )
        days = Window.of(START, START + timedelta(days=options.days - 1)).days()
        first, last = days[: options.samples + 1], days[-options.samples :]
        # The very first run also lands every file; it is no day's cost.
        landing, _ = timed(home, Window.of(first[0], first[0]))
        early = [timed(home, Window.of(d, d))[0] for d in first[1:]]
        middle = [d for d in days if first[-1] < d < last[0]]
        whole, result = timed(home, Window.of(middle[0], middle[-1]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        late = [timed(home, Window.of(d, d))[0] for d in last]
        print(f"first run, which lands every file: {landing:.1f} s")
        print(f"one range run over {len(middle)} days: {whole:.1f} s, peak memory {peak:.2f} GiB")
        print(
            "  " + ", ".join(f"{name} {share:.0%}" for name, share in shares(whole, result).items())
        )
        print(
            f"single days: {statistics.median(early):.1f} s at the start, {statistics.median(late):.1f} s at the end"
        )
        each = statistics.mean([statistics.median(early), statistics.median(late)])
        print(
            f"one run a day over the same {len(middle)} days, at their mean: {each * len(middle):.0f} s"
        )
        print(f"ratio: one range run is {each * len(middle) / whole:.1f} times as fast")
        print(
            f"one more day on top of the year: {statistics.median(late) / whole:.1%} of the range run"
        )


def _config(accounts: int, days: int) -> MarketConfig:
    return MarketConfig(accounts=accounts, days=days, seed=7, starts_on=START)


def _equal(folder: Path) -> bool:
    """Whether one range run and one run a day end in the same tables, before anything is timed."""
    one, many = Home(folder / "range"), Home(folder / "days")
    days = Window.of(START, START + timedelta(days=11))
    for home in (one, many):
        generate(_config(300, 30), home.root)
    run_days(one, days)
    for day in days.days():
        run_days(many, Window.of(day, day))
    return all(export(one, t, "parquet", None) == export(many, t, "parquet", None) for t in TABLES)


if __name__ == "__main__":
    main()
