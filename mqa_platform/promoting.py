"""Putting a policy in force from a day on, or the former one back.

Belongs here: what a promotion has to bring, and which days it re-opens. Does not belong here: keeping
the copies and the log (``promotions``), or comparing policies beforehand (``policy_replay``).
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from mqa_platform.core.history import PolicyHistory
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.changes import Changes, as_json, changes, thresholds
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import (
    BASELINE,
    PROMOTION,
    REVERT,
    Promotion,
    append,
    in_force,
    keep_copy,
    load_history,
    next_id,
    promotions,
)
from mqa_platform.sources.lateness import IDENTITY, SIGNALS
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session

# Runs the days of a window; whatever was re-opened is run with it.
Run = Callable[[Home, Window], object]
# Answers what golden accounts a policy folder gets wrong, one line each.
Golden = Callable[[Path], list[str]]
# Settings that are used before a signal is scored, and who has to look at the days again for them.
_TAXONOMY = ("signals.page_types", "signals.consent_default", "signals.unknown_consent")
_IDENTITY = ("identity.", "signals.seniority")


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
    home: Home, folder: Path, effective: date, approval: Approval, golden: Golden, run: Run
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
    _check_approval(_approvers_of(history, policy), approval, differing)
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
    return _put_in_force(home, entry, differing, run)


def revert(home: Home, effective: date | None, author: str, rationale: str, run: Run) -> Promoted:
    """Puts the policy from before the newest promotion back in force.

    It was approved when it came into force, so nobody is asked again.

    Args:
        home: the installation.
        effective: from which day on; default the last published day, or the first day of what is taken
            back if that is later.
        author: who takes it back.
        rationale: why.
        run: see ``promote``.

    Raises:
        PromotionRefusedError: nothing was promoted, or the day is before what is taken back.
    """
    log = promotions(home)
    taken = [p for p in log if p.kind != BASELINE]
    if not taken:
        raise PromotionRefusedError("nothing was promoted, so there is nothing to revert")
    last = taken[-1]
    day = effective or max(_last_day(home) or last.effective_from, last.effective_from)
    if day < last.effective_from:
        raise PromotionRefusedError(
            f"promotion {last.promotion_id} came into force on {last.effective_from}, after {day}"
        )
    former = next(p for p in reversed(log) if p.version == last.former_version)
    policies = load_history(home).versions()
    differing = changes(policies[last.version], policies[former.version])
    entry = replace(
        former,
        kind=REVERT,
        former_version=last.version,
        effective_from=day,
        author=author,
        rationale=rationale,
        evidence=former.evidence or f"in force before promotion {last.promotion_id}",
        approved_by_marketing=former.approved_by_marketing or last.approved_by_marketing,
        approved_by_sales=former.approved_by_sales or last.approved_by_sales,
        changes=as_json(differing),
        reverts=last.promotion_id,
        promoted_at=datetime.now(UTC),
    )
    return _put_in_force(home, entry, differing, run)


def this_person() -> str:
    """The name under which the command was started."""
    return getpass.getuser()


def _check_day(policy: Policy, effective: date) -> None:
    first = policy.program.history_starts_on
    if effective < first:
        raise PromotionRefusedError(f"{effective} is before the history, which starts on {first}")


def _approvers_of(history: PolicyHistory, promoted: Policy) -> dict[str, list[str]]:
    """Who may approve, by the newest policy; where it names nobody, the first who are named."""
    now, new = history.entries[-1].policy.program.approvers, promoted.program.approvers
    return {
        "marketing": now.marketing or new.marketing,
        "sales": now.sales or new.sales,
    }


def _check_approval(
    approvers: dict[str, list[str]], approval: Approval, differing: Changes
) -> None:
    problems = []
    for side, name in (("marketing", approval.marketing), ("sales", approval.sales)):
        named = approvers[side]
        if not named:
            problems.append(f"program.yaml names no approver for {side} (approvers.{side})")
        elif not name:
            problems.append(f"the approval of {side} is missing; {', '.join(named)} may give it")
        elif name not in named:
            problems.append(f"{name} may not approve for {side}; {', '.join(named)} may")
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


def _put_in_force(home: Home, entry: Promotion, differing: Changes, run: Run) -> Promoted:
    with open_warehouse(home).session() as session:
        days = _reopen(session, entry.effective_from, differing)
        # In the same session: no run can answer the request before the log says what to answer with.
        if not in_force(home):
            _write_baseline(home)
        entry = replace(entry, promotion_id=next_id(home))
        append(home, entry)
    if days:
        run(home, Window.of(days[-1], days[-1]))
    return Promoted(entry, differing, days)


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


def _reopen(session: Session, effective: date, differing: Changes) -> list[date]:
    """Asks for the published days from the effective one on; which these are."""
    days = [d for d in session.days("scores") if d >= effective]
    if not days:
        return []
    # First of all: a kill in between asks in vain, and never leaves a day unasked.
    for consumer in ("scores", "stages"):
        session.reopen(consumer, days[0])
    if any(name.startswith(_TAXONOMY) for name in differing):
        session.reopen(SIGNALS, days[0])
    if any(name.startswith(_IDENTITY) for name in differing):
        session.reopen(IDENTITY, days[0])
    return days


def _last_day(home: Home) -> date | None:
    with open_warehouse(home).session() as session:
        return max(session.days("scores"), default=None)
