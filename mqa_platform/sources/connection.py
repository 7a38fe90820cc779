"""What every source is to the landing: something that says what it needs, can be checked, and is read.

Belongs here: the protocol of sources, its pages and its failures. Does not belong here: one service's
addresses (``hubspot_api``, ``salesforce_api``, ``json_feed``) or writing batches (``landing``).

A page becomes one batch. Its cursor is stored with the batch, in one transaction, so that what a
source remembers is never ahead of what is committed: the state of a stream is the cursor of the last
batch that landed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqa_platform.home import Home
from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import SourceError

Status = Literal["ok", "empty", "unreachable", "lost_permission", "misconfigured"]


class UnreachableError(SourceError):
    """The service did not give a usable answer, after all attempts; what was committed stays."""


class PermissionLostError(SourceError):
    """The service refused the credentials or the object (401, 403); asking again is no use."""


class BadCursorError(SourceError):
    """A cursor that is not one, or that leads the service back to a page it has already given."""


@dataclass(frozen=True)
class Spec:
    """What a source is and what it needs: settings of sources.yaml and names of secrets."""

    connector: str
    summary: str
    settings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reach:
    """What looking at a source without reading it found."""

    status: Status
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Page:
    """One part of a stream, on disk.

    ``cursor`` is where the stream goes on once the page is committed; None for files, which are known
    by their content instead.
    """

    path: Path
    stream: str = ""
    cursor: str | None = None


class Connection(ABC):
    """One declared source."""

    def __init__(
        self, name: str, source: Source, home: Home, environment: Mapping[str, str]
    ) -> None:
        """Keep what the source is; nothing is opened before ``check`` or ``pages``."""
        self.name = name
        self.source = source
        self.home = home
        self.environment = environment

    @abstractmethod
    def spec(self) -> Spec:
        """What the source needs."""

    @abstractmethod
    def check(self) -> Reach:
        """Whether it can be read now; never raises for what a user can mend."""

    @abstractmethod
    def pages(self, cursors: Mapping[str, str]) -> Iterator[Page]:
        """What is new since the committed cursor of each stream, oldest first.

        Raises:
            UnreachableError, PermissionLostError, BadCursorError, SourceError: see there.
        """
