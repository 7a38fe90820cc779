"""What changed in an account's score between two days, and why.

Belongs here: gathering both days' receipts, touchpoints, fit and policies from the published tables. Does
not belong here: the arithmetic (``core.differences``) or the screen (``console``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from mqa_platform.core.differences import CAUSES, Side, differences
from mqa_platform.core.scores import typed
from mqa_platform.explain import fit_of, of_day, policy_of
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_history

_SHOWN = ("engagement_score", "threshold", "score_type", "eligible_people", "policy_version")
_OF_FIT = ("tier", "is_target", "fit_gate", "fit_grade", "fit_score", "failed_criteria",
           "missing_fields")  # fmt: skip
_OF_SIGNAL = ("signal_id", "touchpoint_date", "signal_type", "person_id", "page_type", "topic")


def explain_difference(
    home: Home,
    wanted: str,
    first: date,
    second: date,
    motion: str | None = None,
    as_decided: bool = False,
) -> dict[str, Any]:
    """Both days and every cause of the difference, component by component; the causes sum to it.

    A component's causes are those of ``core.differences``. On a day on which the account is not scored
    its score is 0, and the reason is the cause ``fit``.

    Args:
        home: where the tables are.
        wanted: id, domain or name of the account.
        first: the earlier day.
        second: the later day, or the same.
        motion: None is the leading one.
        as_decided: take the first day's receipt as it was known when somebody acted on it; what has
            moved to or from the account since is the cause ``match``, with the touchpoints that left.

    Raises:
        MartError: no such account or motion, neither day has a score, or no decision is of the day.
    """
    history = load_history(home)
    kept = history.versions()
    with open_marts(home) as marts:
        account = marts.account(wanted, second)
        mine = account["account_id"]
        sides, facts = [], []
        for day in (first, second):
            policy = policy_of(history.effective_on(day).policy, motion)
            name = policy.program.motion
            score = of_day(marts, "scores", "score_date", mine, name, day)
            lines = of_day(marts, "score_receipts", "score_date", mine, name, day)
            is_kept = not score or score[0]["policy_version"] in kept
            if score and is_kept:
                policy = policy_of(kept[score[0]["policy_version"]], name)
            touched = marts.table("touchpoints")
            rows = marts.arrow(typed(touched.filter(touched["account_id"] == mine), policy))
            points = {line["component"]: line["points"] for line in lines}
            sides.append(Side(day, policy, rows, points, bool(score), is_kept))
            facts.append(_facts(marts, mine, name, day, score))
        left: list[dict[str, Any]] = []
        if as_decided:
            decision = _decision(marts, account, sides[0].policy.program.motion, first)
            sides[0] = _as_known(sides[0], decision, kept, motion)
            facts[0] |= {
                "policy_version": decision["policy_version"],
                "engagement_score": decision["score"],
                "as_decided": decision["decided_at"],
            }
            left = _left(marts, mine, decision)
        causes = differences(sides[0], sides[1])
        named = _named(marts, mine, {s for c in causes for s in c.signals})
    if not (sides[0].is_scored or sides[1].is_scored):
        raise MartError(f"{account['name']} ({mine}) has no score on {first} nor on {second}")
    gone = {
        f["policy_version"]: f["day"] for s, f in zip(sides, facts, strict=True) if not s.is_kept
    }
    lost = "".join(
        f"; {version} of {day} is no longer kept, so this holds what came or left since as well"
        for version, day in gone.items()
    )
    changes = [
        {
            "component": c.component,
            "cause": c.cause,
            "why": CAUSES[c.cause] + (lost if c.cause == "policy" else ""),
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
        "touchpoints_that_left": left,
        "sum_of_changes": total,
        "sums_exactly": total == after - before,
    }


def _decision(marts: Marts, account: dict[str, Any], motion: str, day: date) -> dict[str, Any]:
    """What was known of the account on a day when somebody acted on it first.

    Raises:
        MartError: nobody did, with the days on which somebody did.
    """
    t = marts.table("decisions")
    mine = t.filter((t["account_id"] == account["account_id"]) & (t["motion"] == motion))
    found = marts.rows(mine.order_by("decided_at", "decision_id"))
    for decision in found:
        if decision["known_on"] == day and decision["known"]:
            return decision
    days = ", ".join(sorted({str(d["known_on"]) for d in found})) or "none"
    raise MartError(f"no decision on {account['name']} is of {day}; days with one: {days}")


def _as_known(
    side: Side, decision: dict[str, Any], kept: Mapping[str, Policy], motion: str | None
) -> Side:
    """The first day as the decision knew it: its receipt, and the policy of then if it is kept."""
    lines = json.loads(decision["known"])["receipt"]
    points = {line["component"]: Decimal(line["points"]) for line in lines}
    then = kept.get(decision["policy_version"])
    policy = side.policy if then is None else policy_of(then, motion)
    return replace(side, published=points, policy=policy, is_kept=then is not None)


def _left(marts: Marts, account: str, decision: dict[str, Any]) -> list[dict[str, Any]]:
    """The evidence of then that is not the account's any more, and whose it is now; None for nobody's."""
    known = sorted(json.loads(decision["known"])["evidence"])
    t = marts.table("touchpoints")
    rows = (
        t.filter(t["signal_id"].isin(known))
        .select("signal_id", "account_id")
        .order_by("account_id")
    )
    now: dict[str, list[str]] = {}
    for row in marts.rows(rows):
        now.setdefault(row["signal_id"], []).append(row["account_id"])
    gone = [s for s in known if account not in now.get(s, [])]
    return [{"signal_id": s, "now_at": ", ".join(now.get(s, [])) or None} for s in gone]


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
