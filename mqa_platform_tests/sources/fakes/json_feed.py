"""A feed of JSON items on 127.0.0.1, in each of the forms that feeds have.

Belongs here: items, pages and ways to name the next one. Does not belong here: faults and the log
(``server``).
"""

from __future__ import annotations

from typing import Any, Literal

from mqa_platform.local_services.server import Answer, Asked
from mqa_platform_tests.sources.fakes.server import Fake

TOKEN = "feed-token-do-not-show"
Form = Literal["array", "items", "results", "data", "link", "header", "has_more"]


class FakeFeed(Fake):
    """``form`` says how an answer holds its items and names the next page."""

    def __init__(self, items: list[Any], form: Form = "items", page_size: int = 2) -> None:
        self.items = items
        self.form = form
        self.page_size = page_size
        self.token: str | None = TOKEN
        self.repeats = False
        self.endless = False
        self.next_link: str | None = None
        # What the feed adds to the query of its links.
        self.link_query = ""
        self.forgotten: set[str] = set()
        super().__init__()

    def answer(self, asked: Asked) -> Answer:
        if self.token and asked.headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(401, {"error": "unauthorised"})
        cursor = asked.query.get("cursor", "0")
        if cursor in self.forgotten:
            return Answer(410, {"error": "cursor expired"})
        start = 0 if self.endless else int(cursor)
        end = start + self.page_size
        found, onward = self.items[start:end], str(end) if end < len(self.items) else None
        if self.repeats:
            onward = cursor if cursor != "0" else "2"
        if self.endless:
            onward = str(int(cursor) + 1)
        return self._formed(found, onward, end)

    def _formed(self, found: list[Any], onward: str | None, end: int) -> Answer:
        link = self.next_link or (f"/feed?cursor={onward}{self.link_query}" if onward else None)
        if self.form == "array":
            return Answer(document=found)
        if self.form == "header":
            linked = {"Link": f'<{self.url}{link}>; rel="next"'} if link else {}
            return Answer(document=found, headers=linked)
        if self.form == "link":
            return Answer(document={"items": found, "next": link})
        if self.form == "has_more":
            more = onward is not None
            at = str(min(end, len(self.items)))
            return Answer(document={"data": found, "next_cursor": at, "has_more": more})
        return Answer(document={self.form: found, "next_cursor": onward})
