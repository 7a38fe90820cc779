"""A Salesforce org on 127.0.0.1: logins, describe, limits, queries, writes and Bulk 2.0 jobs.

Belongs here: sessions, the routes, and what is read. Does not belong here: writes (``salesforce_writes``), jobs
(``salesforce_jobs``), records (``salesforce_records``), SOQL (``soql``), faults (``server``).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from mqa_platform.local_services import soql
from mqa_platform.local_services.salesforce_jobs import IngestJobs, QueryJobs
from mqa_platform.local_services.salesforce_records import Records, RefusalError
from mqa_platform.local_services.salesforce_writes import Writes
from mqa_platform.local_services.server import Answer, Asked, Service

VERSION: Final = "/services/data/v62.0"
_SOAP_LOGIN: Final = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result>
<serverUrl>{url}/services/Soap/u/62.0/00D</serverUrl><sessionId>{token}</sessionId>
</result></loginResponse></soapenv:Body></soapenv:Envelope>"""
_SOAP_FAULT: Final = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>
<faultcode>{code}</faultcode><detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>
<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>"""


class LocalSalesforce(Service, Records):
    """One org. ``page_size`` is of REST queries, ``bulk_page`` of a job's results."""

    def __init__(self) -> None:
        Service.__init__(self)
        Records.__init__(self)
        self.denied: set[str] = set()
        self.picklists: dict[tuple[str, str], list[str]] = {}
        self.queries: list[str] = []
        self.page_size = 2_000
        self.bulk_page = 50_000
        self.shuffles_bulk = False
        self.locator_repeats = False
        self.polls_until_done = 1
        self.tokens: set[str] = set()
        self.logins = 0
        self.user = ("ops@example.com", "pass-word" + "security-token")
        self.app = ("local-client", "local-client-secret")
        # Where a login says that the org is; its own address when empty.
        self.instance = ""
        self.jobs: dict[str, dict[str, Any]] = {}
        self.ingests: dict[str, dict[str, Any]] = {}
        self._locators: dict[str, tuple[str, list[soql.Row], str]] = {}

    def environment(self) -> dict[str, str]:
        """The variables by which a client becomes known to the org."""
        return {
            "MQA_SALESFORCE_CLIENT_ID": self.app[0],
            "MQA_SALESFORCE_CLIENT_SECRET": self.app[1],
        }

    def expire(self) -> None:
        """End every session."""
        self.tokens.clear()

    def too_many(self) -> Answer:
        """As the org answers more requests than it takes."""
        said = {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}
        return Answer(429, [said], {"Retry-After": "1"})

    def answer(self, asked: Asked) -> Answer:
        """See ``Service.answer``."""
        try:
            if asked.path.startswith("/services/Soap/"):
                return self._soap_login(asked.body.decode())
            if asked.path == "/services/oauth2/token":
                return self._token(asked.form)
            if asked.bearer not in self.tokens:
                raise RefusalError(401, "INVALID_SESSION_ID", "Session expired or invalid")
            return self._data(asked, re.sub(r"^/services/data/v\d+\.0/", "", asked.path))
        except RefusalError as refusal:
            return refused(*refusal.args)
        except soql.MalformedError as error:
            return refused(400, *error.args)
        except (ValueError, KeyError, TypeError, AttributeError):
            return refused(400, "JSON_PARSER_ERROR", "The request could not be read.")

    def selected(self, text: str, operation: str) -> tuple[soql.Query, list[soql.Row]]:
        """A query with the rows that it finds, each with the fields asked for.

        Raises:
            RefusalError: an object or a field that is not there.
            MalformedError: no SOQL that is understood.
        """
        self.queries.append(text)
        query = soql.parse(text)
        if query.object not in self.rows or query.object in self.denied:
            said = f"sObject type '{query.object}' is not supported."
            raise RefusalError(400, "INVALID_TYPE", said)
        rows = self.rows[query.object]
        if operation == "query":
            rows = [row for row in rows if row.get("IsDeleted") is not True]
        found = soql.run(query, rows)
        if query.is_count:
            return query, found
        wrong = [f for f in query.fields if self.types[query.object].get(f) in (None, "address")]
        if wrong:
            raise RefusalError(400, "INVALID_FIELD", f"No such column '{wrong[0]}'")
        return query, [{f: row.get(f) for f in query.fields} for row in found]

    def _new_session(self) -> str:
        self.logins += 1
        token = f"session-{self.logins}-secret"
        self.tokens.add(token)
        return token

    def _soap_login(self, body: str) -> Answer:
        kind = {"Content-Type": "text/xml"}
        user, password = (re.search(rf":{tag}>([^<]*)<", body) for tag in ("username", "password"))
        if not (user and password and (user[1], password[1]) == self.user):
            fault = _SOAP_FAULT.format(code="INVALID_LOGIN", message="Invalid username or password")
            return Answer(500, raw=fault.encode(), headers=kind)
        login = _SOAP_LOGIN.format(url=self.url, token=self._new_session())
        return Answer(200, raw=login.encode(), headers=kind)

    def _token(self, form: dict[str, str]) -> Answer:
        known = (form.get("client_id"), form.get("client_secret")) == self.app
        if form.get("grant_type") != "client_credentials" or not known:
            said = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return Answer(400, said)
        token = self._new_session()
        return Answer(200, {"access_token": token, "instance_url": self.instance or self.url})

    def _data(self, asked: Asked, rest: str) -> Answer:
        if rest == "limits/":
            return Answer(200, {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})
        if found := re.fullmatch(r"sobjects/(\w+)/describe", rest):
            return self._describe(found[1])
        if found := re.fullmatch(r"(query|queryAll)/?", rest):
            return self._query(asked.query["q"], found[1], asked.bearer)
        if found := re.fullmatch(r"(query|queryAll)/([\w-]+)", rest):
            return self._more(found[2], asked.bearer)
        if rest.startswith("jobs/query"):
            return QueryJobs(self).answer(asked, rest.removeprefix("jobs/query").strip("/"))
        if rest.startswith("jobs/ingest"):
            return IngestJobs(self).answer(asked, rest.removeprefix("jobs/ingest").strip("/"))
        if rest.startswith(("sobjects/", "composite/sobjects")):
            return Writes(self).answer(asked, rest)
        raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")

    def _describe(self, name: str) -> Answer:
        if name not in self.rows or name in self.denied:
            raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        own = {n: t for n, t in self.types[name].items() if "." not in n}
        fields = [
            {
                "name": n,
                "type": t,
                "externalId": n in self.external.get(name, set()),
                "updateable": n not in ("Id", "CreatedDate", "SystemModstamp", "IsDeleted"),
                "length": self.lengths.get((name, n), 255 if t == "string" else 0),
                "picklistValues": [
                    {"value": v, "label": v, "active": True}
                    for v in self.picklists.get((name, n), [])
                ],
            }
            for n, t in own.items()
        ]
        return Answer(200, {"name": name, "queryable": True, "fields": fields})

    def _query(self, text: str, operation: str, token: str) -> Answer:
        query, rows = self.selected(text, operation)
        if query.is_count:
            return Answer(200, {"totalSize": len(rows), "done": True, "records": []})
        return self._records(query.object, rows, 0, token)

    def _records(self, name: str, rows: list[soql.Row], start: int, token: str) -> Answer:
        page = rows[start : start + self.page_size]
        records = [
            {"attributes": {"type": name, "url": f"{VERSION}/sobjects/{name}/{r.get('Id')}"}}
            | _nested(r)
            for r in page
        ]
        end = start + len(page)
        result = {"totalSize": len(rows), "done": end >= len(rows), "records": records}
        if end < len(rows):
            key = f"01g{len(self._locators):05d}-{end}"
            if self.locator_repeats and self._locators:
                key = next(iter(self._locators))
            self._locators.setdefault(key, (name, rows, token))
            result["nextRecordsUrl"] = f"{VERSION}/query/{key}"
        return Answer(200, result)

    def _more(self, key: str, token: str) -> Answer:
        name, rows, owner = self._locators.get(key, ("", [], ""))
        if owner != token:
            # A locator belongs to the session that opened it.
            raise RefusalError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._records(name, rows, int(key.partition("-")[2]), token)


def refused(status: int, code: str, message: str) -> Answer:
    """A refusal in the org's form."""
    return Answer(status, raw=json.dumps([{"errorCode": code, "message": message}]).encode())


def _nested(row: soql.Row) -> soql.Row:
    """A parent's field as a record in the record, as the REST API gives it."""
    found: soql.Row = {}
    for name, value in row.items():
        parent, dot, column = name.partition(".")
        if dot:
            inner = {"attributes": {"type": parent}, column: value}
            found[parent] = None if value is None else inner
        else:
            found[name] = value
    return found
