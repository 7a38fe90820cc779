"""Golden accounts as landed rows: what a file says happened, as if sources had delivered it.

Belongs here: turning days and people into records and events. Does not belong here: the shape of a
golden file (``policy.golden``), or running the stages over it (``golden_runs``).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from mqa_platform.policy.golden import Event, GoldenAccount
from mqa_platform.sources.schemas import EVENTS, delivered

START = date(2025, 1, 6)
SOURCE = "golden"
_BORN = START - timedelta(days=365)
Row = dict[str, Any]


class GoldenError(Exception):
    """A golden file asks for something that cannot happen."""


def day_of(number: int) -> date:
    """The date of a numbered day."""
    return START + timedelta(days=number)


def landed(golden: Mapping[str, GoldenAccount], users: list[str]) -> dict[str, pa.Table]:
    """Rows by landed table, without ``batch_id``.

    Raises:
        GoldenError: an event that no source delivers.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for name, case in sorted(golden.items()):
        rows["landed_accounts"] += _accounts(name, case)
        rows["landed_contacts"] += _contacts(name, case)
        rows["landed_opportunities"] += _deals(name, case)
        rows["landed_activities"] += _touches(name, case)
        rows["landed_signals"] += _signals(name, case)
    rows["landed_users"] = [
        {"user_id": u, "modified_at": _at(_BORN), "name": u, "is_active": True} for u in users
    ]
    return {
        table: pa.Table.from_pylist(
            [{"source": SOURCE, **row} for row in found], schema=delivered(table)
        )
        for table, found in rows.items()
        if found
    }


def domain_of(name: str) -> str:
    """The domain of a golden account."""
    return f"{name.replace('_', '-')}.example"


def _at(day: date, minute: int = 0) -> datetime:
    return datetime.combine(day, time(9), UTC) + timedelta(minutes=minute)


def _person(name: str, person: str) -> str:
    return f"email:{hashlib.sha256(f'{name}/{person}'.encode()).hexdigest()}"


def _accounts(name: str, case: GoldenAccount) -> Iterator[Row]:
    record: Row = case.account.model_dump()
    # The first version is older than the history: fit is as of the day.
    versions = [(_BORN, record)]
    for change in sorted(case.changes, key=lambda c: c.day):
        record = {**record, **change.fields.model_dump(exclude_unset=True)}
        versions.append((day_of(change.day), record))
    for day, values in versions:
        yield {
            "account_id": name,
            "modified_at": _at(day),
            "created_at": _at(_BORN),
            "name": name.replace("_", " "),
            "domain": domain_of(name),
            "is_deleted": False,
            **values,
        }


def _contacts(name: str, case: GoldenAccount) -> Iterator[Row]:
    for person, who in case.people.items():
        if who.contact:
            yield {
                "contact_id": f"{name}/{person}",
                "modified_at": _at(_BORN),
                "created_at": _at(_BORN),
                "account_id": name,
                "person_ref": _person(name, person),
                "email_domain": domain_of(name),
                "name": person,
                "title": who.title,
                "do_not_contact": False,
                "is_deleted": False,
            }


def _deals(name: str, case: GoldenAccount) -> Iterator[Row]:
    deals = sorted(case.deals, key=lambda d: d.day)
    for deal in deals:
        closed = deal.state != "open"
        yield {
            "opportunity_id": f"{name}/deal",
            "modified_at": _at(day_of(deal.day)),
            "created_at": _at(day_of(deals[0].day)),
            "account_id": name,
            "name": f"{name} deal",
            "stage_name": deal.state,
            "is_closed": closed,
            "is_won": deal.state == "won",
            "closed_at": _at(day_of(deal.day)) if closed else None,
            "loss_reason": deal.loss_reason,
            "is_deleted": False,
        }


def _touches(name: str, case: GoldenAccount) -> Iterator[Row]:
    for number, touch in enumerate(case.touches):
        yield {
            "activity_id": f"{name}/{number}",
            "modified_at": _at(day_of(touch.day), 60),
            "account_id": name,
            "kind": touch.kind,
            "occurred_at": _at(day_of(touch.day), 60),
            "is_held": True,
            "is_deleted": False,
        }


def _signals(name: str, case: GoldenAccount) -> Iterator[Row]:
    for number, event in enumerate(case.events):
        if event.event not in EVENTS:
            raise GoldenError(
                f"golden/{name}.yaml: no event {event.event!r}; there are {', '.join(sorted(EVENTS))}"
            )
        for time_of in range(event.times):
            yield _signal(name, case, event, number, time_of)


def _signal(name: str, case: GoldenAccount, event: Event, number: int, again: int) -> Row:
    """One event; of nobody, it is about the company as a vendor names it."""
    day, key = day_of(event.day), f"{name}/{number}/{again}"
    at = _at(day, 3 * again + number % 3)
    row: Row = {
        "event_id": key,
        "event_date": day,
        "occurred_at": at,
        "received_at": at + timedelta(minutes=1),
        "event": event.event,
        "direction": "outbound" if event.event.startswith("outbound") else "inbound",
        "page_path": event.path,
        "topic": event.topic,
        "intent_score": event.intent,
        "consent": "granted",
        "is_bot_agent": False,
        "payload_hash": hashlib.sha256(key.encode()).hexdigest(),
    }
    if event.person:
        who = _person(name, event.person)
        return {**row, "person_ref": who, "email_domain": domain_of(name)}
    if event.visitor:
        host = f"gate.{domain_of(name)}"
        visitor = f"{name}/{event.visitor}"
        return {**row, "anonymous_id": visitor, "host": host, "host_domain": domain_of(name)}
    return {**row, "company_domain": domain_of(name), "company_name": name}
