"""A HubSpot account on 127.0.0.1 that answers as its documentation says.

Belongs here: tokens, scopes, the routes, and what is read: objects (list, search, batch read), associations,
properties, owners, legacy engagements. Does not belong here: writes (``hubspot_writes``), faults (``server``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from mqa_platform.local_services.hubspot_writes import WRITES, Writes
from mqa_platform.local_services.server import Answer, Asked, Service

TOKEN: Final = "pat-na1-7c0ffee0-do-not-show"  # noqa: S105  # of nothing but this server
SEARCH_MOST: Final = 10_000
_ORDERED: Final[dict[str, Callable[[int, int], bool]]] = {
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
}


class LocalHubSpot(Service):
    """One account. Moments are epoch milliseconds inside, ISO text in answers.

    ``locked`` holds how many more writes of a record fail, ``refused`` records with the words of a rule,
    ``poison`` records whose presence makes the account refuse the request that holds them.
    """

    def __init__(self, page_size: int = 100) -> None:
        super().__init__()
        self.page_size = page_size
        self.objects: dict[str, dict[int, dict[str, Any]]] = {}
        self.links: dict[tuple[str, str], dict[int, list[int]]] = {}
        self.owners: list[dict[str, Any]] = []
        self.engagements: list[dict[str, Any]] = []
        self.history: dict[int, dict[str, list[dict[str, Any]]]] = {}
        self.extra_properties: list[str] = []
        # The properties of an object that may be written; those with True are unique, so keys of upserts.
        self.fields: dict[str, dict[str, bool]] = {}
        # The values that a property offers, and the pipelines of deals.
        self.options: dict[tuple[str, str], list[str]] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.locked: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.poison: set[str] = set()
        self.tokens = {TOKEN}
        self.denied: dict[str, str] = {}
        self.repeats = False
        # A change of an answer before it is sent: services leave parts out, or send null.
        self.altered: Callable[[Asked, Any], Any] = lambda asked, document: document
        self.associations_a_page = 100
        self.most_found = SEARCH_MOST
        self.renewals = 0
        self.before_answer: Callable[[Asked], None] = lambda asked: None

    def environment(self) -> dict[str, str]:
        """The variable by which a client becomes known to the account."""
        return {"MQA_HUBSPOT_TOKEN": TOKEN}

    def expire(self) -> None:
        """Withdraw every token."""
        self.tokens = set()

    def too_many(self) -> Answer:
        """As the account answers more requests than it takes; it gives no time to wait."""
        said = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        return Answer(429, said | {"message": "You have reached your ten_secondly_rolling limit."})

    def put(self, kind: str, id_: int, at: int, **properties: str) -> None:
        """Add a record, or change one at a moment."""
        known = self.objects.setdefault(kind, {}).setdefault(id_, {"properties": {}})
        known.setdefault("created", at)
        known["at"] = at
        known["properties"].update(properties)

    def field(self, kind: str, name: str, unique: bool = False) -> None:
        """Give an object a property."""
        self.fields.setdefault(kind, {})[name] = unique

    def record(self, kind: str, id_: int | str) -> dict[str, Any] | None:
        """The properties of a live record, or None."""
        found = self.objects.get(kind, {}).get(int(id_))
        return None if found is None or "archived_at" in found else dict(found["properties"])

    def archive(self, kind: str, id_: int, at: int) -> None:
        """Delete a record at a moment."""
        self.objects[kind][id_]["archived_at"] = at

    def link(self, kind: str, to: str, id_: int, *targets: int) -> None:
        """Associate a record with others."""
        self.links.setdefault((kind, to), {}).setdefault(id_, []).extend(targets)

    def answer(self, asked: Asked) -> Answer:
        """See ``Service.answer``."""
        try:
            found = self._answered(asked)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            found = refused(400, "VALIDATION_ERROR", "Invalid input JSON")
        found.document = self.altered(asked, found.document)
        return found

    def names(self, kind: str) -> list[str]:
        """The properties of an object."""
        records = self.objects.get(kind, {}).values()
        known = {n for r in records for n in r["properties"]} | set(self.extra_properties)
        return sorted(known | set(self.fields.get(kind, {})))

    def shown(self, kind: str, id_: int, names: list[str] | None) -> dict[str, Any]:
        """A record as answers hold it; None shows every property."""
        record = self.objects[kind][id_]
        wanted = list(record["properties"]) if names is None else names
        chosen = {n: record["properties"].get(n) for n in wanted if n in record["properties"]}
        found = {
            "id": str(id_),
            "properties": {"hs_object_id": str(id_), **chosen},
            "createdAt": iso(record.get("created", 1_600_000_000_000)),
            "updatedAt": iso(record["at"]),
            "archived": "archived_at" in record,
        }
        if "archived_at" in record:
            found["archivedAt"] = iso(record["archived_at"])
        return found

    def _answered(self, asked: Asked) -> Answer:
        if asked.path == "/oauth/v1/token":
            return self._renewed(asked.form)
        if asked.bearer not in self.tokens:
            said = "The OAuth token used to make this call expired"
            return refused(401, "EXPIRED_AUTHENTICATION", said)
        for part, scope in self.denied.items():
            if part in asked.path:
                context = {"requiredGranularScopes": [scope]} if scope else {}
                errors = [{"message": "All of the scopes are required.", "context": context}]
                return refused(403, "MISSING_SCOPES", "This app hasn't been granted scopes", errors)
        self.before_answer(asked)
        parts = asked.path.strip("/").split("/")
        if parts[0] == "engagements":
            return self._engagements(parts[3:], asked)
        if parts[:3] == ["crm", "v3", "owners"]:
            return self._owners(asked)
        if parts[:2] == ["crm", "v3"] and parts[2] in ("properties", "pipelines"):
            listed = self._properties(parts[3]) if parts[2] == "properties" else self.pipelines
            return Answer(document={"results": listed})
        if parts[:3] == ["crm", "v3", "associations"]:
            return self._associations(parts[3], parts[4], asked.json)
        if parts[:3] == ["crm", "v4", "objects"] or parts[:3] == ["crm", "v3", "objects"]:
            return self._objects(parts[3], parts[4:], asked)
        return refused(404, "OBJECT_NOT_FOUND", "no such endpoint")

    def _renewed(self, form: dict[str, str]) -> Answer:
        given = (form.get("refresh_token"), form.get("client_secret"))
        if given != ("refresh-secret", "app-secret"):
            return refused(400, "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        self.renewals += 1
        token = f"oauth-secret-{self.renewals}"
        self.tokens = {token}
        granted = {"access_token": token, "refresh_token": "refresh-secret", "expires_in": 1800}
        return Answer(document=granted)

    def _properties(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for name in self.names(kind):
            values = self.options.get((kind, name), [])
            options = [{"label": v.title(), "value": v, "hidden": False} for v in values]
            found.append({"name": name, "label": name.title(), "options": options})
        return found

    def _objects(self, kind: str, rest: list[str], asked: Asked) -> Answer:
        if len(asked.path) + sum(len(v) for v in asked.query.values()) > 8_000:
            return Answer(414, raw=b"<html>Request-URI Too Large</html>")
        if rest == ["search"]:
            return self._search(kind, asked.json)
        if rest == ["batch", "read"]:
            return self._batch(kind, asked)
        if asked.method in WRITES:
            return Writes(self).answer(kind, rest, asked)
        if rest:
            return self._one(kind, rest[0], asked.query)
        return self._list(kind, asked.query)

    def _one(self, kind: str, key: str, query: dict[str, str]) -> Answer:
        column = query.get("idProperty", "hs_object_id")
        id_ = next(iter(self.found(kind, column, key)), None)
        if id_ is None:
            return refused(404, "OBJECT_NOT_FOUND", f"Object not found. objectId = {key}")
        names = [n for n in query.get("properties", "").split(",") if n]
        return Answer(document=self.shown(kind, id_, names))

    def found(self, kind: str, column: str, key: str) -> list[int]:
        """The live records whose id, or unique property, is this."""
        known = self.objects.get(kind, {})
        if column in ("", "hs_object_id"):
            is_there = key.isdecimal() and int(key) in known
            return [int(key)] if is_there and "archived_at" not in known[int(key)] else []
        return [
            i
            for i, r in known.items()
            if r["properties"].get(column) == key and "archived_at" not in r
        ]

    def _list(self, kind: str, query: dict[str, str]) -> Answer:
        archived = query.get("archived") == "true"
        history = query.get("propertiesWithHistory", "")
        size = min(int(query.get("limit", 10)), 50 if history else 100, self.page_size)
        known = self.objects.get(kind, {})
        ids = sorted(i for i, r in known.items() if ("archived_at" in r) == archived)
        # The documented cursor of the list is the id to go on from.
        ids = [i for i in ids if i >= int(query.get("after", 0))]
        found = []
        for id_ in ids[:size]:
            one = self.shown(kind, id_, query.get("properties", "").split(","))
            for to in filter(None, query.get("associations", "").split(",")):
                linked = self._linked(kind, to, id_, 0)
                if linked["to"]:
                    entry = {"results": linked["to"]}
                    entry |= {"paging": linked["paging"]} if "paging" in linked else {}
                    one.setdefault("associations", {})[to] = entry
            if history:
                one["propertiesWithHistory"] = self._history(id_, history.split(","))
            found.append(one)
        after = str(ids[size]) if len(ids) > size else None
        return self._paged(found, after, query.get("after"))

    def _search(self, kind: str, body: dict[str, Any]) -> Answer:
        found = [i for i, r in self.objects.get(kind, {}).items() if "archived_at" not in r]
        for test in body["filterGroups"][0]["filters"]:
            name, operator = test["propertyName"], test["operator"]
            is_time = name in ("hs_lastmodifieddate", "lastmodifieddate")
            if is_time and name != (
                "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
            ):
                return refused(400, "VALIDATION_ERROR", f"no property {name}")
            if operator in _ORDERED:
                if not is_time and name != "hs_object_id":
                    return refused(400, "VALIDATION_ERROR", f"no property {name}")
                met, value = _ORDERED[operator], int(test["value"])
                at = self.objects.get(kind, {})
                found = [i for i in found if met(at[i]["at"] if is_time else i, value)]
            elif operator in ("EQ", "IN"):
                if name not in self.names(kind) and name != "hs_object_id":
                    return refused(400, "VALIDATION_ERROR", f"no property {name}")
                wanted = test["values"] if operator == "IN" else [test["value"]]
                found = [i for i in found if self._text(kind, i, name) in wanted]
            else:
                return refused(400, "VALIDATION_ERROR", f"no operator {operator}")
        found.sort()
        size, start = min(body.get("limit", 10), self.page_size), int(body.get("after", 0))
        if start + size > self.most_found:
            return refused(400, "VALIDATION_ERROR", "paging beyond 10,000 results")
        names = body.get("properties", [])
        shown = [self.shown(kind, i, names) for i in found[start : start + size]]
        after = str(start + size) if len(found) > start + size else None
        return self._paged(shown, after, None, total=len(found))

    def _text(self, kind: str, id_: int, name: str) -> str | None:
        if name == "hs_object_id":
            return str(id_)
        value = self.objects[kind][id_]["properties"].get(name)
        return None if value is None else str(value)

    def _batch(self, kind: str, asked: Asked) -> Answer:
        body = asked.json
        found = []
        for wanted in body["inputs"]:
            for id_ in self._any(kind, body.get("idProperty", ""), str(wanted["id"])):
                one = self.shown(kind, id_, body["properties"])
                if names := body.get("propertiesWithHistory"):
                    one["propertiesWithHistory"] = self._history(id_, names)
                found.append(one)
        return Answer(document={"status": "COMPLETE", "results": found[::-1]})

    def _any(self, kind: str, column: str, key: str) -> list[int]:
        """As ``found``; by id also what is archived, as a batch read gives it."""
        if column in ("", "hs_object_id"):
            return [int(key)] if int(key) in self.objects.get(kind, {}) else []
        return self.found(kind, column, key)

    def _history(self, id_: int, names: list[str]) -> dict[str, Any]:
        return {n: v for n, v in self.history.get(id_, {}).items() if n in names}

    def _linked(self, kind: str, to: str, id_: int, start: int) -> dict[str, Any]:
        size = self.associations_a_page
        all_ = self.links.get((kind, to), {}).get(id_, [])
        name = f"{kind}_to_{to}"
        linked = [{"id": str(t), "type": name} for t in all_[start : start + size]]
        one: dict[str, Any] = {"from": {"id": str(id_)}, "to": linked}
        if len(all_) > start + size:
            one["paging"] = {"next": {"after": str(start + size), "link": "ignored"}}
        return one

    def _associations(self, kind: str, to: str, body: dict[str, Any]) -> Answer:
        found = [
            self._linked(kind, to, int(one["id"]), int(one.get("after", 0)))
            for one in body["inputs"]
        ]
        some = [one for one in found if one["to"]]
        document = {"status": "COMPLETE", "results": some}
        return Answer(200 if len(some) == len(found) else 207, document)

    def _owners(self, asked: Asked) -> Answer:
        archived = asked.query.get("archived") == "true"
        start = int(asked.query.get("after", 0))
        end = start + min(int(asked.query.get("limit", 100)), self.page_size)
        chosen = [o for o in self.owners if o.get("archived", False) == archived]
        after = str(end) if len(chosen) > end else None
        return self._paged(chosen[start:end], after, asked.query.get("after"))

    def _engagements(self, rest: list[str], asked: Asked) -> Answer:
        start, query = int(asked.query.get("offset", 0)), asked.query
        if rest == ["paged"]:
            ordered = sorted(self.engagements, key=lambda e: e["engagement"]["id"])
            size = min(int(query.get("limit", 100)), 250, self.page_size)
        else:
            since = int(query["since"])
            new = [e for e in self.engagements if e["engagement"]["lastUpdated"] >= since]
            ordered = sorted(new, key=lambda e: -e["engagement"]["lastUpdated"])
            size = min(int(query.get("count", 20)), 100, self.page_size)
        more = len(ordered) > start + size
        offset = start if self.repeats else start + size
        document = {"results": ordered[start : start + size], "hasMore": more, "offset": offset}
        return Answer(document=document | ({} if rest == ["paged"] else {"total": len(ordered)}))

    def _paged(
        self, found: list[dict[str, Any]], after: str | None, before: str | None, **more: int
    ) -> Answer:
        if self.repeats:
            after = before or after or "1"
        document: dict[str, Any] = {**more, "results": found}
        if after is not None:
            document["paging"] = {"next": {"after": after, "link": "ignored"}}
        return Answer(document=document)


def iso(milliseconds: int) -> str:
    """As HubSpot writes moments."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refused(status: int, category: str, message: str, errors: list[Any] | None = None) -> Answer:
    """A refusal in the account's form."""
    document = {"status": "error", "category": category, "message": message, "errors": errors or []}
    return Answer(status, document)
