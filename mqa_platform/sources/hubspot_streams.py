"""HubSpot's streams that are read by position: owners and legacy engagements; and what all streams share.

Belongs here: the shape of a stream, paging by a cursor of HubSpot's, its clock. Does not belong here: CRM
objects with their search and associations (``hubspot_objects``), or credentials (``hubspot_api``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

from mqa_platform.sources.connection import BadCursorError, Page
from mqa_platform.sources.http_client import Client, RefusedError
from mqa_platform.sources.http_connection import HttpConnection, Part, State
from mqa_platform.sources.landed import SourceError

# The search index and the clocks of HubSpot's machines lag by moments; minutes are safe and cheap.
OVERLAP: Final = timedelta(minutes=5)
# What /recent/modified goes back, less a day in hand; older changes need the whole list.
_RECENT: Final = timedelta(days=29)
_RECENT_MOST: Final = 10_000
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stream(Protocol):
    """One stream of a HubSpot account."""

    @property
    def name(self) -> str:
        """As sources.yaml names it."""

    def pages(
        self, connection: HttpConnection, client: Client, cursor: str | None
    ) -> Iterator[Page]:
        """From the cursor to now."""

    def probe(self, client: Client) -> None:
        """Ask for the least there is."""


@dataclass(frozen=True)
class Owners:
    """Users who own records: few, and without a search, so that all are read each time."""

    name: str
    scope: str

    def pages(
        self, connection: HttpConnection, client: Client, cursor: str | None
    ) -> Iterator[Page]:
        """Active owners, then archived ones, each time from the beginning.

        Going on from a cursor would leave out whoever was added before it, for as long as the pages
        behind it stay the same: the ledger moves no cursor for a page that comes as it came before.
        """
        connection.state(self.name, cursor, {"active": {"after": ""}, "archived": {"after": ""}})
        state: State = {"mode": "active", "page": 0}
        state = yield from self._part(connection, client, state, "archived")
        yield from self._part(connection, client, state, "active")

    def probe(self, client: Client) -> None:
        """One owner."""
        client.ask("GET", "/crm/v3/owners", {"limit": 1}, grant=self.scope)

    def _part(
        self, connection: HttpConnection, client: Client, state: State, following: str
    ) -> Part:
        archived = {"archived": str(state["mode"] == "archived").lower()}
        walk = Walk(connection, client, self.name, self.scope)
        for found, after in walk.listed("/crm/v3/owners", archived, None):
            then: State = {"mode": state["mode"], "after": after} if after else {"mode": following}
            if then["mode"] == "active" and after is None:
                # The next run reads the same pages, which are then known by name and content.
                then["page"] = 0
            if found:
                yield connection.page(self.name, state, found, then)
        return {"mode": following, "page": state["page"]}


@dataclass(frozen=True)
class Engagements:
    """Calls, e-mails, meetings, tasks and notes in HubSpot's legacy envelope, associations included."""

    name: str
    scope: str

    def pages(
        self, connection: HttpConnection, client: Client, cursor: str | None
    ) -> Iterator[Page]:
        """All of them once; afterwards those that changed, newest first, as HubSpot gives them."""
        state = connection.state(
            self.name,
            cursor,
            {
                "full": {"offset": 0, "began": ""},
                "changed": {"since": "1970-01-01", "until": "", "offset": 0},
            },
        )
        walk = Walk(connection, client, self.name, self.scope)
        if state["mode"] == "changed" and self._is_beyond_recent(walk, state):
            state = {"mode": "full", "page": state["page"]}
        if state["mode"] == "full":
            began = state.get("began") or walk.now()
            path, query = "/engagements/v1/engagements/paged", {"limit": 250}
            going = {"mode": "full", "began": began}
            state = yield from self._walked(walk, path, query, state, going, began)
        until = state.get("until") or walk.now()
        since = moment(state["since"]) - OVERLAP
        path, query = "/engagements/v1/engagements/recent/modified", {"count": 100}
        going = {"mode": "changed", "since": state["since"], "until": until}
        query["since"] = milliseconds(since)
        yield from self._walked(walk, path, query, state, going, until)

    def probe(self, client: Client) -> None:
        """One engagement."""
        client.ask("GET", "/engagements/v1/engagements/paged", {"limit": 1}, grant=self.scope)

    def _walked(
        self, walk: Walk, path: str, query: dict[str, Any], state: State, going: State, until: str
    ) -> Part:
        done = {"mode": "changed", "since": until}
        offset = state.get("offset")
        for found, following in walk.offsets(path, query, offset):
            then = dict(done) if following is None else {**going, "offset": following}
            if found:
                yield walk.connection.page(self.name, state, found, then)
        return {**done, "page": state["page"]}

    def _is_beyond_recent(self, walk: Walk, state: State) -> bool:
        since = moment(state["since"])
        if moment(walk.now()) - since > _RECENT:
            return True
        query = {"count": 1, "since": milliseconds(since - OVERLAP)}
        answer = walk.ask("/engagements/v1/engagements/recent/modified", query)
        return int(answer.get("total") or 0) >= _RECENT_MOST


