"""A server on 127.0.0.1 that keeps a log and misbehaves on demand; services are built on it.

Belongs here: sockets, the log, and when a request goes wrong (``faults`` says how). Does not belong here: any
service's answers (``salesforce``, ``hubspot``, ``slack``).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from mqa_platform.local_services.faults import Fault, Weather


@dataclass
class Asked:
    """One request as it arrived; ``at`` is seconds of a clock that only goes forward.

    ``target`` is path and query as they came; ``status`` is what was answered, 0 while it is not yet.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str = ""
    status: int = 0

    @property
    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body as the fields of a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def bearer(self) -> str:
        """The token of the Authorization header; empty without one."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass
class Answer:
    """What goes back; ``length`` lies about the size of the body, ``drip`` sends it byte by byte.

    ``changed`` says that records were written for it. Times are seconds.
    """

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    length: int | None = None
    delay: float = 0.0
    drip: float = 0.0
    hang_up: bool = False
    changed: bool = False

    @property
    def content(self) -> bytes:
        """The body."""
        if self.raw is None:
            return b"" if self.status == 204 else json.dumps(self.document).encode()
        return self.raw


def html(status: int = 200) -> Answer:
    """A page where data was asked for, as a proxy or a maintenance window gives it."""
    page = b"<!DOCTYPE html><html><title>Scheduled maintenance</title></html>"
    return Answer(status, raw=page, headers={"Content-Type": "text/html"})


def cut_short() -> Answer:
    """A body that ends before the length it announced."""
    return Answer(raw=b'{"results": [{"id": "1"', length=4_000)


def half_json() -> Answer:
    """A body of the announced length that is only the beginning of a document."""
    return Answer(raw=b'{"results": [{"id": "1"')


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *arguments: Any) -> None:
        """A client that hangs up, or dies, is part of what is tried here; a fault of ours is not."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*arguments)


class Service(ABC):
    """A service; ``with`` starts it on a free port and stops it.

    ``prepared`` answers are given out first, one a request to a path that holds their key; then ``faults``,
    then ``weather``. ``after_change`` is called when a write is done and before it is answered.
    """

    def __init__(self) -> None:
        self.log: list[Asked] = []
        self.prepared: dict[str, list[Answer]] = {}
        self.faults: list[Fault] = []
        self.weather: Weather | None = None
        self.after_change: Callable[[Asked], None] | None = None
        # More requests within a second are answered 429; None takes any number.
        self.most_a_second: int | None = None
        # Seconds since 1970 for the Date header and new records; None is the real clock.
        self.clock: float | None = None
        self.url = ""
        self.lock = threading.RLock()
        self._closing = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """The service's own answer."""

    def environment(self) -> dict[str, str]:
        """The variables by which a client becomes known to the service."""
        return {}

    @abstractmethod
    def expire(self) -> None:
        """Forget every session."""

    def too_many(self) -> Answer:
        """What is answered to more requests than are taken."""
        return Answer(429, {"message": "too many requests"}, {"Retry-After": "1"})

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() if self.clock is None else self.clock

    def start(self, port: int = 0) -> Self:
        """Listen on a port of 127.0.0.1; 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self._closing.clear()
        handler = type("Handler", (_Handler,), {"service": self})
        server = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        # A short poll, because every close waits for one.
        self._thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        self._server = server
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening; requests that hang are let go."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self if self._server is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def fail(self, path: str, *answers: Answer) -> None:
        """The next requests to paths that hold ``path`` get these answers."""
        self.prepared.setdefault(path, []).extend(answers)

    def asked(self, path: str = "", method: str = "") -> list[Asked]:
        """The requests so far to paths that hold ``path``."""
        return [a for a in list(self.log) if path in a.path and method in ("", a.method)]

    def busiest_second(self) -> int:
        """The most requests that arrived within any one second."""
        times = sorted(asked.at for asked in list(self.log))
        return max((n + 1 - bisect_left(times, at - 1.0) for n, at in enumerate(times)), default=0)

    def respond(self, asked: Asked) -> Answer:
        """The answer to a request, or what goes wrong with it; the log has it either way."""
        with self.lock:
            self.log.append(asked)
            found = self._chosen(asked)
            asked.status = 0 if found.hang_up else found.status
        if found.changed and self.after_change is not None:
            self.after_change(asked)
        return found

    def rest(self, seconds: float) -> None:
        """Wait, but not longer than the service is open."""
        if seconds:
            self._closing.wait(seconds)

    def _chosen(self, asked: Asked) -> Answer:
        for path, answers in self.prepared.items():
            if path in asked.path and answers:
                return answers.pop(0)
        if self.most_a_second is not None:
            recent = [a for a in self.log[-self.most_a_second - 1 :] if a.at > asked.at - 1.0]
            if len(recent) > self.most_a_second:
                return self.too_many()
        fault = next((f for f in self.faults if f.strikes(asked.target)), None)
        if fault is None and self.weather is not None:
            fault = self.weather.fault()
        return self.answer(asked) if fault is None else self._faulty(asked, fault)

    def _faulty(self, asked: Asked, fault: Fault) -> Answer:
        if fault.kind == "status":
            return Answer(fault.status, raw=fault.body.encode(), headers=dict(fault.headers))
        if fault.kind == "html":
            return html()
        if fault.kind in ("hang", "dropped"):
            return Answer(delay=fault.seconds if fault.kind == "hang" else 0.0, hang_up=True)
        if fault.kind == "expired":
            self.expire()
            return self.answer(asked)
        found = self.answer(asked)
        body = found.content
        if fault.kind == "truncated":
            found.raw, found.length = body[: len(body) // 2], len(body)
        if fault.kind == "cut_json":
            found.raw = body[: len(body) // 2]
        if fault.kind == "slow":
            found.delay = fault.seconds
        if fault.kind in ("done_hang", "done_dropped"):
            found.hang_up = True
            found.delay = fault.seconds if fault.kind == "done_hang" else 0.0
        return found


class _Handler(BaseHTTPRequestHandler):
    """One connection to a service."""

    service: Service
    protocol_version = "HTTP/1.1"
    # One packet an answer: two would wait for each other.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.title(): value for name, value in self.headers.items()}
        body = self.rfile.read(size)
        asked = Asked(time.monotonic(), self.command, parts.path, query, headers, body, self.path)
        try:
            self._send(self.service.respond(asked))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815

    def _send(self, answer: Answer) -> None:
        self.service.rest(answer.delay)
        if answer.hang_up:
            self.close_connection = True
            return
        content = answer.content
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(answer.length or len(content)))
        self.end_headers()
        if answer.length is not None:
            self.close_connection = True
        if not answer.drip:
            self.wfile.write(content)
            return
        for at in range(len(content)):
            self.wfile.write(content[at : at + 1])
            self.wfile.flush()
            time.sleep(answer.drip)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(timestamp or self.service.clock)

    def log_message(self, *_: object) -> None:
        """Nothing on the console; the log is the service's."""
