"""Writing to the local HubSpot: one record, or a batch of at most 100.

Belongs here: create, update, upsert, archive, and associating. Does not belong here: what is read
(``hubspot``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mqa_platform.local_services.hubspot_forms import refused
from mqa_platform.local_services.server import Answer, Asked

if TYPE_CHECKING:
    from mqa_platform.local_services.hubspot import LocalHubSpot

WRITES: Final = frozenset(("POST", "PATCH", "PUT", "DELETE"))
_MOST: Final = 100
_ARRAYS: Final = "Number of inputs exceeds the limit of 100."
# Of an association given at creation, by type: the object it leads to.
_TYPES: Final = {192: "companies", 204: "contacts", 216: "deals"}


class Writes:
    """The writing half of an account."""

    def __init__(self, account: LocalHubSpot) -> None:
        self.account = account

    def answer(self, kind: str, rest: list[str], asked: Asked) -> Answer:
        """What a request to change records is answered."""
        if rest[:1] == ["batch"]:
            return self._batch(kind, rest[1], asked.json["inputs"])
        if asked.method == "POST" and not rest:
            return self._created(kind, asked.json)
        if asked.method == "PUT" and "associations" in rest:
            return self._associated(kind, rest)
        column = asked.query.get("idProperty", "hs_object_id")
        ids = self.account.found(kind, column, rest[0])
        if not ids:
            return refused(404, "OBJECT_NOT_FOUND", f"Object not found. objectId = {rest[0]}")
        if asked.method == "DELETE":
            self.account.archive(kind, ids[0], self._now())
            return Answer(204, changed=True)
        properties = asked.json["properties"]
        refusal = self._refusal(kind, [properties], [rest[0]])
        if refusal is not None:
            return refusal
        if said := self._problem(str(ids[0])):
            return refused(409, "CONFLICT", said)
        self.account.put(kind, ids[0], self._now(), **_texts(properties))
        return Answer(200, self.account.shown(kind, ids[0], list(properties)), changed=True)

    def _created(self, kind: str, order: Mapping[str, Any]) -> Answer:
        properties = order.get("properties", {})
        refusal = self._refusal(kind, [properties], [])
        if refusal is not None:
            return refusal
        taken = self._taken(kind, properties)
        if taken:
            return refused(409, "CONFLICT", f"Cannot set {taken}: another object has that value.")
        id_ = self._new(kind, properties, order.get("associations", []))
        return Answer(201, self.account.shown(kind, id_, None), changed=True)

    def _batch(self, kind: str, operation: str, inputs: list[dict[str, Any]]) -> Answer:
        if len(inputs) > _MOST:
            return refused(400, "VALIDATION_ERROR", _ARRAYS)
        keys = [str(one.get("id", "")) for one in inputs if operation != "create"]
        if len(set(keys)) != len(keys):
            return refused(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
        refusal = self._refusal(kind, [one.get("properties", {}) for one in inputs], keys)
        if refusal is not None:
            return refusal
        results, errors = [], []
        for one in inputs:
            done = self._one(kind, operation, one)
            if isinstance(done, str):
                errors.append(_error(done, str(one.get("id", ""))))
            else:
                results.append(done)
        document: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            document |= {"numErrors": len(errors), "errors": errors}
        status = 207 if errors else {"create": 201, "archive": 204}.get(operation, 200)
        return Answer(status, document, changed=bool(results) or operation == "archive")

    def _one(self, kind: str, operation: str, one: dict[str, Any]) -> dict[str, Any] | str:
        """The result of one input of a batch, or why there is none."""
        properties = one.get("properties", {})
        if operation == "create":
            if taken := self._taken(kind, properties):
                return f"CONFLICT:Cannot set {taken}: another object has that value."
            id_ = self._new(kind, properties, one.get("associations", []))
            return self.account.shown(kind, id_, None)
        column, key = one.get("idProperty") or "hs_object_id", str(one["id"])
        ids = self.account.found(kind, column, key)
        if operation == "upsert":
            if not self.account.fields.get(kind, {}).get(column):
                return f"VALIDATION_ERROR:{column} is no unique property"
            if not ids:
                id_ = self._new(kind, {**properties, column: key}, [])
                return self.account.shown(kind, id_, list(properties)) | {"new": True}
        if not ids:
            return f"OBJECT_NOT_FOUND:Could not get some {kind}, they may be deleted. ({key})"
        if said := self._problem(str(ids[0]), key):
            return f"CONFLICT:{said}"
        if operation == "archive":
            self.account.archive(kind, ids[0], self._now())
            return {}
        self.account.put(kind, ids[0], self._now(), **_texts(properties))
        shown = self.account.shown(kind, ids[0], list(properties))
        return shown | ({"new": False} if operation == "upsert" else {})

    def _refusal(
        self, kind: str, many: Iterable[Mapping[str, Any]], keys: list[str]
    ) -> Answer | None:
        """The refusal of a whole request: a property that is not there, or a poison record."""
        wrong = sorted({n for one in many for n in one} - set(self.account.names(kind)))
        if wrong:
            said = f'Property values were not valid: Property "{wrong[0]}" does not exist'
            return refused(400, "VALIDATION_ERROR", said)
        if self.account.poison.intersection(keys):
            return refused(400, "VALIDATION_ERROR", "Invalid input JSON")
        return None

    def _problem(self, *keys: str) -> str:
        for key in keys:
            if key in self.account.refused:
                return self.account.refused[key]
            if self.account.locked.get(key):
                self.account.locked[key] -= 1
                return "The object is locked by another change. Try again."
        return ""

    def _taken(self, kind: str, properties: Mapping[str, Any]) -> str:
        unique = [n for n, is_key in self.account.fields.get(kind, {}).items() if is_key]
        for name in unique:
            if name in properties and self.account.found(kind, name, str(properties[name])):
                return name
        return ""

    def _new(self, kind: str, properties: Mapping[str, Any], links: list[dict[str, Any]]) -> int:
        known = self.account.objects.setdefault(kind, {})
        id_ = max(known, default=9_000) + 1
        self.account.put(kind, id_, self._now(), **_texts(properties))
        for link in links:
            types = link.get("types", [{}])
            to = _TYPES.get(int(types[0].get("associationTypeId", 0)), "companies")
            self._linked(kind, to, id_, int(link["to"]["id"]))
        return id_

    def _associated(self, kind: str, rest: list[str]) -> Answer:
        """PUT …/{id}/associations/[default/]{to}/{id}."""
        parts = [part for part in rest if part not in ("associations", "default")]
        self._linked(kind, parts[1], int(parts[0]), int(parts[2]))
        return Answer(200, {"status": "COMPLETE", "results": []}, changed=True)

    def _linked(self, kind: str, to: str, id_: int, target: int) -> None:
        for here, there, one, other in ((kind, to, id_, target), (to, kind, target, id_)):
            if other not in self.account.links.get((here, there), {}).get(one, []):
                self.account.link(here, there, one, other)

    def _now(self) -> int:
        return int(self.account.now() * 1000)


def _texts(properties: Mapping[str, Any]) -> dict[str, str]:
    """HubSpot keeps every value as text; an empty one empties the property."""
    return {n: "" if v is None else _text(v) for n, v in properties.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(done: str, key: str) -> dict[str, Any]:
    category, _, message = done.partition(":")
    context = {"ids": [key]} if key else {}
    return {"status": "error", "category": category, "message": message, "context": context}
