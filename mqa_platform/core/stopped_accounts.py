"""Accounts of the CRM that are ourselves, a competitor or a partner: nobody's signal counts for them.

Belongs here: taking such an account back after a rule has chosen it, however it was found. Does not belong
here: the lists and reasons (``exclusions``), or the rules (``identity``).

The domain of a signal is asked before any rule speaks. A contact with private mail, a name or a network
leads to the same company without its domain.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.exclusions import STOPPING, excluded, stopping
from mqa_platform.core.expressions import first_match, in_force
from mqa_platform.policy.identity import Identity

# What a rule has answered with; null once the account is stopped.
_ANSWER = ("rule", "rule_domain", "rule_account", "evidence", "match_confidence")


def without_stopped(
    chosen: ir.Table, accounts: ir.Table, owners: ir.Table, identity: Identity
) -> ir.Table:
    """Chosen rules, but the reason alone where the account's domain of the day has one that stops.

    Args:
        chosen: signal_id, signal_date, the columns of an answer, and why_not.
        accounts: crm_accounts with history.
        owners: ``domains.OWNER``; of a domain that is split among several, one is enough.
        identity: the policy's section.
    """
    told = _reasons(chosen, _stopped(accounts, identity), owners)
    t = chosen.left_join(told, [("signal_id", "stopped_signal")])
    stands = t["stopped_as"].isnull()
    answer = {c: ibis.ifelse(stands, t[c], ibis.null(t[c].type())) for c in _ANSWER}
    why_not = ibis.coalesce(t["stopped_as"], t["why_not"])
    return t.mutate(**answer, why_not=why_not).drop("stopped_signal", "stopped_as")


def _stopped(accounts: ir.Table, identity: Identity) -> ir.Table:
    """(stopped_account, valid_from, valid_to, against) of the accounts with a domain that stops."""
    t = accounts.filter(~accounts["is_deleted"] & accounts["domain"].notnull())
    t = t.mutate(against=excluded(t["domain"], t["domain"], identity))
    t = t.filter(stopping(t["against"]))
    return t.select("valid_from", "valid_to", "against", stopped_account="account_id")


def _reasons(chosen: ir.Table, stopped: ir.Table, owners: ir.Table) -> ir.Table:
    """(stopped_signal, stopped_as): one row a signal whose answer is such an account."""
    asked = chosen.select("signal_id", "signal_date", "rule_domain", "rule_account")
    named = asked.filter(asked["rule_account"].notnull())
    named = named.select("signal_id", "signal_date", account="rule_account")
    o = owners.filter(~owners["is_refused"]).select(
        "domain", "valid_from", "valid_to", "account_id"
    )
    o = o.semi_join(stopped, o["account_id"] == stopped["stopped_account"])
    owned = asked.join(o, [("rule_domain", "domain")])
    owned = owned.filter(in_force(owned, owned["signal_date"]))
    owned = owned.select("signal_id", "signal_date", account="account_id")
    found = []
    for part in (named, owned):
        t = part.join(stopped, [("account", "stopped_account")])
        t = t.filter(in_force(t, t["signal_date"]))
        t = t.select("signal_id", "against")
        found.append(t.cast({c: k.copy(nullable=True) for c, k in t.schema().items()}))
    every = found[0].union(found[1])
    flags = {reason: (every["against"] == reason).any() for reason in STOPPING}
    told = every.group_by(stopped_signal="signal_id").aggregate(**flags)
    reason = first_match([(told[r], ibis.literal(r)) for r in STOPPING], ibis.null("string"))
    return told.select("stopped_signal", stopped_as=reason)
