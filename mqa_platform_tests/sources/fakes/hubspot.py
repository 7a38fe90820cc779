"""The local HubSpot, listening as soon as it is made.

Belongs here: nothing but that. Does not belong here: the account (``local_services``).
"""

from __future__ import annotations

from mqa_platform.local_services.hubspot import LocalHubSpot


class FakeHubSpot(LocalHubSpot):
    """One account that listens from the beginning."""

    def __init__(self, page_size: int = 100) -> None:
        super().__init__(page_size)
        self.start()
