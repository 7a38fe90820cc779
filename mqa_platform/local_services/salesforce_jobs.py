"""Bulk API 2.0 of the local Salesforce: query jobs, and ingest jobs that write.

Belongs here: jobs from their order to their results. Does not belong here: the rules of one record
(``salesforce_records``), or SOQL (``soql``).
"""

from __future__ import annotations

import base64
import csv
import io
import zlib
from typing import TYPE_CHECKING, Any, Final

from mqa_platform.local_services.salesforce_records import Problem, RefusalError, Written
from mqa_platform.local_services.server import Answer, Asked

if TYPE_CHECKING:
    from mqa_platform.local_services.salesforce import LocalSalesforce

_CSV: Final = {"Content-Type": "text/csv"}
_NULL: Final = "#N/A"
_SHOWN: Final = (
    "id",
    "operation",
    "object",
    "state",
    "errorMessage",
    "externalIdFieldName",
    "numberRecordsProcessed",
    "numberRecordsFailed",
    "contentUrl",
)


class QueryJobs:
    """Jobs that read: ordered, polled, and their results in pages without an order."""

    def __init__(self, org: LocalSalesforce) -> None:
        self.org = org

    def answer(self, asked: Asked, rest: str) -> Answer:
        """What a request below jobs/query is answered.

        Raises:
            RefusalError: there is no such job, or the query cannot be had in bulk.
        """
        if asked.method == "POST" and not rest:
            return self._ordered(asked.json)
        job_id = rest.partition("/")[0]
        job = _known(self.org.jobs, job_id)
        if asked.method == "DELETE":
            del self.org.jobs[job_id]
            return Answer(204)
        if rest.endswith("/results"):
            return self._results(job, asked.query)
        job["polls"] += 1
        if job["polls"] >= self.org.polls_until_done and job["state"] == "UploadComplete":
            job["state"] = "JobComplete"
        return _shown(job)

    def _ordered(self, order: dict[str, Any]) -> Answer:
        query, rows = self.org.selected(order["query"], order["operation"])
        if query.is_count or query.order:
            raise RefusalError(400, "API_ERROR", "not supported in bulk queries")
        # The same query gives the same id, so that two reads of one org can be compared.
        job_id = f"750{zlib.crc32(order['query'].encode()):012d}AAA"
        self.org.jobs[job_id] = {
            "id": job_id,
            "operation": order["operation"],
            "object": query.object,
            "state": "UploadComplete",
            "errorMessage": None,
            "polls": 0,
            "fields": query.fields,
            "rows": rows[::-1] if self.org.shuffles_bulk else rows,
        }
        return Answer(200, {"id": job_id, "object": query.object, "state": "UploadComplete"})

    def _results(self, job: dict[str, Any], args: dict[str, str]) -> Answer:
        start = 0
        if "locator" in args:
            try:
                start = int(base64.b64decode(args["locator"] + "==", validate=True))
            except ValueError:
                raise RefusalError(400, "INVALID_QUERY_LOCATOR", "invalid locator") from None
        size = min(self.org.bulk_page, int(args.get("maxRecords", self.org.bulk_page)))
        page = job["rows"][start : start + size]
        lines = [[_cell(row[f]) for f in job["fields"]] for row in page]
        end = start + len(page)
        onward = base64.b64encode(str(end).encode()).decode().rstrip("=")
        if self.org.locator_repeats and "locator" in args:
            onward = args["locator"]
        headers = {
            **_CSV,
            "Sforce-NumberOfRecords": str(len(page)),
            "Sforce-Locator": onward if end < len(job["rows"]) else "null",
        }
        return Answer(200, raw=_csv(list(job["fields"]), lines), headers=headers)


