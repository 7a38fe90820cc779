"""The receiver as a process: a socket, and how long a slow sender may hold it.

Belongs here: uvicorn's settings, and the time in which a request's head must come. Does not belong here:
what is answered (``application``). It speaks no TLS: a proxy in front of it does.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mqa_platform.receiver.application import application
from mqa_platform.receiver.inbox import sweep
from mqa_platform.receiver.settings import Settings

# A sender has a connection or two; more than this at once are none that we know.
_CONNECTIONS: Final = 200
_KEEP_ALIVE_SECONDS: Final = 15
_HEAD_BYTES: Final = 32 * 1024
_END_SECONDS: Final = 10
_START_SECONDS: Final = 20


class _Hurried(H11Protocol):
    """HTTP whose head must have come in some seconds; uvicorn itself would wait for ever."""

    def __init__(self, seconds: float, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.seconds = seconds
        self.head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._come()
        elif self.head is None:
            # The next request on a connection that is kept.
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._come()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.head = self.loop.call_later(self.seconds, self._too_late)

    def _come(self) -> None:
        if self.head is not None:
            self.head.cancel()
            self.head = None

    def _too_late(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class _Server(uvicorn.Server):
    """Tells when it listens, and on which port."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready(self.servers[0].sockets[0].getsockname()[1])


def serve(settings: Settings, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Receives webhooks until the process is interrupted or terminated.

    Args:
        settings: what it listens to.
        host: the address to listen on; without a proxy in front only the loopback is right.
        port: 0 takes a free one.
        ready: told the port once it listens.

    Raises:
        SystemExit: the port is taken.
    """
    logging.getLogger("mqa_platform.receiver").setLevel(logging.INFO)
    sweep(settings.folder)
    _Server(configured(settings, host, port), ready).run()


@contextmanager
def in_background(settings: Settings) -> Iterator[str]:
    """Receives webhooks on a free port of this machine for the length of a block; gives its address."""
    ports: queue.Queue[int] = queue.Queue()
    server = _Server(configured(settings, "127.0.0.1", 0), ports.put)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=_START_SECONDS)}"
    finally:
        server.should_exit = True
        thread.join(timeout=2 * _END_SECONDS)


def configured(settings: Settings, host: str, port: int) -> uvicorn.Config:
    """Uvicorn's settings: no access log, no header that names us, no trust in a proxy's headers."""
    return uvicorn.Config(
        application(settings),
        host=host,
        port=port,
        http=partial(_Hurried, settings.read_seconds),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_END_SECONDS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
