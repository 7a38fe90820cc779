"""Every file connector as a source of a few files.

Belongs here: putting files into a home and breaking that. Does not belong here: contents
(``file_examples``) or facts (``test_contract``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, get_args

from mqa_platform.home import Home
from mqa_platform.policy.sources import FileConnector, Source
from mqa_platform.sources.connection import Status
from mqa_platform_tests.sources.contract.file_examples import EXAMPLES, OPTIONS
from mqa_platform_tests.sources.contract.harness import SourceHarness

# Landing is the same for all connectors, so three files are tried on a few, for the others two do.
USUAL: Final = ("segment_jsonl", "crm_export", "office_ip_ranges")
_PATH: Final = "${MQA_HOME}/inbox/feed/*.txt"


class FileHarness(SourceHarness):
    """Two or three files of one connector; blank lines make each one a content of its own."""

    def __init__(self, connector: str, folder: Path) -> None:
        self.connector = connector
        self.folder = folder
        self.pages = 3 if connector in USUAL else 2

    def source(self, home: Home) -> Source:
        inbox = home.inbox / "feed"
        inbox.mkdir(parents=True, exist_ok=True)
        for number in range(self.pages):
            file = inbox / f"2025-07-07-{number}.txt"
            example = EXAMPLES[self.connector]
            content = example if isinstance(example, bytes) else example.encode()
            content += b"\n" * number
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)
        return self._declared(_PATH)

    def _declared(self, path: str) -> Source:
        options = OPTIONS.get(self.connector, {})
        return Source.model_validate({"connector": self.connector, "path": path, **options})

    def faults(self) -> Mapping[str, Status]:
        return {
            "nothing delivered": "empty",
            "no data folder": "misconfigured",
            "leads upwards": "misconfigured",
            "planted link": "misconfigured",
        }

    def break_down(self, home: Home, fault: str) -> Source:
        if fault == "no data folder":
            return self._declared("${MQA_DATA}/*.txt")
        if fault == "leads upwards":
            return self._declared("${MQA_HOME}/inbox/../../*.txt")
        if fault == "planted link":
            secret = self.folder / "secret"
            secret.write_text("not for you")
            source = self.source(home)
            (home.inbox / "feed" / "link.txt").symlink_to(secret)
            return source
        return self._declared(_PATH)


HARNESSES: Final[dict[str, Callable[[Path], SourceHarness]]] = {
    connector: partial(FileHarness, connector) for connector in get_args(FileConnector)
}