@dataclass(frozen=True)
class Walk:
    """Going through one stream's pages, never to the same place twice."""

    connection: HttpConnection
    client: Client
    stream: str
    scope: str

    def now(self) -> str:
        """The time by HubSpot's clock or ours, whichever is earlier: nothing later has been given yet."""
        ours = datetime.now(UTC)
        try:
            theirs = parsedate_to_datetime(self.client.last_headers.get("Date", ""))
        except (TypeError, ValueError):
            theirs = ours
        return min(ours, theirs.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")

    def ask(self, path: str, query: dict[str, Any], position: object = None) -> dict[str, Any]:
        """One answer; a refused position is a bad cursor.

        Raises:
            BadCursorError: HubSpot does not take the position (400, 404, 410).
        """
        try:
            answer = self.client.ask("GET", path, query, grant=self.scope)
        except RefusedError as error:
            if position is not None and error.status in (400, 404, 410):
                raise self.back(position, f"is not taken ({error.reason})") from None
            raise
        return answer if isinstance(answer, dict) else {}

    def listed(
        self, path: str, query: dict[str, Any], after: str | None, most: int = 100
    ) -> Iterator[tuple[list[dict[str, Any]], str | None]]:
        """(objects, next position) of every page by ``paging.next.after``."""
        been = {after}
        while True:
            at = {"after": after} if after else {}
            answer = self.ask(path, {"limit": most, **query, **at}, after)
            following = next_after(answer)
            yield self.objects(answer), following
            if following is None:
                return
            self._refuse_return(following, been)
            after = following

    def offsets(
        self, path: str, query: dict[str, Any], offset: int | None
    ) -> Iterator[tuple[list[dict[str, Any]], int | None]]:
        """(objects, next offset) of every page by ``hasMore`` and ``offset``."""
        been = {offset or 0}
        while True:
            at = {"offset": offset} if offset else {}
            answer = self.ask(path, {**query, **at}, offset)
            following = answer.get("offset") if answer.get("hasMore") else None
            if following is not None and type(following) is not int:
                raise self.back(following, "is no offset")
            yield self.objects(answer), following
            if following is None:
                return
            self._refuse_return(following, been)
            offset = following

    def objects(self, answer: object) -> list[dict[str, Any]]:
        """The objects of an answer.

        Raises:
            SourceError: the answer has none of HubSpot's forms.
        """
        found = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(_is_sound(one) for one in found):
            raise SourceError(
                f"{self.connection.name} ({self.stream})",
                "an answer has no list of results",
                "Check that url is HubSpot's API.",
            )
        return found

    def back(self, position: object, what: str) -> BadCursorError:
        """The error for a position of this stream."""
        return self.connection.bad_cursor(self.stream, position, what)

    def _refuse_return(self, position: Any, been: set[Any]) -> None:
        if position in been:
            raise self.back(position, "leads back to a page already given")
        been.add(position)


def _is_sound(one: object) -> bool:
    """Whether an object has the form that we go into: an id, and what it is linked to."""
    if not isinstance(one, dict) or not isinstance(one.get("id") or "", str | int):
        return False
    parts = (one.get("associations") or {}, one.get("from") or {})
    return all(isinstance(part, dict) for part in parts) and isinstance(one.get("to") or [], list)


def next_after(answer: Any) -> str | None:
    """``paging.next.after`` of an answer; None on the last page."""
    paging = answer.get("paging") if isinstance(answer, dict) else None
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return None if after in (None, "") else str(after)


def moment(text: str) -> datetime:
    """A moment of a cursor; none is before 1970, so that an overlap can always be taken off.

    Raises:
        BadCursorError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadCursorError("cursor", f"{text[:40]!r} is no moment", "Read again.") from None
    return max(_FIRST, found if found.tzinfo else found.replace(tzinfo=UTC))


def is_since(text: object, least: datetime) -> bool:
    """Whether a moment that HubSpot gives is not before another; one that is none counts as new."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return True
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) >= least


def milliseconds(when: datetime) -> int:
    """Since 1970, as HubSpot's filters want it; never before."""
    return max(0, int(when.timestamp() * 1000))
