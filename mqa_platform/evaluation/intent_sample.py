"""Where every row of an intent export goes, and whether a provider becomes an account.

Belongs here: landing one Bombora file and resolving it without a CRM. Does not belong here: reading
the layout (``sources.bombora``) or the rules (``core.identity``).
"""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

from mqa_platform.assets import sessions, signals, sources
from mqa_platform.assets.platform import Step
from mqa_platform.core.window import Window
from mqa_platform.evaluation.measures import EvaluationError, Facts
from mqa_platform.evaluation.scratch import scratch_home, session_of
from mqa_platform.policy.loader import load_policy, policy_version

WEEK = date(2015, 7, 19)
# What a person reads as a provider's domain: subscribers' host names and the words of the trade.
_PROVIDER = re.compile(
    r"\d+-\d+-\d+|telecom|telekom|telco|cable|broadband|wireless|isp\.|-tel\.|dsl|comcast|verizon"
)
_LEDGER = ("landed", "duplicate", "filtered", "quarantined")


def evaluate_intent(path: Path) -> Facts:
    """Rows of the file, where they went, and how many accounts look like a provider's.

    Raises:
        EvaluationError: the file is held back; the text says why.
    """
    policy = load_policy(None)
    window = Window.of(WEEK, WEEK)
    with scratch_home() as home:
        inbox = home.inbox / "bombora"
        inbox.mkdir(parents=True)
        shutil.copyfile(path, inbox / f"surge-{WEEK.isoformat()}.csv")
        with session_of(home) as session:
            step = Step(session, home, policy, policy_version(policy), "evaluation")
            for work in (sources.land, sources.crm, signals.signals, sessions.sessions):
                work(step, window)
            return _whereabouts(step, path)


def _whereabouts(step: Step, path: Path) -> Facts:
    def rows(table: Any) -> list[dict[str, Any]]:
        return step.session.rows(table)

    batches = step.table("landed_batches")
    batches = batches.filter(batches["source"] == "bombora")
    held = rows(batches.filter(batches["status"] != "landed"))
    if held:
        raise EvaluationError(f"{path} is held back: {held[0]['held_reason']}")
    sums = {name: batches[f"{name}_rows"].sum() for name in _LEDGER}
    ledger = {k: int(v or 0) for k, v in rows(batches.aggregate(**sums))[0].items()}
    given, missed = step.table("touchpoints"), step.table("unresolved_signals")
    dropped = step.table("dropped_signals")
    reasons = rows(missed.group_by("reason").aggregate(n=missed.count()))
    resolved = int(rows(given.aggregate(n=given["signal_id"].nunique()))[0]["n"])
    again = int(rows(dropped.aggregate(n=dropped["landed_rows"].sum()))[0]["n"] or 0)
    accounts = [row["account_id"] for row in rows(given.select("account_id").distinct())]
    unresolved = {row["reason"]: row["n"] for row in reasons}
    accounted = resolved + sum(unresolved.values()) + again
    accounted += sum(ledger[name] for name in _LEDGER[1:])
    return {
        "rows": ledger["landed"],
        "accounted": accounted,
        "duplicates": ledger["duplicate"] + again,
        "filtered": ledger["filtered"],
        "quarantined": ledger["quarantined"],
        "resolved": resolved,
        "unresolved": dict(sorted(unresolved.items())),
        "accounts": len(accounts),
        "isp_accounts": sum(bool(_PROVIDER.search(account)) for account in accounts),
    }
