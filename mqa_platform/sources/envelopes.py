"""What the receiver has kept of a webhook, opened.

Belongs here: the envelope's form. Does not belong here: writing one (``receiver.inbox``), or what its body
means (``received``, ``hubspot_webhooks``, ``destinations.answers``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mqa_platform.sources.files import open_text
from mqa_platform.sources.landed import SourceError

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
    values = [str(told.get(name) or "") for name in names]
    return Envelope(*values, told.get("body", told.get("text", "")))
