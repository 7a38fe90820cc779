"""What rested on an erased person is computed again; what was decided stays, and names nobody."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mqa_platform.assets import (
    accounts,
    feeds,
    handoffs,
    scores,
    sessions,
    signals,
    sources,
    stages,
)
from mqa_platform.core.window import Window
from mqa_platform.erasure import erase
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import copy_home, differing, fingerprints, rows, run
from mqa_platform_tests.system.test_erasure import DAYS, JANE, arrive, deliver, named, page

pytestmark = pytest.mark.slow
WORK = (arrive, sources.crm, feeds.feeds, signals.signals, sessions.sessions, accounts.accounts,
        scores.scores, stages.stages, handoffs.handoffs)  # fmt: skip
POLICY = """
sources:
  segment: {connector: segment_jsonl, path: "${MQA_HOME}/inbox/segment/*.jsonl"}
  accounts: {connector: crm_export, crm: salesforce, object: Account,
             path: "${MQA_HOME}/inbox/salesforce/Account*.csv"}
"""
# They tell what was delivered and what was taken out of it, which a home that never knew her has not.
OF_DELIVERIES = {"landed_batches", "privacy_rewrites"}
# A signal names the batch that it came in: the delivery with her rows is another than that without.
SIGNALS = "SELECT * EXCLUDE (batch_id) FROM signals ORDER BY signal_id"
KIM = "kim@beta.com"


def demo(number: int, cookie: str, on: int, email: str) -> str:
    asked = {"type": "track", "event": "Demo Requested", "properties": {"email": email}}
    return named(number, cookie, on, email) + "\n" + page(number + 100, cookie, on, **asked)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Jane of Acme and Kim of Beta asked for a demo, Kim in the same file as Jane."""
    home = Home(tmp_path / "home")
    home.policy.mkdir(parents=True)
    (home.policy / "sources.yaml").write_text(POLICY)
    (home.policy / "program.yaml").write_text(
        "history_starts_on: 2025-07-01\nip_retention_days: 3650\nmax_quarantine_ratio: 0.9\n"
    )
    deliver(home, "salesforce/Account.csv",
            "Id,SystemModstamp,CreatedDate,Name,Website,NumberOfEmployees,IsDeleted",
            "001,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,Acme,acme.com,2000,false",
            "002,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,Beta,beta.com,2000,false")  # fmt: skip
    deliver(home, "segment/visits.jsonl", demo(1, "fox-1", 1, JANE), page(3, "fox-1", 3),
            demo(2, "elk-1", 2, KIM), named(4, "owl-1", 2, "bob@acme.com"), page(5, "owl-1", 3))  # fmt: skip
    run(home, DAYS, work=WORK)
    return home


def again(home: Home, window: Window | None) -> object:
    return run(home, window or DAYS, work=WORK if window else WORK[:1])


def test_an_erasure_recomputes_accounts_and_leaves_decisions_that_name_nobody(
    home: Home, tmp_path: Path
) -> None:
    handed = "SELECT account_id FROM handoffs ORDER BY 1"
    decided = "SELECT account_id, known FROM decisions WHERE kind = 'handoff' ORDER BY 1"
    assert rows(home, handed) == [("001",), ("002",)]
    before = rows(home, decided)
    (jane,) = rows(home, "SELECT signal_id FROM signals WHERE event = 'demo_request' AND "
                         "anonymous_id = 'fox-1'")  # fmt: skip
    assert jane[0] in json.loads(before[0][1])["evidence"]

    found = erase(home, [JANE], "asked", again)

    assert (found.remains, found.accounts) == (0, ["001"])
    # Her request is no reason any more, Kim's is.
    assert rows(home, handed) == [("002",)]
    after = rows(home, decided)
    assert [account for account, _ in after] == ["001", "002"]
    assert "erased" in json.loads(after[0][1])["evidence"]
    assert jane[0] not in after[0][1]
    assert after[1] == before[1]
    drift = "SELECT account_id, cause FROM decision_drift WHERE drifted"
    assert rows(home, drift) == [("001", "erased")]

    clean = copy_home(home, tmp_path / "clean", "inbox", "policy")
    clean.landing.mkdir()
    shutil.copy(home.landing / "_erased.jsonl", clean.landing)
    run(clean, DAYS, work=WORK)
    differ = differing(fingerprints(home), fingerprints(clean))
    assert set(differ) - OF_DELIVERIES <= {"signals"}
    assert rows(home, SIGNALS) == rows(clean, SIGNALS)
