"""Why an account has its score.

Belongs here: gathering one account's receipt and what it rests on from the published tables. Does not
belong here: the arithmetic (``core.receipts``), the rules (``why_not``) or the screen (``console``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from mqa_platform.core import receipts
from mqa_platform.core.expressions import in_force
from mqa_platform.core.scores import typed
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.overrides import of_account
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_history, policy_now

# A component is rounded once to four decimals; its touchpoints are not.
_ROUNDING = 0.0001


def explain(
    home: Home, wanted: str, as_of: date | None = None, motion: str | None = None
) -> dict[str, Any]:
    """The receipt of an account: every component with its touchpoints and arithmetic.

    Args:
        home: where the tables are.
        wanted: id, domain or name of the account.
        as_of: the day; None is the last one.
        motion: None is the leading one.

    Raises:
        MartError: no such account, no such motion, or no score on that day.
    """
    history = load_history(home)
    with open_marts(home) as marts:
        day = as_of or marts.last_day()
        now = history.effective_on(day)
        policy, version = policy_of(now.policy, motion), now.version
        motion = policy.program.motion
        account = marts.account(wanted, day)
        mine = account["account_id"]
        fit = fit_of(marts, mine, motion, day) or account
        score = of_day(marts, "scores", "score_date", mine, motion, day)
        if not score:
            raise MartError(_unscored(account, fit, policy, day))
        components = of_day(marts, "score_receipts", "score_date", mine, motion, day)
        stage = of_day(marts, "stages", "stage_date", mine, motion, day)
        decided = of_account(marts, mine, day)
        touched = marts.table("touchpoints")
        evidence = marts.arrow(typed(touched.filter(touched["account_id"] == mine), policy))
    components.sort(key=lambda c: (-c["points"], c["component"]))
    by_component = defaultdict(list)
    for line in receipts.lines(evidence, policy, day):
        by_component[line.component].append(line.as_dict())
    behind = receipts.people(evidence, policy, day)
    parts = [
        _part(c, by_component[c["component"]], behind.get(c["component"], []), policy)
        for c in components
    ]
    total = sum((c["points"] for c in components), Decimal(0))
    return {
        "account_id": mine,
        "name": account["name"],
        "domain": account["domain"],
        "tier": fit["tier"],
        "as_of": day,
        **{k: v for k, v in score[0].items() if k not in ("account_id", "score_date")},
        "stage": stage[0]["stage"] if stage else None,
        "stage_since": stage[0]["entered_on"] if stage else None,
        "stage_reason": stage[0]["reason"] if stage else None,
        "suppression_reason": stage[0]["suppression_reason"] if stage else None,
        "suppressed_until": stage[0]["suppressed_until"] if stage else None,
        "suppressed_by": stage[0]["suppressed_by"] if stage else None,
        "overrides": decided,
        "fit": {
            k: fit[k]
            for k in ("fit_gate", "fit_grade", "fit_score", "failed_criteria", "missing_fields")
        },
        "components": parts,
        "sum_of_components": total,
        "sums_exactly": total == score[0]["engagement_score"] and all(p["adds_up"] for p in parts),
        "current_policy_version": policy_now(home).version,
        # Without promotions an edit of the folder is the end of the policy that was before it.
        "policy_is_kept": score[0]["policy_version"] == version,
    }


def policy_of(policy: Policy, motion: str | None) -> Policy:
    """The policy of a motion; None is the leading one.

    Raises:
        MartError: the policy has no such motion.
    """
    known = {p.program.motion: p for p in policy.motions()}
    if motion is None:
        return next(iter(known.values()))
    if motion not in known:
        raise MartError(f"no motion {motion!r}; there are {', '.join(known)}")
    return known[motion]


def of_day(
    marts: Marts, table: str, column: str, account: str, motion: str, day: date
) -> list[dict[str, Any]]:
    """The rows of an account, motion and day of a daily table."""
    t = marts.table(table)
    mine = (t["account_id"] == account) & (t["motion"] == motion) & (t[column] == day)
    return marts.rows(t.filter(mine))


def fit_of(marts: Marts, account: str, motion: str, day: date) -> dict[str, Any] | None:
    """Tier and fit of an account in a motion as of a day; None where it was not known then."""
    t = marts.table("account_fit")
    held = (t["account_id"] == account) & (t["motion"] == motion)
    found = marts.rows(t.filter(held & in_force(t, day)))
    return found[0] if found else None


def _unscored(account: dict[str, Any], fit: dict[str, Any], policy: Policy, day: date) -> str:
    refused = (
        f"the ICP refuses it ({fit['failed_criteria']})"
        if fit["fit_gate"] == "fail"
        else (
            f"no touchpoint in the {policy.signals.lookback_days} days before, it takes no part in "
            f"{policy.program.motion}, or the day was never run"
        )
    )
    return f"{account['name']} ({account['account_id']}) has no score on {day}: {refused}"


def _part(
    component: dict[str, Any],
    lines: list[dict[str, Any]],
    people: list[dict[str, Any]],
    policy: Policy,
) -> dict[str, Any]:
    """One component with what it rests on; ``adds_up`` holds the touchpoints against the receipt."""
    signal = component["component"] in policy.signals.signals
    contributions = math.fsum(line["contribution"] for line in lines)
    return {
        **{k: v for k, v in component.items() if k not in ("account_id", "motion", "score_date")},
        "arithmetic": receipts.arithmetic(component["component"], component["people"], policy),
        "evidence": lines,
        "people_behind": people,
        "adds_up": not signal
        or abs(contributions - float(component["decayed_points"])) <= _ROUNDING,
    }
