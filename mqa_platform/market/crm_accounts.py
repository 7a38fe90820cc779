"""What the CRM says about accounts over time: gaps, versions, ownership, sales status.

Belongs here: the rows of Account.csv. Does not belong here: the truth (``world``) or the other
CRM files (``crm_files``).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import DAY, HOUR, MarketConfig
from mqa_platform.market.desk import Change, Outcomes
from mqa_platform.market.reps import SalesTeam, territory_of
from mqa_platform.market.streams import Bools, Ints, fraction, instants, stream
from mqa_platform.market.world import PROSPECT, RELATIONSHIPS, Accounts

MUTABLE = ("owner", "employees", "tier", "type", "sales_status", "sales_status_reason", "deleted")
_GAPS = ("industry", "employees", "country", "technologies", "revenue")


def account_id(account: int) -> str:
    """The CRM's id of an account."""
    return f"0015f{account:010d}"


def account_ids(accounts: Ints) -> list[str]:
    """The CRM's ids of accounts."""
    return [account_id(a) for a in accounts.tolist()]


def record_created(accounts: Accounts, outcomes: Outcomes) -> Ints:
    """When each account's CRM record was made, -1 for accounts the CRM never has."""
    created = np.where(accounts.in_crm, accounts.created, -1)
    for account, at in outcomes.adopted.items():
        created[account] = at
    return created


def account_versions(
    config: MarketConfig, accounts: Accounts, team: SalesTeam, outcomes: Outcomes
) -> pa.Table:
    """Every version of every account record, in Account.csv's columns, ordered by time and id."""
    created = record_created(accounts, outcomes)
    held = np.flatnonzero(created >= 0)
    gap = _gaps(config, len(accounts))
    state = _first_state(config, accounts, team, outcomes, held, gap)
    rows, when = held.tolist(), created[held].tolist()
    versions = [list(v) for v in zip(*(state[f] for f in MUTABLE), strict=True)]
    current = dict(zip(rows, versions, strict=True))
    for account, at, changes in _merged(config, accounts, team, outcomes, created):
        following = list(current[account])
        for change in changes:
            following[MUTABLE.index(change.field)] = change.value
        if following != current[account]:
            current[account] = following
            rows.append(account)
            when.append(at)
            versions.append(following)
    order = np.lexsort((np.array(rows), np.array(when)))
    return _table(
        config, accounts, gap, created,
        np.array(rows)[order], np.array(when)[order], [versions[i] for i in order.tolist()],
    )  # fmt: skip


def _gaps(config: MarketConfig, n: int) -> Ints:
    """Which field the CRM lacks: a tenth of the accounts miss one; -1 for none."""
    rng = stream(config, "crm gaps")
    return np.where(rng.random(n) < 0.1, rng.integers(0, len(_GAPS), n), -1)


def _first_state(
    config: MarketConfig,
    accounts: Accounts,
    team: SalesTeam,
    outcomes: Outcomes,
    held: Ints,
    gap: Ints,
) -> dict[str, list[str]]:
    """The mutable fields as first recorded, by field, row per held account."""
    rng = stream(config, "crm first state")
    size = accounts.employees[held]
    tier = np.where(size >= 5000, "strategic", np.where(size >= 1000, "scaled", "programmatic"))
    # Half of the records leave the tier to the policy's rules.
    stated = accounts.is_target[held] & (rng.random(len(held)) < 0.5)
    owner = team.owner[held].copy()
    territory = territory_of(accounts, team.reps)[held]
    adopted = np.isin(held, list(outcomes.adopted))
    owner[adopted] = territory[adopted]
    lacks_size = gap[held] == _GAPS.index("employees")
    blank = [""] * len(held)
    return {
        "owner": [team.reps[o].user_id if o >= 0 else "" for o in owner.tolist()],
        "employees": np.where(lacks_size, "", size.astype(str)).tolist(),
        "tier": np.where(stated, tier, "").tolist(),
        "type": [RELATIONSHIPS[r] for r in accounts.relationship[held].tolist()],
        "sales_status": blank,
        "sales_status_reason": blank,
        "deleted": ["FALSE"] * len(held),
    }


def _merged(
    config: MarketConfig, accounts: Accounts, team: SalesTeam, outcomes: Outcomes, created: Ints
) -> list[tuple[int, int, list[Change]]]:
    """Changes by account and instant, in order; those before the record exists are dropped."""
    grouped: dict[tuple[int, int], list[Change]] = defaultdict(list)
    for change in [*outcomes.changes, *_housekeeping(config, accounts, team, outcomes)]:
        if 0 <= created[change.account] < change.at:
            grouped[change.at, change.account].append(change)
    return [(account, at, grouped[at, account]) for at, account in sorted(grouped)]


