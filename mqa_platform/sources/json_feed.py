"""A feed of JSON items behind an address: intent, triggers, whatever a vendor offers without its own client.

Belongs here: finding the items and the next page in an answer. Does not belong here: what the items mean;
the connector that ``reads_as`` names reads them.

An answer is an array, or an object with ``items``, ``results`` or ``data``. The next page is a link
(``next``, or a Link header) or a ``next_cursor``, which is sent back as ``cursor``. A feed that ends
without either is read from its beginning the next time, since nobody says in which order it grows;
pages that are the same as before are known by their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from requests.utils import parse_header_links

from mqa_platform.sources.connection import Page, Spec
from mqa_platform.sources.http_client import Client, RefusedError
from mqa_platform.sources.http_connection import HttpConnection
from mqa_platform.sources.http_limits import Limits, shown
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.secret_parameters import redacted, secret_names
from mqa_platform.sources.tokens import StaticToken

STREAM: Final = "items"
_HOLDERS: Final = ("items", "results", "data")
# Some services answer with empty pages on the way; hundreds in a row are a service gone wrong.
_EMPTY_MOST: Final = 100
_GONE: Final = (400, 404, 410)


class JsonFeedConnection(HttpConnection):
    """One feed; the token, if it needs one, is in ``MQA_<SOURCE>_TOKEN``."""

    @property
    def variable(self) -> str:
        """The environment variable of the token."""
        return f"MQA_{self.name.upper()}_TOKEN"

    def spec(self) -> Spec:
        """Settings, the token's variable, and the one stream."""
        return Spec(
            "json_feed",
            f"JSON items of {redacted(self.source.url or '')}, read as {self.source.reads_as}",
            ("url", "reads_as"),
            (self.variable,),
            (STREAM,),
        )

    def client(self, limits: Limits) -> Client:
        """A conversation with the feed; without a token no header is sent.

        Raises:
            SourceError: the url holds a secret; sources.yaml is shared, printed and kept in git.
        """
        if names := secret_names(self.source.url or ""):
            raise SourceError(
                self.name,
                f"url holds a secret in its query ({', '.join(names)})",
                f"Take it out of url; the token goes by header: set it in {self.variable}.",
            )
        tokens = StaticToken(self.variable, self.environment, needed=False)
        return Client(self.name, self.source.url or "", limits, tokens)

    def streams(self) -> list[str]:
        """The one stream there is."""
        return [STREAM]

    def probe(self, client: Client, stream: str) -> None:
        """The first page."""
        self._items(client.ask("GET", self._start))

    def read(self, client: Client, stream: str, cursor: str | None) -> Iterator[Page]:
        """Page after page from the cursor, or from the beginning."""
        state = self.state(stream, cursor, {"feed": {"at": ""}})
        kept = str(state.get("at") or "/")
        if not kept.startswith("/") or kept.startswith("//"):
            raise self.bad_cursor(stream, cursor, "leads to another place")
        if secret_names(kept):
            raise self.bad_cursor(stream, redacted(kept), "holds a secret")
        first = urljoin(self._start, kept) if "at" in state else self._start
        answer, at = self._answer(client, client.address(first))
        been, contents, empty = {at}, set(), 0
        while True:
            items = self._items(answer)
            following, goes_on = self._next(client, answer, at)
            if items:
                mark = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).digest()
                if mark in contents:
                    raise self.bad_cursor(stream, _query(at), "gives a page again")
                contents.add(mark)
                begun_anew = {"page": 0} if following is None else {}
                then = {"mode": "feed", "at": following and _within(following), **begun_anew}
                yield self.page(stream, state, items, then)
            empty = 0 if items else empty + 1
            if following is None or not goes_on:
                return
            if following in been or empty > _EMPTY_MOST:
                raise self.bad_cursor(
                    stream, _query(following), "leads back to a page already given"
                )
            been.add(following)
            answer, at = client.ask("GET", following), following

    @property
    def _start(self) -> str:
        url = self.source.url or ""
        return url if urlsplit(url).path else f"{url}/"

    def _answer(self, client: Client, at: str) -> tuple[Any, str]:
        """(first answer, its address); where the service has forgotten it, the beginning again."""
        try:
            return client.ask("GET", at), at
        except RefusedError as error:
            if at == self._start or error.status not in _GONE:
                raise
        return client.ask("GET", self._start), self._start

    def _items(self, answer: Any) -> list[Any]:
        if isinstance(answer, list):
            return answer
        if isinstance(answer, dict):
            for holder in _HOLDERS:
                if isinstance(answer.get(holder), list):
                    return list(answer[holder])
        raise SourceError(
            self.name,
            f"an answer is neither an array nor an object with {', '.join(_HOLDERS)}",
            "Check url; the feed must give its items in one of these.",
        )

    def _next(self, client: Client, answer: Any, at: str) -> tuple[str | None, bool]:
        """(address of the next page, whether it is there already)."""
        link: Any = None
        goes_on = True
        if isinstance(answer, dict):
            token = answer.get("next_cursor")
            goes_on = answer.get("has_more") is not False
            if isinstance(token, str | int) and not isinstance(token, bool) and token != "":
                return _with_cursor(at, str(token)), goes_on
            link = answer.get("next")
        if not isinstance(link, str) or not link:
            link = _linked(client.last_headers)
        if not link:
            return None, False
        # Our token goes by header; one that a service writes into its links must not be kept.
        address = _without(client.address(urljoin(at, link)), client.tokens.secrets)
        if names := secret_names(address):
            raise SourceError(
                f"{self.name} ({shown(address)})",
                f"names its next page by a link with a secret of its own ({', '.join(names)}), "
                "which no cursor may keep",
                "Ask the service's owner for links without it; the token of "
                f"{self.variable} goes by header.",
            )
        return address, goes_on


def _linked(headers: Mapping[str, str]) -> str | None:
    for link in parse_header_links(headers.get("Link", "")):
        if link.get("rel") == "next":
            return str(link["url"])
    return None


def _with_cursor(address: str, cursor: str) -> str:
    parts = urlsplit(address)
    kept = [(name, value) for name, value in parse_qsl(parts.query, True) if name != "cursor"]
    return parts._replace(query=urlencode([*kept, ("cursor", cursor)]), fragment="").geturl()


def _without(address: str, secrets: tuple[str, ...]) -> str:
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query, True)
    kept = [(name, value) for name, value in pairs if value not in secrets]
    if len(kept) == len(pairs):
        return address
    return parts._replace(query=urlencode(kept)).geturl()


def _within(address: str) -> str:
    """An address without its host: the source may move, and a cursor names no other place."""
    return urlsplit(address)._replace(scheme="", netloc="", fragment="").geturl()


def _query(address: str) -> str:
    """What of an address tells pages apart, for messages."""
    return urlsplit(address).query or urlsplit(address).path
