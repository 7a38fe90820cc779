"""A HubSpot account on 127.0.0.1 that answers as its documentation says.

Belongs here: tokens, scopes, records, properties and the routes. Does not belong here: lists and searches
(``hubspot_queries``), writes (``hubspot_writes``), faults (``server``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mqa_platform.local_services.hubspot_forms import iso, refused
from mqa_platform.local_services.hubspot_queries import Queries
from mqa_platform.local_services.hubspot_writes import WRITES, Writes
from mqa_platform.local_services.server import Answer, Asked, Service

TOKEN: Final = "pat-na1-7c0ffee0-do-not-show"  # noqa: S105  # of nothing but this server
_SEARCH_MOST: Final = 10_000


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
        self.most_found = _SEARCH_MOST
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
            return Queries(self).engagements(parts[3:], asked)
        if parts[:3] == ["crm", "v3", "owners"]:
            return Queries(self).owners(asked)
        if parts[:2] == ["crm", "v3"] and parts[2] in ("properties", "pipelines"):
            listed = self._properties(parts[3]) if parts[2] == "properties" else self.pipelines
            return Answer(document={"results": listed})
        if parts[:3] == ["crm", "v3", "associations"]:
            return Queries(self).associations(parts[3], parts[4], asked.json)
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
            return Queries(self).search(kind, asked.json)
        if rest == ["batch", "read"]:
            return Queries(self).batch(kind, asked)
        if asked.method in WRITES:
            return Writes(self).answer(kind, rest, asked)
        if rest:
            return self._one(kind, rest[0], asked.query)
        return Queries(self).listed(kind, asked.query)

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
