"""Why an account has its score, and why it is not an MQA.

Belongs here: gathering one account's receipt, evidence and rules from the published tables. Does not
belong here: the arithmetic (``core.receipts``) or the screen (``console``).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from mqa_platform.core import receipts
from mqa_platform.home import Home
from mqa_platform.marts import MartError, open_marts
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy


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
        "components": [
            {
                **{k: v for k, v in c.items() if k not in ("account_id", "motion", "score_date")},
                "evidence": by_component.get(c["component"], []),
            }
            for c in components
        ],
        "sum_of_components": total,
        "sums_exactly": total == score[0]["engagement_score"],
        "current_policy_version": policy_version(policy),
    }


def why_not(home: Home, wanted: str, as_of: date | None = None) -> dict[str, Any]:
    """Every rule between an account and an MQA: whether it holds, the figures, and what is missing.

    Raises:
        MartError: no such account, or the day was never run.
    """
    policy = load_policy(home.policy_folder())
    with open_marts(home) as marts:
        day = as_of or marts.last_day()
        account = marts.account(wanted, day)
        mine = account["account_id"]
        scores, stages = marts.table("scores"), marts.table("stages")
        found = marts.rows(
            scores.filter((scores["account_id"] == mine) & (scores["score_date"] == day))
        )
        held = marts.rows(
            stages.filter((stages["account_id"] == mine) & (stages["stage_date"] == day))
        )
    if not held:
        raise MartError(f"{account['name']} ({mine}) has no stage on {day}: the day was never run")
    stage = held[0]
    rules = _rules(account, found[0] if found else None, stage, policy, day)
    return {
        "account_id": mine,
        "name": account["name"],
        "as_of": day,
        "stage": stage["stage"],
        "stage_since": stage["entered_on"],
        "is_mqa": stage["mqa_on"] is not None,
        "rules": rules,
        "missing": [r["missing"] for r in rules if r["missing"]],
    }


def _rule(name: str, holds: bool, detail: str, missing: str = "") -> dict[str, Any]:
    return {"rule": name, "holds": holds, "detail": detail, "missing": "" if holds else missing}


def _rules(
    account: dict[str, Any],
    score: dict[str, Any] | None,
    stage: dict[str, Any],
    policy: Policy,
    day: date,
) -> list[dict[str, Any]]:
    """The qualification rules of SEMANTICS in the order in which they stop an account."""
    s, signals = policy.stages, policy.signals
    gate, threshold = account["fit_gate"], getattr(s.tiers, account["tier"]).threshold
    points = score["engagement_score"] if score else Decimal(0)
    people = score["eligible_people"] if score else 0
    committee = score["people_on_high_intent"] if score else 0
    last = score["last_eligible_on"] if score else None
    heavy = score is not None and score["score_type"] == "intent_heavy"
    failed, unknown = account["failed_criteria"] or "-", account["missing_fields"] or "-"
    gap = threshold - points
    evidence = people >= s.evidence_people or bool(score and score["anonymous_evidence"])
    rules = [
        _rule("fit gate is pass", gate == "pass", f"gate {gate}; failed: {failed}; missing: {unknown}",
              f"the account must meet {failed}" if gate == "fail" else f"find out {unknown}"),
        _rule("not suppressed", account["suppression_reason"] is None, account["suppression_reason"] or "none",
              f"suppression {account['suppression_reason']} must end"),
        _rule("on the target list or found", bool(account["is_target"]) or gate == "pass",
              "on the list" if account["is_target"] else "not on the list", "put it on the target list"),
        _rule("recent eligible touchpoint", last is not None and (day - last).days < s.evidence_window_days,
              f"last on {last or '-'}", f"an inbound touchpoint with confidence ≥ {signals.eligible_confidence} "
              f"within {s.evidence_window_days} days"),
        _rule("score reaches the threshold", points >= threshold, f"{points} of {threshold} ({account['tier']})",
              f"{gap} more points"),
        _rule("evidence from more than one person", evidence,
              f"{people} of {s.evidence_people} eligible people in {s.evidence_window_days} days; anonymous research "
              f"{'holds' if score and score['anonymous_evidence'] else 'does not hold'}",
              f"{s.evidence_people - people} more known people, anonymous research with a surge, or a hand-raise"),
    ]  # fmt: skip
    if heavy and s.intent_heavy_needs_committee:
        wanted = signals.committee_on_high_intent.people
        figures = f"{committee} of {wanted} people on high-intent pages"
        rule = _rule(
            "moderate fit needs the committee",
            committee >= wanted,
            figures,
            f"{wanted - committee} more",
        )
        rules.append(rule)
    if stage["last_exit_on"]:
        fresh = last is not None and last > stage["last_exit_on"]
        figures = f"left on {stage['last_exit_on']} ({stage['exit_reason']})"
        rules.append(
            _rule(
                "evidence newer than the last exit", fresh, figures, "a touchpoint after that day"
            )
        )
    return rules
