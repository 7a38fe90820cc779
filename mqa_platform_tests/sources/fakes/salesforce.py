"""A small Salesforce on 127.0.0.1: logins, describe, limits, REST queries and Bulk 2.0 query jobs.

Belongs here: what the documented API answers, and faults on demand. Does not belong here: SOQL
(``soql``), or what the client is expected to do (the tests).
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from mqa_platform_tests.sources.fakes import soql

TYPES = {"SystemModstamp": "datetime", "CreatedDate": "datetime", "IsDeleted": "boolean"}
SOAP_LOGIN = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result>
<serverUrl>{url}/services/Soap/u/62.0/00D</serverUrl><sessionId>{token}</sessionId>
</result></loginResponse></soapenv:Body></soapenv:Envelope>"""
SOAP_FAULT = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>
<faultcode>{code}</faultcode><detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>
<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>"""


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose path and query match, after ``skip`` others.

    ``kind``: status (answers ``status`` with ``body``), html (200 with a page of HTML), truncated
    (the right answer, cut in half), cut_json (likewise, of the length it announces), slow (the right
    answer, late), dropped (the connection closes), expired (the token is no longer valid).
    """

    path: str
    kind: str = "status"
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    skip: int = 0


@dataclass
class _Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class _RefusalError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        body = json.dumps([{"errorCode": code, "message": message}])
        self.answer = _Answer(status, body.encode(), {"Content-Type": "application/json"})


