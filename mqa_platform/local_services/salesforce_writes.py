"""Writing to the local Salesforce by REST: one record, or a collection of at most 200.

Belongs here: the paths below sobjects and composite/sobjects. Does not belong here: the rules of one record
(``salesforce_records``), or Bulk (``salesforce_jobs``).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from mqa_platform.local_services.salesforce_records import Problem, RefusalError, Written
from mqa_platform.local_services.server import Answer, Asked

if TYPE_CHECKING:
    from mqa_platform.local_services.salesforce import LocalSalesforce

_MOST: Final = 200
_ONE_STATUS: Final = {"ENTITY_IS_DELETED": 404, "INVALID_CROSS_REFERENCE_KEY": 404}


class Writes:
    """The writing half of an org."""

    def __init__(self, org: LocalSalesforce) -> None:
        self.org = org

    def answer(self, asked: Asked, rest: str) -> Answer:
        """What a request below sobjects or composite/sobjects is answered.

        Raises:
            RefusalError: it is refused as a whole.
        """
        parts = [unquote_plus(part) for part in rest.strip("/").split("/")]
        if parts[0] == "composite":
            return self._collection(asked, parts[2:])
        name, keys = parts[1], parts[2:]
        if name not in self.org.rows or name in self.org.denied:
            raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        if asked.method == "POST" and not keys:
            return self._created(name, asked.json)
        if asked.method == "GET" and keys:
            return self._read(name, *_column_and_key(keys), asked.query.get("fields", ""))
        if asked.method == "PATCH" and keys:
            return self._one(name, *_column_and_key(keys), asked.json)
        if asked.method == "DELETE" and keys:
            return self._deleted(name, *_column_and_key(keys))
        raise RefusalError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{asked.method}' not allowed.")

    def _created(self, name: str, values: Mapping[str, Any]) -> Answer:
        given = _values(values)
        self.org.check_fields(name, given)
        written = self.org.create(name, given, self.org.now())
        return self._told(written) or Answer(
            201, {"id": written.id, "success": True, "errors": []}, changed=True
        )

    def _read(self, name: str, column: str, key: str, fields: str) -> Answer:
        row = self.org.record(name, key, column)
        if row is None:
            raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        chosen = [f for f in fields.split(",") if f] or list(row)
        return Answer(200, {"attributes": _attributes(name, row)} | {f: row.get(f) for f in chosen})

    def _one(self, name: str, column: str, key: str, values: Mapping[str, Any]) -> Answer:
        given = _values(values)
        self.org.check_fields(name, given)
        self.org.check_poison([key])
        given.pop(column, None)
        written = self.org.upsert(name, column, key, given, self.org.now())
        if found := self._told(written):
            return found
        if column == "Id":
            return Answer(204, changed=True)
        said: dict[str, Any] = {"id": written.id, "success": True, "errors": []}
        said["created"] = written.created
        return Answer(201 if written.created else 200, said, changed=True)

    def _deleted(self, name: str, column: str, key: str) -> Answer:
        row = self.org.record(name, key, column)
        written = self.org.delete(name, str(row["Id"]) if row else key, self.org.now())
        return self._told(written) or Answer(204, changed=True)

    def _told(self, written: Written) -> Answer | None:
        """A single record's trouble, in the form of a refusal."""
        if written.problem is None:
            return None
        problem = written.problem
        said = {
            "errorCode": problem.code,
            "message": problem.message,
            "fields": list(problem.fields),
        }
        return Answer(_ONE_STATUS.get(problem.code, 400), [said])

    def _collection(self, asked: Asked, rest: list[str]) -> Answer:
        if asked.method == "GET" or (asked.method == "POST" and rest):
            return self._retrieved(asked, rest[0])
        order = asked.json
        records = order["records"]
        if len(records) > _MOST:
            said = f"Number of records exceeds the limit of {_MOST}."
            raise RefusalError(400, "INVALID_INPUT", said)
        for one in records:
            name = str(one["attributes"]["type"])
            self.org.check_fields(name, {k: v for k, v in _values(one).items() if k != "id"})
        if asked.method not in ("POST", "PATCH"):
            raise RefusalError(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed.")
        column = rest[1] if len(rest) > 1 else ""
        key_column = column or ("Id" if asked.method == "PATCH" else "")
        keys = [_key(one, key_column) for one in records]
        self.org.check_poison([*keys, *self._ids(records, key_column)])
        before = copy.deepcopy(self.org.rows) if order.get("allOrNone") else None
        written = list(self._each(records, keys, key_column))
        if before is not None and any(one.problem for one in written):
            self.org.rows = before
            written = [one if one.problem else _undone(one) for one in written]
        changed = any(one.problem is None for one in written)
        return Answer(200, [one.document() for one in written], changed=changed)

    def _ids(self, records: list[Any], column: str) -> Iterator[str]:
        """The Ids of records that are named by another key."""
        if column in ("", "Id"):
            return
        for one in records:
            name = str(one["attributes"]["type"])
            row = self.org.record(name, str(one.get(column)), column)
            if row is not None:
                yield str(row["Id"])

    def _each(self, records: list[Any], keys: list[str], column: str) -> Iterator[Written]:
        seen: set[str] = set()
        for one, key in zip(records, keys, strict=True):
            name, values = str(one["attributes"]["type"]), _values(one)
            if not column:
                yield self.org.create(name, values, self.org.now())
                continue
            if not key and column == "Id":
                yield Written(
                    None, problem=Problem("MISSING_ARGUMENT", "Id not specified", ("Id",))
                )
                continue
            if key in seen:
                said = "Duplicate id specified in the request: " + key
                yield Written(None, problem=Problem("DUPLICATE_VALUE", said, (column,)))
                continue
            seen.add(key)
            rest = {k: v for k, v in values.items() if k not in (column, "id", "Id")}
            yield self.org.upsert(name, column, key, rest, self.org.now())

    def _retrieved(self, asked: Asked, name: str) -> Answer:
        """Records by their Ids, null for those that are not there."""
        if asked.method == "GET":
            ids, fields = asked.query["ids"].split(","), asked.query["fields"].split(",")
        else:
            ids, fields = asked.json["ids"], asked.json["fields"]
        self.org.check_fields(name, dict.fromkeys(fields))
        found = []
        for one in ids:
            row = self.org.record(name, one)
            read = None if row is None else {f: row.get(f) for f in fields}
            found.append(
                None
                if row is None or read is None
                else {"attributes": _attributes(name, row)} | read
            )
        return Answer(200, found)


def _undone(written: Written) -> Written:
    said = (
        "Record rolled back because not all records were valid and the request was using AllOrNone"
    )
    return Written(
        None if written.created else written.id,
        problem=Problem("ALL_OR_NONE_OPERATION_ROLLED_BACK", said),
    )


def _column_and_key(keys: list[str]) -> tuple[str, str]:
    return ("Id", keys[0]) if len(keys) == 1 else (keys[0], "/".join(keys[1:]))


def _key(one: Mapping[str, Any], column: str) -> str:
    if not column:
        return ""
    found = one.get("id") or one.get("Id") if column == "Id" else one.get(column)
    return "" if found is None else str(found)


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in given.items() if k != "attributes" and not re.fullmatch("id", k)}


def _attributes(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    return {"type": name, "url": f"/services/data/v62.0/sobjects/{name}/{row.get('Id')}"}
