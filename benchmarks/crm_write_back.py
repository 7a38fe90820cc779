"""The CRM write-back against a local Salesforce and HubSpot: calls and records, counted by the servers.

Prints what a change of 137 in 100,000 accounts costs, 10,000 records with locked rows, a process killed between
sent and recorded, a day of 429 and 500, and thirty days in which nobody does anything. Clients are the real
ones (simple-salesforce, our HTTP client). ``--scale 0.01`` is a quick look; counts, not seconds, are the result.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import stamina

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mqa_platform.core.crm_changes import crm_changes
from mqa_platform.core.crm_records import RECORD
from mqa_platform.destinations.crm_fields import fingerprints
from mqa_platform.destinations.crm_plan import LAST_SCHEMA
from mqa_platform.destinations.crm_sync import CrmRuns
from mqa_platform.local_services.faults import Weather
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform_tests.destinations.crm_cases import (
    DAY,
    NOW,
    PROPERTIES,
    account,
    hubspot_runs,
    ids,
    org_of,
    plan,
    salesforce_policy,
    salesforce_runs,
    writes,
)
from mqa_platform_tests.destinations.crm_process import Syncing

RUNGS = ("unqualified", "target", "engaged", "mqa", "recycled")
_KINDS = {"string": pa.string(), "date": pa.date32(), "float64": pa.float64(), "int64": pa.int64()}
RECORDS = pa.schema([(c, _KINDS.get(k, pa.timestamp("us", "UTC"))) for c, k in RECORD.items()])


def say(text: str) -> None:
    """One line of the result, at once."""
    print(text, flush=True)


def counted(runs: CrmRuns, rows: list[dict[str, Any]], service: Any) -> str:
    """A sync in words: records, and the requests that the server saw."""
    service.log.clear()
    began = perf_counter()
    o = runs.sync(lambda: plan(runs.journal, rows), anyway=True).outcome
    asked = len(writes(service)) + len(service.asked("jobs/ingest", "POST"))
    asked += len(service.asked("jobs/ingest", "GET"))
    return (
        f"{o.sent:,} sent, {o.pending:,} pending, {o.refused:,} refused; {asked:,} requests that write "
        f"or ask for a job's result, {len(service.log):,} in all ({perf_counter() - began:.1f} s)"
    )


def few_of_many(n: int, folder: Path) -> None:
    """137 of n accounts changed."""
    with LocalSalesforce() as org:
        known = ids(n)
        org_of(org, known)
        runs, rows = salesforce_runs(org, folder / "few"), [account(i) for i in known]
        say(f"Salesforce, {n:,} accounts for the first time: {counted(runs, rows, org)}")
        rows[:137] = [{**row, "stage": "sales_accepted"} for row in rows[:137]]
        for turn in ("137 changed", "again", "again"):
            say(f"  {turn}: {counted(runs, rows, org)}")
    with LocalHubSpot() as hub:
        known = [str(i) for i in range(1, min(n, 10_000) + 1)]
        for name in PROPERTIES.values():
            hub.field("companies", name)
        for i in known:
            hub.put("companies", int(i), 0, name="x")
        runs, rows = hubspot_runs(hub, folder / "hub"), [account(i) for i in known]
        say(f"HubSpot, {len(known):,} companies for the first time: {counted(runs, rows, hub)}")
        rows[:137] = [{**row, "stage": "sales_accepted"} for row in rows[:137]]
        for turn in ("137 changed", "again", "again"):
            say(f"  {turn}: {counted(runs, rows, hub)}")


def locked(n: int, folder: Path) -> None:
    """Five locked rows, of which two recover while the run lasts."""
    with LocalSalesforce() as org:
        known = ids(n)
        org_of(org, known)
        for i, times in zip(range(1, n, n // 5), (1, 2, 3, 3, 3), strict=False):
            org.locked[known[i]] = times
        runs, rows = salesforce_runs(org, folder / "locked"), [account(i) for i in known]
        say(f"{n:,} records, five locked rows, two of which recover:")
        for turn in ("first run", "second", "third"):
            say(f"  {turn}: {counted(runs, rows, org)}")


def killed(kills: int, folder: Path) -> None:
    """kill -9 after the org has done a call and before it is recorded."""
    known, wrong, rng = ids(450), 0, random.Random(1)
    with LocalSalesforce() as org, Syncing(folder / "kill" / "outbox.sqlite3", org) as syncing:
        org_of(org, known)
        for turn in range(kills):
            stages = dict.fromkeys(known, RUNGS[turn % 4])
            died = not syncing.sync(stages, killed_at=rng.randint(1, 3))
            whole = syncing.sync(stages)
            stands = {row["Id"]: row["MQA_Stage__c"] for row in org.rows["Account"]}
            wrong += not (died and whole and stands == stages and len(stands) == len(known))
    say(
        f"kill -9 between sent and recorded, {kills} times over {len(known)} accounts: {wrong} wrong ends"
    )


def bad_day(n: int, folder: Path) -> None:
    """30 % 429, 5 % 500, hangs and truncated answers."""
    with LocalSalesforce() as org:
        known = ids(n)
        org_of(org, known)
        runs = salesforce_runs(org, folder / "bad", bulk_above=100_000)
        runs.writer.org._adapter.limits = _limits(runs)  # type: ignore[attr-defined]
        org.weather = Weather(3, 0.3, 0.05, 0.02, 0.01)
        rows, turns = [account(i) for i in known], 0
        while len(runs.journal.last_sent()) < n and turns < 20:
            turns += 1
            runs.sync(lambda: plan(runs.journal, rows))
        done = sum(row["MQA_Stage__c"] == "mqa" for row in org.rows["Account"])
        calls = sum(row["calls"] for row in runs.journal.runs())
        say(
            f"30 % 429, 5 % 500, 2 % hangs, 1 % truncated: {done:,} of {n:,} stand after {turns} runs; "
            f"{len(writes(org)):,} requests for {calls:,} calls; most in a second {org.busiest_second()} "
            f"of 20 allowed; struck {org.weather.struck}"
        )


def _limits(runs: CrmRuns) -> Any:
    from dataclasses import replace

    return replace(runs.writer.org.limits, requests_per_second=20)  # type: ignore[attr-defined]


def nobody_acts(n: int, days: int) -> None:
    """Scores that only fade: calls against the bands of 5 points that they cross."""
    rng = random.Random(2)
    con, policy = ibis.duckdb.connect(), salesforce_policy("https://local.my.salesforce.com")
    prints, began = fingerprints(policy), process_time()
    start = [(rng.uniform(0, 150), rng.uniform(30, 60), RUNGS[i % 5]) for i in range(n)]
    scores, half_lives = (np.array([part[k] for part in start]) for k in (0, 1))
    own = {"account_id": [str(i) for i in range(n)], "stage": [stage for *_, stage in start]}
    base = account("") | {"fields": prints["new_business"], "run": "r"}
    sent, sent_at, records = scores.copy(), np.full(n, NOW), 0
    for day in range(1, days + 1):
        moment, faded = NOW + timedelta(days=day), scores * 2 ** (-day / half_lives)
        tables = (
            _table(RECORDS, base, {**own, "score": faded}),
            _table(LAST_SCHEMA, base, {**own, "score": sent, "sent_at": sent_at}),
        )
        told, last = (
            con.create_table(name, t, overwrite=True)
            for name, t in zip(("now", "last"), tables, strict=True)
        )
        found = con.to_pyarrow(crm_changes(told, last, policy, prints, moment))
        written = [int(i) for i in found["account_id"].to_pylist()]
        sent[written], sent_at[written] = faded[written], moment
        records += len(written)
    bands = sum(
        int((s - s * 2 ** (-days / half)) / 5)
        for s, half, stage in start
        if stage not in ("unqualified", "target")
    )
    say(
        f"{n:,} accounts, {days} days without a signal from {DAY}: {records:,} records written, {bands:,} bands "
        f"of 5 points crossed at or above engaged, none below ({process_time() - began:.0f} s of the processor)"
    )


def _table(schema: pa.Schema, base: dict[str, Any], own: dict[str, Any]) -> pa.Table:
    """Columns of their own, and the same value in every row of the others."""
    n = len(own["account_id"])
    columns = [
        pa.array(own[f.name], f.type)
        if f.name in own
        else pa.repeat(pa.scalar(base.get(f.name), f.type), n)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale

    def times(n: int) -> int:
        return max(int(n * scale), 200)

    stamina.instrumentation.set_on_retry_hooks([])
    with TemporaryDirectory() as made:
        folder = Path(made)
        parts: list[Callable[[], None]] = [
            lambda: few_of_many(times(100_000), folder),
            lambda: locked(times(10_000), folder),
            lambda: bad_day(times(10_000), folder),
            lambda: killed(max(int(200 * scale), 3), folder),
            lambda: nobody_acts(times(100_000), 30),
        ]
        for part in parts:
            part()


if __name__ == "__main__":
    main()
