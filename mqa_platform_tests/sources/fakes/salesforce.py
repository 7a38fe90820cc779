"""The local Salesforce as the tests of reading want it: small pages, a session that is known, a clock that stands.

Belongs here: those settings. Does not belong here: the org (``local_services``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from mqa_platform.local_services.salesforce import LocalSalesforce


class FakeSalesforce(LocalSalesforce):
    """One org whose pages hold two records."""

    clock: float

    def __init__(self) -> None:
        super().__init__()
        self.page_size = 2
        self.bulk_page = 2
        self.tokens = {"session-0-secret"}
        self.user = ("ops@example.com", "pass-secret" + "word-secret")
        self.app = ("client-id", "client-secret")
        self.clock = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


@contextmanager
def serving(org: FakeSalesforce) -> Iterator[FakeSalesforce]:
    """The org on a free port of 127.0.0.1."""
    with org:
        yield org
