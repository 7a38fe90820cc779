"""Who goes first when a person and the account are both ready for sales: MQL against MQA.

Belongs here: which combination of the decision table holds for a person, and the table's answer. Does not
belong here: the table itself (``policy.precedence``), person scores (``people``) or routing (``handoffs``).
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, in_force, newest_first, one_of
from mqa_platform.core.rungs import CUSTOMER, IN_EPISODE, STAGES
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy
from mqa_platform.policy.precedence import Precedence, decide

# From mqa on sales talks to the account, or has talked and won.
_WORKING = [STAGES[i] for i in (*IN_EPISODE, CUSTOMER)]
_OPEN = ["open", "backlog", "accepted"]


def resolve_precedence(
    person: str,
    account: str,
    policy: Policy,
    *,
    suppressed: bool = False,
    gate_failed: bool = False,
) -> Precedence:
    """The row of the policy's decision table that answers a combination.

    Args:
        person: ``quiet``, ``mql`` or ``hand_raise``.
        account: ``none``, ``not_a_target``, ``target`` or ``working``.
        policy: of the motion.
        suppressed: whether the account is suppressed.
        gate_failed: whether the ICP refuses it.

    Raises:
        KeyError: no such combination.
    """
    return decide(policy.stages.precedence, (person, account, suppressed, gate_failed))


def mql_decisions(
    people: ir.Table,
    touchpoints: ir.Table,
    accounts: ir.Table,
    stages: ir.Table,
    handoffs: ir.Table,
    policy: Policy,
    as_of: date,
) -> ir.Table:
    """One row a person who is an MQL or has asked to be called, with what to do and by which row.

    Args:
        people: the people, as of the day; the account is null where nobody knows the company.
        touchpoints: all touchpoints, and what people without an account did.
        accounts: the versions of accounts, as the leading motion judges them.
        stages: of all motions; an account that any of them works on is worked on.
        handoffs: of all motions.
        policy: the leading motion's policy.
        as_of: the day.
    """
    p = people.select("person_id", "account_id", "person_score", "is_mql")
    asked = _asked(touchpoints, handoffs, policy, as_of)
    t = p.left_join(asked, [("person_id", "asked")])
    t = t.filter(t["is_mql"] | t["asked"].notnull())
    a = accounts.filter(in_force(accounts, ibis.literal(as_of)))
    a = a.select("name", "is_target", "fit_gate", "owner_id", known="account_id")
    t = t.left_join(a, [("account_id", "known")])
    t = t.left_join(_standing(stages, as_of), [("account_id", "of_account")])
    t = t.left_join(_open_handoffs(handoffs), [("account_id", "handed")])
    working = t["working"].fill_null(False) | t["handoff_id"].notnull()
    t = t.mutate(
        person=ibis.ifelse(t["asked"].notnull(), "hand_raise", "mql"),
        account=first_match(
            [
                (working, ibis.literal("working")),
                (t["known"].isnull(), ibis.literal("none")),
                (t["is_target"].fill_null(False), ibis.literal("target")),
            ],
            ibis.literal("not_a_target"),
        ),
        suppressed=t["suppression_reason"].notnull(),
        gate_failed=(t["fit_gate"] == "fail").fill_null(False),
    )
    rows = policy.stages.precedence
    nobody = ibis.null("string")
    t = t.mutate(
        rule=first_match([(_holds(t, r), ibis.literal(r.name)) for r in rows], nobody),
        action=first_match([(_holds(t, r), ibis.literal(r.action)) for r in rows], nobody),
    )
    told = t["action"].isin(["attach", "task_to_owner", "hold"])
    return t.select(
        "person_id",
        "account_id",
        person=t["person"],
        person_score=t["person_score"],
        account=t["account"],
        stage=t["stage"],
        suppression_reason=t["suppression_reason"],
        gate_failed=t["gate_failed"],
        action=t["action"],
        rule=t["rule"],
        owner_id=ibis.ifelse(told, ibis.coalesce(t["rep_id"], t["owner_id"]), nobody),
        handoff_id=ibis.ifelse(t["action"] == "attach", t["handoff_id"], nobody),
        as_of=ibis.literal(as_of),
    )


def _asked(touchpoints: ir.Table, handoffs: ir.Table, policy: Policy, as_of: date) -> ir.Table:
    """(asked): people who raised a hand in the window of evidence, and have not been answered.

    Who asked before a handoff of the account ended was on it.
    """
    names = [n for n, s in policy.signals.signals.items() if s.hand_raise]
    t = typed(touchpoints, policy)
    since = as_of - timedelta(days=policy.stages.evidence_window_days)
    near = (t["touchpoint_date"] > since) & (t["touchpoint_date"] <= as_of)
    raised = near & one_of(t["signal_type"], names) & (t["direction"] == "inbound")
    t = t.filter(raised & t["person_id"].notnull())
    t = t.select("account_id", "touchpoint_date", asked="person_id")
    over = handoffs.group_by(answered="account_id").aggregate(
        answered_on=handoffs["ended_on"].max()
    )
    t = t.left_join(over, [("account_id", "answered")])
    waits = t["answered_on"].isnull() | (t["answered_on"] <= t["touchpoint_date"])
    return t.filter(waits).select("asked").distinct()


def _standing(stages: ir.Table, as_of: date) -> ir.Table:
    """(of_account, stage, working, suppression_reason): the furthest rung over the motions."""
    t = stages.filter(stages["stage_date"] == as_of)
    t = t.mutate(is_working=t["stage"].isin(_WORKING))
    order = [ibis.ifelse(t["is_working"], 0, 1), t["motion"].desc()]
    best = newest_first(t, ["account_id"], order)
    return best.select("stage", "suppression_reason", of_account="account_id", working="is_working")


def _open_handoffs(handoffs: ir.Table) -> ir.Table:
    """(handed, handoff_id, rep_id): the newest open handoff of each account."""
    t = handoffs.filter(handoffs["status"].isin(_OPEN))
    newest = newest_first(t, ["account_id"], [t["created_on"].desc(), t["handoff_id"]])
    return newest.select("handoff_id", "rep_id", handed="account_id")


def _holds(t: ir.Table, row: Precedence) -> ir.BooleanValue:
    holds = ibis.literal(True)
    if row.person is not None:
        holds = holds & t["person"].isin(row.person)
    if row.account is not None:
        holds = holds & t["account"].isin(row.account)
    if row.suppressed is not None:
        holds = holds & (t["suppressed"] if row.suppressed else ~t["suppressed"])
    if row.gate_failed is not None:
        holds = holds & (t["gate_failed"] if row.gate_failed else ~t["gate_failed"])
    return holds
