"""What Snowplow's events mean: which are ours, and what self-describing ones carry.

Belongs here: event names, the JSON of ``unstruct_event``. Does not belong here: the line format
(``snowplow``), or what an event is worth (``core``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import each_unique, mask, nulls, present
from mqa_platform.sources.forms import form_event
from mqa_platform.sources.landed import Mask, conform
from mqa_platform.sources.names import is_email
from mqa_platform.sources.record_table import canonical
from mqa_platform.sources.segment import TRACKS

PING: Final = "page_ping"
UNMAPPED: Final = "unmapped_event"
# Names of structured and self-describing events (``demo_requested``, ``Demo Requested``): the
# tracking plan's, as for Segment, and the usual names of the same acts.
EVENTS: Final = {canonical(name): event for name, event in TRACKS.items()} | {
    "demorequest": "demo_request",
    "requestdemo": "demo_request",
    "contentdownload": "content_download",
    "filedownload": "content_download",
    "webinarattendance": "event_attendance",
    "eventattended": "event_attendance",
    "webinarregistered": "event_registration",
    "eventregistered": "event_registration",
}
_FORM: Final = "submitform"
_KINDS: Final = ("page_view", PING, "struct", "unstruct", "transaction", "transaction_item")
_CHANNEL_OF: Final = {
    "ad_click": "ads",
    "event_attendance": "event",
    "event_registration": "event",
}


@dataclass(frozen=True)
class NamedEvents:
    """Equally long: our event and its topic, an e-mail it carries, and the verdicts on it."""

    event: pa.Array
    topic: pa.Array
    email: pa.Array
    filtered: npt.NDArray[np.object_]
    torn: Mask
    unknown: Mask


def channels(events: pa.Array) -> pa.Array:
    """The channel of each event, null for the web."""
    return each_unique(events, _CHANNEL_OF.get)


def named_events(
    source: Source, kind: pa.Array, name: pa.Array, action: pa.Array, described: pa.Array
) -> NamedEvents:
    """Our name for each event.

    Args:
        source: its ``events`` are known beside our own.
        kind: ``page_view``, ``page_ping``, ``struct``, ``unstruct``, ``transaction(_item)``.
        name: the name in the event's schema, null in old pipelines.
        action: the action of a structured event.
        described: the JSON of a self-describing event.
    """
    structured = pc.equal(kind, "struct")
    names = EVENTS | {canonical(theirs): ours for theirs, ours in source.events.items()}
    acted = each_unique(action, lambda text: names.get(canonical(text)))
    ours = pc.if_else(pc.equal(kind, "page_view"), "page_view", pc.if_else(structured, acted, None))
    topics = pc.if_else(structured, action, nulls(len(kind)))
    told = np.flatnonzero(mask(pc.equal(kind, "unstruct")))
    found = [_described(described[row].as_py(), name[row].as_py(), names) for row in told.tolist()]
    torn = np.zeros(len(kind), dtype=np.bool_)
    torn[told] = [each is None for each in found]
    event, topic, email = _placed(len(kind), told, found)
    ours, topics = pc.coalesce(ours, event), pc.coalesce(topics, topic)
    known = mask(pc.is_in(kind, pa.array(_KINDS)))
    filtered = np.full(len(kind), None, dtype=object)
    filtered[known & ~torn & ~present(ours)] = UNMAPPED
    filtered[mask(pc.equal(kind, PING))] = PING
    return NamedEvents(ours, topics, email, filtered, torn, ~known)


Told = tuple[str | None, str | None, str | None]


def _placed(
    rows: int, at: npt.NDArray[np.int64], found: list[Told | None]
) -> tuple[pa.Array, pa.Array, pa.Array]:
    columns = np.full((3, rows), None, dtype=object)
    for row, each in zip(at.tolist(), found, strict=True):
        columns[:, row] = each or (None, None, None)
    event, topic, email = (pa.array(column.tolist(), pa.string()) for column in columns)
    return event, topic, email


def _described(text: str | None, name: str | None, names: dict[str, str]) -> Told | None:
    """Event, topic and e-mail of a self-describing event; None where it is torn.

    The event's own JSON lies inside one that says no more than that there is one.
    """
    try:
        outer = json.loads(text or "")
        inner = outer["data"]
        schema, data = str(inner["schema"]), inner["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    given = name or schema.removeprefix("iglu:").split("/")[1:2]
    called = given if isinstance(given, str) else "".join(given)
    fields = data if isinstance(data, dict) else {}
    email = next((value for value in _answers(fields) if is_email(value)), None)
    if canonical(called) == _FORM:
        form = str(fields.get("formId") or fields.get("form_id") or "")
        return form_event(form), form or None, email
    return names.get(canonical(called)), called or None, email


def _answers(fields: dict[str, Any]) -> list[str]:
    """The values that could be somebody's address: fields called e-mail, and a form's elements."""
    values = [fields[key] for key in sorted(fields) if "email" in canonical(key)]
    elements = fields.get("elements")
    for element in elements if isinstance(elements, list) else []:
        if isinstance(element, dict) and "email" in canonical(str(element.get("name", ""))):
            values.append(element.get("value"))
    return [value for value in values if isinstance(value, str)]


def seen_people(source: Source, signals: pa.Table) -> pa.Table:
    """Whose cookie it was: one identity a cookie and person, seen when last in the file."""
    told = signals.filter(
        pc.and_(pc.is_valid(signals["person_ref"]), pc.is_valid(signals["anonymous_id"]))
    )
    keys = ["anonymous_id", "person_ref", "email_domain"]
    seen = told.group_by(keys).aggregate([("occurred_at", "max")])
    seen = seen.sort_by([(key, "ascending") for key in keys])
    columns = {
        "source": source.connector,
        "kind": "cookie",
        "ref": seen["anonymous_id"],
        "person_ref": seen["person_ref"],
        "email_domain": seen["email_domain"],
        "seen_at": seen["occurred_at_max"],
    }
    return conform("landed_identities", len(seen), columns)
