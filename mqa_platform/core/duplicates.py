"""CRM accounts that are one company twice: the published ``crm_duplicates``.

Belongs here: which account survives. Does not belong here: matching signals, which goes to the survivor
only where the CRM has declared the merge (``hierarchy``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import none_of_type


def crm_duplicates(
    merges: ir.Table,
    accounts: ir.Table,
    nodes: ir.Table,
    opportunities: ir.Table,
    activities: ir.Table,
    users: ir.Table,
) -> ir.Table:
    """One row an account that another one stands for, as known now.

    The survivor has an open opportunity, else an active owner, else the latest activity, else the
    longest history. Accounts of one tree may share a domain and are no duplicates.

    Args:
        merges: ``known.account_merges``.
        accounts: crm_accounts with history.
        nodes: ``hierarchy.NODE``.
        opportunities: crm_opportunities with history.
        activities: crm_activities with history.
        users: crm_users with history.
    """
    declared = merges.select(
        "account_id", "survivor_id", reason=ibis.literal("merged"), domain=none_of_type("string")
    )
    live = _now(accounts)
    live = live.filter(live["domain"].notnull()).anti_join(declared, "account_id")
    ranked = _ranked(live, accounts, opportunities, activities, users)
    first = ranked.filter(ranked["place"] == 0).select(shared="domain", survivor_id="account_id")
    t = ranked.filter(ranked["place"] > 0).select("account_id", "domain")
    t = t.join(first, [("domain", "shared")])
    tops = nodes.filter(nodes["valid_to"].isnull())
    own = tops.select(of="account_id", top="ultimate_parent_id")
    kept = tops.select(of_kept="account_id", kept_top="ultimate_parent_id")
    t = t.left_join(own, [("account_id", "of")]).left_join(kept, [("survivor_id", "of_kept")])
    t = t.filter((t["top"] != t["kept_top"]).fill_null(True))
    same = t.select("account_id", "survivor_id", "domain", reason=ibis.literal("same_domain"))
    columns = ("account_id", "survivor_id", "reason", "domain")
    parts = [p.select(*columns).cast(dict.fromkeys(columns, "string")) for p in (declared, same)]
    return parts[0].union(parts[1])


def _now(t: ir.Table) -> ir.Table:
    return t.filter(t["valid_to"].isnull() & ~t["is_deleted"])


def _ranked(
    live: ir.Table,
    accounts: ir.Table,
    opportunities: ir.Table,
    activities: ir.Table,
    users: ir.Table,
) -> ir.Table:
    """Accounts of one domain with their ``place``; 0 is the survivor."""
    deals = _now(opportunities)
    deals = deals.filter(~deals["is_closed"] & deals["account_id"].notnull())
    deals = deals.select(dealt="account_id").distinct()
    at_work = users.filter(users["valid_to"].isnull() & users["is_active"])
    at_work = at_work.select(at_work="user_id").distinct()
    done = _now(activities)
    done = done.filter(done["account_id"].notnull())
    done = done.group_by(active="account_id").aggregate(last_at=done["occurred_at"].max())
    born = accounts.group_by(born="account_id").aggregate(born_on=accounts["valid_from"].min())
    t = live.select("account_id", "domain", "owner_id")
    t = t.left_join(deals, [("account_id", "dealt")]).left_join(at_work, [("owner_id", "at_work")])
    t = t.left_join(done, [("account_id", "active")]).left_join(born, [("account_id", "born")])
    order = [
        t["dealt"].isnull(),
        t["at_work"].isnull(),
        t["last_at"].desc(nulls_first=False),
        t["born_on"],
        t["account_id"],
    ]
    window = ibis.window(group_by="domain", order_by=order)
    return t.mutate(place=ibis.row_number().over(window))
