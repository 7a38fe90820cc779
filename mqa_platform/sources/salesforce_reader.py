"""One stream, read from its cursor: windows of changes, by REST while small, by Bulk when large.

Belongs here: which way a window is read, what follows a break, and the cursor after every page. Does
not belong here: SOQL (``salesforce_soql``), jobs (``salesforce_bulk``) or files (``pulled``).

Pages follow the server's query locator as long as it lives. A locator ends with its session, or after
some minutes, so every page also has its own place in the stream: the key of its last record. A break,
or a killed run, goes on from that key, and no record of the same second is skipped or read twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote_plus

from mqa_platform.sources import salesforce_bulk as bulk
from mqa_platform.sources.connection import BadCursorError, UnreachableError
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_org import BROKEN, NOT_IN_BULK, Org, RefusedError
from mqa_platform.sources.salesforce_rows import Record, key, plain
from mqa_platform.sources.salesforce_soql import Cursor, Shape, count, question, shape

# Ten pages of REST. A job costs four requests and a wait of minutes, so below that it is the slower way.
BULK_FROM: Final = 20_000
# REST takes a query in the address, of at most 16,384 bytes with headers; a job takes it in its body.
LONGEST_QUERY: Final = 12_000
PAGE_ROWS: Final = 2_000
_ONWARD: Final = re.compile(r"^/services/data/v\d+\.\d/query(All)?/[A-Za-z0-9-]{1,100}$")
_SIZED: Final = {"Sforce-Query-Options": f"batchSize={PAGE_ROWS}"}


@dataclass(frozen=True)
class Read:
    """Records of one page and the cursor once they are committed."""

    records: list[Record]
    cursor: Cursor


class Reader:
    """Reads one stream.

    Args:
        org: whom to ask.
        stream: the object.
        bulk_from: windows with more rows are read in bulk.
    """

    def __init__(self, org: Org, stream: str, bulk_from: int = BULK_FROM) -> None:
        self.org = org
        self.stream = stream
        self.bulk_from = bulk_from
        self.place = f"{org.name} (Salesforce object {stream})"

    def describe(self) -> Shape:
        """Which fields the object has for us.

        Raises:
            PermissionLostError: the object is not there for this user.
            SourceError: it cannot be read in windows; and see ``Org.ask``.
        """
        path = f"sobjects/{self.stream}/describe"
        found = self.org.ask(self.stream, lambda client: client.restful(path))
        if isinstance(found, dict) and found.get("queryable") is False:
            raise self.org.refused(self.stream, "INVALID_TYPE", "the object is not queryable")
        return shape(self.stream, found)

    def pages(self, cursor: Cursor) -> Iterator[Read]:
        """What changed since the cursor, oldest first where REST gives it.

        An open window is read to its end, and then what changed since it was opened.

        Raises:
            BadCursorError: the org leads back to a page that it has given.
            SourceError: and its kinds, see ``Org.ask``.
        """
        of = self.describe()
        until = self.org.now()
        if cursor.until is not None:
            for read in self._window(of, cursor):
                yield read
                cursor = read.cursor
            cursor = cursor.closed() if cursor.until is not None else cursor
        if cursor.since < until:
            yield from self._window(of, cursor.opened(until))

    def _window(self, of: Shape, window: Cursor) -> Iterator[Read]:
        if window.job:
            try:
                for read in self._results(window):
                    yield read
                    window = read.cursor
            except bulk.JobLostError:
                # Its results have no order to go on from, so the window is read anew.
                window = replace(window, job="", locator="")
            else:
                return
        if len(quote_plus(question(of, window))) > LONGEST_QUERY:
            yield from self._in_bulk(of, _without_key(window), may_rest=False)
        elif window.after is None and self._is_large(of, window):
            yield from self._in_bulk(of, window, may_rest=True)
        else:
            yield from self._by_rest(of, window)

    def _is_large(self, of: Shape, window: Cursor) -> bool:
        found = self._query(count(of, window))
        # A window that cannot even be counted in two minutes is one for a job.
        return found is None or int(found.get("totalSize") or 0) > self.bulk_from

    def _in_bulk(self, of: Shape, window: Cursor, may_rest: bool) -> Iterator[Read]:
        try:
            job = bulk.start(self.org, self.stream, question(of, window, ordered=False))
        except RefusedError as error:
            if error.code not in NOT_IN_BULK or not may_rest:
                raise
            yield from self._by_rest(of, window)
            return
        try:
            yield from self._results(replace(window, job=job, locator=""))
        except bulk.JobLostError as error:
            raise UnreachableError(
                self.place, f"query job {job} is gone while it is read ({error})", "Run again."
            ) from None

    def _results(self, window: Cursor) -> Iterator[Read]:
        bulk.wait(self.org, self.stream, window.job)
        seen = {window.locator}
        while True:
            found = bulk.page(self.org, self.stream, window.job, window.locator)
            is_last = not found.locator
            window = replace(window, locator=found.locator, pages=window.pages + 1)
            if found.records:
                yield Read(found.records, window.closed() if is_last else window)
            if is_last:
                # Without a last page there is no cursor that has left the job behind.
                if found.records:
                    bulk.forget(self.org, window.job)
                return
            if found.locator in seen:
                raise self._repeated(found.locator)
            seen.add(found.locator)

    def _by_rest(self, of: Shape, window: Cursor) -> Iterator[Read]:
        seen: set[str] = set()
        result = self._query(question(of, window))
        while result is not None:
            records = plain(result["records"], of.fields)
            onward = None if result.get("done") else str(result.get("nextRecordsUrl"))
            if records:
                last = key(records[-1], of.stamp)
                if last is None:
                    raise SourceError(
                        self.place, f"gives a record without Id or {of.stamp}", "Run again."
                    )
                if last == window.after:
                    raise self._repeated(last[1])
                window = replace(window, after=last, pages=window.pages + 1)
                yield Read(records, window if onward else window.closed())
            if onward is None:
                return
            if onward in seen or not _ONWARD.match(onward):
                raise self._repeated(onward)
            seen.add(onward)
            result = self._more(onward) or self._query(question(of, window))
        # Two minutes are not enough for the query, so a job does what is left.
        yield from self._in_bulk(of, _without_key(window), may_rest=False)

    def _query(self, soql: str) -> dict[str, Any] | None:
        """The first page of a query, deleted records among it; None when it broke off."""
        return self._unbroken(
            lambda client: client.query(soql, include_deleted=True, headers=_SIZED)
        )

    def _more(self, onward: str) -> dict[str, Any] | None:
        return self._unbroken(
            lambda client: client.query_more(onward, identifier_is_url=True, headers=_SIZED)
        )

    def _unbroken(self, call: Any) -> dict[str, Any] | None:
        try:
            found = self.org.ask(self.stream, call)
        except RefusedError as error:
            if error.code in BROKEN:
                return None
            raise
        is_result = isinstance(found, dict) and isinstance(found.get("records"), list)
        if not is_result or "done" not in found:
            raise UnreachableError(
                self.place, "answers a query with what is no result of one", "Run again."
            )
        return found

    def _repeated(self, where: str) -> BadCursorError:
        return BadCursorError(
            self.place,
            f"leads from a page back to {where[:100]!r}, which it has given before",
            "What has landed stays; the next run goes on behind the last page. Tell Salesforce's support.",
        )


def _without_key(window: Cursor) -> Cursor:
    """The rest of a window for a job, whose results have no order: from the second last reached."""
    return window if window.after is None else replace(window, since=window.after[0], after=None)
