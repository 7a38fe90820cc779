"""Large windows by Bulk API 2.0: a query job, awaited, and its results page by page.

Belongs here: one job from its order to its last page. Does not belong here: when a window is large
(``salesforce_reader``), or the form of its rows (``salesforce_rows``).

The library's own ``query_all`` starts a job anew each time and keeps the locators to itself, so that a
read which was cut short could not go on; its client for single calls is used instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Final

from simple_salesforce.api import Salesforce
from simple_salesforce.bulk2 import Operation

from mqa_platform.sources.connection import BadCursorError, UnreachableError
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_org import Org, RefusedError
from mqa_platform.sources.salesforce_rows import Record, csv_table, is_id

# Rows a page: some 10 MB of a wide object, so that a page stays far below the limit of one answer.
PAGE_ROWS: Final = 5_000
_LONGEST_WAIT: Final = 3_600.0
_LONGEST_PAUSE: Final = 30.0


class JobLostError(Exception):
    """The job, or its locator, is unknown to the org by now: results are kept for seven days."""


@dataclass(frozen=True)
class BulkPage:
    """One page of results, and the locator of the next; empty after the last one."""

    records: list[Record]
    locator: str


def _bulk(client: Salesforce, stream: str) -> Any:
    return getattr(client.bulk2, stream)._client


def start(org: Org, stream: str, soql: str) -> str:
    """Order a query of live and deleted records; returns the job's id.

    Raises:
        SourceError: and its kinds, see ``Org.ask``.
    """
    made = org.ask(stream, lambda c: _bulk(c, stream).create_job(Operation.query_all, soql))
    job = made.get("id") if isinstance(made, dict) else None
    if not is_id(job):
        raise UnreachableError(
            f"{org.name} (Salesforce object {stream})",
            "the order of a query job is answered without its id",
            "The next run orders it again.",
        )
    return str(job)


def wait(org: Org, stream: str, job: str) -> None:
    """Return when the job is complete.

    Raises:
        JobLostError: there is no such job any more, or somebody aborted it.
        BadCursorError: the job is of another object.
        UnreachableError: not complete within an hour.
        SourceError: and its kinds: the job failed.
    """
    place = f"{org.name} (Salesforce object {stream})"
    ends, pause = monotonic() + _LONGEST_WAIT, org.limits.first_wait_seconds
    while True:
        info = _known(org, lambda c: dict(_bulk(c, stream).get_job(job, True)))
        if info.get("object") not in (stream, None):
            raise BadCursorError(
                place,
                f"its cursor names job {job}, which is of {info['object']}",
                "The stream is read anew from its beginning; what has landed stays.",
            )
        state = info.get("state")
        if state == "JobComplete":
            return
        if state == "Failed":
            said = str(info.get("errorMessage") or "")
            code = re.match(r"[A-Z_]+\b", said)
            raise org.refused(stream, code.group() if code else "JOB_FAILED", said)
        if state == "Aborted":
            raise JobLostError(f"query job {job} was aborted")
        if monotonic() > ends:
            raise UnreachableError(
                place,
                f"query job {job} is not complete after an hour",
                "The next run orders it again.",
            )
        sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def page(org: Org, stream: str, job: str, locator: str) -> BulkPage:
    """One page of a complete job's results; an empty locator is the first.

    Raises:
        JobLostError: there is no such job or locator any more.
        SourceError: and its kinds, see ``Org.ask``.
    """
    found = _known(org, lambda c: _bulk(c, stream).get_query_results(job, locator, PAGE_ROWS))
    records = csv_table(found["records"].encode()).to_pylist()
    return BulkPage(records, str(found["locator"]))


def forget(org: Org, job: str) -> None:
    """Delete a job whose results have been read, so that they do not count against the org's storage."""
    try:
        org.ask("", lambda c: c.restful(f"jobs/query/{job}", method="DELETE"))
    except SourceError:
        # It is deleted by itself after seven days.
        return


def _known(org: Org, call: Any) -> Any:
    try:
        return org.ask("", call)
    except RefusedError as error:
        if error.code in ("NOT_FOUND", "404", "INVALID_QUERY_LOCATOR", "INVALIDJOB"):
            raise JobLostError(str(error)) from None
        raise
