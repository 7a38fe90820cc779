"""The transport to a Salesforce org: the rules of ``http``, and what Salesforce does its own way.

Belongs here: which hosts may get the token, which answers are believed, and the org's clock. Does not
belong here: credentials (``salesforce_login``), or what a refusal means (``salesforce_org``).
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa
import requests

from mqa_platform.sources.http import Adapter, session
from mqa_platform.sources.http_limits import Limits, is_loopback, shown
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_rows import ROWS_HEADER, csv_table

# The domains of Salesforce's own instances; a login names one of them as the place to go on.
_DOMAINS: Final = (
    ".salesforce.com",
    ".force.com",
    ".cloudforce.com",
    ".salesforce.mil",
    ".sfcrmproducts.cn",
    ".sfcrmapps.cn",
)
# Salesforce gives a query two minutes before it answers QUERY_TIMEOUT.
_QUERY_SECONDS: Final = 150.0
LIMITS: Final = Limits(read_seconds=_QUERY_SECONDS, total_seconds=600.0)


def quick(limits: Limits) -> Limits:
    """The limits of a check, for which somebody waits."""
    return replace(
        limits, attempts=min(2, limits.attempts), total_seconds=min(30.0, limits.total_seconds)
    )


class SalesforceAdapter(Adapter):
    """The adapter of ``http`` for one org.

    ``now`` is the org's clock at its last answer: a window of changes ends by it, because a clock of
    ours that is ahead would close a window that the org still writes into.
    """

    def __init__(self, name: str, limits: Limits, *places: str) -> None:
        """Allow the hosts of these addresses, and Salesforce's own."""
        super().__init__(name, limits, doubt)
        hosts = [urlsplit(place) for place in places]
        self.hosts = {part.netloc.lower() for part in hosts}
        # The library writes https:// whatever it was given; a test org on this machine has no TLS.
        self.plain = {
            part.netloc.lower()
            for part in hosts
            if part.scheme == "http" and is_loopback(part.hostname or "")
        }
        self.now: datetime | None = None

    def send(
        self, request: requests.PreparedRequest, *arguments: Any, **options: Any
    ) -> requests.Response:
        """As ``Adapter.send``.

        Raises:
            SourceError: besides, for a host that is neither Salesforce's nor the declared one.
        """
        parts = urlsplit(request.url or "")
        host = parts.netloc.lower()
        if host not in self.hosts and not (parts.hostname or "").lower().endswith(_DOMAINS):
            raise SourceError(
                f"{self.name} ({shown(request.url)})",
                "is neither the declared address nor one of Salesforce, and gets no secret of ours",
                "Correct url in sources.yaml, or MQA_SALESFORCE_INSTANCE_URL.",
            )
        if host in self.plain:
            request.url = urlunsplit(parts._replace(scheme="http"))
        response = super().send(request, *arguments, **options)
        self.now = _moment(response.headers.get("Date", "")) or self.now
        return response

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The library's response, a fault of the SOAP login as the refusal that it is.

        SOAP says 500 for a wrong password. Tried again as an outage it would lock the user out.
        """
        response: requests.Response = super().build_response(req, resp)
        if response.status_code == 500 and _is_soap(req):
            response.status_code = 400
        return response


def salesforce_session(
    name: str, limits: Limits, *places: str
) -> tuple[requests.Session, SalesforceAdapter]:
    """A session for simple-salesforce whose requests obey the rules of ``http``, and its adapter."""
    adapter = SalesforceAdapter(name, limits, *places)
    made = session(name, limits, doubt)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made, adapter


def doubt(request: requests.PreparedRequest, response: requests.Response) -> str | None:
    """Why a good status is not believed: the wrong kind of body, or fewer rows than it announces."""
    if response.status_code == requests.codes.no_content:
        return None
    if _is_soap(request):
        return None if b"Envelope" in response.content[:2000] else "a login that is no SOAP"
    path = urlsplit(request.url or "").path
    if path.endswith("/results"):
        return _csv_doubt(response)
    if "/jobs/ingest/" in path and path.endswith(("/batches", "Results", "records")):
        # No count is announced here; who reads them counts the rows against the job.
        return "a page of HTML" if response.content.lstrip()[:1] == b"<" else None
    try:
        json.loads(response.content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        begins = "HTML" if response.content.lstrip()[:1] == b"<" else "no complete JSON"
        return f"{response.status_code} with a body that is {begins}"
    return None


def _csv_doubt(response: requests.Response) -> str | None:
    announced = response.headers.get(ROWS_HEADER, "")
    if not announced.isdigit():
        return f"{response.status_code} with a body that is no result of a query job"
    try:
        rows = csv_table(response.content).num_rows
    except pa.ArrowInvalid:
        return f"{response.status_code} with CSV that is damaged"
    return None if rows == int(announced) else f"{rows} rows where {announced} were announced"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _is_soap(request: requests.PreparedRequest) -> bool:
    return urlsplit(request.url or "").path.startswith("/services/Soap/")


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError):
        return None
