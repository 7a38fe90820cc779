"""What is read of the local HubSpot: lists, searches, batches, associations, owners, legacy engagements.

Belongs here: answering a question with a page of records. Does not belong here: the records and the routes
(``hubspot``), or writes (``hubspot_writes``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mqa_platform.local_services.hubspot_forms import refused
from mqa_platform.local_services.server import Answer, Asked

if TYPE_CHECKING:
    from mqa_platform.local_services.hubspot import LocalHubSpot

_ORDERED: Final[dict[str, Callable[[int, int], bool]]] = {
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
}


class Queries:
    """The reading half of an account."""

    def __init__(self, account: LocalHubSpot) -> None:
        self.account = account

    def listed(self, kind: str, query: dict[str, str]) -> Answer:
        """A page of the records of an object."""
        archived = query.get("archived") == "true"
        history = query.get("propertiesWithHistory", "")
        size = min(int(query.get("limit", 10)), 50 if history else 100, self.account.page_size)
        known = self.account.objects.get(kind, {})
        ids = sorted(i for i, r in known.items() if ("archived_at" in r) == archived)
        # The documented cursor of the list is the id to go on from.
        ids = [i for i in ids if i >= int(query.get("after", 0))]
        found = []
        for id_ in ids[:size]:
            one = self.account.shown(kind, id_, query.get("properties", "").split(","))
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

    def search(self, kind: str, body: dict[str, Any]) -> Answer:
        """A page of what a search finds."""
        found = [i for i, r in self.account.objects.get(kind, {}).items() if "archived_at" not in r]
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
                at = self.account.objects.get(kind, {})
                found = [i for i in found if met(at[i]["at"] if is_time else i, value)]
            elif operator in ("EQ", "IN"):
                if name not in self.account.names(kind) and name != "hs_object_id":
                    return refused(400, "VALIDATION_ERROR", f"no property {name}")
                wanted = test["values"] if operator == "IN" else [test["value"]]
                found = [i for i in found if self._text(kind, i, name) in wanted]
            elif operator == "HAS_PROPERTY":
                if name not in self.account.names(kind):
                    return refused(400, "VALIDATION_ERROR", f"no property {name}")
                found = [i for i in found if self._text(kind, i, name)]
            else:
                return refused(400, "VALIDATION_ERROR", f"no operator {operator}")
        found.sort()
        size, start = min(body.get("limit", 10), self.account.page_size), int(body.get("after", 0))
        if start + size > self.account.most_found:
            return refused(400, "VALIDATION_ERROR", "paging beyond 10,000 results")
        names = body.get("properties", [])
        shown = [self.account.shown(kind, i, names) for i in found[start : start + size]]
        after = str(start + size) if len(found) > start + size else None
        return self._paged(shown, after, None, total=len(found))

    def _text(self, kind: str, id_: int, name: str) -> str | None:
        if name == "hs_object_id":
            return str(id_)
        value = self.account.objects[kind][id_]["properties"].get(name)
        return None if value is None else str(value)

    def batch(self, kind: str, asked: Asked) -> Answer:
        """Records by their ids, or by a unique property."""
        body = asked.json
        found = []
        for wanted in body["inputs"]:
            for id_ in self._any(kind, body.get("idProperty", ""), str(wanted["id"])):
                one = self.account.shown(kind, id_, body["properties"])
                if names := body.get("propertiesWithHistory"):
                    one["propertiesWithHistory"] = self._history(id_, names)
                found.append(one)
        return Answer(document={"status": "COMPLETE", "results": found[::-1]})

    def _any(self, kind: str, column: str, key: str) -> list[int]:
        """As ``found``; by id also what is archived, as a batch read gives it."""
        if column in ("", "hs_object_id"):
            return [int(key)] if int(key) in self.account.objects.get(kind, {}) else []
        return self.account.found(kind, column, key)

    def _history(self, id_: int, names: list[str]) -> dict[str, Any]:
        return {n: v for n, v in self.account.history.get(id_, {}).items() if n in names}

    def _linked(self, kind: str, to: str, id_: int, start: int) -> dict[str, Any]:
        size = self.account.associations_a_page
        all_ = self.account.links.get((kind, to), {}).get(id_, [])
        name = f"{kind}_to_{to}"
        linked = [{"id": str(t), "type": name} for t in all_[start : start + size]]
        one: dict[str, Any] = {"from": {"id": str(id_)}, "to": linked}
        if len(all_) > start + size:
            one["paging"] = {"next": {"after": str(start + size), "link": "ignored"}}
        return one

    def associations(self, kind: str, to: str, body: dict[str, Any]) -> Answer:
        """What records are associated with."""
        found = [
            self._linked(kind, to, int(one["id"]), int(one.get("after", 0)))
            for one in body["inputs"]
        ]
        some = [one for one in found if one["to"]]
        document = {"status": "COMPLETE", "results": some}
        return Answer(200 if len(some) == len(found) else 207, document)

    def owners(self, asked: Asked) -> Answer:
        """A page of the users who own records."""
        archived = asked.query.get("archived") == "true"
        start = int(asked.query.get("after", 0))
        end = start + min(int(asked.query.get("limit", 100)), self.account.page_size)
        chosen = [o for o in self.account.owners if o.get("archived", False) == archived]
        after = str(end) if len(chosen) > end else None
        return self._paged(chosen[start:end], after, asked.query.get("after"))

    def engagements(self, rest: list[str], asked: Asked) -> Answer:
        """A page of activities in the legacy envelope."""
        start, query = int(asked.query.get("offset", 0)), asked.query
        if rest == ["paged"]:
            ordered = sorted(self.account.engagements, key=lambda e: e["engagement"]["id"])
            size = min(int(query.get("limit", 100)), 250, self.account.page_size)
        else:
            since = int(query["since"])
            new = [e for e in self.account.engagements if e["engagement"]["lastUpdated"] >= since]
            ordered = sorted(new, key=lambda e: -e["engagement"]["lastUpdated"])
            size = min(int(query.get("count", 20)), 100, self.account.page_size)
        more = len(ordered) > start + size
        offset = start if self.account.repeats else start + size
        document = {"results": ordered[start : start + size], "hasMore": more, "offset": offset}
        return Answer(document=document | ({} if rest == ["paged"] else {"total": len(ordered)}))

    def _paged(
        self, found: list[dict[str, Any]], after: str | None, before: str | None, **more: int
    ) -> Answer:
        if self.account.repeats:
            after = before or after or "1"
        document: dict[str, Any] = {**more, "results": found}
        if after is not None:
            document["paging"] = {"next": {"after": after, "link": "ignored"}}
        return Answer(document=document)