class FakeSalesforce:
    """The org behind the server: objects, sessions, locators, jobs, and the log of what was asked."""

    def __init__(self) -> None:
        self.rows: dict[str, list[soql.Row]] = {}
        self.types: dict[str, dict[str, str]] = {}
        self.denied: set[str] = set()
        self.picklists: dict[tuple[str, str], list[str]] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str, int]] = []
        self.queries: list[str] = []
        self.page_size = 2
        self.bulk_page = 2
        self.shuffles_bulk = False
        self.locator_repeats = False
        self.tokens = {"session-0-secret"}
        self.logins = 0
        self.locators: dict[str, tuple[str, list[soql.Row], str]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.polls_until_done = 1
        self.user = ("ops@example.com", "pass-secret" + "word-secret")
        self.app = ("client-id", "client-secret")
        self.url = ""
        # Where a login says that the org is; its own address when empty.
        self.instance = ""
        self.clock = datetime(2026, 6, 1, 12, tzinfo=UTC)
        self.lock = threading.Lock()

    def add(self, name: str, rows: list[soql.Row], **types: str) -> None:
        """Give the org an object with these records; a type not named is a string."""
        self.rows[name] = rows
        keys = [key for row in rows for key in row]
        self.types[name] = {k: TYPES.get(k, "string") for k in dict.fromkeys(keys)} | types

    def asked(self, pattern: str) -> list[tuple[str, str, int]]:
        return [entry for entry in self.log if re.search(pattern, entry[1])]

    def expire(self) -> None:
        self.tokens.clear()

    # What follows answers requests.

    def answer(self, method: str, target: str, token: str, body: bytes) -> _Answer:
        parts = urlsplit(target)
        args = {k: v[0] for k, v in parse_qs(parts.query).items()}
        try:
            if parts.path.startswith("/services/Soap/"):
                return self._soap_login(body.decode())
            if parts.path == "/services/oauth2/token":
                return self._token(_form(body))
            if token not in self.tokens:
                raise _RefusalError(401, "INVALID_SESSION_ID", "Session expired or invalid")
            rest = re.sub(r"^/services/data/v\d+\.0/", "", parts.path)
            return self._data(method, rest, args, body, token)
        except _RefusalError as refusal:
            return refusal.answer
        except soql.MalformedError as error:
            return _RefusalError(400, *error.args).answer

    def _new_session(self) -> str:
        self.logins += 1
        token = f"session-{self.logins}-secret"
        self.tokens.add(token)
        return token

    def _soap_login(self, body: str) -> _Answer:
        kind = {"Content-Type": "text/xml"}
        user, password = (re.search(rf":{tag}>([^<]*)<", body) for tag in ("username", "password"))
        if not (user and password and (user[1], password[1]) == self.user):
            fault = SOAP_FAULT.format(code="INVALID_LOGIN", message="Invalid username or password")
            return _Answer(500, fault.encode(), kind)
        login = SOAP_LOGIN.format(url=self.url, token=self._new_session())
        return _Answer(200, login.encode(), kind)

    def _token(self, form: dict[str, str]) -> _Answer:
        known = (form.get("client_id"), form.get("client_secret")) == self.app
        if form.get("grant_type") != "client_credentials" or not known:
            problem = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return _json(problem, 400)
        return _json(
            {"access_token": self._new_session(), "instance_url": self.instance or self.url}
        )

    def _data(
        self, method: str, rest: str, args: dict[str, str], body: bytes, token: str
    ) -> _Answer:
        if rest == "limits/":
            return _json({"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})
        if found := re.fullmatch(r"sobjects/(\w+)/describe", rest):
            return self._describe(found[1])
        if found := re.fullmatch(r"(query|queryAll)/", rest):
            return self._query(args["q"], found[1], token)
        if found := re.fullmatch(r"(query|queryAll)/([\w-]+)", rest):
            return self._more(found[2], token)
        if rest.startswith("jobs/query"):
            return self._job(method, rest.removeprefix("jobs/query").strip("/"), args, body)
        raise _RefusalError(404, "NOT_FOUND", "The requested resource does not exist")

    def _seen(self, name: str) -> list[soql.Row]:
        if name not in self.rows or name in self.denied:
            raise _RefusalError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return self.rows[name]

    def _describe(self, name: str) -> _Answer:
        if name not in self.rows or name in self.denied:
            raise _RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        own = {n: t for n, t in self.types[name].items() if "." not in n}
        fields = [
            {
                "name": n,
                "type": t,
                "picklistValues": [
                    {"value": v, "label": v, "active": True}
                    for v in self.picklists.get((name, n), [])
                ],
            }
            for n, t in own.items()
        ]
        return _json({"name": name, "queryable": True, "fields": fields})

    def _selected(self, text: str, operation: str) -> tuple[soql.Query, list[soql.Row]]:
        self.queries.append(text)
        query = soql.parse(text)
        rows = self._seen(query.object)
        if operation == "query":
            rows = [row for row in rows if row.get("IsDeleted") is not True]
        found = soql.run(query, rows)
        if query.is_count:
            return query, found
        wrong = [f for f in query.fields if self.types[query.object].get(f) in (None, "address")]
        if wrong:
            raise _RefusalError(400, "INVALID_FIELD", f"No such column '{wrong[0]}'")
        return query, [{f: row.get(f) for f in query.fields} for row in found]

    def _query(self, text: str, operation: str, token: str) -> _Answer:
        query, rows = self._selected(text, operation)
        if query.is_count:
            return _json({"totalSize": len(rows), "done": True, "records": []})
        return self._records(query.object, rows, 0, token)

    def _records(self, name: str, rows: list[soql.Row], start: int, token: str) -> _Answer:
        url = "/services/data/v62.0"
        page = rows[start : start + self.page_size]
        records = [
            {"attributes": {"type": name, "url": f"{url}/sobjects/{name}/{r['Id']}"}} | _nested(r)
            for r in page
        ]
        end = start + len(page)
        result = {"totalSize": len(rows), "done": end >= len(rows), "records": records}
        if end < len(rows):
            key = f"01g{len(self.locators):05d}-{end}"
            if self.locator_repeats and self.locators:
                key = next(iter(self.locators))
            self.locators.setdefault(key, (name, rows, token))
            result["nextRecordsUrl"] = f"{url}/query/{key}"
        return _json(result)

    def _more(self, key: str, token: str) -> _Answer:
        name, rows, owner = self.locators.get(key, ("", [], ""))
        if owner != token:
            # A locator belongs to the session that opened it.
            raise _RefusalError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._records(name, rows, int(key.partition("-")[2]), token)

    def _job(self, method: str, rest: str, args: dict[str, str], body: bytes) -> _Answer:
        if method == "POST" and not rest:
            return self._new_job(json.loads(body))
        job_id = rest.partition("/")[0]
        if job_id not in self.jobs:
            raise _RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        job = self.jobs[job_id]
        if method == "DELETE":
            del self.jobs[job_id]
            return _Answer(204, b"")
        if rest.endswith("/results"):
            return self._results(job, args)
        job["polls"] += 1
        if job["polls"] >= self.polls_until_done and job["state"] == "UploadComplete":
            job["state"] = "JobComplete"
        return _json({k: job[k] for k in ("id", "operation", "object", "state", "errorMessage")})

    def _new_job(self, order: dict[str, Any]) -> _Answer:
        query, rows = self._selected(order["query"], order["operation"])
        if query.is_count or query.order:
            raise _RefusalError(400, "API_ERROR", "not supported in bulk queries")
        # The same query gives the same id, so that two reads of one org can be compared.
        job_id = f"750{zlib.crc32(order['query'].encode()):012d}AAA"
        self.jobs[job_id] = {
            "id": job_id,
            "operation": order["operation"],
            "object": query.object,
            "state": "UploadComplete",
            "errorMessage": None,
            "polls": 0,
            "fields": query.fields,
            "rows": rows[::-1] if self.shuffles_bulk else rows,
        }
        return _json({"id": job_id, "object": query.object, "state": "UploadComplete"})

    def _results(self, job: dict[str, Any], args: dict[str, str]) -> _Answer:
        start = 0
        if "locator" in args:
            try:
                start = int(base64.b64decode(args["locator"] + "==", validate=True))
            except ValueError:
                raise _RefusalError(400, "INVALID_QUERY_LOCATOR", "invalid locator") from None
        size = min(self.bulk_page, int(args["maxRecords"]))
        page = job["rows"][start : start + size]
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(job["fields"])
        writer.writerows([_cell(row[f]) for f in job["fields"]] for row in page)
        end = start + len(page)
        onward = base64.b64encode(str(end).encode()).decode().rstrip("=")
        if self.locator_repeats and "locator" in args:
            onward = args["locator"]
        more = end < len(job["rows"])
        headers = {
            "Content-Type": "text/csv",
            "Sforce-NumberOfRecords": str(len(page)),
            "Sforce-Locator": onward if more else "null",
        }
        return _Answer(200, text.getvalue().encode(), headers)


def _nested(row: soql.Row) -> soql.Row:
    """A parent's field as a record in the record, as the REST API gives it."""
    found: soql.Row = {}
    for name, value in row.items():
        parent, dot, field = name.partition(".")
        if dot:
            inner = {"attributes": {"type": parent}, field: value}
            found[parent] = None if value is None else inner
        else:
            found[name] = value
    return found


def _form(body: bytes) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in body.decode().split("&"))
    return {key: unquote_plus(value) for key, _, value in pairs}


def _json(value: Any, status: int = 200) -> _Answer:
    return _Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _cell(value: Any) -> str:
    # Bulk results write times with Z, REST answers with +0000.
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).replace("+0000", "Z")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet; two would wait for each other.
    wbufsize = 64 * 1024
    org: FakeSalesforce

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with self.org.lock:
            fault = self._fault()
            if fault is not None and fault.kind == "expired":
                self.org.expire()
                fault = None
            if fault is not None and fault.kind == "status":
                answer = _Answer(fault.status, fault.body.encode(), dict(fault.headers))
            elif fault is not None and fault.kind == "html":
                page = b"<!DOCTYPE html><html><body>Maintenance</body></html>"
                answer = _Answer(200, page, {"Content-Type": "text/html"})
            else:
                answer = self.org.answer(self.command, self.path, token, body)
            self.org.log.append((self.command, self.path, answer.status))
        self._send(answer, fault)

    def _fault(self) -> Fault | None:
        for fault in self.org.faults:
            if fault.times and re.search(fault.path, self.path):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def _send(self, answer: _Answer, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "dropped":
            self.close_connection = True
            return
        if kind == "slow":
            time.sleep(0.4)
        body = answer.body[: len(answer.body) // 2] if kind == "cut_json" else answer.body
        try:
            self.send_response_only(answer.status)
            self.send_header("Date", format_datetime(self.org.clock, usegmt=True))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if kind == "truncated" else body)
        except OSError:
            self.close_connection = True
        if kind == "truncated":
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """The log of requests is the org's."""


@contextmanager
def serving(org: FakeSalesforce) -> Iterator[FakeSalesforce]:
    """The org on a free port of 127.0.0.1."""
    handler = type("Handler", (_Handler,), {"org": org})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    org.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield org
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
