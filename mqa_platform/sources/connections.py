"""Every declared source as a ``Connection``: files where they lie, services through their client.

Belongs here: choosing the connection of a source, and files as one. Does not belong here: a
service's client, or landing what a connection gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mqa_platform.home import Home
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import (
    Connection,
    Page,
    PermissionLostError,
    Reach,
    Spec,
    UnreachableError,
)
from mqa_platform.sources.globs import is_remote, matches, unreadable
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.waiting import stamp_of


@dataclass(frozen=True)
class Listed:
    """A file that a source delivers, before it is read.

    ``place`` is its whole path or address, ``stamp`` changes when its content may have, and
    ``fetch`` gives a local copy that is there for the length of the block.
    """

    name: str
    place: str
    stamp: str
    fetch: Callable[[], AbstractContextManager[Path]]


class FileConnection(Connection):
    """Files on a disk or in an object store; known by their content, so that they need no cursor."""

    def spec(self) -> Spec:
        """See ``Connection.spec``; an object store takes its credentials from the environment."""
        from mqa_platform.sources.object_stores import credentials

        return Spec(
            connector=self.source.connector,
            summary=f"files that {self.source.path} matches",
            settings=("path", "required", "max_quarantine_ratio", "quarantine_at_least"),
            secrets=credentials(self.source.path or ""),
        )

    def check(self) -> Reach:
        """See ``Connection.check``: whether there are files, and whether each may be read."""
        try:
            listed, refused = self.listed()
            for file in listed[:1]:
                with file.fetch() as path, path.open("rb") as content:
                    content.read(1)
        except UnreachableError as problem:
            return Reach("unreachable", problem.reason, problem.remedy)
        except PermissionLostError as problem:
            return Reach("lost_permission", problem.reason, problem.remedy)
        except SourceError as problem:
            return Reach("misconfigured", problem.reason, problem.remedy)
        except OSError as problem:
            told = f"{problem.filename}: {problem.strerror}"
            return Reach("lost_permission", told, "Allow the user of the platform to read it.")
        if refused:
            return Reach("misconfigured", str(refused[0]), refused[0].remedy)
        if not listed:
            remedy = f"Deliver a file to {self.source.path}, or remove the source if it is unused."
            return Reach("empty", f"no file matches {self.source.path}", remedy)
        return Reach("ok", f"{len(listed)} files")

    def pages(self, cursors: Mapping[str, str]) -> Iterator[Page]:
        """See ``Connection.pages``: every file, sorted by path; cursors say nothing about files."""
        for file in self.listed()[0]:
            with file.fetch() as path:
                yield Page(path)

    def listed(self) -> tuple[list[Listed], list[SourceError]]:
        """The files there are, sorted by path, and those that are refused.

        Raises:
            SourceError: see ``globs.expand`` and ``object_stores.listed``.
        """
        if is_remote(self.source):
            from mqa_platform.sources.object_stores import ObjectStore

            store = ObjectStore(self.source.path or "")
            objects, refused = store.objects()
            found = [
                Listed(
                    o.name, o.address, o.stamp, partial(store.fetched, o, self.home.root / "spool")
                )
                for o in objects
            ]
            if self.source.required and not found:
                raise SourceError(
                    store.address, "no object matches", "The source is required: deliver one."
                )
            return found, refused
        local = matches(self.source, self.home.root, self.home.data)
        listed, refused = listed_in_place(local.files)
        return listed, [*local.refused, *refused]


def listed_in_place(paths: Iterable[Path]) -> tuple[list[Listed], list[SourceError]]:
    """Local files with their stamps, without those that are gone, and those that cannot be looked at."""
    listed, refused = [], []
    for path in paths:
        try:
            stamp = stamp_of(path)
        except FileNotFoundError:
            # Whoever delivers moved it since the folder was read; nothing is wrong with that.
            continue
        except OSError as problem:
            refused.append(unreadable(path, problem))
        else:
            listed.append(Listed(path.name, str(path), stamp, partial(_in_place, path)))
    return listed, refused


def _in_place(path: Path) -> AbstractContextManager[Path]:
    return nullcontext(path)


def connect(name: str, source: Source, home: Home, environment: Mapping[str, str]) -> Connection:
    """The connection of the source that sources.yaml calls ``name``; nothing is opened yet.

    Args:
        name: put on every landed row.
        source: its declaration.
        home: where its files or the pages of its service lie.
        environment: where a service's secrets are.
    """
    if not source.is_http:
        return FileConnection(name, source, home, environment)
    from mqa_platform.sources.registry import CONNECTIONS, resolve

    client: Any = resolve(CONNECTIONS[source.connector])  # type: ignore[index]
    connection: Connection = client(name, source, home, environment)
    return connection
