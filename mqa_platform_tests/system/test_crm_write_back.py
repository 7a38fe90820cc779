"""From the published tables to the CRM and back, by the commands and by the asset."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from mqa_platform.assets import crm_sync
from mqa_platform.assets.platform import Platform
from mqa_platform.destinations.crm import crm_runs
from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.destinations.crm_plan import planned
from mqa_platform.destinations.sending_lock import only_sender
from mqa_platform.home import Home
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.promotions import policy_now
from mqa_platform_tests.destinations.crm_cases import FAST, FIELDS
from mqa_platform_tests.system.pipeline import opened, rows

Verb = Callable[..., tuple[int, str]]
LIVE = "SELECT DISTINCT account_id FROM accounts WHERE valid_to IS NULL AND NOT is_discovered"


@pytest.fixture
def org(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSalesforce]:
    """A local org with the accounts of the home, whose policy writes to it."""
    with LocalSalesforce() as org:
        known = [a for (a,) in rows(home, LIVE)]
        columns = dict.fromkeys(FIELDS.values(), "string")
        org.add("Account", [{"Id": a, "Name": a} for a in known], **columns)
        for name, value in {**org.environment(), **FAST}.items():
            monkeypatch.setenv(name, value)
        write_back = {"crm": "salesforce", "url": org.url, "fields": {"new_business": FIELDS}}
        (home.policy / "motions").mkdir(parents=True)
        for name, section in (("write_back", write_back), ("delivery", {"enabled": True})):
            (home.policy / f"{name}.yaml").write_text(yaml.safe_dump(section))
        yield org


def written(org: LocalSalesforce) -> int:
    return sum(row.get("MQA_Stage__c") is not None for row in org.rows["Account"])


def test_the_difference_is_shown_first_then_written_once_and_found_again(
    home: Home, org: LocalSalesforce, verb: Verb
) -> None:
    _, shown = verb(home, "crm", "diff", "--json")
    due = json.loads(shown)
    assert org.log == []
    assert due["changed"] == due["records"] > 50
    assert verb(home, "crm", "sync")[0] == 0
    assert written(org) == due["changed"]
    org.log.clear()
    _, told = verb(home, "crm", "sync", "--json")
    again = json.loads(told)
    assert (again["sent"], again["calls"], org.log) == (0, 0, [])
    assert json.loads(verb(home, "crm", "reconcile", "--json")[1])["differences"] == []
    first = json.loads(verb(home, "crm", "runs", "--json")[1])[-1]["run"]
    stages = {r["account_id"]: r["fields"]["MQA_Stage__c"]["after"] for r in due["changes"]}
    assert {r["Id"]: r["MQA_Stage__c"] for r in org.rows["Account"] if r["MQA_Stage__c"]} == stages
    assert verb(home, "crm", "rollback", first)[0] == 0
    assert written(org) == 0
    assert "paused" in verb(home, "crm", "sync")[1]


def test_the_asset_writes_what_changed_and_publishes_every_attempt(
    home: Home, org: LocalSalesforce
) -> None:
    result = crm_sync.written(Platform(home=str(home.root)), "run")
    assert not isinstance(result, str)
    assert result.outcome.sent == written(org) > 50
    with opened(home) as step:
        crm_sync.crm_sync_changelog(step, None, result)
    told = rows(
        home, "SELECT count(*), count(DISTINCT account_id), min(result) FROM crm_sync_changelog"
    )
    assert told == [(result.outcome.sent, result.outcome.sent, "sent")]
    assert rows(home, "SELECT kind, state, sent FROM crm_sync_runs") == [
        ("sync", "done", result.outcome.sent)
    ]


def test_what_another_process_writes_while_the_asset_waits_is_not_written_twice(
    home: Home, org: LocalSalesforce
) -> None:
    platform, lock = Platform(home=str(home.root)), home.outbox.with_name("crm_sync")
    results: list[Any] = []
    waiting = Thread(target=lambda: results.append(crm_sync.written(platform, "second")))
    with only_sender(lock):
        waiting.start()
        policy = policy_now(home).policy
        journal = CrmJournal(home.outbox)
        # The other process, which holds the lock, has written everything before it lets go.
        with opened(home) as step, crm_runs(home, policy, os.environ) as runs:
            plan = planned(step.session, journal, policy, step.at, step.session.constant)
            runs._alone = nullcontext  # type: ignore[method-assign]
            first = runs.sync(lambda: plan)
    waiting.join()
    assert first.outcome.sent == written(org) > 50
    assert results[0].outcome.sent == 0


@pytest.mark.parametrize("section", ["write_back", "delivery"])
def test_nothing_is_written_while_it_is_switched_off(
    home: Home, org: LocalSalesforce, section: str, verb: Verb
) -> None:
    (home.policy / f"{section}.yaml").unlink()
    result = crm_sync.written(Platform(home=str(home.root)), "run")
    assert isinstance(result, str)
    with opened(home) as step:
        crm_sync.crm_sync_changelog(step, None, result)
    assert rows(home, "SELECT count(*) FROM crm_sync_changelog") == [(0,)]
    assert verb(home, "crm", "sync")[0] == 2
    assert org.log == []


def test_a_shadow_writes_to_no_crm(home: Home, org: LocalSalesforce, tmp_path: Path) -> None:
    shadow = tmp_path / "shadows" / "v1"
    shadow.parent.mkdir()
    home.root.rename(shadow)
    result = crm_sync.written(Platform(home=str(shadow)), "run")
    assert "shadow" in str(result)
    assert org.log == []


def test_a_missing_secret_is_told_and_what_the_journal_holds_is_published(
    home: Home, org: LocalSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MQA_SALESFORCE_CLIENT_SECRET")
    result = crm_sync.written(Platform(home=str(home.root)), "run")
    with opened(home) as step:
        outcome = crm_sync.crm_sync_changelog(step, None, result)
    (watch,) = outcome.watched
    assert not watch.passed
    assert "MQA_SALESFORCE_CLIENT_SECRET" in str(watch.description)
    assert rows(home, "SELECT count(*) FROM crm_sync_runs") == [(0,)]
