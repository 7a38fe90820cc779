"""Putting a policy in force from a day on.

Belongs here: what a promotion has to bring, and which days it re-opens. Does not belong here: taking one
back (``reverting``), keeping the copies and the log (``promotions``), or comparing policies beforehand
(``policy_replay``).
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.changes import Changes, as_json, changes, thresholds
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import (
    BASELINE,
    PROMOTION,
    Promotion,
    append,
    in_force,
    keep_copy,
    load_copy,
    load_history,
    next_id,
    policy_now,
)
from mqa_platform.rereading import CannotWaitError, Rereading, reopen, rereading
from mqa_platform.storage import open_warehouse

# Runs the days of a window; whatever was re-opened is run with it.
Run = Callable[[Home, Window], object]
# Answers what golden accounts a policy folder gets wrong, one line each.
Golden = Callable[[Path], list[str]]
# Told what is worth knowing before any day is run.
Tell = Callable[[str], None]


class PromotionRefusedError(Exception):
    """The promotion is not allowed; nothing was written."""


@dataclass(frozen=True)
class Approval:
    """Who wants a policy, why, what it rests on, and who approved it for both sides."""

    author: str
    rationale: str
    evidence: str
    marketing: str
    sales: str


@dataclass(frozen=True)
class Promoted:
    """What a promotion changed: its entry, the settings, and the published days that were run again."""

    entry: Promotion
    changes: Changes
    days: list[date] = field(default_factory=list)


def promote(
    home: Home,
    folder: Path,
    effective: date,
    approval: Approval,
    golden: Golden,
    run: Run,
    tell: Tell = lambda _: None,
) -> Promoted:
    """Puts a policy in force from a day on and runs the published days from it again.

    Raises:
        PolicyError: the policy is not valid.
        PromotionRefusedError: an approval or evidence is missing, golden accounts come out otherwise, or
            the policy is in force on that day already.
    """
    policy = load_policy(folder)
    history = load_history(home)
    former = history.effective_on(effective)
    _check_day(former.policy, effective)
    differing = changes(former.policy, policy)
    if former.version == policy_version(policy):
        raise PromotionRefusedError(f"{former.version} is in force on {effective} already")
    _check_approval(policy_now(home).policy, policy, approval, differing)
    _reread(home, effective, policy)
    wrong = golden(folder)
    if wrong:
        raise PromotionRefusedError(
            "golden accounts come out otherwise; mend the policy, or say in FOLDER/golden what you mean:\n"
            + "\n".join(f"  {line}" for line in wrong)
        )
    version, content = keep_copy(home, folder)
    entry = Promotion(
        promotion_id="",
        kind=PROMOTION,
        version=version,
        former_version=former.version,
        effective_from=effective,
        author=approval.author,
        rationale=approval.rationale,
        evidence=approval.evidence,
        approved_by_marketing=approval.marketing,
        approved_by_sales=approval.sales,
        changes=as_json(differing),
        reverts=None,
        content_sha256=content,
        promoted_at=datetime.now(UTC),
    )
    return put_in_force(home, entry, differing, run, tell)


def this_person() -> str:
    """The name under which the command was started."""
    return getpass.getuser()


def _check_day(policy: Policy, effective: date) -> None:
    first = policy.program.history_starts_on
    if effective < first:
        raise PromotionRefusedError(f"{effective} is before the history, which starts on {first}")


def _check_approval(now: Policy, promoted: Policy, approval: Approval, differing: Changes) -> None:
    """Who may approve is said by the policy that is in force today, never by the new one."""
    problems = []
    for side, name in (("marketing", approval.marketing), ("sales", approval.sales)):
        named: list[str] = getattr(now.program.approvers, side)
        if not named:
            problems.append(
                f"the policy in force names no approver for {side}; name approvers.{side} in its "
                "program.yaml first"
            )
        elif not name:
            problems.append(f"the approval of {side} is missing; {', '.join(named)} may give it")
        elif name not in named:
            problems.append(f"{name} may not approve for {side}; {', '.join(named)} may")
        if not getattr(promoted.program.approvers, side):
            problems.append(f"program.yaml names no approver for {side} of what comes after it")
    if approval.marketing and approval.marketing == approval.sales:
        problems.append(f"{approval.sales} cannot approve for both sides")
    problems += [
        f"the {what} is missing"
        for what in ("author", "rationale", "evidence")
        if not getattr(approval, what).strip()
    ]
    if problems:
        moved = ", ".join(thresholds(differing))
        about = f" ({moved} would change)" if moved else ""
        raise PromotionRefusedError(f"not promoted{about}: " + "; ".join(problems))


def put_in_force(
    home: Home, entry: Promotion, differing: Changes, run: Run, tell: Tell = lambda _: None
) -> Promoted:
    """Writes the entry and runs the published days from its day on again, or all; see ``rereading``.

    Raises:
        PromotionRefusedError: what has no days would change on a day to come; nothing was written.
    """
    found = _reread(home, entry.effective_from, load_copy(home, entry))
    if found.names:
        tell(
            "These decide how an event is read. They have no days, so every published day is read again, and "
            f"no replay shows what comes of it: {', '.join(found.names)}."
        )
    with open_warehouse(home).session() as session:
        days = reopen(session, entry.effective_from, found)
        # In the same session: no run can answer the request before the log says what to answer with.
        if not in_force(home):
            _write_baseline(home)
        entry = replace(entry, promotion_id=next_id(home))
        append(home, entry)
    if days:
        run(home, Window.of(days[-1], days[-1]))
    return Promoted(entry, differing, days)


def _reread(home: Home, effective: date, policy: Policy) -> Rereading:
    try:
        return rereading(home, effective, policy)
    except CannotWaitError as error:
        raise PromotionRefusedError(str(error)) from error


def _write_baseline(home: Home) -> None:
    """What was in force before the first promotion: the policy folder, as it is now."""
    version, content = keep_copy(home, home.policy_folder())
    first = load_policy(home.policy_folder()).program.history_starts_on
    append(
        home,
        Promotion(
            promotion_id=next_id(home),
            kind=BASELINE,
            version=version,
            former_version=None,
            effective_from=first,
            author=this_person(),
            rationale="In force before the first promotion.",
            evidence="",
            approved_by_marketing=None,
            approved_by_sales=None,
            changes="{}",
            reverts=None,
            content_sha256=content,
            promoted_at=datetime.now(UTC),
        ),
    )
