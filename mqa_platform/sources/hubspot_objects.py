"""HubSpot's CRM objects: listed once, searched by change afterwards, deletions last.

Belongs here: the three parts of reading an object, its properties and associations, and the history of
properties. Does not belong here: streams without search (``hubspot_streams``).

A search goes on from the greatest id that it has given, inside a fixed window of modification time. So
neither the 10,000 results a search is limited to, nor records that share a moment, nor records that
change while they are read make one slip through: what changes leaves the window for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from mqa_platform.sources.connection import Page
from mqa_platform.sources.http_client import Client
from mqa_platform.sources.http_connection import HttpConnection, Part, State
from mqa_platform.sources.hubspot_streams import (
    OVERLAP,
    Walk,
    is_since,
    milliseconds,
    moment,
    next_after,
)

# Longer queries are refused by proxies; such names are asked for in the body of a second request.
_QUERY_MOST: Final = 6_000
_NEVER: Final = "1970-01-01T00:00:00+00:00"
_MODES: Final[dict[str, State]] = {
    "full": {"after": "", "began": ""},
    "archived": {"after": "", "since": "", "began": ""},
    "changed": {"since": _NEVER, "until": "", "last": 0},
}


@dataclass(frozen=True)
class CrmObjects:
    """One kind of CRM object, deletions included."""

    name: str
    scope: str
    associations: tuple[str, ...] = ()
    modified: str = "hs_lastmodifieddate"

    def pages(
        self, connection: HttpConnection, client: Client, cursor: str | None
    ) -> Iterator[Page]:
        """All objects and all deletions once; afterwards what changed and what was deleted."""
        return _Reading(self, Walk(connection, client, self.name, self.scope)).pages(cursor)

    def probe(self, client: Client) -> None:
        """One object."""
        client.ask("GET", f"/crm/v3/objects/{self.name}", {"limit": 1}, grant=self.scope)


@dataclass(frozen=True)
class PropertyHistory:
    """Former values of some properties, a change a line, in the form of Fivetran's table.

    ``key`` is what the object's id is called in a line.
    """

    name: str
    object: CrmObjects
    key: str
    properties: tuple[str, ...]

    def pages(
        self, connection: HttpConnection, client: Client, cursor: str | None
    ) -> Iterator[Page]:
        """All changes once; afterwards those of the records that changed."""
        walk = Walk(connection, client, self.name, self.object.scope)
        return _HistoryReading(self, walk).pages(cursor)

    def probe(self, client: Client) -> None:
        """One record."""
        self.object.probe(client)


class _Reading:
    """One pass over a stream of objects."""

    page_size = 100
    has_deletions = True

    def __init__(self, kind: CrmObjects, walk: Walk) -> None:
        self.kind = kind
        self.walk = walk
        self.path = f"/crm/v3/objects/{kind.name}"

    def pages(self, cursor: str | None) -> Iterator[Page]:
        connection, stream = self.walk.connection, self.walk.stream
        state = connection.state(stream, cursor, _MODES)
        if cursor is None and connection.source.since is not None:
            # Only what changed since: the customer wants no older history.
            state = {"mode": "changed", "since": f"{connection.source.since}T00:00:00+00:00"}
            state["page"] = 0
        if state["mode"] == "full":
            state = yield from self._full(state)
        if state["mode"] == "archived":
            state = yield from self._archived(state)
        state = yield from self._changed(state)
        if state["mode"] == "archived":
            yield from self._archived(state)

    @cached_property
    def names(self) -> list[str]:
        """Every property of the object, the customer's own included."""
        answer = self.walk.ask(f"/crm/v3/properties/{self.kind.name}", {})
        return sorted(str(one["name"]) for one in self.walk.objects(answer) if one.get("name"))

    def listing(self, archived: bool) -> dict[str, Any]:
        """The query of the list."""
        query = {"archived": str(archived).lower()}
        joined = ",".join(self.names)
        if len(joined) <= _QUERY_MOST:
            query["properties"] = joined
        if self.kind.associations and not archived:
            query["associations"] = ",".join(self.kind.associations)
        return query

    def completed(self, found: list[dict[str, Any]], archived: bool) -> list[dict[str, Any]]:
        """Listed objects with the properties and associations that the list itself left out."""
        inputs = _inputs(found)
        if inputs and len(",".join(self.names)) > _QUERY_MOST:
            query = {"archived": str(archived).lower()}
            body = {"properties": self.names, "inputs": inputs}
            answer = self._post(f"{self.path}/batch/read", body, query)
            known = {str(one.get("id")): one for one in self.walk.objects(answer)}
            for one in found:
                one["properties"] = known.get(str(one.get("id")), one).get("properties") or {}
        for to in self.kind.associations:
            cut = [one for one in found if next_after((one.get("associations") or {}).get(to))]
            self._associate(cut, to)
        return found

    def records(self, found: list[dict[str, Any]], since: str) -> list[dict[str, Any]]:
        """The lines that found objects give; a search gives no associations, so they are asked for."""
        for to in self.kind.associations:
            self._associate(found, to)
        return found

    def _full(self, state: State) -> Part:
        self.names  # noqa: B018 (asked first: its answer shows the service's clock)
        began = state.get("began") or self.walk.now()
        done = {"mode": "archived", "began": began}
        if not self.has_deletions:
            done = {"mode": "changed", "since": began}
        pages = self.walk.listed(
            self.path, self.listing(archived=False), state.get("after"), self.page_size
        )
        for found, after in pages:
            records = self.completed(found, archived=False)
            then = {"mode": "full", "after": after, "began": began} if after else dict(done)
            if records:
                yield self.walk.connection.page(self.walk.stream, state, records, then)
        return {**done, "page": state["page"]}

    def _archived(self, state: State) -> Part:
        self.names  # noqa: B018 (asked first: its answer shows the service's clock)
        began = state.get("began") or self.walk.now()
        since = state.get("since", _NEVER)
        least = (moment(since) - OVERLAP) if since != _NEVER else moment(_NEVER)
        done = {"mode": "changed", "since": began}
        pages = self.walk.listed(self.path, self.listing(archived=True), state.get("after"))
        for found, after in pages:
            new = [one for one in found if is_since(one.get("archivedAt"), least)]
            going = {"mode": "archived", "after": after, "since": since, "began": began}
            then = going if after else dict(done)
            if new:
                records = self.completed(new, archived=True)
                yield self.walk.connection.page(self.walk.stream, state, records, then)
        return {**done, "page": state["page"]}

    def _changed(self, state: State) -> Part:
        properties = self.names  # asked first: its answer shows the service's clock
        since, until = state["since"], state.get("until") or self.walk.now()
        last, more = state.get("last", 0), True
        done = {"mode": "archived", "since": since, "began": until}
        if not self.has_deletions:
            done = {"mode": "changed", "since": until}
        while more:
            answer = self._post(f"{self.path}/search", self._search(properties, since, until, last))
            found = self.walk.objects(answer)
            more = bool(found) and next_after(answer) is not None
            if found:
                before, last = last, self._greatest(found, last)
                if more and last == before:
                    raise self.walk.back(last, "leads back to a page already given")
                going = {"mode": "changed", "since": since, "until": until, "last": last}
                records = self.records(found, since)
                then = going if more else dict(done)
                if records:
                    yield self.walk.connection.page(self.walk.stream, state, records, then)
        return {**done, "page": state["page"]}

    def _search(self, properties: list[str], since: str, until: str, last: int) -> dict[str, Any]:
        modified = {"propertyName": self.kind.modified}
        least, end = moment(since) - OVERLAP, moment(until)
        filters = [
            {**modified, "operator": "GTE", "value": str(milliseconds(least))},
            {**modified, "operator": "LT", "value": str(milliseconds(end))},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)},
        ]
        return {
            "limit": self.page_size,
            "properties": properties,
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "filterGroups": [{"filters": filters}],
        }

    def _greatest(self, found: list[dict[str, Any]], last: int) -> int:
        """The last id of a page whose ids must rise; otherwise going on from it would lose records."""
        # A record without an id lands as the defect that it is; the others lead on.
        for text in [one["id"] for one in _inputs(found)]:
            if not text.isdecimal() or int(text) <= last:
                raise self.walk.back(text, "leads back to a page already given")
            last = int(text)
        return last

    def _associate(self, found: list[dict[str, Any]], to: str) -> None:
        inputs = _inputs(found)
        known: dict[str, list[Any]] = {one["id"]: [] for one in inputs}
        been: set[tuple[str, str]] = set()
        while inputs:
            path = f"/crm/v3/associations/{self.kind.name}/{to}/batch/read"
            answer = self._post(path, {"inputs": inputs})
            inputs = []
            for one in self.walk.objects(answer):
                id_, after = str((one.get("from") or {}).get("id")), next_after(one)
                known.setdefault(id_, []).extend(one.get("to") or [])
                if after is not None:
                    if (id_, after) in been:
                        raise self.walk.back(after, f"of {to} leads back to a page already given")
                    been.add((id_, after))
                    inputs.append({"id": id_, "after": after})
        for one in found:
            if linked := known.get(str(one.get("id"))):
                one["associations"] = {**(one.get("associations") or {}), to: {"results": linked}}

    def _post(self, path: str, body: Any, query: dict[str, Any] | None = None) -> Any:
        return self.walk.client.ask("POST", path, query, body, grant=self.kind.scope)


