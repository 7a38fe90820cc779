"""The JSON feed for the source contract suite: pages that link to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mqa_platform.home import Home
from mqa_platform.local_services.server import Answer, html
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import Status
from mqa_platform_tests.sources.contract.harness import SourceHarness
from mqa_platform_tests.sources.contract.hubspot_harness import QUICK
from mqa_platform_tests.sources.fakes.json_feed import TOKEN, FakeFeed, Form

ITEMS = [
    {
        "id": f"t{n}",
        "type": "funding",
        "company": f"Company {n}",
        "domain": f"company{n}.com",
        "date": f"2024-05-{n + 1:02d}",
    }
    for n in range(7)
]


class JsonFeedHarness(SourceHarness):
    """Seven trigger events on four pages."""

    form: Form = "link"
    pages = 4
    has_cursors = True
    secret_values = (TOKEN,)
    environment: Mapping[str, str] = {"MQA_FEED_TOKEN": TOKEN, **QUICK}

    def __init__(self, folder: Path) -> None:
        """Start the feed's server; it keeps nothing on disk."""
        self.feed = FakeFeed(ITEMS, self.form)

    def source(self, home: Home) -> Source:
        """See ``SourceHarness.source``."""
        declared = {"connector": "json_feed", "reads_as": "trigger_feed"}
        return Source.model_validate({**declared, "url": f"{self.feed.url}/feed"})

    def faults(self) -> Mapping[str, Status]:
        """See ``SourceHarness.faults``."""
        return {
            "wrong secret": "lost_permission",
            "no items": "misconfigured",
            "out of order": "unreachable",
            "an HTML page": "unreachable",
        }

    def break_down(self, home: Home, fault: str) -> Source:
        """See ``SourceHarness.break_down``."""
        answers = {
            "no items": Answer(document={"entries": []}),
            "out of order": Answer(503),
            "an HTML page": html(),
        }
        if fault in answers:
            self.feed.fail("/", *[answers[fault]] * 100)
        return self.source(home)

    def broken_environment(self, fault: str) -> Mapping[str, str]:
        """See ``SourceHarness.broken_environment``."""
        changed = {"MQA_FEED_TOKEN": "of-somebody-else"} if fault == "wrong secret" else {}
        return {**self.environment, **changed}

    def bad_cursors(self, good: str) -> Sequence[str]:
        """See ``SourceHarness.bad_cursors``."""
        return (
            "garbage",
            good[: len(good) // 2],
            "[]",
            good.replace('"items"', '"others"'),
            '{"stream": "items", "mode": "feed", "at": "https://elsewhere.example/feed"}',
        )

    def repeat_for_ever(self) -> None:
        """See ``SourceHarness.repeat_for_ever``."""
        self.feed.repeats = True

    def close(self) -> None:
        """See ``SourceHarness.close``."""
        self.feed.close()


HARNESSES: dict[str, Callable[[Path], SourceHarness]] = {"json_feed": JsonFeedHarness}
