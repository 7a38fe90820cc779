"""The handoffs of some days routed again under other rules: who would have got what.

Belongs here: reading the published tables, routing without writing, and the figures of it. Does not belong
here: the rules (``core.routing``), or replaying scores and stages (``policy_replay``).

Nothing is written, and no run is started: the answer comes from the snapshot that readers have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mqa_platform.core.desk import DeskTables, monday
from mqa_platform.core.experiments import HOLDOUT
from mqa_platform.core.handoffs import entries
from mqa_platform.core.routing import EXCEPTION, ROUTE, routing_kernel
from mqa_platform.core.routing_causes import REMEDIES
from mqa_platform.core.routing_facts import Sources, asks, facts
from mqa_platform.core.routing_fold import FALLBACK, NAMELESS
from mqa_platform.home import Home
from mqa_platform.marts import Marts, open_marts
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.policy.routing import Routing
from mqa_platform.promotions import policy_now

Rows = list[dict[str, Any]]


class SimulationError(Exception):
    """The days cannot be simulated."""


def simulate(home: Home, first: date, last: date, folder: Path | None = None) -> dict[str, Any]:
    """Who would have got each handoff created from ``first`` to ``last``, and each rep's load.

    Absences, orders to reassign and everything the CRM said on a day count as they did; only the rules are
    other ones. What was given before ``first`` in the same week is routed under them as well.

    Args:
        home: the installation.
        first: first day of the handoffs.
        last: last day, included.
        folder: a policy folder; None takes the policy in force.

    Returns:
        routed, unrouted, marketing (nobody known, by policy), held_out and over_capacity as counts; load as a row a
        rep and week; moved as a row a handoff that would be another's; exceptions with cause and remedy.

    Raises:
        MartError: nothing has been published yet.
        SimulationError: the days are the wrong way round, or none of them is published.
        PolicyError: the policy of the folder is not valid.
    """
    if last < first:
        raise SimulationError(f"{first} to {last} has no days; --from comes before --to")
    now = policy_now(home)
    policy = now.policy if folder is None else load_policy(folder)
    with open_marts(home) as marts:
        newest = marts.last_day()
        if first > newest:
            raise SimulationError(f"no day from {first} on is published; the last one is {newest}")
        folded, entered, desk = _folded(marts, policy, now.policy, min(last, newest))
        was = {r["handoff_id"]: r for r in marts.rows(_routes(marts))}
    inside = {h: e for h, e in entered.items() if first <= e["created_on"] <= last}
    found = {
        row["handoff_id"]: row
        for row in folded
        if row["kind"] == ROUTE and row["handoff_id"] in inside
    }
    by_rule = Counter(row["rule"] for row in found.values())
    load = _load(found, inside, desk.capacity, policy.routing.capacity_per_week)
    return {
        "from": first,
        "to": last,
        "policy": now.version if folder is None else policy_version(policy),
        "handoffs": len(found),
        "routed": len(found) - by_rule[FALLBACK] - by_rule[NAMELESS] - by_rule[HOLDOUT],
        "unrouted": by_rule[FALLBACK],
        "marketing": by_rule[NAMELESS],
        "held_out": by_rule[HOLDOUT],
        "over_capacity": sum(row["over"] for row in load),
        "rules": dict(sorted(by_rule.items())),
        "moved": _moved(found, was, inside),
        "exceptions": _exceptions(folded, found, inside),
        "load": load,
    }


def _folded(
    marts: Marts, policy: Policy, live: Policy, as_of: date
) -> tuple[Rows, dict[str, dict[str, Any]], DeskTables]:
    """The kernel's rows under a policy, the handoffs by id, and the desk."""
    transitions, accounts = marts.table("stage_transitions"), marts.table("accounts")
    found = entries(transitions, accounts)
    rules = _rules(policy, live)
    parts = [(found.filter(found["motion"] == motion), motion) for motion in rules]
    experiments = any(r.experiment is not None for r in rules.values())
    sources = Sources(
        transitions,
        accounts,
        marts.table("crm_accounts"),
        marts.table("crm_opportunities"),
        marts.table("crm_opportunity_team"),
        asks(marts.table("touchpoints"), policy) if experiments else None,
    )
    tables = (marts.rows(marts.table(t)) for t in ("capacity", "absences", "reassignments"))
    desk = DeskTables(*tables)
    kernel = routing_kernel(rules, desk, as_of)
    given = marts.arrow(facts(parts, sources))
    folded = kernel.fn(given).to_pylist() if given.num_rows else []
    columns = found.select("handoff_id", "account_id", "name", "created_on", "is_backlog")
    return folded, {row["handoff_id"]: row for row in marts.rows(columns)}, desk


