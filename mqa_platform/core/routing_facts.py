"""What routing has to know of each handoff, as of its day, in one table of facts for the kernel.

Belongs here: the entry with the account's place and size, who works its opportunities, and when the CRM
names another owner. Does not belong here: the reps themselves (``capacity``), or who gets it (``routing``).

Four kinds of rows: ``entry`` (one a handoff), ``deal`` (one a user who knows the account from an
opportunity), ``owner`` (one a change of owner while the handoff is open) and ``asked`` (the first time that
somebody of the account asks to be called while it is).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.episodes import with_course
from mqa_platform.core.expressions import in_force, newest_first, none_of_type, one_of
from mqa_platform.core.opportunity_teams import who_knows
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy

ENTRY, DEAL, OWNER, ASKED = "entry", "deal", "owner", "asked"
# Column → type; what a kind of row does not have is null in it.
FACTS = {
    "kind": "string", "handoff_id": "string", "rules": "string", "account_id": "string",
    "motion": "string", "created_on": "date", "qualified_at": "timestamp('UTC')", "over_on": "date",
    "tier": "string", "country": "string", "region": "string", "postal_code": "string",
    "industry": "string", "employees": "int64", "owner_id": "string", "is_nameless": "boolean",
    "is_backlog": "boolean", "rep_id": "string", "on_day": "date", "is_open": "boolean",
    "closed_on": "date", "is_owner": "boolean", "deal": "string", "evidence_rule": "string",
    "episode": "int64",
}  # fmt: skip


@dataclass(frozen=True)
class Sources:
    """The published tables that routing reads of accounts: stages, the CRM and its opportunities.

    ``asks`` is (account_id, asked_on), the days on which somebody asked to be called; only an experiment reads it.
    """

    transitions: ir.Table
    accounts: ir.Table
    crm_accounts: ir.Table
    opportunities: ir.Table
    team: ir.Table
    asks: ir.Table | None = None


def asks(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """(account_id, asked_on): the days on which somebody of an account asked to be called.

    Args:
        touchpoints: of all days.
        policy: says which signals are a request to be called.
    """
    names = [n for n, s in policy.signals.signals.items() if s.hand_raise]
    t = typed(touchpoints, policy)
    t = t.filter(one_of(t["signal_type"], names) & (t["direction"] == "inbound"))
    return t.select("account_id", asked_on="touchpoint_date").distinct()


def facts(entered: Iterable[tuple[ir.Table, str]], sources: Sources) -> ir.Table:
    """All facts of the handoffs in ``entered``, each part with the name of the rules it goes by."""
    named = [t.mutate(rules=ibis.literal(rules)) for t, rules in entered]
    t = named[0]
    for more in named[1:]:
        t = stacked(t, more)
    found = _entries(t, sources)
    rows = [found, _deals(t, sources), _owners(found, sources.accounts)]
    out = _shaped(rows[0], ENTRY)
    for kind, more in ((DEAL, rows[1]), (OWNER, rows[2])):
        out = stacked(out, _shaped(more, kind))
    if sources.asks is not None:
        out = stacked(out, _shaped(_asked(found, sources.asks), ASKED))
    return out


def _shaped(t: ir.Table, kind: str) -> ir.Table:
    given = {c: t[c].cast(d) if c in t.columns else none_of_type(d) for c, d in FACTS.items()}
    return t.select(**{**given, "kind": ibis.literal(kind)})


def _entries(t: ir.Table, sources: Sources) -> ir.Table:
    """Each handoff with the account's region and postal code, and the day on which it is over."""
    c = sources.crm_accounts.select(
        "valid_from", "valid_to", "region", "postal_code", of_account="account_id"
    )
    places = t.select("handoff_id", "account_id", "created_on")
    places = places.join(c, places["account_id"] == c["of_account"])
    places = places.filter(in_force(places, places["created_on"]))
    order = [places["valid_from"].desc(), places["region"], places["postal_code"]]
    places = newest_first(places, ["handoff_id"], order)
    places = places.select("region", "postal_code", p_handoff="handoff_id")
    t = t.left_join(places, t["handoff_id"] == places["p_handoff"])
    t = with_course(t, sources.transitions)
    nameless = (t["evidence_rule"] == "anonymous_only").fill_null(False)
    return t.mutate(is_nameless=nameless)


def _deals(t: ir.Table, sources: Sources) -> ir.Table:
    known = who_knows(t, sources.opportunities, sources.team)
    return known.rename(on_day="made_on")


def _owners(t: ir.Table, accounts: ir.Table) -> ir.Table:
    """(handoff_id, rep_id, on_day): another owner than the version before had, while it is open."""
    order = ibis.window(group_by="account_id", order_by="valid_from")
    before = accounts["owner_id"].lag().over(order)
    a = accounts.mutate(before=before)
    a = a.filter(a["owner_id"].notnull() & (a["owner_id"] != a["before"].fill_null("")))
    a = a.select(a_account="account_id", rep_id="owner_id", on_day="valid_from")
    both = t.select("handoff_id", "account_id", "created_on", "over_on").join(
        a, [("account_id", "a_account")]
    )
    later = both["on_day"] > both["created_on"]
    still = both["over_on"].isnull() | (both["on_day"] < both["over_on"])
    return both.filter(later & still).select("handoff_id", "rep_id", "on_day")


def _asked(t: ir.Table, asks: ir.Table) -> ir.Table:
    """(handoff_id, on_day): when somebody first asked to be called after the entry, while it is open."""
    a = asks.select("asked_on", a_account="account_id")
    both = t.select("handoff_id", "account_id", "created_on", "over_on").join(
        a, [("account_id", "a_account")]
    )
    still = both["over_on"].isnull() | (both["asked_on"] < both["over_on"])
    both = both.filter((both["asked_on"] > both["created_on"]) & still)
    return both.group_by("handoff_id").aggregate(on_day=both["asked_on"].min())
