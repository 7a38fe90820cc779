"""The limits of a conversation over HTTP, and its addresses and failures in words without secrets.

Belongs here: how long, how often and how much; where an address leads; what a failure is called. Does
not belong here: sending anything (``http``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import exceptions as failures
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError, SSLError

from mqa_platform.sources.landed import SourceError


@dataclass(frozen=True)
class Limits:
    """How patient, how fast and how large; every field can be set as ``MQA_HTTP_<FIELD>``.

    Times are seconds; ``total_seconds`` bounds one request with all of its attempts and waits. A
    service that asks to wait longer than ``most_wait_seconds`` is left alone until the next run.
    """

    attempts: int = 6
    total_seconds: float = 300.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    first_wait_seconds: float = 0.5
    most_wait_seconds: float = 60.0
    requests_per_second: int = 8
    most_bytes: int = 64 * 1024 * 1024

    def adjusted(self, environment: Mapping[str, str]) -> Limits:
        """These limits with what the environment sets.

        Raises:
            SourceError: a value that is no number above 0.
        """
        changes: dict[str, Any] = {}
        for field in fields(self):
            variable = f"MQA_HTTP_{field.name.upper()}"
            text = environment.get(variable)
            if text:
                number = re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text)
                value = float(text) if number else 0.0
                if value <= 0 or (isinstance(getattr(self, field.name), int) and value < 1):
                    raise SourceError(
                        variable, "is not a number above 0", f"Correct it, or unset {variable}."
                    )
                changes[field.name] = type(getattr(self, field.name))(value)
        return replace(self, **changes)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address: what a secret may be sent to.

    Raises:
        ValueError: the address has no valid port.
    """
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or usual


def shown(url: str | None) -> str:
    """An address as messages may show it: without user, query and fragment."""
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_loopback(host: str) -> bool:
    """Whether a host name stands for this machine itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after(response: requests.Response) -> float | None:
    """How many seconds the service asks to wait: a number, or a date against its own clock."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    when = _moment(text)
    if when is None:
        return None
    now = _moment(response.headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (when - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def told(error: Exception, limits: Limits) -> str:
    """A failed attempt in words of ours; the libraries' own hold whole addresses."""
    cause = re.search(r"\[Errno -?\d+\] [A-Za-z ,'-]+", str(error))
    late = f"no answer within {limits.read_seconds:g} s"
    for kind, words in (
        ((failures.ConnectTimeout,), f"no connection within {limits.connect_seconds:g} s"),
        ((failures.Timeout, ReadTimeoutError, TimeoutError), late),
        ((failures.SSLError, SSLError), "the TLS handshake failed"),
        ((failures.ProxyError,), "the proxy refused"),
        ((failures.ContentDecodingError, DecodeError), "the answer's compression is damaged"),
        ((failures.ChunkedEncodingError, ProtocolError), "the answer broke off"),
    ):
        if isinstance(error, kind):
            return words
    return f"the connection failed ({cause.group()})" if cause else "the connection failed"
