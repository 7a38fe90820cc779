"""From a signal file landing to the stage in the CRM and the message in Slack, with the daemon running.

A small market whose last day is today, the CRM and the Slack that ship with the platform on this machine, and
Dagster's own daemon. One account after the other asks for a demo: a file is moved into the inbox, and the clock
stops when the rep's message is in Slack, and when the CRM has the stage. Prints median, 95th percentile, where
the time went, and what all processes together used of processor and memory. Nothing is promised: it depends
on the machine, and on what else runs on it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil

from mqa_platform import loop_home
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.instance import running_instance
from mqa_platform.local_services.desks import SalesforceDesk
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.runs import refresh_and_deliver_on
from mqa_platform.schedules import REFRESH_AND_DELIVER

PATIENCE_SECONDS = 600
LOOK_SECONDS = 0.2
_BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dataclass
class Asked:
    """One account's request; the moments are seconds since 1970, 0 while they have not come."""

    account_id: str
    name: str
    domain: str
    landed: float = 0.0
    in_crm: float = 0.0
    in_slack: float = 0.0
    processor_seconds: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def is_told(self) -> bool:
        """Whether both have it."""
        return bool(self.in_crm and self.in_slack)

    @property
    def seconds(self) -> float:
        """From the file to the later of the two."""
        return max(self.in_crm, self.in_slack) - self.landed


def new_accounts(org: SalesforceDesk, number: int) -> list[Asked]:
    """So many accounts in the CRM, each with one contact who will ask."""
    account = dict(org.record("Account", loop_home.ACCOUNT) or {})
    contact = next(c for c in org.rows["Contact"] if c["AccountId"] == loop_home.ACCOUNT)
    made = []
    for n in range(number):
        one = Asked(f"0015fBENCH{n:05}", f"Birch Analytics {n:03}", f"birch-analytics-{n:03}.com")
        org.rows["Account"].append(
            {**account, "Id": one.account_id, "Name": one.name, "Website": f"www.{one.domain}"}
        )
        who = {"Id": f"0035fBENCH{n:05}", "AccountId": one.account_id, "Email": f"kim@{one.domain}"}
        org.rows["Contact"].append({**contact, **who, "Name": f"Kim Doe {n}"})
        made.append(one)
    return made


def ask(home: Home, one: Asked) -> None:
    """The demo request of an account as a file, moved into the inbox when it is complete."""
    at = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    email = f"kim@{one.domain}"
    call = {
        "type": "track", "event": "Demo Requested", "messageId": f"m-{one.account_id}",
        "anonymousId": one.account_id, "userId": email,
        "timestamp": at, "sentAt": at, "receivedAt": at,
        "properties": {"path": "/demo", "email": email},
        "context": {
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "traits": {"email": email},
            "consent": "granted",
        },
    }  # fmt: skip
    folder = home.inbox / "segment"
    partial = folder / f".{one.account_id}"
    partial.write_text(json.dumps(call) + "\n", encoding="utf-8")
    one.landed = time.time()
    partial.replace(folder / f"{one.account_id}.jsonl")


def look(one: Asked, org: SalesforceDesk, slack: LocalSlack) -> None:
    """Notes the first moment at which the CRM and Slack have it."""
    if (
        not one.in_crm
        and (org.record("Account", one.account_id) or {}).get("MQA_Stage__c") == "mqa"
    ):
        one.in_crm = time.time()
    if not one.in_slack and any(one.name in json.dumps(m) for m in slack.messages()):
        one.in_slack = time.time()


