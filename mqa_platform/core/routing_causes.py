"""Why an account could not be routed, or was routed past something that is wrong, and what to do about it.

Belongs here: the causes of ``routing_exceptions`` with their remedies. Does not belong here: routing itself
(``routing``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from mqa_platform.core.desk import INACTIVE, UNKNOWN, Desk, DeskTables
from mqa_platform.core.routing_steps import PASSED, TIED, Answer
from mqa_platform.core.territories import Atlas
from mqa_platform.policy.routing import Routing

HANDOFF, RULE, REP, ORDER = "handoff", "rule", "rep", "reassignment"
Told = tuple[str, str, str, str]

REMEDIES: Final = {
    "rules_tie": "Give one of the rules an earlier place in routing.yaml, or name different reps.",
    "territories_tie": "Make one territory in reps.csv more exact, or set shared: draw on the step.",
    "no_capacity": "Every rep it was for has capacity_per_week 0: raise it in reps.csv, or set it to null.",
    "everyone_is_full": "Raise capacity_per_week in reps.csv, add reps to the team, or set over_capacity: "
    "keep on a step of routing.yaml.",
    "everyone_is_away": "Name who stands in (cover) in absences.csv, or add a rep to the territory or team.",
    "unknown_user": "Correct the user id in routing.yaml, reps.csv or the CRM, or land the CRM's users.",
    "rep_left": "Give the account an active owner in the CRM, or add another step to routing.yaml.",
    "no_share": "Every rep it was for has weight 0: raise the weight of one of them in reps.csv.",
    "account_without_country": "Fill the country of the account in the CRM, or from enrichment.",
    "account_without_industry": "Fill the industry of the account in the CRM, or from enrichment.",
    "account_without_owner": "Give the account an owner in the CRM, or add a step that needs none.",
    "no_step_for_the_tier": "Add a step for this tier to routing.yaml, or remove its tiers.",
    "no_rep_of_the_territory": "Add the place to a territory in reps.csv, or end the order with round_robin.",
    "nobody_in_the_team": "Put a rep into the team in reps.csv, or name another team in routing.yaml.",
    "no_rule_names_a_rep": "End the order in routing.yaml with round_robin, or name reps for the account.",
    "put_in_the_queue_by_hand": "Give it to a rep: mqa handoffs reassign --handoff ID --to REP --reason WHY.",
    "untouched_in_time": "Nobody touched it in time: give it to a rep with mqa handoffs reassign.",
    "rep_not_in_the_crm": "Correct rep_id in reps.csv: it has to be the id of a user of the CRM.",
    "rep_without_calendar": "Give time_zone, and country for its holidays, in reps.csv; until then the "
    "default calendar of sla.yaml counts.",
    "unknown_place": "Write a country, a name of regions in routing.yaml, or COUNTRY: STATE.",
    "absent_rep_unknown": "Correct rep_id in absences.csv: nobody of that id is known.",
    "cover_unknown": "Correct cover_id in absences.csv: nobody of that id is known, so nobody stands in.",
    "order_without_effect": "Name a rep who is active in the CRM, or a queue of the policy, with --to.",
}
# What a step found → what is said of an account that waits because of it, the most telling first.
_OF_REASON: Final = (
    ("full", "everyone_is_full"),
    ("no_capacity", "no_capacity"),
    ("away", "everyone_is_away"),
    ("unknown_user", "unknown_user"),
    ("inactive", "rep_left"),
    ("no_share", "no_share"),
    ("account_without_country", "account_without_country"),
    ("no_territory", "no_rep_of_the_territory"),
    ("nobody_in_the_team", "nobody_in_the_team"),
    ("account_without_industry", "account_without_industry"),
    ("account_without_owner", "account_without_owner"),
)
# What is wrong with data although the account found its rep.
_TOLD_ANYWAY: Final = ("account_without_country", "unknown_user")


def cause_of(answers: Sequence[Answer]) -> tuple[str, str]:
    """(cause, detail) of an account that no step gave to a rep.

    Args:
        answers: of all steps, in order.
    """
    tied = [a for a in answers if a.outcome == TIED]
    if tied:
        several = len({a.number for a in tied}) > 1
        return "rules_tie" if several else "territories_tie", "; ".join(
            f"{a.step.label()}: {a.detail}" for a in tied
        )
    reasons = {a.reason: a for a in answers if a.outcome == PASSED}
    for reason, cause in _OF_REASON:
        if reason in reasons:
            found = reasons[reason]
            return cause, f"{found.step.label()}: {found.detail or found.reason}"
    if set(reasons) == {"other_tier"}:
        return "no_step_for_the_tier", next(iter(reasons.values())).detail
    return "no_rule_names_a_rep", "; ".join(f"{a.step.label()}: {a.reason}" for a in answers)


def told_anyway(answers: Sequence[Answer]) -> list[tuple[str, str]]:
    """(cause, detail) of what was wrong on the way to a rep, each cause once."""
    found: dict[str, str] = {}
    for answer in answers:
        if answer.outcome == PASSED and answer.reason in _TOLD_ANYWAY:
            found.setdefault(answer.reason, f"{answer.step.label()}: {answer.detail}")
    return sorted(found.items())


def standing(
    rules: Mapping[str, Routing], desk: Desk, tables: DeskTables, as_of: date
) -> list[dict[str, Any]]:
    """What is wrong with rules, reps and orders themselves as of a day, whether or not an account met it.

    Rows of scope, subject, cause and detail, each (scope, subject, cause) once.
    """
    told = [
        *_of_rules(rules, desk),
        *_of_reps(rules, desk, tables.capacity, as_of),
        *(
            (REP, row["rep_id"], "absent_rep_unknown", f"away from {row['starts_on']}")
            for row in tables.absences
            if row["rep_id"] not in desk
        ),
        *(
            (REP, row["rep_id"], "cover_unknown", f"{row['cover_id']} is nobody we know")
            for row in tables.absences
            if row.get("cover_id") and row["cover_id"] not in desk
        ),
        *_of_orders(rules, desk),
    ]
    found: dict[tuple[str, str, str], str] = {}
    for scope, subject, cause, detail in told:
        found.setdefault((scope, subject, cause), detail)
    return [
        {"scope": scope, "subject": subject, "cause": cause, "detail": detail}
        for (scope, subject, cause), detail in sorted(found.items())
    ]


def _of_rules(rules: Mapping[str, Routing], desk: Desk) -> Iterator[Told]:
    for step in (step for routing in rules.values() for step in routing.order):
        for user in step.users:
            if user not in desk:
                yield RULE, step.label(), "unknown_user", f"{user} is no user of the CRM"


def _of_reps(
    rules: Mapping[str, Routing], desk: Desk, capacity: Sequence[Mapping[str, Any]], as_of: date
) -> Iterator[Told]:
    atlases = [Atlas(routing.regions) for routing in rules.values()]
    zones = {r["user_id"]: r.get("time_zone") for r in capacity if r.get("valid_to") is None}
    for rep in desk.everyone(as_of):
        if rep.is_active is None:
            yield REP, rep.user_id, "rep_not_in_the_crm", "it stands in reps.csv only"
        if rep.is_active and not zones.get(rep.user_id):
            yield REP, rep.user_id, "rep_without_calendar", "no time_zone is known"
        for word in rep.territory.regions:
            if atlases and not any(atlas.understands(word) for atlas in atlases):
                yield REP, rep.user_id, "unknown_place", f"{word!r} of regions is read as a state"


def _of_orders(rules: Mapping[str, Routing], desk: Desk) -> Iterator[Told]:
    queues = {q for r in rules.values() for q in (r.fallback_queue, r.marketing_queue)}
    for order in desk.orders:
        if order.to_rep is None or order.to_rep in queues:
            continue
        if order.to_rep not in desk:
            yield ORDER, order.order_id, "order_without_effect", f"{order.to_rep} is nobody we know"
        elif desk.presence(order.to_rep, order.starts_on) in (UNKNOWN, INACTIVE):
            told = f"{order.to_rep} is not active on {order.starts_on}"
            yield ORDER, order.order_id, "order_without_effect", told
