"""One range run against one run a day, through Dagster, on a year of the synthetic market.

Prints both, their ratio, and the share of the range run that is Dagster's, the audit's and the stages' own.
Running every day singly takes hours, so single days are sampled through the year, each on top of a warehouse
that holds all days before it, and the year is their mean × the number of days; --every-day runs them all.
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
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--every-day", action="store_true")
    options = parser.parse_args()
    config = MarketConfig(accounts=options.accounts, days=options.days, seed=7, starts_on=START)
    last = START + timedelta(days=options.days - 1)
    with tempfile.TemporaryDirectory() as folder:
        one, many = Home(Path(folder) / "range"), Home(Path(folder) / "days")
        started = perf_counter()
        summary = generate(config, one.root)
        generate(config, many.root)
        print(
            f"market: {options.accounts:,} accounts, {options.days} days, {summary.signal_rows:,} signal rows, "
            f"written twice in {perf_counter() - started:.1f} s"
        )
        whole, result = timed(one, Window.of(START, last))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(f"one range run: {whole:.1f} s, peak memory {peak:.2f} GiB, run {result.run_id}")
        print(
            "  " + ", ".join(f"{name} {share:.0%}" for name, share in shares(whole, result).items())
        )
        singles = _single_days(many, options, last)
        total = sum(singles) if options.every_day else statistics.mean(singles) * options.days
        how = "all run" if options.every_day else f"{len(singles)} sampled, mean × {options.days}"
        print(
            f"one run a day: median {statistics.median(singles):.1f} s a day, {total:.0f} s for all ({how})"
        )
        print(f"ratio: one range run is {total / whole:.1f} times as fast")
        same = all(
            export(one, t, "parquet", None) == export(many, t, "parquet", None) for t in TABLES
        )
        print(f"equal tables ({', '.join(TABLES)}): {same}")
        again, result = timed(one, Window.of(last, last))
        print(
            f"one more day on top: {again:.1f} s, {again / whole:.1%} of the range run, changed: {result.changed}"
        )


def _single_days(home: Home, options: argparse.Namespace, last: date) -> list[float]:
    """Seconds of single-day runs; the days between samples are filled by range runs that do not count."""
    # The first run of a process imports Great Expectations and lands every file: not a day's cost.
    run_days(home, Window.of(START, START))
    if options.every_day:
        return [timed(home, Window.of(d, d))[0] for d in Window.of(START, last).days()[1:]]
    seconds, done = [], START
    for i in range(1, options.samples + 1):
        day = START + timedelta(days=round((options.days - 1) * i / options.samples))
        if day - timedelta(days=1) > done:
            run_days(home, Window.of(done + timedelta(days=1), day - timedelta(days=1)))
        seconds.append(timed(home, Window.of(day, day))[0])
        done = day
    return seconds


if __name__ == "__main__":
    main()
