"""The Salesforce connection for the source contract suite: by REST pages, and by a Bulk job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mqa_platform.home import Home
from mqa_platform.local_services.faults import Fault
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import Status
from mqa_platform_tests.sources.contract.harness import SourceHarness
from mqa_platform_tests.sources.fakes.salesforce import FakeSalesforce, serving
from mqa_platform_tests.sources.fakes.salesforce_records import fill


class SalesforceHarness(SourceHarness):
    """An org with two objects, one of three pages and one of a single one."""

    pages = 4
    has_cursors = True
    secret_values = ("session-0-secret", "client-secret", "session-1-secret")
    environment: Mapping[str, str] = {
        "MQA_SALESFORCE_CLIENT_ID": "client-id",
        "MQA_SALESFORCE_CLIENT_SECRET": "client-secret",
        "MQA_HTTP_ATTEMPTS": "2",
        "MQA_HTTP_FIRST_WAIT_SECONDS": "0.005",
        "MQA_HTTP_MOST_WAIT_SECONDS": "0.05",
        "MQA_HTTP_REQUESTS_PER_SECOND": "10000",
    }

    def __init__(self, folder: Path) -> None:
        """Start the org's server; it keeps nothing on disk."""
        self._open = ExitStack()
        self.org = self._open.enter_context(serving(FakeSalesforce()))
        fill(self.org)
        del self.org.rows["Contact"][2:]

    def source(self, home: Home) -> Source:
        """See ``SourceHarness.source``."""
        declared = {"connector": "salesforce_api", "url": self.org.url}
        return Source.model_validate({**declared, "streams": ["Account", "Contact"]})

    def faults(self) -> Mapping[str, Status]:
        """See ``SourceHarness.faults``."""
        return {
            "no secret": "misconfigured",
            "wrong secret": "lost_permission",
            "an object denied": "lost_permission",
            "out of order": "unreachable",
            "an HTML page": "unreachable",
        }

    def break_down(self, home: Home, fault: str) -> Source:
        """See ``SourceHarness.break_down``."""
        if fault == "an object denied":
            self.org.denied = {"Contact"}
        if fault == "out of order":
            self.org.faults = [Fault("", status=503, times=10_000)]
        if fault == "an HTML page":
            self.org.faults = [Fault("", "html", times=10_000)]
        return self.source(home)

    def broken_environment(self, fault: str) -> Mapping[str, str]:
        """See ``SourceHarness.broken_environment``."""
        changed = {"no secret": "", "wrong secret": "another-secret"}
        if fault not in changed:
            return self.environment
        return {**self.environment, "MQA_SALESFORCE_CLIENT_SECRET": changed[fault]}

    def bad_cursors(self, good: str) -> Sequence[str]:
        """See ``SourceHarness.bad_cursors``."""
        return (
            "garbage",
            good[: len(good) // 2],
            "[]",
            '{"since": "yesterday"}',
            good.replace('"Account"', '"Lead"').replace('"Contact"', '"Lead"'),
        )

    def repeat_for_ever(self) -> None:
        """See ``SourceHarness.repeat_for_ever``."""
        self.org.locator_repeats = True

    def close(self) -> None:
        """See ``SourceHarness.close``."""
        self._open.close()


class SalesforceBulkHarness(SalesforceHarness):
    """The same with so many fields that no address holds the query, so that jobs are ordered."""

    def __init__(self, folder: Path) -> None:
        """Start the org's server with wide objects, whose results come in no order."""
        super().__init__(folder)
        self.org.shuffles_bulk = True
        wide = {f"Custom_Field_Number_{n:03d}_{'x' * 20}__c": None for n in range(300)}
        for name in ("Account", "Contact"):
            self.org.add(name, [row | wide for row in self.org.rows[name]])


HARNESSES: dict[str, Callable[[Path], SourceHarness]] = {
    "salesforce": SalesforceHarness,
    "salesforce_bulk": SalesforceBulkHarness,
}
