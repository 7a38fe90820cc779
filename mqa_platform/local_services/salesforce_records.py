"""The records of the local Salesforce: objects, fields, keys, and what a write of one record answers.

Belongs here: creating, changing and deleting one record under the org's rules. Does not belong here: HTTP, and
how many records come in one request (``salesforce_writes``, ``salesforce_jobs``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from datetime import UTC, datetime
from typing import Any, Final

from mqa_platform.local_services.soql import Row

_TYPES: Final = {
    "SystemModstamp": "datetime",
    "CreatedDate": "datetime",
    "LastModifiedDate": "datetime",
    "IsDeleted": "boolean",
}
_PREFIXES: Final = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Lead": "00Q",
    "Task": "00T",
    "Event": "00U",
    "Campaign": "701",
    "CampaignMember": "00v",
}
# Below this many rows an index is built anew for a key that it does not have.
_QUICK: Final = 2_000
_READ_ONLY: Final = frozenset(("CreatedDate", "SystemModstamp", "LastModifiedDate", "IsDeleted"))


class RefusalError(Exception):
    """A request that is refused as a whole; arguments are HTTP status, errorCode and message."""


@dataclass(frozen=True)
class Problem:
    """Why one record was not written, in Salesforce's words."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As answers about several records hold it."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}


@dataclass(frozen=True)
class Written:
    """What became of one record of a request."""

    id: str | None
    created: bool = False
    problem: Problem | None = None

    def document(self) -> dict[str, Any]:
        """As answers about several records hold it."""
        problems = [self.problem.document()] if self.problem else []
        found: dict[str, Any] = {"success": not problems, "errors": problems}
        if self.id is not None:
            found = {"id": self.id, **found}
        return found | ({} if problems else {"created": self.created})


class _Index:
    """Where the rows of a key stand, built as rows are added and checked whenever it is used."""

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = {}
        self._seen = 0

    def places(self, rows: list[Row], column: str, key: str) -> list[int]:
        """The places of a key among the rows."""
        self._extend(rows, column)
        found = self._places.get(key, [])
        # Whoever runs the server may change the rows; few of them are quickly read again.
        is_stale = any(str(rows[at].get(column)) != key for at in found)
        if is_stale or (not found and len(rows) < _QUICK):
            self._places, self._seen = {}, 0
            self._extend(rows, column)
        return list(self._places.get(key, []))

    def _extend(self, rows: list[Row], column: str) -> None:
        if self._seen > len(rows):
            self._places, self._seen = {}, 0
        for at in range(self._seen, len(rows)):
            value = rows[at].get(column)
            if value is not None:
                self._places.setdefault(str(value), []).append(at)
        self._seen = len(rows)


