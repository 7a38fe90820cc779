"""How HubSpot writes moments and refusals.

Belongs here: those two forms. Does not belong here: when they are used (``hubspot``, ``hubspot_writes``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mqa_platform.local_services.server import Answer


def iso(milliseconds: int) -> str:
    """As HubSpot writes moments."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refused(status: int, category: str, message: str, errors: list[Any] | None = None) -> Answer:
    """A refusal in the account's form."""
    document = {"status": "error", "category": category, "message": message, "errors": errors or []}
    return Answer(status, document)
