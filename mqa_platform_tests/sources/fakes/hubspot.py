"""A small HubSpot on 127.0.0.1 that answers as its documentation says.

Belongs here: CRM objects (list, search, batch read), their associations and properties, owners, legacy
engagements, scopes and tokens. Does not belong here: faults and the log (``server``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from mqa_platform_tests.sources.fakes.server import Answer, Asked, Fake

TOKEN = "pat-na1-7c0ffee0-do-not-show"
SEARCH_MOST = 10_000
Compare = Callable[[int, int], bool]
_OPERATORS: dict[str, Compare] = {
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
}


class FakeHubSpot(Fake):
    """One account. Moments are epoch milliseconds inside, ISO text in answers."""

    def __init__(self, page_size: int = 100) -> None:
        self.page_size = page_size
        self.objects: dict[str, dict[int, dict[str, Any]]] = {}
        self.links: dict[tuple[str, str], dict[int, list[int]]] = {}
        self.owners: list[dict[str, Any]] = []
        self.engagements: list[dict[str, Any]] = []
        self.history: dict[int, dict[str, list[dict[str, Any]]]] = {}
        self.extra_properties: list[str] = []
        # The values that a property offers, and the pipelines of deals.
        self.options: dict[tuple[str, str], list[str]] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.tokens = {TOKEN}
        self.denied: dict[str, str] = {}
        self.repeats = False
        # A change of an answer before it is sent: services leave parts out, or send null.
        self.altered: Callable[[Asked, Any], Any] = lambda asked, document: document
        self.associations_a_page = 100
        self.most_found = SEARCH_MOST
        self.renewals = 0
        self.before_answer: Callable[[Asked], None] = lambda asked: None
        super().__init__()

    def put(self, kind: str, id_: int, at: int, **properties: str) -> None:
        """Add a record, or change one at a moment."""
        known = self.objects.setdefault(kind, {}).setdefault(id_, {"properties": {}})
        known["at"] = at
        known["properties"].update(properties)

    def archive(self, kind: str, id_: int, at: int) -> None:
        self.objects[kind][id_]["archived_at"] = at

    def link(self, kind: str, to: str, id_: int, *targets: int) -> None:
        self.links.setdefault((kind, to), {}).setdefault(id_, []).extend(targets)

    def answer(self, asked: Asked) -> Answer:
        found = self._answered(asked)
        found.document = self.altered(asked, found.document)
        return found

    def _answered(self, asked: Asked) -> Answer:
        if asked.path == "/oauth/v1/token":
            return self._renewed(dict(parse_qsl(asked.body.decode())))
        if asked.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _refused(
                401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired"
            )
        for part, scope in self.denied.items():
            if part in asked.path:
                context = {"requiredGranularScopes": [scope]} if scope else {}
                errors = [{"message": "All of the scopes are required.", "context": context}]
                return _refused(
                    403, "MISSING_SCOPES", "This app hasn't been granted scopes", errors
                )
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
        if parts[:3] == ["crm", "v3", "objects"]:
            return self._objects(parts[3], parts[4:], asked)
        return _refused(404, "OBJECT_NOT_FOUND", "no such endpoint")

    def _renewed(self, form: dict[str, str]) -> Answer:
        if (
            form.get("refresh_token") != "refresh-secret"
            or form.get("client_secret") != "app-secret"
        ):
            return _refused(400, "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        self.renewals += 1
        token = f"oauth-secret-{self.renewals}"
        self.tokens = {token}
        granted = {"access_token": token, "refresh_token": "refresh-secret", "expires_in": 1800}
        return Answer(document=granted)

    def _properties(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for name in self._names(kind):
            values = self.options.get((kind, name), [])
            options = [{"label": v.title(), "value": v, "hidden": False} for v in values]
            found.append({"name": name, "label": name.title(), "options": options})
        return found

    def _names(self, kind: str) -> list[str]:
        records = self.objects.get(kind, {}).values()
        return sorted({n for r in records for n in r["properties"]} | set(self.extra_properties))

    def _objects(self, kind: str, rest: list[str], asked: Asked) -> Answer:
        if len(asked.path) + sum(len(v) for v in asked.query.values()) > 8_000:
            return Answer(414, raw=b"<html>Request-URI Too Large</html>")
        if rest == ["search"]:
            return self._search(kind, asked.json)
        if rest == ["batch", "read"]:
            return self._batch(kind, asked)
        return self._list(kind, asked.query)

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
            one = self._shown(kind, id_, query.get("properties", "").split(","))
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
            met, value = _OPERATORS[test["operator"]], int(test["value"])
            by_id = test["propertyName"] == "hs_object_id"
            expected = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
            if not by_id and test["propertyName"] != expected:
                return _refused(400, "VALIDATION_ERROR", f"no property {test['propertyName']}")
            found = [i for i in found if met(i if by_id else self.objects[kind][i]["at"], value)]
        found.sort()
        size, start = min(body.get("limit", 10), self.page_size), int(body.get("after", 0))
        if start + size > self.most_found:
            return _refused(400, "VALIDATION_ERROR", "paging beyond 10,000 results")
        shown = [self._shown(kind, i, body["properties"]) for i in found[start : start + size]]
        after = str(start + size) if len(found) > start + size else None
        return self._paged(shown, after, None, total=len(found))

    def _batch(self, kind: str, asked: Asked) -> Answer:
        body = asked.json
        found = []
        for wanted in body["inputs"]:
            if int(wanted["id"]) in self.objects[kind]:
                one = self._shown(kind, int(wanted["id"]), body["properties"])
                if names := body.get("propertiesWithHistory"):
                    one["propertiesWithHistory"] = self._history(int(wanted["id"]), names)
                found.append(one)
        return Answer(document={"status": "COMPLETE", "results": found[::-1]})

    def _shown(self, kind: str, id_: int, names: list[str]) -> dict[str, Any]:
        record = self.objects[kind][id_]
        chosen = {n: record["properties"].get(n) for n in names if n in record["properties"]}
        shown = {
            "id": str(id_),
            "properties": {"hs_object_id": str(id_), **chosen},
            "createdAt": iso(1_600_000_000_000),
            "updatedAt": iso(record["at"]),
            "archived": "archived_at" in record,
        }
        if "archived_at" in record:
            shown["archivedAt"] = iso(record["archived_at"])
        return shown

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
        return Answer(
            200 if len(some) == len(found) else 207, {"status": "COMPLETE", "results": some}
        )

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
            new = [
                e for e in self.engagements if e["engagement"]["lastUpdated"] >= int(query["since"])
            ]
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


def _refused(status: int, category: str, message: str, errors: list[Any] | None = None) -> Answer:
    document = {"status": "error", "category": category, "message": message, "errors": errors or []}
    return Answer(status, document)
