"""Which published days read differently because accounts were merged by hand, or parted.

Belongs here: from the corrections of accounts to days. Does not belong here: browsers and people
(``corrected_days``), or what a merge means (``core.account_corrections``).

A merge of the CRM deletes a record. When that is taken back, the account has its domain and its name
again, and may answer any signal since the merge. A merge by hand leaves both records alive: it changes
what was on one of the two, and what nobody got because both claimed it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.account_corrections import SURVIVOR
from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.corrections import ACCOUNT, MERGE
from mqa_platform.core.expressions import one_of, shard
from mqa_platform.core.known import account_merges
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.sources import corrected
from mqa_platform.warehouse import Session

_DOMAINS = ("email_domain", "company_domain", "host_domain")


def days_of_accounts(session: Session, given: pa.Table) -> set[date]:
    """The published days that corrections of accounts change.

    Args:
        session: before the corrections land.
        given: landed_corrections of a batch; those of other kinds are left out.
    """
    told = [row for row in given.to_pylist() if row["kind"] == ACCOUNT]
    if not told:
        return set()
    own = {side for row in told for side in (row["ref"], row["onto"]) if side}
    since = _merged_since(session, own)
    found = {day for day in session.days("signals") if since is not None and day >= since}
    if since is not None and not _by_hand(session, told, own):
        return found
    ids = _with_survivors(session, own)
    found |= _days(session, _on_accounts(session, ids))
    return found | _days(session, _claimed_by_several(session, ids))


def _merged_since(session: Session, own: set[str]) -> date | None:
    """Since when the CRM has one of the accounts merged into another of them, or into any."""
    merges = session.table("landed_associations")
    merges = merges.filter((merges["from_object"] == ACCOUNT) & (merges["to_object"] == SURVIVOR))
    merges = merges.filter(one_of(merges["from_id"], own))
    if len(own) > 1:
        merges = merges.filter(one_of(merges["to_id"], own))
    row = session.rows(merges.aggregate(at=merges["modified_at"].min()))[0]
    return row["at"].date() if row["at"] is not None else None


def _by_hand(session: Session, told: list[dict[str, Any]], own: set[str]) -> bool:
    """Whether somebody merged one of the accounts by hand, which holds for all days."""
    if any(row["action"] == MERGE and row["onto"] for row in told):
        return True
    t = session.table("landed_corrections")
    t = t.filter((t["kind"] == ACCOUNT) & (t["action"] == MERGE) & t["onto"].notnull())
    t = t.filter(one_of(t["ref"], own) | one_of(t["onto"], own))
    return bool(session.rows(t.select("ref").limit(1)))


def _with_survivors(session: Session, own: set[str]) -> set[str]:
    """The accounts and all that they are merged into, as the CRM says and as corrected."""
    onward: dict[str, set[str]] = defaultdict(set)
    for told in (session.table("landed_associations"), corrected.associations(session)):
        for row in session.rows(account_merges(told)):
            onward[row["account_id"]].add(row["survivor_id"])
    found, left = set(own), list(own)
    while left:
        more = onward[left.pop()] - found
        found |= more
        left += more
    return found


def _on_accounts(session: Session, ids: set[str]) -> ir.Table:
    """(day): days with a share of one of the accounts."""
    t = session.table("touchpoints")
    t = t.filter(one_of(t["account_id"], ids) | one_of(t["own_account_id"], ids))
    return t.select(day="touchpoint_date")


def _claimed_by_several(session: Session, ids: set[str]) -> ir.Table:
    """(day): days with a signal that was refused as a tie, or whose evidence more than one of them claims.

    Where both claim a domain or a name, a rule further down may have given the signal to others.
    """
    u = session.table("unresolved_signals")
    days = u.filter(u["reason"] == "tie_refused").select(day="signal_date")
    crm = session.table("crm_accounts")
    rows = session.rows(crm.filter(one_of(crm["account_id"], ids)))
    domains = _shared((r["account_id"], _domains_of(r)) for r in rows)
    names = _shared((r["account_id"], {clean_company_name(r["name"] or "")} - {""}) for r in rows)
    signals = session.table("signals")
    if domains:
        known = corrected.identities(session)
        known = known.filter(one_of(known["email_domain"], domains) & (known["kind"] == "cookie"))
        cookies = session.keep(known.select("ref").distinct())
        for column in _DOMAINS:
            mine = signals.filter(one_of(signals[column], domains))
            days = days.union(mine.select(day="signal_date"))
        seen = signals.semi_join(cookies, [("anonymous_id", "ref")])
        days = days.union(seen.select(day="signal_date"))
    if names:
        given = signals.filter(signals["company_name"].notnull()).select(name="company_name")
        given = given.distinct()
        keys = session.apply(NAME_KEYS, given.mutate(shard=shard(given["name"])), "shard")
        keys = session.keep(keys.filter(one_of(keys["name_key"], names)))
        named = signals.semi_join(keys, [("company_name", "name")])
        days = days.union(named.select(day="signal_date"))
    if domains or names:
        t = session.table("touchpoints")
        by_network = t.filter(t["resolution_rule"] == "asn_org")
        days = days.union(by_network.select(day="touchpoint_date"))
    return days


def _domains_of(row: dict[str, Any]) -> set[str]:
    return {row["domain"] or "", *(row["aliases"] or "").split(";")} - {""}


def _shared(claims: Iterable[tuple[str, set[str]]]) -> set[str]:
    """What more than one account claims, at whatever time."""
    claimed = {(account, each) for account, every in claims for each in every}
    counted = Counter(each for _, each in claimed)
    return {each for each, n in counted.items() if n > 1}


def _days(session: Session, days: ir.Table) -> set[date]:
    return {row["day"] for row in session.rows(days.distinct())}