class Used:
    """What all processes below one use together: the most memory at any look, and time of the processor."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = psutil.Process(process.pid)
        self.most = 0

    def seconds(self) -> float:
        """Seconds of the processor that they have had so far, with those of children that have ended."""
        found = 0.0
        for each in [self.process, *self.process.children(recursive=True)]:
            try:
                spent = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            found += spent.user + spent.system + spent.children_user + spent.children_system
        return found

    def look(self) -> None:
        """Adds up what they have now."""
        found = 0
        for each in [self.process, *self.process.children(recursive=True)]:
            try:
                found += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        self.most = max(self.most, found)


def quiet(instance: dg.DagsterInstance) -> bool:
    """Whether no run waits or works."""
    return instance.get_runs_count(dg.RunsFilter(statuses=_BUSY)) == 0


def spent(instance: dg.DagsterInstance, one: Asked) -> dict[str, float]:
    """Where the time of a request went, by the first run that began after it landed."""
    filters = dg.RunsFilter(job_name=REFRESH_AND_DELIVER)
    records = [
        r
        for r in instance.get_run_records(filters, limit=20)
        if r.start_time and r.start_time >= one.landed
    ]
    if not records:
        return {}
    record = min(records, key=lambda r: r.start_time or 0.0)
    # A run that waited already when the file came takes it along.
    asked = max(record.create_timestamp.timestamp(), one.landed)
    begun = record.start_time or asked
    steps = {
        s.step_key: s.end_time or 0.0
        for s in instance.get_run_step_stats(record.dagster_run.run_id)
    }
    before = [
        end
        for key, end in steps.items()
        if key not in ("deliveries", "crm_sync_changelog", "marts_snapshot")
    ]
    computed = max(before, default=begun)
    return {
        "until the sensor asks": asked - one.landed,
        "until the run begins": begun - asked,
        "until all stages are published": computed - begun,
        "until both are told": one.landed + one.seconds - computed,
    }


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These variables, and none of the platform's that were set before."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("MQA_")}
    for name in kept:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(kept)


def measured(folder: Path, number: int, interval: int) -> tuple[list[Asked], int]:
    """The requests with their moments, and the most memory that the daemon's processes had."""
    today = datetime.now(UTC).date()
    home = loop_home.new_home(Home(folder))
    with ExitStack() as stack:
        org, slack = stack.enter_context(SalesforceDesk()), stack.enter_context(LocalSlack())
        loop_home.fill_market(home, today)
        rep = loop_home.fill_crm(home, org, today)
        slack.users[rep.email] = rep.slack_id
        asked = new_accounts(org, number)
        loop_home.write_policy(home, org.url, slack.url, today)
        told = {
            "MQA_HOME": str(home.root),
            "MQA_SENSORS": "on",
            "MQA_SENSOR_SECONDS": str(interval),
        }
        stack.enter_context(environment({**org.environment(), **slack.environment(), **told}))
        instance = stack.enter_context(running_instance(home))
        print("the history of the market", flush=True)
        window = Window.of(loop_home.first_day(today), today)
        refresh_and_deliver_on(instance, home, window)
        command = [
            str(Path(sys.executable).parent / "dagster-daemon"),
            "run",
            "-m",
            "mqa_platform.definitions",
        ]
        log = stack.enter_context((folder / "daemon.log").open("wb"))
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
        stack.callback(daemon.wait, 60)
        stack.callback(daemon.terminate)
        used = Used(daemon)
        print("the daemon, until it has caught up", flush=True)
        # The first look of a sensor that has seen nothing asks for a run of what is there.
        wait_for_runs(instance, 2)
        settle(instance, used, 2 * interval)
        for one in asked:
            before = used.seconds()
            ask(home, one)
            while not one.is_told:
                used.look()
                look(one, org, slack)
                if time.time() - one.landed > PATIENCE_SECONDS:
                    raise SystemExit(
                        f"{one.name} was not told within {PATIENCE_SECONDS} s: {folder}"
                    )
                time.sleep(LOOK_SECONDS)
            one.spent = spent(instance, one)
            one.processor_seconds = used.seconds() - before
            print(
                f"{one.name}: {one.seconds:.1f} s (CRM {one.in_crm - one.landed:.1f}, "
                f"Slack {one.in_slack - one.landed:.1f})",
                flush=True,
            )
            settle(instance, used, interval)
        return asked, used.most


def wait_for_runs(instance: dg.DagsterInstance, number: int) -> None:
    """Waits until so many runs have been asked for, that of the history among them; gives up in time."""
    end = time.time() + PATIENCE_SECONDS
    while instance.get_runs_count() < number and time.time() < end:
        time.sleep(0.5)


def settle(instance: dg.DagsterInstance, used: Used, seconds: float) -> None:
    """Waits until nothing has run for so long; gives up in time."""
    since, end = time.time(), time.time() + PATIENCE_SECONDS
    while time.time() - since < seconds and time.time() < end:
        used.look()
        if not quiet(instance):
            since = time.time()
        time.sleep(0.5)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def report(asked: list[Asked], memory: int, interval: int) -> dict[str, Any]:
    """Everything that is printed, as JSON holds it."""
    seconds = [one.seconds for one in asked]
    parts = {
        name: statistics.median(one.spent[name] for one in asked if one.spent)
        for name in next((one.spent for one in asked if one.spent), {})
    }
    return {
        "requests": len(asked),
        "sensor_interval_seconds": interval,
        "median_seconds": round(statistics.median(seconds), 1),
        "p95_seconds": round(percentile(seconds, 0.95), 1),
        "median_seconds_of_parts": {name: round(value, 1) for name, value in parts.items()},
        "median_processor_seconds": round(
            statistics.median(one.processor_seconds for one in asked), 1
        ),
        "most_memory_mb": round(memory / 2**20),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=10, help="requests, one after the other")
    parser.add_argument("--interval", type=int, default=10, help="seconds between two looks")
    arguments = parser.parse_args()
    # The servers and the daemon are ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        asked, memory = measured(Path(folder), arguments.signals, arguments.interval)
    print(json.dumps(report(asked, memory, arguments.interval), indent=2))


if __name__ == "__main__":
    main()
