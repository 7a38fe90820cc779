"""What sales has lately answered in the CRM, by one cheap question: status and reason of changed accounts.

Belongs here: asking a CRM that is read over its API whether there is something to land. Does not belong here:
landing it, which ``salesforce_reader`` and ``hubspot_objects`` do with everything else of a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from simple_salesforce.format import format_soql

from mqa_platform.home import Home
from mqa_platform.policy.mapping import FILTERED, NOTHING, CrmObject, Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import UnreachableError
from mqa_platform.sources.crm_values import folded, translation
from mqa_platform.sources.hubspot_api import HubSpotConnection
from mqa_platform.sources.hubspot_streams import milliseconds
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.names import snake_case
from mqa_platform.sources.registry import mapped_object
from mqa_platform.sources.salesforce_org import Org
from mqa_platform.sources.salesforce_rows import instant

STATUS, REASON = "sales_status", "sales_status_reason"
# More than this in one look is no answer of sales but somebody's mass update: the run reads it anyway.
MOST: Final = 10_000
_PAGE: Final = 100
_FIELD: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,79}$")
_PROPERTY: Final = "properties."
_STAMP: Final = "hs_lastmodifieddate"


@dataclass(frozen=True)
class Answer:
    """What an account says of itself in the CRM now.

    Attributes:
        account_id: the CRM's.
        status: in our words: accepted, rejected, qualified or nurture.
        reason: as a policy name, or None.
        modified_at: when the record last changed, for whatever reason.
    """

    account_id: str
    status: str
    reason: str | None
    modified_at: datetime


def answering(sources: Mapping[str, Source], mappings: Mappings) -> dict[str, tuple[str, CrmObject]]:
    """The sources that can be asked → the object of their accounts, and how it is read."""
    found = {}
    for name, source in sources.items():
        for stream in ("Account", "companies"):
            if not source.is_http or (source.streams and stream not in source.streams):
                continue
            crm, wanted = mapped_object(source, stream) or ("", "")
            objects = mappings.crms[crm].objects if crm in mappings.crms else {}
            mapped = objects.get(wanted)
            if mapped and mapped.lands_as == "accounts" and _fields(source, mapped, STATUS):
                found[name] = (stream, mapped)
    return found


def answers_since(
    name: str,
    source: Source,
    stream: str,
    mapped: CrmObject,
    since: datetime,
    environment: Mapping[str, str],
    home: Home,
) -> list[Answer]:
    """The answers on accounts that changed since a moment, with little patience; ``MOST`` at most.

    Args:
        name: the source, for messages.
        source: its declaration.
        stream: the object of its accounts.
        mapped: how that is read.
        since: a moment in UTC.
        environment: with its secrets.
        home: of the platform.

    Raises:
        SourceError: the CRM cannot be asked, or refuses; that is not "nothing new".
    """
    ask = _salesforce if source.connector == "salesforce_api" else _hubspot
    fields = [_fields(source, mapped, column) for column in (STATUS, REASON)]
    every = [field for names in fields for field in names]
    found = []
    for account_id, at, values in ask(name, source, stream, every, fields[0], since, environment, home):
        words = [next((values[f] for f in names if values.get(f)), None) for names in fields]
        answer = _answer(mapped, account_id, at, *words)
        if answer is not None:
            found.append(answer)
    return found


Row = tuple[str, datetime, Mapping[str, Any]]


def _salesforce(
    name: str,
    source: Source,
    stream: str,
    fields: list[str],
    statuses: list[str],
    since: datetime,
    environment: Mapping[str, str],
    home: Home,
) -> Iterator[Row]:
    del home
    told = " OR ".join(f"{field} != null" for field in statuses)
    asked = ", ".join(dict.fromkeys(("Id", "SystemModstamp", *fields)))
    soql = f"SELECT {asked} FROM {stream} WHERE SystemModstamp >= "  # noqa: S608  (checked names)
    soql += format_soql("{}", since) + f" AND ({told}) ORDER BY SystemModstamp, Id LIMIT {MOST}"
    with closing(Org(name, source.url or "", environment, is_quick=True)) as org:
        answer = org.ask(stream, lambda client: client.query_all(soql))
        for record in answer["records"]:
            at = instant(str(record.get("SystemModstamp")))
            if at is not None and record.get("Id"):
                yield str(record["Id"]), at, record


def _hubspot(
    name: str,
    source: Source,
    stream: str,
    fields: list[str],
    statuses: list[str],
    since: datetime,
    environment: Mapping[str, str],
    home: Home,
) -> Iterator[Row]:
    connection = HubSpotConnection(name, source, home, environment)
    limits = connection.limits.adjusted(environment)
    changed = {"propertyName": _STAMP, "operator": "GTE", "value": str(milliseconds(since))}
    groups = [
        {"filters": [changed, {"propertyName": one, "operator": "HAS_PROPERTY"}]} for one in statuses
    ]
    body: dict[str, Any] = {
        "limit": _PAGE,
        "properties": [*fields, _STAMP],
        "sorts": [{"propertyName": _STAMP, "direction": "ASCENDING"}],
        "filterGroups": groups,
    }
    quick = replace(limits, attempts=min(2, limits.attempts), total_seconds=30.0)
    with connection.client(quick) as client:
        for _ in range(MOST // _PAGE):
            page = client.ask("POST", f"/crm/v3/objects/{stream}/search", body=body)
            for record in page["results"]:
                values = record["properties"]
                at = instant(str(values.get(_STAMP)))
                if at is not None:
                    yield str(record["id"]), at, values
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return
            body["after"] = after


def _answer(
    mapped: CrmObject, account_id: str, at: datetime, status: str | None, reason: str | None
) -> Answer | None:
    """An answer in our words; None for a status that is none of sales' answers."""
    if not status:
        return None
    word = translation(mapped, STATUS).get(folded(str(status)), snake_case(str(status)))
    if not word or word in (FILTERED, NOTHING):
        return None
    return Answer(account_id, word, snake_case(str(reason)) if reason else None, at)


def _fields(source: Source, mapped: CrmObject, column: str) -> list[str]:
    """The service's own names of a column's fields; those that only an export has are left out."""
    names = mapped.fields_of(column)
    if source.connector == "hubspot_api":
        names = [n.removeprefix(_PROPERTY) for n in names if n.startswith(_PROPERTY)]
    return [name for name in names if _FIELD.match(name)]


def asked_of(
    name: str, call: Any, *given: Any
) -> list[Answer]:
    """An answer of an unknown form, as an error that names the source.

    Raises:
        SourceError: as ``answers_since``, and for a form that is none of the service's.
    """
    try:
        found: list[Answer] = call(name, *given)
    except SourceError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UnreachableError(
            name,
            "answers in an unknown form when asked for the answers of sales",
            "Check that url is the service's own address; the next look tries again.",
        ) from None
    return found
