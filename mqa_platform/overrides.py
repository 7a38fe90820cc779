"""Deciding about an account by hand: writing the decision where landing finds it, and what it changed.

Belongs here: which account and days a decision is about, and showing those that hold. Does not belong here:
what it does to the stages (``core.rules``) or how it is stored (``sources.overrides``).
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from mqa_platform.core.overrides import COLUMNS, EXCLUDE, SNOOZE, STAGE, WITHDRAW, in_effect
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.home import Home
from mqa_platform.inbox_files import write_row
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.transitions import STAGES

Run = Callable[[Home, Window], object]
# An installation whose last day is older than this is one whose data has ended; its today is that day.
_LIVE_WITHIN = timedelta(days=7)


class OverrideError(Exception):
    """The decision cannot be written down as it was given; nothing was written."""


@dataclass(frozen=True)
class Decision:
    """What somebody decides: the action, the rung for ``stage``, the days (the end excluded), why and who."""

    action: str
    stage: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    days: int | None = None
    motion: str | None = None
    reason: str = ""
    by: str = ""


def override(home: Home, wanted: str, decision: Decision, run: Run) -> dict[str, Any]:
    """Writes a decision down, folds the days it is about again, and says what became of them.

    Args:
        home: the installation.
        wanted: id, domain or name of the account.
        decision: without ``starts_on`` it holds from today on, or from the last day where the data has
            ended; of a snooze the ``days`` are given instead of the end.
        run: lands and runs the days of a window.

    Raises:
        MartError: no such account, or no day has been run.
        OverrideError: what is given makes no decision.
    """
    with open_marts(home) as marts:
        last = marts.last_day()
        account = marts.account(wanted, last)
        before = _stages(marts, account["account_id"])
    at = datetime.now(UTC)
    made = _checked(home, decision, at, last)
    row = {
        "override_id": uuid4().hex, "account_id": account["account_id"], "motion": made.motion,
        "action": made.action, "stage": made.stage, "starts_on": made.starts_on,
        "ends_on": made.ends_on, "reason": made.reason or None, "by": made.by, "at": at,
    }  # fmt: skip
    file = write_row(home, "overrides", row, row["override_id"])
    run(home, Window(last, last + ONE_DAY))
    with open_marts(home) as marts:
        after = _stages(marts, account["account_id"])
        held = of_account(marts, account["account_id"], last)
    changed = sorted(key for key, told in after.items() if told != before.get(key))
    return {
        **row,
        "name": account["name"],
        "file": file,
        "changed": [
            {"day": d, "motion": m, "before": before.get((d, m)), "after": after[d, m]}
            for d, m in changed
        ],
        "in_effect": held,
    }


def of_account(marts: Marts, account_id: str, day: date) -> list[dict[str, Any]]:
    """Decisions about an account that hold on a day, or will: with their days, why and by whom."""
    try:
        told = marts.table("overrides")
    except MartError:
        # A warehouse from before there were overrides.
        return []
    effective = in_effect(told)
    mine = effective.filter(effective["account_id"] == account_id)
    found = marts.rows(mine.filter(mine["ends_on"].isnull() | (mine["ends_on"] > day)))
    found.sort(key=lambda r: (r["starts_on"], r["at"], r["override_id"]))
    return [{c: r[c] for c in COLUMNS if c != "account_id"} for r in found]


def _stages(marts: Marts, account_id: str) -> dict[tuple[date, str], tuple[str, str | None]]:
    t = marts.table("stages")
    rows = marts.rows(t.filter(t["account_id"] == account_id))
    return {(r["stage_date"], r["motion"]): (r["stage"], r.get("suppression_reason")) for r in rows}


def _checked(home: Home, decision: Decision, at: datetime, last: date) -> Decision:
    """The decision with everything it leaves open filled in.

    Raises:
        OverrideError: it contradicts itself, or lacks what it needs.
    """
    policy = load_policy(home.policy_folder())
    if not any(s.connector == "overrides" for s in policy.sources.sources.values()):
        raise OverrideError(
            "sources.yaml has no source with the connector overrides; add one with the path "
            "${MQA_HOME}/inbox/overrides/*.jsonl"
        )
    motions = [p.program.motion for p in policy.motions()]
    if decision.motion is not None and decision.motion not in motions:
        raise OverrideError(f"no motion {decision.motion!r}; there are {', '.join(motions)}")
    today = at.date() if at.date() - last <= _LIVE_WITHIN else last
    starts_on = decision.starts_on or today
    ends_on = decision.ends_on
    if decision.action == SNOOZE and decision.days is not None:
        ends_on = starts_on + timedelta(days=decision.days)
    motion = decision.motion
    if decision.action == STAGE:
        motion = motion or motions[0]
    by = decision.by.strip() or getpass.getuser()
    whole = replace(decision, starts_on=starts_on, ends_on=ends_on, motion=motion, by=by)
    if problem := _problem(whole, starts_on):
        raise OverrideError(problem)
    return whole


def _problem(decision: Decision, starts_on: date) -> str | None:
    """Why a decision cannot be written down; None if it can."""
    if decision.action == WITHDRAW:
        return "a withdrawal has no end" if decision.ends_on is not None else None
    if decision.action == STAGE and decision.stage not in STAGES:
        return f"no stage {decision.stage!r}; there are {', '.join(STAGES)}"
    if not decision.reason.strip():
        return "say why: --reason"
    if decision.ends_on is None:
        return "say until when: --until DAY"
    if decision.ends_on <= starts_on:
        return f"it would end on {decision.ends_on}, and begins on {starts_on}"
    return None


def action_of(stage: str | None, exclude: bool, snooze: int | None, withdraw: bool) -> str:
    """Which one of the four was asked for.

    Raises:
        OverrideError: none, or more than one.
    """
    asked = {
        STAGE: stage is not None,
        EXCLUDE: exclude,
        SNOOZE: snooze is not None,
        WITHDRAW: withdraw,
    }
    found = [name for name, is_asked in asked.items() if is_asked]
    if len(found) != 1:
        raise OverrideError("give one of --stage, --exclude, --snooze and --withdraw")
    return found[0]
