"""Company names of accounts and signals, with the keys they are compared by.

Belongs here: which names are asked about. Does not belong here: cleaning (``core.matching``) and
nearness (``core.name_matching``).
"""

import ibis
import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.core.expressions import shard
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.core.name_matching import name_matches


def names(step: Step, signals: ir.Table) -> tuple[ir.Table, ir.Table]:
    """(name, name_key) of every account and of the signals' companies, and what is near an account's."""
    session = step.session
    accounts = step.table("crm_accounts").select("name").distinct()
    given = signals.filter(signals["company_name"].notnull()).select(name="company_name")
    every = accounts.union(given).distinct()
    keys = session.apply(NAME_KEYS, every.mutate(shard=shard(every["name"])), "shard")
    carried = keys.semi_join(accounts, "name").select("name_key").distinct()
    asked = keys.select("name_key").distinct()
    asked = asked.filter(asked["name_key"].notnull())
    carried = carried.select(carried_key="name_key", is_carried=ibis.literal(True))
    t = asked.left_join(carried, [("name_key", "carried_key")])
    t = t.select(
        "name_key", is_account=t["is_carried"].fill_null(False), all=ibis.literal(0, "int64")
    )
    return keys, session.apply(name_matches(step.policy.identity.names), t, "all")