def _rules(policy: Policy, live: Policy) -> dict[str, Routing]:
    """The rules of each motion; one that the policy does not have keeps those in force."""
    found: dict[str, Routing] = {}
    for whole in (live, policy):
        for each in whole.motions():
            regions = {**whole.routing.regions, **each.routing.regions}
            found[each.program.motion] = each.routing.model_copy(update={"regions": regions})
    return found


def _routes(marts: Marts) -> Any:
    return marts.table("handoffs").select("handoff_id", "first_rep_id", "route_rule")


def _load(
    found: Mapping[str, dict[str, Any]],
    entered: Mapping[str, dict[str, Any]],
    capacity: Sequence[Mapping[str, Any]],
    otherwise: int | None,
) -> Rows:
    """A row a rep and week: what would be given, of it backlog, and what is above the capacity.

    Backlog fills nobody's week: it is released at capacity.
    """
    given: Counter[tuple[str, date]] = Counter()
    backlog: Counter[tuple[str, date]] = Counter()
    for handoff, row in found.items():
        if row["rule"] in (FALLBACK, NAMELESS, HOLDOUT):
            continue
        key = row["first_rep_id"], monday(entered[handoff]["created_on"])
        (backlog if entered[handoff]["is_backlog"] else given)[key] += 1
    rows = []
    for rep, week in sorted({*given, *backlog}):
        version = _version(capacity, rep, week)
        limit = version.get("capacity_per_week")
        limit = otherwise if limit is None else limit
        n = given[rep, week]
        over = 0 if limit is None else max(0, n - limit)
        rows.append(
            {
                "rep_id": rep, "name": version.get("name"), "week": week, "given": n,
                "backlog": backlog[rep, week], "capacity": limit, "over": over,
            }
        )  # fmt: skip
    return rows


def _version(capacity: Sequence[Mapping[str, Any]], rep: str, week: date) -> Mapping[str, Any]:
    """A rep as of the last day of a week that anything is known of him."""
    mine = [r for r in capacity if r["user_id"] == rep and monday(r["valid_from"]) <= week]
    return max(mine, key=lambda r: r["valid_from"], default={})


def _moved(
    found: Mapping[str, dict[str, Any]],
    was: Mapping[str, dict[str, Any]],
    entered: Mapping[str, dict[str, Any]],
) -> Rows:
    return [
        {
            "handoff_id": handoff, "account_id": row["account_id"], "name": entered[handoff]["name"],
            "created_on": entered[handoff]["created_on"],
            "from_rep": was[handoff]["first_rep_id"], "to_rep": row["first_rep_id"],
            "from_rule": was[handoff]["route_rule"], "to_rule": row["rule"],
        }
        for handoff, row in sorted(found.items())
        if handoff in was and was[handoff]["first_rep_id"] != row["first_rep_id"]
    ]  # fmt: skip


def _exceptions(
    folded: Rows, found: Mapping[str, dict[str, Any]], entered: Mapping[str, dict[str, Any]]
) -> Rows:
    return [
        {
            "handoff_id": row["handoff_id"], "account_id": row["account_id"],
            "name": entered[row["handoff_id"]]["name"], "cause": row["cause"],
            "detail": row["detail"], "remedy": REMEDIES.get(row["cause"], ""),
            "queue": row["queue"],
        }
        for row in folded
        if row["kind"] == EXCEPTION and row["handoff_id"] in found and row["queue"]
    ]  # fmt: skip
