"""What the receiver has kept of a webhook, opened.

Belongs here: the envelope's form. Does not belong here: writing one (``receiver.inbox``), or what its body
means (``received``, ``hubspot_webhooks``, ``destinations.answers``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mqa_platform.sources.files import open_text
from mqa_platform.sources.json_lines import BAD_JSON
from mqa_platform.sources.json_records import records_of
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import Records, no_records

_VERSIONS: Final = (1,)
_REMEDY: Final = (
    "Only mqa receive writes there; take the file away, or deliver it to its own source."
)


@dataclass(frozen=True)
class Envelope:
    """One webhook as it was received.

    Attributes:
        source: the endpoint.
        scheme: how it was signed.
        identity: the sender's id of it; empty if it gave none.
        received_at: ISO 8601, UTC.
        body: the JSON value that was sent, or its text where it is no JSON.
    """

    source: str
    scheme: str
    identity: str
    received_at: str
    body: Any


def opened(path: Path) -> Envelope | None:
    """The webhook of a file; None of an empty one, which is what an erasure may leave.

    Raises:
        SourceError: it cannot be read, or is no envelope.
    """
    text = open_text(path).decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise SourceError(path, "is no JSON", _REMEDY) from problem
    if not isinstance(told, dict) or told.get("version") not in _VERSIONS:
        raise SourceError(path, "is no envelope of the receiver", _REMEDY)
    names = ("source", "scheme", "id", "received_at")
    source, scheme, identity, received_at = [str(told.get(name) or "") for name in names]
    body = told.get("body", told.get("text", ""))
    return Envelope(source, scheme, identity, received_at, body)


def events(path: Path, items: Sequence[Any], synonyms: Mapping[str, str]) -> Records:
    """The events of a body as records; what is no object, or an empty one, is a misfit.

    Args:
        path: the file, for messages.
        items: JSON values.
        synonyms: canonical names to read as another canonical name.

    Raises:
        SourceError: a field is there twice.
    """
    objects = [item for item in items if isinstance(item, dict) and item]
    others = [item for item in items if not isinstance(item, dict) or not item]
    misfits = [item if isinstance(item, str) else json.dumps(item) for item in others]
    if not objects:
        return Records(no_records(()).table, misfits, BAD_JSON, "json")
    return records_of(path, objects, misfits, (), synonyms)
