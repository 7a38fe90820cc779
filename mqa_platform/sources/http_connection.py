"""What every service read by our own client has in common: limits, one stream after the other, checks.

Belongs here: going through the streams of a source so that one refusal does not stop the others, and
saying in one status what a check found. Does not belong here: any one service's addresses.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from mqa_platform.sources.connection import (
    BadCursorError,
    Connection,
    Page,
    PermissionLostError,
    Reach,
    UnreachableError,
)
from mqa_platform.sources.http_client import Client
from mqa_platform.sources.http_limits import Limits
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.pulled import sweep, write_page
from mqa_platform.sources.stream_reading import known_form, stream_pages

State = dict[str, Any]
# A part of a stream: its pages, and the state that follows when the part is complete.
Part = Generator[Page, None, State]


class HttpConnection(Connection):
    """A service with streams; a subclass says how to reach it and how one stream is read."""

    limits: ClassVar[Limits] = Limits()

    @abstractmethod
    def client(self, limits: Limits) -> Client:
        """A conversation with the service; raises SourceError when a secret is not set."""

    @abstractmethod
    def streams(self) -> list[str]:
        """The streams to read, in order; raises SourceError for one that there is not."""

    @abstractmethod
    def read(self, client: Client, stream: str, cursor: str | None) -> Iterator[Page]:
        """The pages of one stream after a cursor."""

    @abstractmethod
    def probe(self, client: Client, stream: str) -> None:
        """Ask one cheap question of a stream; raises what ``read`` would."""

    def pages(self, cursors: Mapping[str, str]) -> Iterator[Page]:
        """Every stream in order; a refused one does not keep the others from being read.

        A stream whose cursor is refused before its first page is read anew from its beginning.

        Raises:
            PermissionLostError, BadCursorError, SourceError: the first, after all streams.
            UnreachableError: at once; the other streams are at the same service.
        """
        sweep(self.home, self.name)
        refused: list[SourceError] = []
        with self.client(self.limits.adjusted(self.environment)) as client:
            for stream in self.streams():
                try:
                    read = partial(self.read, client, stream)
                    yield from stream_pages(self._place(stream), read, cursors.get(stream))
                except UnreachableError:
                    raise
                except SourceError as error:
                    refused.append(error)
        if refused:
            raise refused[0]

    def check(self) -> Reach:
        """One question a stream, with little patience."""
        try:
            limits = self.limits.adjusted(self.environment)
            quick = replace(
                limits,
                attempts=min(2, limits.attempts),
                total_seconds=min(30.0, limits.total_seconds),
            )
            with self.client(quick) as client:
                return _reach(self.streams(), partial(self._probed, client))
        except UnreachableError as error:
            return Reach("unreachable", str(error), error.remedy)
        except SourceError as error:
            return Reach("misconfigured", error.reason, error.remedy)

    def _probed(self, client: Client, stream: str) -> None:
        with known_form(self._place(stream)):
            self.probe(client, stream)

    def _place(self, stream: str) -> str:
        return f"{self.name} ({stream})"

    def page(self, stream: str, state: State, records: Iterable[Any], then: State) -> Page:
        """Write one page and give it the cursor of what follows it.

        Args:
            stream: which stream.
            state: where the stream stood before; ``page`` in it counts the pages.
            records: the page's records.
            then: where the stream stands after the page; a ``page`` in it starts the count anew.
        """
        number = int(state.get("page", 0))
        path = write_page(self.home, self.name, stream, number, records)
        state["page"] = number + 1
        then.setdefault("page", number + 1)
        return Page(path, stream, self.cursor(stream, then))

    def cursor(self, stream: str, state: State) -> str:
        """A state as the text that the ledger keeps."""
        kept = {name: value for name, value in state.items() if value is not None}
        return json.dumps({"stream": stream, **kept}, sort_keys=True)

    def state(self, stream: str, cursor: str | None, modes: Mapping[str, State]) -> State:
        """The state that a cursor holds; without a cursor, the first of ``modes``.

        Args:
            stream: which stream the cursor must be of.
            cursor: what the ledger keeps.
            modes: mode → an example of each further key; one that is not empty must be there.

        Raises:
            BadCursorError: no JSON object, of another stream, or with a value of another form.
        """
        if cursor is None:
            return {"mode": next(iter(modes)), "page": 0}
        try:
            state = json.loads(cursor)
        except (ValueError, RecursionError):
            state = None
        if not isinstance(state, dict) or state.pop("stream", None) != stream:
            raise self.bad_cursor(stream, cursor, "is no cursor of this stream")
        known = modes.get(str(state.get("mode")))
        if known is None or not _fits(state, {"mode": "", "page": 0, **known}):
            raise self.bad_cursor(stream, cursor, "holds what this stream does not know")
        return {"page": 0, **state}

    def bad_cursor(self, stream: str, cursor: object, what: str) -> BadCursorError:
        """The error that names a cursor, cut to what fits a message."""
        return BadCursorError(
            self._place(stream),
            f"cursor {str(cursor)[:120]!r} {what}",
            "Pages already read have landed. If it stays so, report it to the service's owner.",
        )


def _fits(state: State, known: State) -> bool:
    formed = all(
        name in known and type(value) is type(known[name]) for name, value in state.items()
    )
    needed = all(name in state for name, example in known.items() if example)
    return formed and needed and state.get("page", 0) >= 0


def _reach(streams: list[str], probe: Callable[[str], None]) -> Reach:
    """Ask each stream; permissions lost are told together, because one person mends them all."""
    lost: list[tuple[str, PermissionLostError]] = []
    for stream in streams:
        try:
            probe(stream)
        except PermissionLostError as error:
            lost.append((stream, error))
    if not lost:
        return Reach("ok", f"{len(streams)} streams answer: {', '.join(streams)}")
    remedies = dict.fromkeys(error.remedy for _, error in lost)
    return Reach(
        "lost_permission",
        "; ".join(f"{stream}: {error.reason}" for stream, error in lost),
        " ".join(remedies),
    )
