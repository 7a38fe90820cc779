"""How we speak HTTP: patient with faults, never faster than allowed, never leaking a secret.

Belongs here: attempts, rates, and what an answer must look like to be believed. Does not belong here:
the limits themselves (``http_limits``), credentials (``tokens``), questions and refusals
(``http_client``), or any one service.

The rules sit in a transport adapter, so that libraries which bring their own session obey them too:
mount what ``session`` gives. Tried again are failed connections, time-outs, 429, 5xx, and answers that
break off or are not what was asked for. Everything else comes back at once, 401 and 403 above all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from math import isfinite
from time import monotonic
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
import stamina
from pyrate_limiter import Limiter, Rate
from requests import exceptions as failures
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from mqa_platform.sources.connection import UnreachableError
from mqa_platform.sources.http_limits import (
    Limits,
    is_loopback,
    origin,
    retry_after,
    shown,
    told,
)
from mqa_platform.sources.landed import SourceError

# Besides 5xx. 423 and 477 are HubSpot's "locked" and "being moved"; 408 and 425 ask for another try.
_PASSING: Final = frozenset((408, 423, 425, 429, 477))
# Requests take unequal time to arrive, so a second of ours is a little longer than theirs.
_SECOND_MS: Final = 1_050
_CHUNK: Final = 64 * 1024


Doubt = Callable[[requests.PreparedRequest, requests.Response], str | None]


def json_doubt(request: requests.PreparedRequest, response: requests.Response) -> str | None:
    """Why a good status is not believed: JSON was asked for, and the body is none; else None."""
    wanted = "json" in str(request.headers.get("Accept", ""))
    if not wanted or response.status_code == requests.codes.no_content:
        return None
    try:
        parsed(response.content)
    except (ValueError, RecursionError):
        begins = "HTML" if response.content.lstrip()[:1] == b"<" else "no complete JSON"
        return f"{response.status_code} with a body that is {begins}"
    return None


def parsed(content: bytes) -> Any:
    """A JSON document; a number too large for a float stays text, so that it can be written again.

    Raises:
        ValueError, RecursionError: it is none, NaN and Infinity included.
    """
    return json.loads(content, parse_float=_float, parse_constant=_refuse_constant)


def _float(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def session(name: str, limits: Limits, doubt: Doubt = json_doubt) -> requests.Session:
    """A session whose every request obeys the rules of this module.

    Args:
        name: the source, for messages.
        limits: see there.
        doubt: says why an answer with a good status is not believed, so that it is tried again.
    """
    made = _Session()
    adapter = Adapter(name, limits, doubt)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    # Without an auth of its own a session takes one from a netrc file, in place of our header.
    made.auth = lambda request: request
    return made


class _Session(requests.Session):
    """A session that takes no credentials from files on a redirect either."""

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Keep the header: the adapter has refused every redirect to another origin."""


class _AgainError(Exception):
    """This attempt gave nothing usable; ``after`` is how many seconds the service asks to wait."""

    def __init__(self, seen: str, after: float | None = None) -> None:
        super().__init__(seen)
        self.seen = seen
        self.after = after


class Adapter(HTTPAdapter):
    """The transport: one ``send`` is one question with all of its attempts."""

    def __init__(self, name: str, limits: Limits, doubt: Doubt = json_doubt) -> None:
        super().__init__()
        self.name = name
        self.limits = limits
        self.doubt = doubt

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """The answer to one request, its body read and checked.

        Raises:
            UnreachableError: no usable answer after all attempts.
            SourceError: clear text to another machine, a redirect to another host, or a body that
                is too large.
        """
        _refuse_clear_text(self.name, request.url or "")
        limits, began = self.limits, monotonic()
        tries = 0

        def again(error: Exception) -> bool | float:
            if not isinstance(error, _AgainError):
                return False
            wait = error.after or 0.0
            left = began + limits.total_seconds - monotonic()
            return wait <= min(limits.most_wait_seconds, left) and (wait or True)

        try:
            for attempt in stamina.retry_context(
                on=again,
                attempts=limits.attempts,
                timeout=limits.total_seconds,
                wait_initial=limits.first_wait_seconds,
                wait_max=limits.most_wait_seconds,
                wait_jitter=limits.first_wait_seconds,
            ):
                with attempt:
                    tries += 1
                    return self._attempt(request, began + limits.total_seconds, options)
        except _AgainError as error:
            asked = f", and asks to wait {error.after:.0f} s" if error.after else ""
            # Without its cause: the library's own messages hold the address with its query.
            raise UnreachableError(
                f"{self.name} ({shown(request.url)})",
                f"no usable answer in {tries} attempts; the last was: {error.seen}{asked}",
                "What has landed stays; the next run goes on from there. Look at the service's status.",
            ) from None
        raise AssertionError("an attempt returns or raises")

    def _attempt(
        self, request: requests.PreparedRequest, ends: float, options: Mapping[str, Any]
    ) -> requests.Response:
        limits = self.limits
        host = urlsplit(request.url or "").netloc.rpartition("@")[2]
        _limiter(host, limits.requests_per_second).try_acquire(host)
        passed = {name: options[name] for name in ("verify", "cert", "proxies") if name in options}
        timeout = (limits.connect_seconds, limits.read_seconds)
        try:
            response = super().send(request, stream=True, timeout=timeout, **passed)
            with response:
                body = self._body(request, response, ends)
        except (failures.RequestException, HTTPError, OSError) as error:
            raise _AgainError(told(error, limits)) from None
        response._content = body  # the public way would read the stream in pieces of a fixed size
        self._refuse_redirect(request, response)
        if response.status_code >= 500 or response.status_code in _PASSING:
            raise _AgainError(_named(response.status_code), retry_after(response))
        if response.ok and (why := self.doubt(request, response)):
            raise _AgainError(why)
        return response

    def _body(
        self, request: requests.PreparedRequest, response: requests.Response, ends: float
    ) -> bytes:
        parts, size = [], 0
        # Piece by piece as it comes: a read of a fixed size waits for ever on a body that drips.
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > self.limits.most_bytes:
                raise SourceError(
                    f"{self.name} ({shown(request.url)})",
                    f"answers with more than {self.limits.most_bytes:,} bytes",
                    "Ask for less in one page, or raise MQA_HTTP_MOST_BYTES if that is right.",
                )
            if monotonic() > ends:
                raise failures.ReadTimeout()
        return b"".join(parts)

    def _refuse_redirect(
        self, request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        if not response.is_redirect:
            return
        here = request.url or ""
        try:
            there = urljoin(here, response.headers["Location"])
            same = origin(there) == origin(here)
        except ValueError:
            there, same = "an address that is none", False
        if not same:
            raise SourceError(
                f"{self.name} ({shown(here)})",
                f"redirects to another place ({shown(there)}), which gets no secret of ours",
                "Put the address where the service really is into url.",
            )


@cache
def _limiter(host: str, per_second: int) -> Limiter:
    """One for all sessions of this process, because the service counts them together."""
    return Limiter(Rate(per_second, _SECOND_MS))


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _refuse_clear_text(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise SourceError(
            f"{name} ({shown(url)})",
            "would be asked in clear text, where anyone on the way reads the secret",
            "Write https:// in url.",
        )