@dataclass
class Records:
    """Every object's rows, in memory.

    ``rows`` and ``types`` may be changed freely by whoever runs the server. ``locked`` holds how many more
    writes of a record find it locked, ``refused`` records with the code and words of a validation rule,
    ``poison`` records whose presence makes the org refuse the request that holds them.
    """

    rows: dict[str, list[Row]] = made(default_factory=dict)
    types: dict[str, dict[str, str]] = made(default_factory=dict)
    external: dict[str, set[str]] = made(default_factory=dict)
    lengths: dict[tuple[str, str], int] = made(default_factory=dict)
    locked: dict[str, int] = made(default_factory=dict)
    refused: dict[str, tuple[str, str]] = made(default_factory=dict)
    poison: set[str] = made(default_factory=set)
    _indexes: dict[tuple[str, str], _Index] = made(default_factory=dict)
    _made: int = 0

    def add(self, name: str, rows: list[Row], **types: str) -> None:
        """Give the org an object with these records; a type not named is a string."""
        self.rows[name] = rows
        keys = [key for row in rows for key in row]
        known = self.types.get(name, {})
        self.types[name] = {k: _TYPES.get(k, "string") for k in dict.fromkeys(keys)} | known | types

    def field(
        self, name: str, column: str, kind: str = "string", external: bool = False, length: int = 0
    ) -> None:
        """Give an object a field; ``external`` makes it a key, ``length`` limits its text."""
        self.rows.setdefault(name, [])
        self.types.setdefault(name, {})[column] = kind
        for row in self.rows[name]:
            row.setdefault(column, None)
        if external:
            self.external.setdefault(name, set()).add(column)
        if length:
            self.lengths[name, column] = length

    def record(self, name: str, key: str, column: str = "Id") -> Row | None:
        """The live record with this Id or key, or None."""
        found = next(self.with_key(name, column, key), None)
        return None if found is None or found.get("IsDeleted") is True else found

    def with_key(self, name: str, column: str, key: str) -> Iterator[Row]:
        """The records of a key, deleted ones included; two mean that the key is ambiguous."""
        rows = self.rows.get(name, [])
        index = self._indexes.setdefault((name, column), _Index())
        found = index.places(rows, column, key)
        if not found and column == "Id":
            found = index.places(rows, column, _whole_id(key))
        for at in found:
            yield rows[at]

    def check_fields(self, name: str, values: Mapping[str, Any]) -> None:
        """Refuse a request with a column that the object does not have, as the org's parser does.

        Raises:
            RefusalError: no such object, or no such column.
        """
        if name not in self.rows:
            raise RefusalError(404, "NOT_FOUND", f"sObject type '{name}' is not supported.")
        wrong = [c for c in values if c not in self.types[name] and c != "Id"]
        if wrong:
            said = f"No such column '{wrong[0]}' on sobject of type {name}"
            raise RefusalError(400, "INVALID_FIELD", said)

    def check_poison(self, keys: list[str]) -> None:
        """Refuse a request that holds a poison record.

        Raises:
            RefusalError: it holds one; the message does not say which.
        """
        if self.poison.intersection(keys):
            raise RefusalError(400, "JSON_PARSER_ERROR", "The request could not be read.")

    def create(self, name: str, values: Mapping[str, Any], at: float) -> Written:
        """A new record."""
        problem = self._problem(name, values)
        if problem is not None:
            return Written(None, problem=problem)
        for column in self.external.get(name, ()):
            key = values.get(column)
            if key is not None and self.record(name, str(key), column) is not None:
                said = f"duplicate value found: {column} duplicates value on another record"
                return Written(None, problem=Problem("DUPLICATE_VALUE", said, (column,)))
        self._made += 1
        identifier = f"{_PREFIXES.get(name, 'a00')}MQ{self._made:010d}AAA"
        moment = written_moment(at)
        stamps = {"CreatedDate": moment, "SystemModstamp": moment, "LastModifiedDate": moment}
        blank: Row = dict.fromkeys(self.types[name])
        for column, kind in {"IsDeleted": "boolean", **dict.fromkeys(stamps, "datetime")}.items():
            self.types[name].setdefault(column, kind)
        self.types[name].setdefault("Id", "id")
        derived = self._derived(name, values)
        row = {**blank, "IsDeleted": False, **stamps, **values, **derived, "Id": identifier}
        self.rows[name].append(row)
        return Written(identifier, created=True)

    def update(self, name: str, identifier: str, values: Mapping[str, Any], at: float) -> Written:
        """Change a record by its Id; values that are what they were still move its time of change."""
        row = next(self.with_key(name, "Id", identifier), None)
        if row is None:
            said = "invalid cross reference id"
            return Written(identifier, problem=Problem("INVALID_CROSS_REFERENCE_KEY", said))
        if row.get("IsDeleted") is True:
            return Written(identifier, problem=Problem("ENTITY_IS_DELETED", "entity is deleted"))
        problem = self._locked(identifier) or self._problem(name, values, identifier)
        if problem is not None:
            return Written(identifier, problem=problem)
        moment = written_moment(at)
        for column in self.external.get(name, set()).intersection(values):
            self._indexes.pop((name, column), None)
        row.update(values)
        row.update(self._derived(name, values))
        row.update({"SystemModstamp": moment, "LastModifiedDate": moment})
        return Written(identifier)

    def upsert(
        self, name: str, column: str, key: str, values: Mapping[str, Any], at: float
    ) -> Written:
        """Change the record of a key, or create it; the Id as key changes only what is there.

        Raises:
            RefusalError: the column is no key.
        """
        if column == "Id":
            return self.update(name, key, values, at)
        if column not in self.external.get(name, set()):
            said = f"Provided external ID field does not exist or is not accessible: {column}"
            raise RefusalError(404, "NOT_FOUND", said)
        if not key:
            problem = Problem("MISSING_ARGUMENT", f"{column} not specified", (column,))
            return Written(None, problem=problem)
        live = [row for row in self.with_key(name, column, key) if row.get("IsDeleted") is not True]
        if len(live) > 1:
            said = f"{column}: more than one record found for external id field"
            return Written(None, problem=Problem("DUPLICATE_EXTERNAL_ID", said, (column,)))
        if live:
            return self.update(name, str(live[0]["Id"]), values, at)
        return self.create(name, {**values, column: key}, at)

    def delete(self, name: str, identifier: str, at: float) -> Written:
        """Mark a record as deleted."""
        written = self.update(name, identifier, {}, at)
        row = self.record(name, identifier)
        if written.problem is None and row is not None:
            row["IsDeleted"] = True
        return written

    def _locked(self, identifier: str) -> Problem | None:
        if not self.locked.get(identifier):
            return None
        self.locked[identifier] -= 1
        said = "unable to obtain exclusive access to this record or 1 records: " + identifier
        return Problem("UNABLE_TO_LOCK_ROW", said)

    def _problem(
        self, name: str, values: Mapping[str, Any], identifier: str = ""
    ) -> Problem | None:
        if identifier in self.refused:
            return Problem(*self.refused[identifier])
        closed = sorted(_READ_ONLY.intersection(values))
        if closed:
            said = f"Unable to create/update fields: {', '.join(closed)}."
            return Problem("INVALID_FIELD_FOR_INSERT_UPDATE", said, tuple(closed))
        for column, value in values.items():
            most = self.lengths.get((name, column))
            if most is not None and isinstance(value, str) and len(value) > most:
                said = f"{column}: data value too large: (max length={most})"
                return Problem("STRING_TOO_LONG", said, (column,))
        return None

    def _derived(self, name: str, values: Mapping[str, Any]) -> Row:
        """An activity on an account is the account's."""
        about = str(values.get("WhatId") or "")
        if name in ("Task", "Event") and about.startswith("001"):
            self.types[name].setdefault("AccountId", "string")
            return {"AccountId": about}
        return {}


def written_moment(at: float) -> str:
    """Seconds since 1970 as the REST API writes a moment."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def _whole_id(key: str) -> str:
    """An Id of 15 characters with the three that say which of them are capitals."""
    if len(key) != 15:
        return key
    parts = (key[i : i + 5] for i in (0, 5, 10))
    places = (sum(1 << i for i, c in enumerate(part) if c.isupper()) for part in parts)
    return key + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[at] for at in places)
