"""Writing accounts to Salesforce: collections of 200, one bulk job for many.

Belongs here: the calls, and which of their answers may pass later. Does not belong here: logging in
(``sources.salesforce_login``), the bulk job itself (``salesforce_ingest``), or how often one is tried
(``crm_sending``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from simple_salesforce.api import Salesforce

from mqa_platform.destinations.channel import BatchRefusedError, DestinationError
from mqa_platform.destinations.crm_writer import CrmWriter, Record, Written
from mqa_platform.destinations.salesforce_ingest import ingest
from mqa_platform.policy.write_back import WriteBack
from mqa_platform.sources.connection import PermissionLostError, UnreachableError
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_org import Org, RefusedError
from mqa_platform.sources.salesforce_rows import is_id

T = TypeVar("T")
_COLLECTION: Final = 200
_JOB: Final = 100_000
_READ_BY_ID: Final = 2_000
# A query stands in the address, which holds some 16,000 characters.
_READ_BY_KEY: Final = 200
# Another writer holds the row, or the org is busy: the same record may go through a moment later.
PASSING: Final = frozenset(
    ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "TXN_SECURITY_METERING_ERROR",
     "QUERY_TIMEOUT")
)  # fmt: skip
_NO_SUCH_FIELD: Final = frozenset(
    ("INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "INVALIDENTITY", "NOT_FOUND")
)  # fmt: skip


def asked(org: Org, about: str, call: Callable[[Salesforce], T], many: int = 1) -> T:
    """The answer to one call, its failures as a destination's.

    Args:
        org: whom.
        about: the object, for messages.
        call: by the library's client.
        many: how many records it holds; of one record a refusal is its own.

    Raises:
        BatchRefusedError: the call was refused as a whole.
        DestinationError: secret, right or field.
        ConnectionError: no usable answer.
    """
    try:
        return org.ask(about, call)
    except PermissionLostError as error:
        raise DestinationError(
            org.name,
            error.reason,
            f"Give the user of {org.login.names} the right to edit {about} and the fields named in "
            "write_back.yaml, or set its secret anew.",
        ) from None
    except UnreachableError as error:
        raise ConnectionError(str(error)) from None
    except RefusedError as error:
        if error.code in _NO_SUCH_FIELD:
            raise DestinationError(
                org.name,
                error.reason,
                "Make the field in Salesforce, let the user edit it, or take it out of write_back.yaml.",
            ) from None
        if error.code in PASSING:
            raise ConnectionError(str(error)) from None
        raise BatchRefusedError(f"{many} records: {error.reason}") from None
    except SourceError as error:
        raise DestinationError(org.name, error.reason, error.remedy) from None


def opened_org(policy: WriteBack, environment: Mapping[str, str]) -> Org:
    """The org to write to; nothing is sent yet.

    Raises:
        DestinationError: a secret is missing.
    """
    try:
        return Org("the CRM", policy.url or "", environment)
    except SourceError as error:
        raise DestinationError("the CRM (write_back.yaml)", error.reason, error.remedy) from None


class SalesforceWriter(CrmWriter):
    """One org. By ``Id`` a record is only changed; by an external id one that is linked is found."""

    name = "salesforce"

    def __init__(self, policy: WriteBack, environment: Mapping[str, str]) -> None:
        """Read the credentials; nothing is sent.

        Raises:
            DestinationError: a secret is missing.
        """
        self.policy, self.org = policy, opened_org(policy, environment)
        self.object, self.key = policy.object_name, policy.key

    def close(self) -> None:
        """Give the connections back."""
        self.org.close()

    def batch_size(self, records: int) -> int:
        """200, or what one bulk job takes where there are many."""
        return _JOB if records > self.policy.bulk_above else _COLLECTION

    def write(self, records: Sequence[Record], *, by_record_id: bool = False) -> list[Written]:
        """See ``CrmWriter.write``."""
        key = "Id" if by_record_id else self.key
        lost: list[Written] = []
        if key != "Id":
            records, lost = self.known(records)
        if len(records) > _COLLECTION:
            return self._in_bulk(records, key) + lost
        return (self._collection(records, key) if records else []) + lost

    def read(self, keys: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See ``CrmWriter.read``."""
        found: dict[str, dict[str, Any]] = {}
        size = _READ_BY_ID if self.key == "Id" else _READ_BY_KEY
        for at in range(0, len(keys), size):
            some = list(keys[at : at + size])
            rows = self._by_id(some, fields) if self.key == "Id" else self._by_key(some, fields)
            # An export may hold ids of 15 characters; the org answers with 18, of which 3 are a check.
            asked_as = {key[:15]: key for key in some} if self.key == "Id" else {}
            for row in rows:
                key = str(row[self.key])
                found[asked_as.get(key[:15], key)] = {f: row.get(f) for f in fields}
        return found

    def _collection(self, records: Sequence[Record], key: str) -> list[Written]:
        """One call; its answers come in the order of the records."""
        kind = {"type": self.object}
        path = "composite/sobjects" + ("" if key == "Id" else f"/{self.object}/{key}")
        word = "id" if key == "Id" else key
        body = {
            "allOrNone": False,
            "records": [{"attributes": kind, word: r.key, **r.fields} for r in records],
        }
        answers = asked(
            self.org,
            self.object,
            lambda c: c.restful(path, method="PATCH", json=body),
            len(records),
        )
        if not isinstance(answers, list) or len(answers) != len(records):
            raise ConnectionError(f"{self.name}: answers for other records than were sent")
        return [_written(r, a) for r, a in zip(records, answers, strict=True)]

    def _in_bulk(self, records: Sequence[Record], key: str) -> list[Written]:
        def ask(call: Callable[[Salesforce], T]) -> T:
            return asked(self.org, self.object, call, len(records))

        refusals = ingest(ask, self.object, key, records, self.org.limits.first_wait_seconds)
        return [
            Written(r.account_id, "sent")
            if r.key not in refusals
            else _judged(r.account_id, *refusals[r.key])
            for r in records
        ]

    def _by_id(self, ids: list[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        body = {"ids": [i for i in ids if is_id(i)], "fields": ["Id", *fields]}
        path = f"composite/sobjects/{self.object}"
        rows = asked(
            self.org, self.object, lambda c: c.restful(path, method="POST", json=body), len(ids)
        )
        return [row for row in rows or [] if isinstance(row, dict)]

    def _by_key(self, keys: list[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        listed = ", ".join(soql_text(key) for key in keys)
        columns = ", ".join((self.key, *fields))
        soql = f"SELECT {columns} FROM {self.object} WHERE {self.key} IN ({listed})"  # noqa: S608
        found = asked(self.org, self.object, lambda c: c.query_all(soql), len(keys))
        return list(found["records"])


def soql_text(value: str) -> str:
    """A value as a SOQL literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _written(record: Record, answer: Any) -> Written:
    if isinstance(answer, dict) and answer.get("success") is True:
        return Written(record.account_id, "sent")
    errors = answer.get("errors") if isinstance(answer, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else {}
    code = str(first.get("statusCode") or first.get("errorCode") or "UNKNOWN")
    return _judged(record.account_id, code, str(first.get("message") or ""))


def _judged(account_id: str, code: str, said: str) -> Written:
    text = f"{code}: {' '.join(said.split())[:300]}"
    return Written(account_id, "again" if code in PASSING else "refused", text)
