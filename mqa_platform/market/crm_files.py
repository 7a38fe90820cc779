"""The CRM export's files: Salesforce's API names, one CSV an object, versions as rows.

Belongs here: contacts, opportunities, tasks, events, users as CSV. Does not belong here: the
account record's versions (``crm_accounts``) or what sales did (``outcomes``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from mqa_platform.market.config import DAY, HOUR, SECOND, MarketConfig
from mqa_platform.market.crm_accounts import account_ids, account_versions, record_created
from mqa_platform.market.desk import Activity, Opportunity, Outcomes
from mqa_platform.market.hard_cases import HardCases, contact_moves
from mqa_platform.market.mail_files import write_table
from mqa_platform.market.people import People, full_names, job_titles
from mqa_platform.market.reps import SalesTeam
from mqa_platform.market.streams import Ints, fraction, instants
from mqa_platform.market.world import Accounts

_TYPES = {"call": "Call", "email": "Email", "social": "Social"}


def contact_id(person: int) -> str:
    """The CRM's id of a contact; empty for nobody."""
    return f"0035f{person:010d}" if person >= 0 else ""


def opportunity_id(number: int) -> str:
    """The CRM's id of an opportunity."""
    return f"0065f{number:010d}"


def contact_rows(
    config: MarketConfig, accounts: Accounts, people: People, outcomes: Outcomes
) -> Ints:
    """People the CRM has by the end: its contacts, and most of accounts adopted meanwhile."""
    adopted = np.zeros(len(accounts) + 1, dtype=bool)
    adopted[list(outcomes.adopted)] = True
    some = fraction(np.arange(len(people)), config.seed + 300) < 0.6
    return np.flatnonzero(people.is_contact | (adopted[people.account] & some))


def write_crm(
    config: MarketConfig,
    accounts: Accounts,
    people: People,
    team: SalesTeam,
    outcomes: Outcomes,
    folder: Path,
    hard: HardCases | None = None,
) -> dict[str, int]:
    """Write all CRM files; returns rows by file name."""
    folder.mkdir(parents=True)
    tables = {
        "Account": account_versions(config, accounts, team, outcomes),
        "Contact": _contacts(config, accounts, people, outcomes, hard),
        "Opportunity": _opportunities(config, accounts, team, outcomes.opportunities),
        "Task": _tasks(team, [a for a in outcomes.activities if a.kind != "meeting"]),
        "Event": _events(team, [a for a in outcomes.activities if a.kind == "meeting"]),
        "User": _users(config, team),
    }
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv")
    return {name: table.num_rows for name, table in tables.items()}


