"""A Salesforce org as a source: its objects are streams, their changes are pages.

Belongs here: the connection as ``connection`` wants it. Does not belong here: how a stream is read
(``salesforce_reader``), or what its fields mean (``salesforce`` in mapping.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, time
from functools import partial
from typing import Any, Final

from mqa_platform.sources.connection import (
    BadCursorError,
    Connection,
    Page,
    PermissionLostError,
    Reach,
    Spec,
    Status,
    UnreachableError,
)
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.pulled import sweep, write_page
from mqa_platform.sources.salesforce_login import SECRETS
from mqa_platform.sources.salesforce_org import Org
from mqa_platform.sources.salesforce_reader import BULK_FROM, Reader
from mqa_platform.sources.salesforce_soql import EARLIEST, Cursor, parse_cursor
from mqa_platform.sources.stream_reading import known_form, stream_pages

STREAMS: Final = (
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "OpportunityFieldHistory",
    "OpportunityContactRole",
    "CampaignMember",
    "Task",
    "Event",
    "User",
)


class SalesforceConnection(Connection):
    """Accounts, contacts, leads, opportunities with their history, activities and users of one org."""

    # Windows with more rows are read by a Bulk job.
    bulk_from = BULK_FROM

    @property
    def streams(self) -> tuple[str, ...]:
        """The objects to read: those of sources.yaml, else the ones a default mapping knows."""
        return tuple(dict.fromkeys(self.source.streams)) or STREAMS

    def spec(self) -> Spec:
        """What it needs; one of three kinds of credentials is enough."""
        return Spec(
            connector="salesforce_api",
            summary="Salesforce by its REST and Bulk 2.0 APIs: records, deletions and field history",
            settings=("url", "streams", "since"),
            secrets=SECRETS,
            streams=self.streams,
        )

    def check(self) -> Reach:
        """Log in, look at the request limit and describe each object; reads no record."""
        try:
            with closing(self._org(is_quick=True)) as org:
                limits = org.ask("", lambda client: client.limits())
                refused = [error for s in self.streams if (error := _refusal(org, s)) is not None]
        except UnreachableError as error:
            return Reach("unreachable", error.reason, error.remedy)
        except PermissionLostError as error:
            return Reach("lost_permission", error.reason, error.remedy)
        except SourceError as error:
            return Reach("misconfigured", error.reason, error.remedy)
        if refused:
            status: Status = "lost_permission" if _is_lost(refused) else "misconfigured"
            detail = "; ".join(str(error.path) + " " + error.reason for error in refused)
            return Reach(status, detail, refused[0].remedy)
        left, most = _requests(limits)
        if left == 0:
            return Reach(
                "unreachable",
                f"the API limit of {most} requests a day is used up",
                "Wait, or ask for a higher limit.",
            )
        detail = f"{len(self.streams)} objects can be read; {left} of {most} requests left today"
        return Reach("ok", detail)

    def pages(self, cursors: Mapping[str, str]) -> Iterator[Page]:
        """The changes of every object since its cursor; one object's trouble does not stop the next.

        An object whose cursor is refused before its first page is read anew from its beginning.

        Raises:
            UnreachableError: at once, because the others would wait in vain as well.
            PermissionLostError, BadCursorError, SourceError: of the first object in trouble, after
                all others have been read.
        """
        sweep(self.home, self.name)
        trouble: list[SourceError] = []
        with closing(self._org()) as org:
            for stream in self.streams:
                try:
                    read = partial(self._stream, org, stream)
                    yield from stream_pages(_place(org, stream), read, cursors.get(stream))
                except UnreachableError:
                    raise
                except SourceError as error:
                    trouble.append(error)
        if trouble:
            raise _together(trouble)

    def _org(self, is_quick: bool = False) -> Org:
        return Org(self.name, self.source.url or "", self.environment, is_quick)

    def _stream(self, org: Org, stream: str, text: str | None) -> Iterator[Page]:
        if text is None:
            first = self.source.since
            since = datetime.combine(first, time(), UTC) if first else EARLIEST
            cursor = Cursor(stream, since)
        else:
            cursor = parse_cursor(stream, text)
        for read in Reader(org, stream, self.bulk_from).pages(cursor):
            path = write_page(self.home, self.name, stream, read.cursor.pages - 1, read.records)
            yield Page(path, stream, read.cursor.text())


def _place(org: Org, stream: str) -> str:
    return f"{org.name} (Salesforce object {stream})"


def _refusal(org: Org, stream: str) -> SourceError | None:
    try:
        with known_form(_place(org, stream)):
            Reader(org, stream).describe()
    except UnreachableError:
        raise
    except SourceError as error:
        return error
    return None


def _is_lost(errors: list[SourceError]) -> bool:
    return any(isinstance(error, PermissionLostError) for error in errors)


def _together(errors: list[SourceError]) -> SourceError:
    """One error for all objects in trouble: a lost permission before others, every object named."""
    ranked: tuple[type[SourceError], ...] = (PermissionLostError, BadCursorError, SourceError)
    first = min(
        errors, key=lambda e: next(i for i, kind in enumerate(ranked) if isinstance(e, kind))
    )
    others = [str(error.path) for error in errors if error is not first]
    if not others:
        return first
    kind = next(kind for kind in ranked if isinstance(first, kind))
    reason = f"{first.reason}; likewise in trouble: {', '.join(dict.fromkeys(others))}"
    return kind(first.path, reason, first.remedy)


def _requests(limits: Any) -> tuple[int | str, int | str]:
    daily = limits.get("DailyApiRequests") if isinstance(limits, dict) else None
    if not isinstance(daily, dict):
        return "some", "the"
    return daily.get("Remaining", "some"), daily.get("Max", "the")
