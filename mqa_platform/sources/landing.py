"""Landing: every file and page of every source, read once, kept for ever and entered in the ledger.

Belongs here: the order of the steps for one batch, for one source and for a run. Does not belong here:
what is on disk (``batches``), what is new (``waiting``), the limits (``holding``), formats (connectors).

One batch at a time: read, judge, Parquet, then rows and ledger in one transaction. A batch that cannot
be read, or has too many unreadable rows, is held back alone; a source that does not answer is noted;
the run goes on, marked degraded. The Parquet files are written before the warehouse hears of them, and
a batch on disk that the ledger does not know is entered first, so a kill needs no manual step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.batches import FORMER, LIVE_LANDING, forgotten, sweep
from mqa_platform.sources.connection import (
    BadCursorError,
    Connection,
    Page,
    PermissionLostError,
    UnreachableError,
)
from mqa_platform.sources.connections import FileConnection, Listed, connect
from mqa_platform.sources.entering import Delivery, Entering, UnreadError
from mqa_platform.sources.globs import is_remote
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.landing_report import LandingReport, Problem, plain_text
from mqa_platform.sources.waiting import Digests, Ledger, Seen, digests, stamp_of
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.ledger import fill

Progress = Callable[[str], None]


def land_new(
    session: Session,
    policy: Policy,
    home: Home,
    at: datetime | None = None,
    progress: Progress | None = None,
    environment: Mapping[str, str] | None = None,
) -> LandingReport:
    """Lands every file and page of the policy's sources that has not landed yet.

    Args:
        session: of the warehouse that keeps the landed tables.
        policy: names the sources, their limits and the mapping.
        home: where inbox, landing and pulled pages lie.
        at: arrival time written to the ledger; default now.
        progress: told the name of each file or page as it is read.
        environment: where the secrets of services are; default that of the process.

    Raises:
        SourceError: the declaration of a source cannot work: its path is wrong, MQA_DATA is not set,
            or it is required and has no file. The other sources have landed.
    """
    sweep(home)
    begun = at or datetime.now(UTC)
    known = session.table("landed_batches")
    session.run(fill(FORMER))
    ledger = Ledger(session.rows(known), begun)
    entering = Entering(session, policy, home, ledger, LandingReport(), progress)
    for batch in forgotten(home, set(ledger.rows)):
        entering.again(batch)
    run = _Run(entering, os.environ if environment is None else environment)
    try:
        for name, source in policy.sources.sources.items():
            run.source(name, source)
    finally:
        run.seen.save()
    entering.leave_taken_away(run.unseen)
    if run.wrong:
        raise run.wrong[0]
    return entering.report


class _Run:
    """One pass over all sources."""

    def __init__(self, entering: Entering, environment: Mapping[str, str]) -> None:
        self.entering = entering
        self.report = entering.report
        self.home = entering.home
        self.environment = environment
        self.seen = Seen.of(self.home)
        # Sources of which this run cannot say which files are still there.
        self.unseen: set[str] = set()
        # Object stores and services that refused, or did not answer.
        self.failing: set[str] = set()
        self.wrong: list[SourceError] = []

    def source(self, name: str, source: Source) -> None:
        """Everything that is new of one source; its failure is noted and never stops the others."""
        connection = connect(name, source, self.home, self.environment)
        remote = source.is_http or is_remote(source)
        try:
            if isinstance(connection, FileConnection):
                self._files(name, source, connection)
            else:
                self._service(name, source, connection)
        except SourceError as problem:
            if remote:
                self._failed(name, problem)
            else:
                # What is declared wrong is told at the end, after the other sources have landed.
                self.unseen.add(name)
                self.seen.keep(name)
                self.wrong.append(problem)
        else:
            if remote and name not in self.failing:
                self.entering.answered(name)

    def _failed(self, name: str, problem: SourceError) -> None:
        self.unseen.add(name)
        self.seen.keep(name)
        status = "lost_permission" if isinstance(problem, PermissionLostError) else "unreachable"
        message = plain_text(str(problem))
        self.report.problems.append(Problem(name, status, message))
        if name not in self.failing:
            self.entering.failed(name, status, message)
        self.failing.add(name)

    def _files(self, name: str, source: Source, connection: FileConnection) -> None:
        files, refused = connection.listed()
        for problem in refused:
            self.report.problems.append(Problem(name, "refused", plain_text(str(problem))))
            if isinstance(problem.__cause__, OSError):
                # Perhaps the file of a held batch: it was not taken away.
                self.unseen.add(name)
        if not files:
            self.report.messages.append(
                f"{name}: no files match {source.path}; optional, so the run goes on"
            )
        for file in files:
            try:
                self._file(name, source, file)
            except UnreachableError:
                raise
            except PermissionLostError as problem:
                self._failed(name, problem)
            except SourceError as problem:
                self._unreadable(name, str(problem))

    def _file(self, name: str, source: Source, file: Listed) -> None:
        """Lands one file unless it is settled.

        Raises:
            SourceError: it cannot be fetched.
        """
        found = self.seen.get(name, file.place, file.stamp)
        # A fetched copy is ours alone; a local file may be written to while we read it.
        stamp = None if is_remote(source) else file.stamp
        it = Delivery(name, source, Path(file.place), file.name, found, stamp=stamp)
        if found is not None and self.entering.is_settled(it, found):
            return
        with file.fetch() as path:
            found = self._taken(replace(it, path=path), file.place)
        if found is not None:
            self.seen.put(name, file.place, file.stamp, found)

    def _unreadable(self, name: str, message: str) -> None:
        self.unseen.add(name)
        told = plain_text(f"{message} It is tried again in the next run.")
        self.report.problems.append(Problem(name, "unreadable", told))

    def _taken(self, it: Delivery, place: str) -> Digests | None:
        """Lands a file unless it is settled; None when it cannot be read at the moment."""
        try:
            found = it.found or _digests(it.name, it.path)
            # Where the stream goes on was said when the page was pulled.
            if not self.entering.is_settled(replace(it, cursor=None), found):
                self.entering.take(replace(it, found=found))
        except UnreadError as problem:
            self._unreadable(it.name, f"{place}: {problem}.")
            return None
        return found

    def _service(self, name: str, source: Source, connection: Connection) -> None:
        self._pulled_before(name, source)
        cursors = self.entering.ledger.cursors(name)
        try:
            self._pages(name, source, connection, cursors)
        except _CursorRefusedError as problem:
            # A cursor that the service does not know: the stream is read from its beginning, and
            # what has landed of it is known by its content.
            self.report.messages.append(plain_text(f"{name}: {problem}; read from the beginning"))
            self._pages(name, source, connection, {})

    def _pages(
        self, name: str, source: Source, connection: Connection, cursors: Mapping[str, str]
    ) -> None:
        """Lands the pages that a service gives, each with its cursor.

        Raises:
            SourceError: see ``Connection.pages``; a page that comes again for ever is a
                BadCursorError. What was committed stays.
        """
        given: set[tuple[str, str | None, str]] = set()
        try:
            for page in connection.pages(cursors):
                found = _digests(name, page.path)
                once = (page.stream, page.cursor, found.content)
                if once in given:
                    raise BadCursorError(
                        f"{name} {page.stream}".strip(),
                        "gives the same page with the same cursor again and again",
                        "Report it to whoever runs the service; the pages before it have landed.",
                    )
                given.add(once)
                self._page(name, source, page, found)
                self._done_with(name, source, page.path, found)
        except BadCursorError as problem:
            if cursors and not given:
                raise _CursorRefusedError(problem.reason) from problem
            raise
        except UnreadError as problem:
            # Going on would leave the stream's cursor ahead of a page that has not landed.
            raise SourceError(name, str(problem), "It is tried again in the next run.") from problem

    def _page(self, name: str, source: Source, page: Page, found: Digests) -> None:
        path = page.path
        it = Delivery(name, source, path, path.name, found, page.stream, page.cursor)
        if not self.entering.is_settled(it, found):
            self.entering.take(it)

    def _done_with(self, name: str, source: Source, path: Path, found: Digests) -> None:
        """Removes a feed's page once it has landed: no mapping will read it again, and it may hold
        addresses in clear. A page that is held back stays.
        """
        if source.connector == "json_feed" and not self.entering.ledger.is_held(name, found):
            path.unlink(missing_ok=True)

    def _pulled_before(self, name: str, source: Source) -> None:
        """Raw pages that another mapping, or another limit, reads otherwise.

        A page that the ledger does not know was written by a run that died; the service gives it
        again.
        """
        ledger = self.entering.ledger
        for path in sorted((self.home.root / "pulled" / name).rglob("*")):
            if not path.is_file() or path.suffix == ".partial":
                continue
            place, stamp = str(path), stamp_of(path)
            found = self.seen.get(name, place, stamp) or _digests(name, path)
            self.seen.put(name, place, stamp, found)
            taken = False
            for stream, row in ledger.streams_of(name, found).items():
                cursor, pulled_at = row["cursor"], row["pulled_at"]
                it = Delivery(name, source, path, path.name, found, stream, cursor, pulled_at)
                taken = self._taken(it, place) is not None
            if taken:
                self._done_with(name, source, path, found)


class _CursorRefusedError(Exception):
    """A cursor was refused before any page was given."""


def _digests(name: str, path: Path) -> Digests:
    try:
        return digests(name, path)
    except OSError as problem:
        raise UnreadError(f"cannot be read ({problem.strerror or problem})") from problem


__all__ = ["LIVE_LANDING", "LandingReport", "SourceError", "land_new"]
