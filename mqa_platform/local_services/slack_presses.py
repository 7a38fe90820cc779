"""Sending what somebody pressed in the local Slack to the address that takes it.

Belongs here: one POST over HTTP. Does not belong here: what a press says, and its signature (``slack``).
"""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection
from urllib.parse import urlsplit

_SECONDS = 60.0


def sent_to(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a press and return the status of the answer.

    Args:
        url: of the receiver, on this machine.
        body: of the press.
        headers: with its signature.

    Raises:
        OSError: nobody answers there.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("POST", parts.path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()
