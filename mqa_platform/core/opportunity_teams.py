"""Who works which opportunity: its owner in the CRM, and the users linked to it.

Belongs here: the history of those links, and who of them knows an account on the day of its handoff. Does
not belong here: whether one of them gets the account (``routing_steps``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm import history
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import identifier, in_force, newest_first

OPEN, CLOSED = "open", "closed"


def opportunity_team(associations: ir.Table) -> ir.Table:
    """(member_id, opportunity_id, user_id, is_deleted) with the days on which each version held.

    Args:
        associations: landed_associations; those between an opportunity and a user count, in either
            direction.
    """
    a = associations
    there = a.filter((a["from_object"] == "opportunity") & (a["to_object"] == "user"))
    back = a.filter((a["from_object"] == "user") & (a["to_object"] == "opportunity"))
    rest = ("modified_at", "is_deleted", "batch_id")
    both = stacked(
        there.select(*rest, opportunity_id="from_id", user_id="to_id"),
        back.select(*rest, opportunity_id="to_id", user_id="from_id"),
    )
    # A link speaks from the day it was told, not for the days before.
    both = both.mutate(
        member_id=identifier(both["opportunity_id"], both["user_id"]),
        created_at=both["modified_at"],
    )
    columns = ("member_id", "opportunity_id", "user_id", "is_deleted", "valid_from", "valid_to")
    return history(both, "member_id").select(*columns)


def who_knows(entered: ir.Table, opportunities: ir.Table, team: ir.Table) -> ir.Table:
    """(handoff_id, rep_id, deal, is_open, closed_on, created_on, is_owner) as of the day of each handoff.

    One row a handoff, opportunity and user. What became of an opportunity later is not looked at.

    Args:
        entered: with handoff_id, account_id and created_on.
        opportunities: crm_opportunities.
        team: crm_opportunity_team.
    """
    e = entered.select("handoff_id", of_account="account_id", on="created_on")
    o = opportunities.filter(~opportunities["is_deleted"] & opportunities["account_id"].notnull())
    o = o.select(
        "opportunity_id", "account_id", "owner_id", "is_closed", "closed_at", "created_at",
        "valid_from", "valid_to",
    )  # fmt: skip
    t = e.join(o, e["of_account"] == o["account_id"])
    t = t.filter(in_force(t, t["on"]) & (t["created_at"].date() <= t["on"]))
    deals = t.select(
        "handoff_id", "on", "owner_id",
        deal=t["opportunity_id"],
        is_open=~t["is_closed"],
        closed_on=t["closed_at"].date(),
        made_on=t["created_at"].date(),
    )  # fmt: skip
    kept = ("handoff_id", "rep_id", "deal", "is_open", "closed_on", "made_on", "is_owner")
    owned = deals.filter(deals["owner_id"].notnull())
    owned = owned.select(
        *kept[:1], rep_id=owned["owner_id"], is_owner=ibis.literal(True), **_of(owned)
    )
    m = team.filter(~team["is_deleted"]).select(
        "user_id", "valid_from", "valid_to", of_deal="opportunity_id"
    )
    helped = deals.join(m, deals["deal"] == m["of_deal"])
    helped = helped.filter(in_force(helped, helped["on"]))
    helped = helped.select(
        *kept[:1], rep_id=helped["user_id"], is_owner=ibis.literal(False), **_of(helped)
    )
    both = stacked(owned.select(*kept), helped.select(*kept))
    # Who owns an opportunity and is in its team as well is one person.
    return newest_first(both, ["handoff_id", "deal", "rep_id"], [both["is_owner"].desc()])


def _of(t: ir.Table) -> dict[str, ir.Value]:
    return {c: t[c] for c in ("deal", "is_open", "closed_on", "made_on")}
