"""The HubSpot connection for the source contract suite, by a private app's token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mqa_platform.home import Home
from mqa_platform.local_services.hubspot import TOKEN
from mqa_platform.local_services.server import Answer, html
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import Status
from mqa_platform_tests.sources.contract.harness import SourceHarness
from mqa_platform_tests.sources.fakes.hubspot import FakeHubSpot

MAY = 1_714_521_600_000  # 2024-05-01
QUICK = {
    "MQA_HTTP_ATTEMPTS": "2",
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.005",
    "MQA_HTTP_MOST_WAIT_SECONDS": "0.05",
    "MQA_HTTP_REQUESTS_PER_SECOND": "10000",
}


class HubSpotHarness(SourceHarness):
    """An account with two kinds of objects, one of them on three pages, and a deleted company."""

    pages = 5
    has_cursors = True
    secret_values = (TOKEN,)
    environment: Mapping[str, str] = {"MQA_HUBSPOT_TOKEN": TOKEN, **QUICK}

    def __init__(self, folder: Path) -> None:
        """Start the account's server; it keeps nothing on disk."""
        self.account = FakeHubSpot(page_size=3)
        # Cursors hold the service's time, which must be the same for every read.
        self.account.clock = MAY / 1000 + 86_400
        for id_ in range(1, 9):
            at = MAY + id_ * 1_000
            name, domain = f"Company {id_}", f"company{id_}.com"
            self.account.put("companies", id_, at, name=name, domain=domain)
        self.account.archive("companies", 8, MAY + 9_000)
        for id_ in (101, 102):
            self.account.put("contacts", id_, MAY, email=f"p{id_}@company1.com")
            self.account.link("contacts", "companies", id_, 1)

    def source(self, home: Home) -> Source:
        """See ``SourceHarness.source``."""
        declared = {"connector": "hubspot_api", "url": self.account.url}
        return Source.model_validate({**declared, "streams": ["companies", "contacts"]})

    def faults(self) -> Mapping[str, Status]:
        """See ``SourceHarness.faults``."""
        return {
            "no secret": "misconfigured",
            "wrong secret": "lost_permission",
            "a scope missing": "lost_permission",
            "out of order": "unreachable",
            "an HTML page": "unreachable",
        }

    def break_down(self, home: Home, fault: str) -> Source:
        """See ``SourceHarness.break_down``."""
        if fault == "a scope missing":
            self.account.denied = {"contacts": "crm.objects.contacts.read"}
        if fault == "out of order":
            self.account.fail("/", *[Answer(503)] * 100)
        if fault == "an HTML page":
            self.account.fail("/", *[html()] * 100)
        return self.source(home)

    def broken_environment(self, fault: str) -> Mapping[str, str]:
        """See ``SourceHarness.broken_environment``."""
        changed = {"no secret": "", "wrong secret": "pat-na1-of-somebody-else"}
        if fault not in changed:
            return self.environment
        return {**self.environment, "MQA_HUBSPOT_TOKEN": changed[fault]}

    def bad_cursors(self, good: str) -> Sequence[str]:
        """See ``SourceHarness.bad_cursors``."""
        return (
            "garbage",
            good[: len(good) // 2],
            "[]",
            '{"stream": "contacts", "mode": "changed", "since": "yesterday"}',
            good.replace('"contacts"', '"companies"'),
        )

    def repeat_for_ever(self) -> None:
        """See ``SourceHarness.repeat_for_ever``."""
        self.account.repeats = True

    def close(self) -> None:
        """See ``SourceHarness.close``."""
        self.account.close()


HARNESSES: dict[str, Callable[[Path], SourceHarness]] = {"hubspot": HubSpotHarness}
