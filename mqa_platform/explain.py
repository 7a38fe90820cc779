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
from mqa_platform.home import Home
from mqa_platform.marts import MartError, open_marts
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy

# A component is rounded once to four decimals; its touchpoints are not.
_ROUNDING = 0.0001


def explain(home: Home, wanted: str, as_of: date | None = None) -> dict[str, Any]:
    """The receipt of an account: every component with its touchpoints and arithmetic.

    Raises:
        MartError: no such account, or no score on that day.
    """
    policy = load_policy(home.policy_folder())
    with open_marts(home) as marts:
        day = as_of or marts.last_day()
        account = marts.account(wanted, day)
        mine = account["account_id"]
        scores, lines = marts.table("scores"), marts.table("score_receipts")
        stages, touched = marts.table("stages"), marts.table("touchpoints")
        score = marts.rows(
            scores.filter((scores["account_id"] == mine) & (scores["score_date"] == day))
        )
        if not score:
            refused = (
                "the ICP refuses it"
                if account["fit_gate"] == "fail"
                else (
                    f"no touchpoint in the {policy.signals.lookback_days} days before, or the day was never run"
                )
            )
            raise MartError(f"{account['name']} ({mine}) has no score on {day}: {refused}")
        components = marts.rows(
            lines.filter((lines["account_id"] == mine) & (lines["score_date"] == day)).order_by(
                lines["points"].desc(), lines["component"]
            )
        )
        stage = marts.rows(
            stages.filter((stages["account_id"] == mine) & (stages["stage_date"] == day))
        )
        evidence = marts.arrow(touched.filter(touched["account_id"] == mine))
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
        "tier": account["tier"],
        "as_of": day,
        **{k: v for k, v in score[0].items() if k not in ("account_id", "score_date")},
        "stage": stage[0]["stage"] if stage else None,
        "stage_since": stage[0]["entered_on"] if stage else None,
        "suppression_reason": account["suppression_reason"],
        "fit": {
            k: account[k]
            for k in ("fit_gate", "fit_grade", "fit_score", "failed_criteria", "missing_fields")
        },
        "components": parts,
        "sum_of_components": total,
        "sums_exactly": total == score[0]["engagement_score"] and all(p["adds_up"] for p in parts),
        "current_policy_version": policy_version(policy),
    }


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
