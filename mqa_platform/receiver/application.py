"""The addresses of the receiver: what is asked of a request, in which order, and what is answered.

Belongs here: routes, sizes, status codes. Does not belong here: signatures (``signatures``), the disk
(``inbox``), or sockets and their timeouts (``serving``).

Cheap questions come first: whether the address is one, whether the body is too large, and only then
whether it is signed. Nobody is answered 200 before what they sent is on disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Incoming
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mqa_platform.receiver import inbox
from mqa_platform.receiver.settings import Endpoint, Settings
from mqa_platform.receiver.signatures import Request, SignatureError, verify

log = logging.getLogger("mqa_platform.receiver")
_CLOSE = {"Connection": "close"}
_LATER = {"Retry-After": "30"}
# Who sends too much reads no answer before all is sent; so much of it, in multiples of what we take, is
# read and dropped, so that the answer arrives.
_READ_AND_DROPPED = 16


class _TooLargeError(Exception):
    """A body is larger than we read."""


def application(
    settings: Settings,
    now: Callable[[], float] = time.time,
    sync: Callable[[int], None] = os.fsync,
) -> Starlette:
    """The receiver as an application.

    Args:
        settings: what it listens to.
        now: seconds since 1970.
        sync: makes what was written to a file lasting.
    """
    routes = [Route("/health", _health(settings), methods=["GET"])]
    routes += [
        Route(endpoint.path, _received(settings, endpoint, now, sync), methods=["POST"])
        for endpoint in settings.endpoints
    ]
    return Starlette(routes=routes)


def _health(settings: Settings) -> Callable[[Incoming], Awaitable[Response]]:
    async def health(_: Incoming) -> Response:
        place = next(p for p in (settings.folder, *settings.folder.parents) if p.exists())
        endpoints = [endpoint.path for endpoint in settings.endpoints]
        if not os.access(place, os.W_OK):
            return _answer(503, "the inbox cannot be written", _LATER)
        return JSONResponse({"status": "ok", "endpoints": endpoints})

    return health


def _received(
    settings: Settings,
    endpoint: Endpoint,
    now: Callable[[], float],
    sync: Callable[[int], None],
) -> Callable[[Incoming], Awaitable[Response]]:
    async def received(incoming: Incoming) -> Response:
        try:
            async with asyncio.timeout(settings.read_seconds):
                body = await _body(incoming, settings.most_bytes)
        except _TooLargeError:
            log.warning("%s: refused, more than %d bytes", endpoint.path, settings.most_bytes)
            return _answer(413, f"more than {settings.most_bytes} bytes", _CLOSE)
        except TimeoutError:
            return _answer(408, "it took too long", _CLOSE)
        except ClientDisconnect:
            return _answer(400, "it broke off", _CLOSE)
        at = now()
        try:
            identity = verify(
                endpoint.scheme, endpoint.secrets, _signed(settings, incoming, body), at
            )
        except SignatureError as problem:
            log.warning("%s: refused, %s", endpoint.path, problem)
            return _answer(401, str(problem))
        written = (settings.folder, endpoint.name, endpoint.scheme, identity, body, at, sync)
        try:
            path, new = await run_in_threadpool(inbox.keep, *written)
        except OSError as problem:
            log.error(
                "%s: what was received cannot be written below %s (%s). Free some space, or let the user "
                "of the receiver write there; the sender was asked to send it again.",
                endpoint.path, settings.folder, problem.strerror or type(problem).__name__,
            )  # fmt: skip
            return _answer(503, "it cannot be kept at the moment", _LATER)
        log.info("%s: %s %s", endpoint.path, "kept" if new else "had before", path.name)
        # Slack shows whatever text it is answered with; nothing means that all is well.
        return Response(status_code=200)

    return received


async def _body(incoming: Incoming, most: int) -> bytes:
    """The octets of a request.

    Raises:
        _TooLargeError: it says that there are too many, or there are.
    """
    length = incoming.headers.get("content-length", "")
    too_large = length.isdecimal() and int(length[:20]) > most
    if too_large and "expect" in incoming.headers:
        # Who asks before sending is told not to.
        raise _TooLargeError
    parts, size = [], 0
    async for part in incoming.stream():
        size += len(part)
        too_large = too_large or size > most
        if size > _READ_AND_DROPPED * most:
            break
        if not too_large:
            parts.append(part)
    if too_large:
        raise _TooLargeError
    return b"".join(parts)


def _signed(settings: Settings, incoming: Incoming, body: bytes) -> Request:
    """The request as its sender knows it; behind a proxy our own address says nothing."""
    raw = incoming.scope.get("raw_path") or incoming.url.path.encode()
    path = raw.decode("ascii", "replace").partition("?")[0]
    query = incoming.scope["query_string"].decode("ascii", "replace")
    url = f"{settings.public_url}{path}" + (f"?{query}" if query else "")
    headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in incoming.headers.raw]
    return Request(incoming.method, url, headers, body)


def _answer(status: int, problem: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": problem}, status, headers)