class IngestJobs:
    """Jobs that write: opened, filled once with CSV, closed, polled, and three kinds of results."""

    def __init__(self, org: LocalSalesforce) -> None:
        self.org = org

    def answer(self, asked: Asked, rest: str) -> Answer:
        """What a request below jobs/ingest is answered.

        Raises:
            RefusalError: there is no such job, or it is not in the state for that.
        """
        if asked.method == "POST" and not rest:
            return self._opened(asked.json)
        job_id, _, part = rest.partition("/")
        job = _known(self.org.ingests, job_id)
        if asked.method == "PUT" and part.strip("/") == "batches":
            return self._filled(job, asked.body.decode())
        if asked.method == "PATCH" and not part:
            return self._closed(job, asked.json["state"])
        if asked.method == "DELETE":
            del self.org.ingests[job_id]
            return Answer(204)
        if asked.method == "GET" and part:
            return self._results(job, part.strip("/"))
        return self._polled(job)

    def _opened(self, order: dict[str, Any]) -> Answer:
        name = order["object"]
        if name not in self.org.rows or name in self.org.denied:
            raise RefusalError(400, "INVALIDENTITY", f"Unable to find object: {name}")
        job_id = f"750MQ{len(self.org.ingests) + 1:010d}AAA"
        self.org.ingests[job_id] = {
            "id": job_id,
            "operation": order["operation"],
            "object": name,
            "state": "Open",
            "errorMessage": None,
            "externalIdFieldName": order.get("externalIdFieldName"),
            "contentUrl": f"services/data/v62.0/jobs/ingest/{job_id}/batches",
            "numberRecordsProcessed": 0,
            "numberRecordsFailed": 0,
            "polls": 0,
            "columns": [],
            "rows": [],
            "done": [],
        }
        return _shown(self.org.ingests[job_id])

    def _filled(self, job: dict[str, Any], text: str) -> Answer:
        if job["state"] != "Open" or job["columns"]:
            raise RefusalError(400, "INVALIDJOBSTATE", "Data was uploaded to this job already.")
        lines = list(csv.reader(io.StringIO(text)))
        job["columns"], job["rows"] = lines[0], lines[1:]
        return Answer(201, raw=b"")

    def _closed(self, job: dict[str, Any], state: str) -> Answer:
        is_open = job["state"] in (("Open", "UploadComplete") if state == "Aborted" else ("Open",))
        if not is_open:
            raise RefusalError(400, "INVALIDJOBSTATE", f"The job is {job['state']}.")
        job["state"] = state
        return _shown(job)

    def _polled(self, job: dict[str, Any]) -> Answer:
        job["polls"] += 1
        is_due = job["polls"] >= self.org.polls_until_done
        if not is_due or job["state"] != "UploadComplete":
            return _shown(job)
        try:
            self.org.check_fields(job["object"], dict.fromkeys(job["columns"]))
        except RefusalError as error:
            job["state"] = "Failed"
            job["errorMessage"] = f"InvalidBatch : {error.args[2]}"
            return _shown(job)
        job["done"] = [self._written(job, line) for line in job["rows"]]
        job["state"] = "JobComplete"
        job["numberRecordsProcessed"] = len(job["done"])
        job["numberRecordsFailed"] = sum(1 for one in job["done"] if one.problem)
        found = _shown(job)
        found.changed = True
        return found

    def _written(self, job: dict[str, Any], line: list[str]) -> Written:
        name, operation, at = job["object"], job["operation"], self.org.now()
        given = dict(zip(job["columns"], line, strict=True))
        # An empty cell leaves the field as it is; only this word empties it.
        values: dict[str, Any] = {
            column: None if text == _NULL else self._typed(name, column, text)
            for column, text in given.items()
            if text
        }
        if self.org.poison.intersection(str(v) for v in values.values()):
            return Written(
                None, problem=Problem("UNKNOWN_EXCEPTION", "An unexpected error occurred")
            )
        if operation == "insert":
            return self.org.create(name, values, at)
        column = job["externalIdFieldName"] or "Id"
        if operation == "update":
            column = "Id"
        key = str(values.pop(column, "") or "")
        if operation == "delete":
            return self.org.delete(name, key, at)
        try:
            return self.org.upsert(name, column, key, values, at)
        except RefusalError as error:
            return Written(None, problem=Problem(error.args[1], error.args[2]))

    def _typed(self, name: str, column: str, text: str) -> Any:
        kind = self.org.types[name].get(column, "string")
        if kind == "boolean":
            return text.lower() == "true"
        return float(text) if kind in ("double", "currency", "percent", "int") else text

    def _results(self, job: dict[str, Any], part: str) -> Answer:
        if part == "unprocessedrecords":
            lines = [] if job["state"] == "JobComplete" else job["rows"]
            return Answer(200, raw=_csv(job["columns"], lines), headers=dict(_CSV))
        pairs = zip(job["done"], job["rows"], strict=False)
        if part == "successfulResults":
            columns = ["sf__Id", "sf__Created", *job["columns"]]
            lines = [
                [one.id or "", str(one.created).lower(), *line]
                for one, line in pairs
                if not one.problem
            ]
        elif part == "failedResults":
            columns = ["sf__Id", "sf__Error", *job["columns"]]
            lines = [
                [one.id or "", f"{one.problem.code}:{one.problem.message}:--", *line]
                for one, line in pairs
                if one.problem
            ]
        else:
            raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        return Answer(200, raw=_csv(columns, lines), headers=dict(_CSV))


def _known(jobs: dict[str, dict[str, Any]], job_id: str) -> dict[str, Any]:
    if job_id not in jobs:
        raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
    return jobs[job_id]


def _shown(job: dict[str, Any]) -> Answer:
    return Answer(200, {k: job[k] for k in _SHOWN if k in job})


def _csv(columns: list[str], lines: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    # Bulk results write times with Z, REST answers with +0000.
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).replace("+0000", "Z")
