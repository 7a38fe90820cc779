"""What is asked of Salesforce: the fields of an object, the window of changes, and the cursor.

Belongs here: describe → fields, window → SOQL, cursor ↔ text. Pure. Does not belong here: sending any
of it (``salesforce_reader``, ``salesforce_bulk``).

Names come from describe and are checked against a pattern; values are written by the library's own
formatter. A window is [since, until) of SystemModstamp, read in the order of (SystemModstamp, Id).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from simple_salesforce.format import format_soql

from mqa_platform.sources.connection import BadCursorError
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_rows import Key, instant, is_id

_NAME: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,79}$")
_LOCATOR: Final = re.compile(r"^[A-Za-z0-9+/=_-]{0,200}$")
# Compound fields cannot be had in bulk, and their parts are fields as well; files are not wanted.
_UNASKED: Final = frozenset(("address", "location", "complexvalue", "base64"))
# A field of a parent that mapping.yaml reads → the reference that leads there.
_OF_PARENTS: Final = {"CampaignMember": {"Campaign.Name": "CampaignId"}}
# When a record last changed, best first; histories only ever have their creation.
_STAMPS: Final = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
# A record gets its stamp before its transaction is visible, and a transaction may last this long.
OVERLAP: Final = timedelta(minutes=10)
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shape:
    """One object: its readable fields, Id first, and the one that says when it last changed."""

    name: str
    fields: tuple[str, ...]
    stamp: str


def shape(name: str, description: Any) -> Shape:
    """The shape of an object out of its describe.

    Raises:
        SourceError: it has no Id, nothing that says when a record changed, or an impossible name.
    """
    listed = description.get("fields") if isinstance(description, dict) else None
    fields = [
        str(field.get("name"))
        for field in listed or []
        if str(field.get("type")).lower() not in _UNASKED
    ]
    wrong = [field for field in (name, *fields) if not _NAME.match(field)]
    stamp = next((s for s in _STAMPS if s in fields), None)
    if wrong or stamp is None or "Id" not in fields:
        lacks = "a field name that is none" if wrong else "no Id, or no time of change, to read"
        raise SourceError(
            f"Salesforce object {name}",
            f"has {lacks}",
            "Take it out of streams, or let the user see Id and SystemModstamp.",
        )
    parents = [path for path, by in _OF_PARENTS.get(name, {}).items() if by in fields]
    return Shape(name, ("Id", *(field for field in fields if field != "Id"), *parents), stamp)


@dataclass(frozen=True)
class Cursor:
    """Where a stream goes on: in an open window, or after a closed one (``until`` is None).

    ``after`` is the key of the last record that was read in the order of the stream; ``job`` and
    ``locator`` are of a Bulk query, whose results have no order. ``pages`` were read before.
    """

    stream: str
    since: datetime
    until: datetime | None = None
    after: Key | None = None
    job: str = ""
    locator: str = ""
    pages: int = 0

    def closed(self) -> Cursor:
        """What follows when the window has been read to its end."""
        until = self.until or self.since
        return Cursor(self.stream, max(self.since, until - OVERLAP), pages=self.pages)

    def opened(self, until: datetime) -> Cursor:
        """The window from here to ``until``."""
        return replace(self, until=until)

    def text(self) -> str:
        """As the ledger keeps it."""
        after = [_literal(self.after[0]), self.after[1]] if self.after else None
        parts = {
            "stream": self.stream,
            "since": _literal(self.since),
            "until": _literal(self.until) if self.until else None,
            "after": after,
            "job": self.job,
            "locator": self.locator,
            "pages": self.pages,
        }
        return json.dumps({k: v for k, v in parts.items() if v}, sort_keys=True)


def parse_cursor(stream: str, text: str) -> Cursor:
    """The cursor that ``Cursor.text`` wrote.

    Raises:
        BadCursorError: it is none, or one of another stream.
    """
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("stream") != stream:
            raise ValueError("not of this stream")
        after = found.get("after")
        cursor = Cursor(
            stream,
            _time(found["since"]),
            _time(found["until"]) if "until" in found else None,
            (_time(after[0]), after[1]) if after else None,
            str(found.get("job", "")),
            str(found.get("locator", "")),
            int(found.get("pages", 0)),
        )
        if not _is_sound(cursor):
            raise ValueError("parts do not fit")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise BadCursorError(
            f"Salesforce object {stream}",
            f"its cursor {text[:80]!r} is none of ours",
            "The stream is read anew from its beginning; what has landed stays.",
        ) from None
    return cursor


def _is_sound(cursor: Cursor) -> bool:
    is_open = cursor.until is not None
    return (
        (is_open or not (cursor.after or cursor.job))
        and (cursor.after is None or is_id(cursor.after[1]))
        and (not cursor.job or is_id(cursor.job))
        and bool(_LOCATOR.match(cursor.locator))
        and 0 <= cursor.pages < 10**8
    )


def question(of: Shape, window: Cursor, ordered: bool = True) -> str:
    """The SOQL for what is left of a window: ordered for paging, without an order for Bulk."""
    order = f" ORDER BY {of.stamp}, Id" if ordered else ""
    names = ", ".join(of.fields)  # each has passed the pattern of ``shape``
    return f"SELECT {names} FROM {of.name} WHERE {_where(of, window)}{order}"  # noqa: S608


def count(of: Shape, window: Cursor) -> str:
    """The SOQL that counts a window."""
    return f"SELECT COUNT() FROM {of.name} WHERE {_where(of, window)}"  # noqa: S608


def _where(of: Shape, window: Cursor) -> str:
    at, identifier = window.after or (window.since, "")
    found: str = format_soql(
        "{stamp:literal} >= {at:literal} AND {stamp:literal} < {until:literal}",
        stamp=of.stamp,
        at=_literal(at),
        until=_literal(window.until or window.since),
    )
    if identifier:
        found += format_soql(
            " AND ({stamp:literal} > {at:literal} OR Id > {identifier})",
            stamp=of.stamp,
            at=_literal(at),
            identifier=identifier,
        )
    return found


def _literal(moment: datetime) -> str:
    """A time in SOQL's own form; the library's would drop milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def _time(text: str) -> datetime:
    moment = instant(text)
    if moment is None:
        raise ValueError("no time")
    return moment
