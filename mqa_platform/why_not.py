"""Why an account is not an MQA: every rule in between, whether it holds, and what is missing.

Belongs here: the rules of qualification as sentences with the account's figures. Does not belong here:
deciding anything (``core.ladder`` did) or the screen (``console``).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mqa_platform.core.overrides import STAGE
from mqa_platform.explain import fit_of, of_day, policy_of
from mqa_platform.home import Home
from mqa_platform.marts import MartError, open_marts
from mqa_platform.overrides import of_account
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_history


def why_not(
    home: Home, wanted: str, as_of: date | None = None, motion: str | None = None
) -> dict[str, Any]:
    """Every rule between an account and an MQA: whether it holds, the figures, and what is missing.

    Args:
        home: where the tables are.
        wanted: id, domain or name of the account.
        as_of: the day; None is the last one.
        motion: None is the leading one.

    Raises:
        MartError: no such account, no such motion, or the account was not in it on that day.
    """
    history = load_history(home)
    with open_marts(home) as marts:
        day = as_of or marts.last_day()
        policy = policy_of(history.effective_on(day).policy, motion)
        motion = policy.program.motion
        account = marts.account(wanted, day)
        mine = account["account_id"]
        account |= fit_of(marts, mine, motion, day) or {}
        found = of_day(marts, "scores", "score_date", mine, motion, day)
        held = of_day(marts, "stages", "stage_date", mine, motion, day)
        decided = of_account(marts, mine, day)
    if not held:
        raise MartError(
            f"{account['name']} ({mine}) has no stage in {motion} on {day}: the day was never run, or it "
            "is no customer"
        )
    stage = held[0]
    rules = _rules(account, found[0] if found else None, stage, policy, day)
    rules += _by_hand(decided, motion, day)
    return {
        "account_id": mine,
        "name": account["name"],
        "as_of": day,
        "motion": motion,
        "overrides": decided,
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
    """The qualification rules in the order in which they stop an account."""
    s, signals = policy.stages, policy.signals
    gate, threshold = account["fit_gate"], getattr(s.tiers, account["tier"]).threshold
    points = score["engagement_score"] if score else Decimal(0)
    people = score["eligible_people"] if score else 0
    committee = score["people_on_high_intent"] if score else 0
    last = score["last_eligible_on"] if score else None
    heavy = score is not None and score["score_type"] == "intent_heavy"
    failed, unknown = account["failed_criteria"] or "-", account["missing_fields"] or "-"
    gap = threshold - points
    raised = (
        bool(score and score["hand_raised"]) or _kept_hand_raise(stage, policy, day)
    ) and gate != "fail"
    anonymous = bool(score and score["anonymous_evidence"])
    evidence = people >= s.evidence_people or anonymous or raised
    found = policy.identity.discovery and gate == "pass"
    told = " (a hand-raise today qualifies whatever the score)" if raised else ""
    rules = [
        _rule("fit gate is pass", gate == "pass" or raised, f"gate {gate}; failed: {failed}; missing: {unknown}",
              f"the account must meet {failed}" if gate == "fail" else f"find out {unknown}"),
        _rule("not suppressed", stage["suppression_reason"] is None, _suppression(stage),
              f"suppression {stage['suppression_reason']} must end"),
        _rule("on the target list or found", bool(account["is_target"]) or found or raised,
              "on the list" if account["is_target"] else "not on the list", "put it on the target list"),
        _rule("recent eligible touchpoint", last is not None and (day - last).days < s.evidence_window_days,
              f"last on {last or '-'}", f"an inbound touchpoint with confidence ≥ {signals.eligible_confidence} "
              f"within {s.evidence_window_days} days"),
        _rule("score reaches the threshold", points >= threshold or raised,
              f"{points} of {threshold} ({account['tier']}){told}",
              f"{gap} more points"),
        _rule("evidence from more than one person", evidence,
              f"{people} of {s.evidence_people} eligible people in {s.evidence_window_days} days; anonymous research "
              f"{'holds' if score and score['anonymous_evidence'] else 'does not hold'}",
              f"{s.evidence_people - people} more known people, anonymous research with a surge, or a hand-raise"),
    ]  # fmt: skip
    wanted = signals.committee_on_high_intent.people
    if heavy and s.intent_heavy_needs_committee:
        figures = f"{committee} of {wanted} people on high-intent pages"
        enough = committee >= wanted or raised
        rules.append(
            _rule("moderate fit needs the committee", enough, figures, f"{wanted - committee} more")
        )
    return rules + _after_an_exit(stage, last, policy, day)


def _suppression(stage: dict[str, Any]) -> str:
    """Why, until when and by whom an account is suppressed, in words."""
    if stage["suppression_reason"] is None:
        return "none"
    until = stage["suppressed_until"]
    end = f"until {until}" if until else "without an end"
    return f"{stage['suppression_reason']} by {stage['suppressed_by']} {end}"


def _by_hand(decided: list[dict[str, Any]], motion: str, day: date) -> list[dict[str, Any]]:
    """The rule that holds unless somebody has put the account on a rung."""
    pins = [
        d
        for d in decided
        if d["action"] == STAGE and d["starts_on"] <= day and d["motion"] in (None, motion)
    ]
    return [
        _rule(
            "not put on a rung by hand",
            False,
            f"{d['stage']} by {d['by']}: {d['reason']}",
            f"wait until {d['ends_on']}, or withdraw it",
        )
        for d in pins[-1:]
    ]


def _kept_hand_raise(stage: dict[str, Any], policy: Policy, day: date) -> bool:
    """Whether a hand-raise during a suppression or cool-down still waits to count."""
    raised, left = stage["hand_raised_on"], stage["last_exit_on"]
    if raised is None or (left is not None and raised <= left):
        return False
    return (day - raised).days <= policy.stages.hand_raise_kept_days


def _after_an_exit(
    stage: dict[str, Any], last: date | None, policy: Policy, day: date
) -> list[dict[str, Any]]:
    """The rules that hold only for an account that has left mqa or was recycled."""
    left = stage["last_exit_on"]
    if not left:
        return []
    figures = f"left on {left} ({stage['exit_reason']})"
    fresh = last is not None and last > left
    rules = [
        _rule("evidence newer than the last exit", fresh, figures, f"a touchpoint after {left}")
    ]
    if stage["stage"] in ("recycled", "disqualified"):
        days = policy.stages.cool_down_days
        wait = days.get(str(stage["exit_reason"]), days.get("default", 30))
        over = left + timedelta(days=wait)
        rules.append(
            _rule(
                "cool-down is over", day >= over, f"{wait} days from {left}", f"wait until {over}"
            )
        )
    return rules
