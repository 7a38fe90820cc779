"""One ingest job of Bulk API 2.0: opened, filled, closed, awaited, and what it did not take.

Belongs here: a job from its order to its results. Does not belong here: when a job is worth it
(``salesforce_writer``).

The library's own ``upsert`` reports counts only; which record was refused, and why, is in the results.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any, Final

from simple_salesforce.bulk2 import Operation

from mqa_platform.destinations.channel import BatchRefusedError, DestinationError
from mqa_platform.destinations.crm_writer import Record

_LONGEST_WAIT: Final = 3_600.0
_LONGEST_PAUSE: Final = 20.0
# An empty cell leaves a field as it is; this word empties it.
_NOTHING: Final = "#N/A"


def ingest(
    ask: Callable[[Callable[[Any], Any]], Any],
    name: str,
    key: str,
    records: Sequence[Record],
    first_pause: float,
) -> dict[str, tuple[str, str]]:
    """Write records in one job; returns what was not written: key → (code, words).

    Args:
        ask: a call of the library's client, with errors as a destination's.
        name: the object.
        key: ``Id``, or an external id field.
        records: all with the same fields or some of them.
        first_pause: seconds between the first looks at the job; they grow.

    Raises:
        ConnectionError: the job did not end, or its results do not add up; it may have written.
        DestinationError, BatchRefusedError: the job was refused.
    """

    def bulk(client: Any) -> Any:
        return getattr(client.bulk2, name)._client

    by_id = key == "Id"
    operation = Operation.update if by_id else Operation.upsert
    external = None if by_id else key
    job = ask(lambda c: bulk(c).create_job(operation, external_id_field=external))
    job_id = str(job.get("id") or "")
    if not job_id:
        raise ConnectionError("the order of a bulk job is answered without its id")
    try:
        _once(lambda: ask(lambda c: bulk(c).upload_job_data(job_id, _csv(key, records))))
        _once(lambda: ask(lambda c: bulk(c).close_job(job_id)))
        ended = _awaited(lambda: ask(lambda c: dict(bulk(c).get_job(job_id, False))), first_pause)
    except (OSError, BatchRefusedError, DestinationError):
        # A job that is left alone must not write old values after a later run has written newer ones.
        with suppress(OSError, BatchRefusedError, DestinationError):
            ask(lambda c: bulk(c).abort_job(job_id, False))
        raise
    if ended.get("state") == "Failed":
        raise _failure(ended)
    if ended.get("state") != "JobComplete":
        raise ConnectionError(f"the bulk job ended as {ended.get('state')}")
    failed, processed = (int(ended.get(f"numberRecords{w}") or 0) for w in ("Failed", "Processed"))
    refused: dict[str, tuple[str, str]] = {}
    rows: list[dict[str, str]] = []
    if failed:
        rows = _rows(ask(lambda c: bulk(c).get_ingest_results(job_id, "failedResults")))
        refused = {row.get(key) or "": _told(row.get("sf__Error") or "") for row in rows}
    if len(rows) != failed:
        raise ConnectionError(f"the bulk job names {len(rows)} of its {failed} failed records")
    if processed < len(records):
        left = _rows(ask(lambda c: bulk(c).get_ingest_results(job_id, "unprocessedrecords")))
        refused |= {row.get(key) or "": ("SERVER_UNAVAILABLE", "not processed") for row in left}
        if processed + len(left) < len(records):
            raise ConnectionError("the bulk job's results do not add up")
    return refused


def _once(call: Callable[[], Any]) -> None:
    """A step of a job; asked again after a lost answer it is refused because it was done."""
    try:
        call()
    except BatchRefusedError as error:
        if "INVALIDJOBSTATE" not in str(error).upper():
            raise


def _failure(ended: dict[str, Any]) -> Exception:
    """What a failed job means; of one that failed on its way nobody knows which records it wrote."""
    said = str(ended.get("errorMessage") or "no reason given")[:300]
    processed, failed = (int(ended.get(f"numberRecords{w}") or 0) for w in ("Processed", "Failed"))
    if processed > failed:
        return ConnectionError(f"the bulk job failed after {processed - failed:,} records: {said}")
    if "InvalidBatch" in said or "Field" in said:
        remedy = "Make the field in Salesforce or take it out of write_back.yaml."
        return DestinationError("Salesforce", f"refuses the bulk job: {said}", remedy)
    return BatchRefusedError(said)


def _awaited(look: Callable[[], dict[str, Any]], pause: float) -> dict[str, Any]:
    ends = monotonic() + _LONGEST_WAIT
    while True:
        info = look()
        if info.get("state") in ("JobComplete", "Failed", "Aborted"):
            return info
        if monotonic() > ends:
            raise ConnectionError("the bulk job is not complete after an hour")
        sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _csv(key: str, records: Sequence[Record]) -> str:
    """All records; a field that one does not have is left as it is, one that is None is emptied."""
    columns = list(dict.fromkeys(name for r in records for name in r.fields))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([key, *columns])
    for r in records:
        writer.writerow([r.key, *(_cell(r.fields, name) for name in columns)])
    return text.getvalue()


def _cell(fields: Any, name: str) -> str:
    if name not in fields:
        return ""
    value = fields[name]
    return _NOTHING if value is None or value == "" else str(value)


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _told(error: str) -> tuple[str, str]:
    code, _, said = error.partition(":")
    return code.strip() or "UNKNOWN", said.strip().removesuffix(":--")
