"""What reps and their managers ask of the handoffs: lists, age, clocks kept, follow-up.

Belongs here: reading the published tables for one rep or team. Does not belong here: computing them
(``core``), or the screen (``cli_handoffs``).
"""

from __future__ import annotations

import difflib
from typing import Any

import ibis.expr.types as ir

from mqa_platform.core.compliance import DIMENSIONS
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts

PERIODS = ("all", "week", "month")
CUTS = ("all", *DIMENSIONS)


def worklist(home: Home, rep: str | None = None) -> list[dict[str, Any]]:
    """The list of one rep or queue, or of all, in the order to work them.

    Raises:
        MartError: nobody of that id, name or e-mail address has a list or is a user of the CRM.
    """
    with open_marts(home) as marts:
        t = marts.table("worklist")
        if rep is not None:
            t = t.filter(t["rep_id"] == _rep(marts, rep, t))
        rows = marts.rows(t.order_by("rep_id", "rank"))
        return _with_reps(marts, rows)


def ageing(home: Home, rep: str | None = None, team: str | None = None) -> list[dict[str, Any]]:
    """Open handoffs, the longest waiting first.

    Raises:
        MartError: no such rep, or no open handoff of such a team.
    """
    with open_marts(home) as marts:
        t = marts.table("ageing_handoffs")
        if rep is not None:
            t = t.filter(t["rep_id"] == _rep(marts, rep, t))
        rows = marts.rows(t.order_by(t["age_business_hours"].desc(nulls_first=False), "handoff_id"))
        if team is not None:
            teams = sorted({row["team"] for row in rows if row["team"]})
            rows = [row for row in rows if (row["team"] or "").lower() == team.strip().lower()]
            if not rows:
                raise MartError(
                    f"no open handoff of the team {team!r}; there are {', '.join(teams) or 'none'}"
                )
        return _with_reps(marts, rows)


def compliance(home: Home, by: str = "all", period: str = "all") -> list[dict[str, Any]]:
    """How often the SLA was kept, by one dimension, over all time or in each week or month."""
    with open_marts(home) as marts:
        t = marts.table("sla_compliance")
        t = t.filter((t["dimension"] == by) & (t["period_kind"] == period))
        return marts.rows(t.order_by("period", "segment"))


def follow_up(home: Home, rep: str | None = None, state: str | None = None) -> list[dict[str, Any]]:
    """What plays ask for and what was done, the next due first.

    Raises:
        MartError: no such rep.
    """
    with open_marts(home) as marts:
        t = marts.table("follow_up")
        if rep is not None:
            t = t.filter(t["rep_id"] == _rep(marts, rep, t))
        if state is not None:
            t = t.filter(t["state"] == state)
        return _with_reps(marts, marts.rows(t.order_by("due_on", "handoff_id")))


def _users(marts: Marts) -> list[dict[str, Any]]:
    u = marts.table("crm_users")
    return marts.rows(u.filter(u["valid_to"].isnull()).select("user_id", "name", "email"))


def _with_reps(marts: Marts, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {user["user_id"]: user["name"] for user in _users(marts)}
    return [{**row, "rep": names.get(row["rep_id"], row["rep_id"])} for row in rows]


def _rep(marts: Marts, wanted: str, listed: ir.Table) -> str:
    """The id of a rep, found by id, name or e-mail address, or of a queue."""
    users, word = _users(marts), wanted.strip().lower()
    queues = {row["rep_id"] for row in marts.rows(listed.select("rep_id").distinct())}
    for each in sorted({user["user_id"] for user in users} | queues):
        if each.lower() == word:
            return str(each)
    for column in ("email", "name"):
        found = sorted({u["user_id"] for u in users if (u[column] or "").lower() == word})
        if len(found) > 1:
            raise MartError(f"{wanted!r} is the {column} of several reps: {', '.join(found)}")
        if found:
            return str(found[0])
    names = [u["name"] for u in users] + sorted(queues)
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise MartError(f"no rep or queue with the id, name or e-mail address {wanted!r}{hint}")
