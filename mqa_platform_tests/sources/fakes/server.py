"""A fake that listens as soon as it is made; the server itself is the one that ships.

Belongs here: nothing but that. Does not belong here: sockets, the log, faults (``local_services``).
"""

from __future__ import annotations

from mqa_platform.local_services.server import Service


class Fake(Service):
    """A service of the tests; close it, or use it in a ``with``."""

    def __init__(self) -> None:
        super().__init__()
        self.start()

    def expire(self) -> None:
        """It has no sessions."""
