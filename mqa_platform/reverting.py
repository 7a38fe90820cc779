"""Taking a promotion back: what holds then is what would hold had it never been promoted.

Belongs here: which promotion is taken back, and which policy takes its place. Does not belong here: writing
the entry and running the days (``promoting``), or who approved what (``promotions``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from mqa_platform.home import Home
from mqa_platform.policy.changes import as_json, changes
from mqa_platform.promoting import Promoted, PromotionRefusedError, Run, Tell, put_in_force
from mqa_platform.promotions import (
    PROMOTION,
    REVERT,
    Promotion,
    history_of,
    in_force,
    load_history,
)
from mqa_platform.storage import open_warehouse


def revert(
    home: Home,
    effective: date | None,
    author: str,
    rationale: str,
    run: Run,
    tell: Tell = lambda _: None,
) -> Promoted:
    """Takes the newest promotion back that was not taken back yet.

    From the day on, what holds is what the log says without it. Nobody is asked again: the entry has the
    approvals under which that policy came into force, and none where it is the baseline.

    Args:
        home: the installation.
        effective: from which day on; default the last published day, or the first day of what is taken
            back if that is later.
        author: who takes it back.
        rationale: why.
        run: see ``promoting.promote``.
        tell: told what is worth knowing before any day is run.

    Raises:
        PromotionRefusedError: nothing is left to take back, or it is not in force on the day.
        PolicyError: the copy of a promoted policy is not what was promoted.
    """
    log = in_force(home)
    back = {p.reverts for p in log if p.reverts}
    standing = [p for p in log if p.kind == PROMOTION and p.promotion_id not in back]
    if not standing:
        what = "every promotion was reverted" if back else "nothing was promoted"
        raise PromotionRefusedError(f"{what}, so there is nothing to revert")
    last = standing[-1]
    day = effective or max(_last_day(home) or last.effective_from, last.effective_from)
    history = load_history(home)
    now = history.effective_on(day)
    _check_day(last, day, now.version, [p for p in log if p.kind == REVERT])
    # What was taken back before, and the entries that did so, say nothing of what would hold.
    gone = {*back, last.promotion_id}
    kept = [p for p in log if p.kind != REVERT and p.promotion_id not in gone]
    held = history_of(home, kept).effective_on(day)
    former = next(p for p in reversed(kept) if p.version == held.version)
    differing = changes(now.policy, held.policy)
    entry = replace(
        former,
        kind=REVERT,
        former_version=now.version,
        effective_from=day,
        author=author,
        rationale=rationale,
        evidence=f"reverts {last.promotion_id}",
        changes=as_json(differing),
        reverts=last.promotion_id,
        promoted_at=datetime.now(UTC),
    )
    return put_in_force(home, entry, differing, run, tell)


def _check_day(last: Promotion, day: date, version: str, reverts: list[Promotion]) -> None:
    """Refuses a day on which something else holds, and one that would leave the promotion in force later."""
    name, first = last.promotion_id, last.effective_from
    if day < first:
        raise PromotionRefusedError(f"promotion {name} came into force on {first}, after {day}")
    if version != last.version:
        raise PromotionRefusedError(
            f"promotion {name}, the newest, is in force from {first} and not on {day}: {version} is; "
            f"take it back from a day of its own, --effective {first}"
        )
    again = [p.effective_from for p in reverts if p.version == last.version]
    if after := [d for d in again if d > day]:
        raise PromotionRefusedError(
            f"promotion {name} holds again from {min(after)} on; take it back from a day after that"
        )


def _last_day(home: Home) -> date | None:
    with open_warehouse(home).session() as session:
        return max(session.days("scores"), default=None)