def _housekeeping(
    config: MarketConfig, accounts: Accounts, team: SalesTeam, outcomes: Outcomes
) -> list[Change]:
    """Changes without a buyer behind them: owners, headcounts, tiers, a few deletions."""
    rng, n = stream(config, "crm housekeeping"), len(accounts)
    at = config.start + (rng.random((4, n)) * config.days).astype(np.int64) * DAY + 9 * HOUR
    dice, factor = rng.random((4, n)), rng.uniform(0.85, 1.35, n)
    territory = territory_of(accounts, team.reps)
    changes: list[Change] = []
    # A third of what the rep who left still owns is handed over in time.
    left = team.owner == len(team.reps) - 1
    moves = (team.owner >= 0) & (dice[0] < np.where(left, 0.35, 0.04))
    for a in np.flatnonzero(moves).tolist():
        near = territory[a] if left[a] else (territory[a] + 1) % (len(team.reps) - 1)
        changes.append(Change(a, int(at[0, a]), "owner", team.reps[int(near)].user_id))
    for a in np.flatnonzero(dice[1] < 0.14).tolist():
        size = int(accounts.employees[a] * factor[a])
        # Headcount news never moves an account across the profile's lower bound.
        size = max(size, 100) if accounts.employees[a] >= 100 else min(size, 99)
        changes.append(Change(a, int(at[1, a]), "employees", str(size)))
    for a in np.flatnonzero(accounts.is_target & (dice[2] < 0.05)).tolist():
        changes.append(
            Change(a, int(at[2, a]), "tier", "strategic" if dice[2, a] < 0.02 else "scaled")
        )
    busy = {o.account for o in outcomes.opportunities} | {c.account for c in outcomes.changes}
    idle = ~accounts.is_target & (accounts.relationship == PROSPECT) & (dice[3] < 0.006)
    for a in np.flatnonzero(idle).tolist():
        if a not in busy:
            changes.append(Change(a, int(at[3, a]), "deleted", "TRUE"))
    return changes


def _table(
    config: MarketConfig,
    accounts: Accounts,
    gap: Ints,
    created: Ints,
    rows: Ints,
    when: Ints,
    versions: list[list[str]],
) -> pa.Table:
    """Put fixed and changing fields together in the export's columns."""
    mutable = dict(zip(MUTABLE, zip(*versions, strict=True), strict=True))
    trait = fraction(rows, config.seed + 200)
    parent = accounts.parent[rows]
    has_parent = (parent >= 0) & (created[np.maximum(parent, 0)] >= 0)
    domains = [accounts.domain[a] for a in rows.tolist()]
    forms = ("https://www.{}", "http://{}/", "{}", "www.{}")
    sites = [
        forms[int(t * 997) % 4].format(d) for d, t in zip(domains, trait.tolist(), strict=True)
    ]

    def known(values: pa.Array, name: str) -> pa.Array:
        missing: Bools = gap[rows] == _GAPS.index(name)
        return pa.array(values.to_pylist(), mask=missing, type=pa.string())

    def listed(names: tuple[str, ...], codes: Ints) -> pa.Array:
        return pa.array(names).take(pa.array(codes[rows]))

    above = zip(parent.tolist(), has_parent.tolist(), strict=True)
    some_aliases = [
        ";".join(accounts.aliases[a]) if t < 0.8 else ""
        for a, t in zip(rows.tolist(), trait.tolist(), strict=True)
    ]
    technologies = pa.array(accounts.technologies).take(pa.array(rows))
    revenue = pa.array(accounts.revenue[rows]).cast(pa.string())
    return pa.table(
        {
            "Id": account_ids(rows),
            "Name": pa.array(accounts.name).take(pa.array(rows)),
            "Website": sites,
            "Industry": known(listed(words.INDUSTRIES, accounts.industry), "industry"),
            "NumberOfEmployees": list(mutable["employees"]),
            "AnnualRevenue": known(revenue, "revenue"),
            "BillingCountry": known(listed(words.COUNTRIES, accounts.country), "country"),
            "ParentId": [account_id(p) if held else "" for p, held in above],
            "OwnerId": list(mutable["owner"]),
            "Type": list(mutable["type"]),
            "Tier__c": list(mutable["tier"]),
            "Is_Target__c": ["TRUE" if t else "FALSE" for t in accounts.is_target[rows].tolist()],
            "Aliases__c": some_aliases,
            "Technologies__c": known(technologies, "technologies"),
            "Growth_Pct__c": accounts.growth[rows],
            "Do_Not_Contact__c": ["TRUE" if t > 0.99 else "FALSE" for t in trait.tolist()],
            "Sales_Status__c": list(mutable["sales_status"]),
            "Sales_Status_Reason__c": list(mutable["sales_status_reason"]),
            "IsDeleted": list(mutable["deleted"]),
            "CreatedDate": instants(created[rows]),
            "SystemModstamp": instants(when),
        }
    )  # fmt: skip
