"""What sales has lately answered in the CRM, by one cheap question: status and reason of changed accounts.

Belongs here: asking a CRM that is read over its API whether there is something to land. Does not belong here:
landing it, which ``salesforce_reader`` and ``hubspot_objects`` do with everything else of a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from mqa_platform.home import Home
from mqa_platform.policy.mapping import FILTERED, NOTHING, CrmObject, Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import UnreachableError
from mqa_platform.sources.crm_values import folded, translation
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.names import snake_case
from mqa_platform.sources.registry import mapped_object
from mqa_platform.sources.salesforce_rows import instant

STATUS, REASON = "sales_status", "sales_status_reason"
# More than this in one look is no answer of sales but somebody's mass update: the run reads it anyway.
MOST: Final = 10_000
_PAGE: Final = 100
_FIELD: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,79}$")
_PROPERTY: Final = "properties."
_STAMP: Final = "hs_lastmodifieddate"
_ACCOUNTS: Final = {"salesforce_api": "Account", "hubspot_api": "companies"}
# Of an account: its id, when it last changed, and its fields.
Row = tuple[str, str, Mapping[str, Any]]


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


@dataclass(frozen=True)
class Question:
    """A CRM that can be asked.

    Attributes:
        name: the source, for messages.
        source: its declaration.
        stream: the object of its accounts.
        mapped: how that is read.
    """

    name: str
    source: Source
    stream: str
    mapped: CrmObject

    def fields(self, column: str) -> list[str]:
        """The service's own names of a column's fields; those that only an export has are left out."""
        names = self.mapped.fields_of(column)
        if self.source.connector == "hubspot_api":
            names = [n.removeprefix(_PROPERTY) for n in names if n.startswith(_PROPERTY)]
        return [name for name in names if _FIELD.match(name)]

    def answers_since(
        self, since: datetime, environment: Mapping[str, str], home: Home
    ) -> list[Answer]:
        """The answers on accounts that changed since a moment, asked with little patience; ``MOST`` at most.

        Args:
            since: a moment in UTC.
            environment: with the secrets of the source.
            home: of the platform.

        Raises:
            SourceError: the CRM cannot be asked, or refuses; that is not "nothing new".
        """
        is_salesforce = self.source.connector == "salesforce_api"
        try:
            rows = (
                self._salesforce(since, environment)
                if is_salesforce
                else (self._hubspot(since, environment, home))
            )
            found = [self._answer(*row) for row in rows]
        except SourceError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UnreachableError(
                self.name,
                "answers in an unknown form when asked for the answers of sales",
                "Check that url is the service's own address; the next look tries again.",
            ) from None
        return [answer for answer in found if answer is not None]

    def _salesforce(self, since: datetime, environment: Mapping[str, str]) -> Iterator[Row]:
        # The code location is loaded by every run; this library is wanted by a look only.
        from mqa_platform.sources.salesforce_org import Org

        told = " OR ".join(f"{field} != null" for field in self.fields(STATUS))
        asked = dict.fromkeys(("Id", "SystemModstamp", *self.fields(STATUS), *self.fields(REASON)))
        # Names are checked against a pattern, and nothing else of it is anybody's words.
        soql = (
            f"SELECT {', '.join(asked)} FROM {self.stream} WHERE SystemModstamp >= "  # noqa: S608
            f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} AND ({told}) ORDER BY SystemModstamp, Id LIMIT {MOST}"
        )
        with closing(Org(self.name, self.source.url or "", environment, is_quick=True)) as org:
            answer = org.ask(self.stream, lambda client: client.query_all(soql))
        for record in answer["records"]:
            yield str(record["Id"]), str(record["SystemModstamp"]), record

    def _hubspot(
        self, since: datetime, environment: Mapping[str, str], home: Home
    ) -> Iterator[Row]:
        from mqa_platform.sources.hubspot_api import HubSpotConnection
        from mqa_platform.sources.hubspot_streams import milliseconds, next_after

        connection = HubSpotConnection(self.name, self.source, home, environment)
        limits = connection.limits.adjusted(environment)
        limits = replace(limits, attempts=min(2, limits.attempts), total_seconds=30.0)
        changed = {"propertyName": _STAMP, "operator": "GTE", "value": str(milliseconds(since))}
        body: dict[str, Any] = {
            "limit": _PAGE,
            "properties": [*self.fields(STATUS), *self.fields(REASON), _STAMP],
            "sorts": [{"propertyName": _STAMP, "direction": "ASCENDING"}],
            "filterGroups": [
                {"filters": [changed, {"propertyName": one, "operator": "HAS_PROPERTY"}]}
                for one in self.fields(STATUS)
            ],
        }
        with connection.client(limits) as client:
            for _ in range(MOST // _PAGE):
                page = client.ask("POST", f"/crm/v3/objects/{self.stream}/search", body=body)
                for record in page["results"]:
                    values = record["properties"]
                    yield str(record["id"]), str(values.get(_STAMP) or record["updatedAt"]), values
                body["after"] = next_after(page)
                if body["after"] is None:
                    return

    def _answer(self, account_id: str, at: str, values: Mapping[str, Any]) -> Answer | None:
        """An answer in our words; None for a status that is none of sales' answers."""
        status, reason = (
            next((str(values[f]) for f in self.fields(column) if values.get(f)), "")
            for column in (STATUS, REASON)
        )
        moment = instant(at)
        if moment is None:
            raise ValueError("no moment")
        word = translation(self.mapped, STATUS).get(folded(status), snake_case(status))
        if not word or word in (FILTERED, NOTHING):
            return None
        return Answer(account_id, word, snake_case(reason), moment)


def questions(sources: Mapping[str, Source], mappings: Mappings) -> list[Question]:
    """The CRMs that are read over their API and have a field in which sales answers."""
    found = []
    for name, source in sources.items():
        stream = _ACCOUNTS.get(source.connector)
        if stream is None or (source.streams and stream not in source.streams):
            continue
        crm, wanted = mapped_object(source, stream) or ("", "")
        mapped = mappings.crms[crm].objects.get(wanted) if crm in mappings.crms else None
        if mapped is None or mapped.lands_as != "accounts":
            continue
        question = Question(name, source, stream, mapped)
        if question.fields(STATUS):
            found.append(question)
    return found