class _HistoryReading(_Reading):
    """One pass over the history of some properties."""

    page_size = 50  # HubSpot's limit where a history is asked for
    has_deletions = False

    def __init__(self, history: PropertyHistory, walk: Walk) -> None:
        super().__init__(history.object, walk)
        self.history = history

    def listing(self, archived: bool) -> dict[str, Any]:
        return {"archived": "false", "propertiesWithHistory": ",".join(self.history.properties)}

    def completed(self, found: list[dict[str, Any]], archived: bool) -> list[dict[str, Any]]:
        return [change for one in found for change in self._changes(one)]

    def records(self, found: list[dict[str, Any]], since: str) -> list[dict[str, Any]]:
        inputs = _inputs(found)
        if not inputs:
            return []
        body = {
            "inputs": inputs,
            "properties": [],
            "propertiesWithHistory": list(self.history.properties),
        }
        answer = self._post(f"{self.path}/batch/read", body)
        least = moment(since) - OVERLAP
        changes = self.completed(self.walk.objects(answer), archived=False)
        return [one for one in changes if is_since(one["timestamp"], least)]

    def _changes(self, one: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for name, versions in (one.get("propertiesWithHistory") or {}).items():
            for version in versions or []:
                yield {
                    self.history.key: one.get("id"),
                    "name": name,
                    "value": version.get("value"),
                    "timestamp": version.get("timestamp"),
                    "source": version.get("sourceType"),
                    "source_id": version.get("sourceId"),
                }


def _inputs(found: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The records of a page as a batch asks for them, each once; one without an id cannot be."""
    ids = [str(one["id"]) for one in found if one.get("id") not in (None, "")]
    return [{"id": id_} for id_ in dict.fromkeys(ids)]