def _contacts(
    config: MarketConfig,
    accounts: Accounts,
    people: People,
    outcomes: Outcomes,
    hard: HardCases | None,
) -> pa.Table:
    """Contacts, with another version for those who opt out or whose move the CRM learns of."""
    rows = contact_rows(config, accounts, people, outcomes)
    record = record_created(accounts, outcomes)[people.account[rows]]
    share = fraction(rows, config.seed + 301)
    # Nine in ten were there at the start; the rest are met while the market runs.
    until = np.where(share < 0.9, np.maximum(config.start, record), config.end)
    made = record + ((until - record) * fraction(rows, config.seed + 302)).astype(np.int64)
    made = made // SECOND * SECOND
    opts_out = np.flatnonzero(fraction(rows, config.seed + 303) < 0.02)
    left_at = made[opts_out] + ((config.end - made[opts_out]) // 2 // SECOND * SECOND)
    which = np.concatenate([np.arange(len(rows)), opts_out])
    when = np.concatenate([made, left_at])
    opted = np.repeat(["FALSE", "TRUE"], [len(rows), len(opts_out)])
    account, email = people.account[rows[which]], people.email.take(pa.array(rows[which]))
    moved = [m for m in contact_moves(config, hard, people, rows) if m[1] > made[m[0]]]
    if moved:
        place, at, other, address = zip(*moved, strict=True)
        which, when = np.concatenate([which, place]), np.concatenate([when, at])
        opted = np.concatenate([opted, ["FALSE"] * len(moved)])
        account = np.concatenate([account, other])
        email = pa.concat_arrays([email, pa.array(address, pa.string())])
    order = np.lexsort((which, when))
    which, when, opted = which[order], when[order], opted[order]
    person = rows[which]
    return pa.table(
        {
            "Id": [contact_id(p) for p in person.tolist()],
            "AccountId": account_ids(account[order]),
            "Email": email.take(pa.array(order)),
            "Name": full_names(people, person),
            "Title": job_titles(people, person),
            "HasOptedOutOfEmail": opted,
            "IsDeleted": ["FALSE"] * len(person),
            "CreatedDate": instants(made[which]),
            "SystemModstamp": instants(when),
        }
    )


def _opportunities(
    config: MarketConfig, accounts: Accounts, team: SalesTeam, deals: list[Opportunity]
) -> pa.Table:
    """Up to three versions a deal: created, in proposal, closed."""
    rows: list[tuple[int, int, str, int, str]] = []
    for k, deal in enumerate(deals):
        ends = deal.closed_at if deal.closed_at is not None else config.end
        planned = deal.created_at + 60 * DAY
        rows.append((deal.created_at, k, "Discovery", planned, ""))
        middle = deal.created_at + min(20 * DAY, (ends - deal.created_at) // 2)
        if middle - deal.created_at > DAY:
            rows.append((middle // SECOND * SECOND, k, "Proposal", planned, ""))
        if deal.closed_at is not None:
            stage = "Closed Won" if deal.is_won else "Closed Lost"
            rows.append((deal.closed_at, k, stage, deal.closed_at, deal.loss_reason))
    rows.sort()
    at = np.array([r[0] for r in rows], dtype=np.int64)
    of = [deals[r[1]] for r in rows]
    close = instants(np.array([r[3] for r in rows], dtype=np.int64))
    return pa.table(
        {
            "Id": [opportunity_id(d.number) for d in of],
            "AccountId": account_ids(np.array([d.account for d in of], dtype=np.int64)),
            "Name": [f"{accounts.name[d.account]} platform" for d in of],
            "StageName": [r[2] for r in rows],
            "Amount": [d.amount for d in of],
            "Term_Months__c": [d.term_months for d in of],
            "IsClosed": ["TRUE" if r[2].startswith("Closed") else "FALSE" for r in rows],
            "IsWon": ["TRUE" if r[2] == "Closed Won" else "FALSE" for r in rows],
            "CloseDate": [c[:10] for c in close.to_pylist()],
            "Loss_Reason__c": [r[4] for r in rows],
            "OwnerId": [team.reps[d.rep].user_id for d in of],
            "CreatedDate": instants(np.array([d.created_at for d in of], dtype=np.int64)),
            "IsDeleted": ["FALSE"] * len(rows),
            "SystemModstamp": instants(at),
        }
    )


def _common(team: SalesTeam, acts: list[Activity], prefix: str) -> dict[str, list[str]]:
    """The columns tasks and events share."""
    return {
        "Id": [f"{prefix}{k:010d}" for k in range(len(acts))],
        "AccountId": account_ids(np.array([a.account for a in acts], dtype=np.int64)),
        "WhoId": [contact_id(a.person) for a in acts],
        "OwnerId": [team.reps[a.rep].user_id for a in acts],
    }


def _tasks(team: SalesTeam, acts: list[Activity]) -> pa.Table:
    """Calls, mails and social touches, logged when they happened."""
    at = instants(np.array([a.at for a in acts], dtype=np.int64))
    return pa.table(
        {
            **_common(team, acts, "00T5f"),
            "Type": [_TYPES[a.kind] for a in acts],
            "Status": ["Completed"] * len(acts),
            "CreatedDate": at,
            "ActivityDate": [t[:10] for t in at.to_pylist()],
            "TaskSubtype": ["List Email" if a.is_bulk else "" for a in acts],
            "IsDeleted": ["FALSE"] * len(acts),
            "SystemModstamp": at,
        }
    )


def _events(team: SalesTeam, acts: list[Activity]) -> pa.Table:
    """Meetings, booked two days before; the record is last touched an hour after the meeting."""
    at = np.array([a.at for a in acts], dtype=np.int64)
    return pa.table(
        {
            **_common(team, acts, "00U5f"),
            "Type": ["Meeting"] * len(acts),
            "StartDateTime": instants(at),
            "No_Show__c": ["FALSE" if a.is_held else "TRUE" for a in acts],
            "CreatedDate": instants(at - 2 * DAY),
            "IsDeleted": ["FALSE"] * len(acts),
            "SystemModstamp": instants(at + HOUR),
        }
    )


def _users(config: MarketConfig, team: SalesTeam) -> pa.Table:
    """The reps, unchanged since before the market."""
    reps = team.reps
    since = np.full(len(reps), config.start - 200 * DAY)
    return pa.table(
        {
            "Id": [r.user_id for r in reps],
            "Name": [r.name for r in reps],
            "Email": [r.email for r in reps],
            "IsActive": ["TRUE" if r.is_active else "FALSE" for r in reps],
            "Team__c": [r.team for r in reps],
            "Territory__c": [";".join(r.countries) for r in reps],
            "Employees_Min__c": pa.array([r.employees_min for r in reps], pa.int64()),
            "Employees_Max__c": pa.array([r.employees_max for r in reps], pa.int64()),
            "Capacity_Per_Week__c": [r.capacity_per_week for r in reps],
            "TimeZoneSidKey": [r.time_zone for r in reps],
            "SystemModstamp": instants(since),
        }
    )
