"""What changed in an account's score between two days, and why.

Belongs here: gathering both days' receipts, touchpoints, fit and policies from the published tables. Does
not belong here: the arithmetic (``core.differences``) or the screen (``console``).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from mqa_platform.core.differences import CAUSES, Side, differences
from mqa_platform.core.scores import typed
from mqa_platform.explain import fit_of, of_day, policy_of
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.promotions import load_history

_SHOWN = ("engagement_score", "threshold", "score_type", "eligible_people", "policy_version")
_OF_FIT = ("tier", "is_target", "fit_gate", "fit_grade", "fit_score", "failed_criteria",
           "missing_fields")  # fmt: skip
_OF_SIGNAL = ("signal_id", "touchpoint_date", "signal_type", "person_id", "page_type", "topic")


def explain_difference(
    home: Home, wanted: str, first: date, second: date, motion: str | None = None
) -> dict[str, Any]:
    """Both days and every cause of the difference, component by component; the causes sum to it.

    A component's causes are those of ``core.differences``. On a day on which the account is not scored
    its score is 0, and the reason is the cause ``fit``.

    Raises:
        MartError: no such account or motion, or neither day has a score.
    """
    history = load_history(home)
    with open_marts(home) as marts:
        account = marts.account(wanted, second)
        mine = account["account_id"]
        sides, facts = [], []
        for day in (first, second):
            policy = policy_of(history.effective_on(day).policy, motion)
            name = policy.program.motion
            score = of_day(marts, "scores", "score_date", mine, name, day)
            lines = of_day(marts, "score_receipts", "score_date", mine, name, day)
            touched = marts.table("touchpoints")
            rows = marts.arrow(typed(touched.filter(touched["account_id"] == mine), policy))
            points = {line["component"]: line["points"] for line in lines}
            sides.append(Side(day, policy, rows, points, bool(score)))
            facts.append(_facts(marts, mine, name, day, score))
        causes = differences(sides[0], sides[1])
        named = _named(marts, mine, {s for c in causes for s in c.signals})
    if not (sides[0].is_scored or sides[1].is_scored):
        raise MartError(f"{account['name']} ({mine}) has no score on {first} nor on {second}")
    changes = [
        {
            "component": c.component,
            "cause": c.cause,
            "why": CAUSES[c.cause],
            "points": c.points,
            "touchpoints": [named[s] for s in c.signals if s in named],
        }
        for c in causes
    ]
    before, after = (f["engagement_score"] or Decimal(0) for f in facts)
    total = sum((c.points for c in causes), Decimal(0))
    return {
        "account_id": mine,
        "name": account["name"],
        "motion": sides[1].policy.program.motion,
        "from": first,
        "to": second,
        "before": facts[0],
        "after": facts[1],
        "difference": after - before,
        "changes": changes,
        "sum_of_changes": total,
        "sums_exactly": total == after - before,
    }


def _facts(
    marts: Marts, account: str, motion: str, day: date, score: list[dict[str, Any]]
) -> dict[str, Any]:
    """What stood on a day beside the receipt: score, stage and fit."""
    stage = of_day(marts, "stages", "stage_date", account, motion, day)
    fit = fit_of(marts, account, motion, day) or dict.fromkeys(_OF_FIT)
    return {
        "day": day,
        **{name: score[0][name] if score else None for name in _SHOWN},
        "stage": stage[0]["stage"] if stage else None,
        **{name: fit[name] for name in _OF_FIT},
    }


def _named(marts: Marts, account: str, signals: set[str]) -> dict[str, dict[str, Any]]:
    """Signal → what the reader sees of its touchpoint."""
    t = marts.table("touchpoints")
    if not signals:
        return {}
    rows = t.filter((t["account_id"] == account) & t["signal_id"].isin(sorted(signals)))
    return {row["signal_id"]: row for row in marts.rows(rows.select(*_OF_SIGNAL))}
