"""A server on 127.0.0.1 that keeps a log and misbehaves on demand; services are built on it.

Belongs here: sockets, the log, faults. Does not belong here: any service's answers (``hubspot``,
``json_feed``).
"""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; ``at`` is seconds of a clock that only goes forward."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What goes back; ``length`` lies about the size of the body, ``drip`` sends it byte by byte."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    length: int | None = None
    delay: float = 0.0
    drip: float = 0.0
    hang_up: bool = False

    @property
    def content(self) -> bytes:
        return json.dumps(self.document).encode() if self.raw is None else self.raw


def html(status: int = 200) -> Answer:
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

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


class Fake(ABC):
    """A service. ``faults`` are given out first, one a request to a path that holds their key."""

    def __init__(self) -> None:
        self.log: list[Asked] = []
        self.faults: dict[str, list[Answer]] = {}
        # Seconds since 1970 for the Date header; None is the real clock.
        self.clock: float | None = None
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # A short poll, because every close waits for one.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """The service's own answer."""

    def fail(self, path: str, *answers: Answer) -> None:
        """The next requests to paths that hold ``path`` get these answers."""
        self.faults.setdefault(path, []).extend(answers)

    def asked(self, path: str = "") -> list[Asked]:
        return [asked for asked in self.log if path in asked.path]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _chosen(self, asked: Asked) -> Answer:
        with self._lock:
            self.log.append(asked)
            for path, answers in self.faults.items():
                if path in asked.path and answers:
                    return answers.pop(0)
            return self.answer(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"fake": self})


class _Handler(BaseHTTPRequestHandler):
    """One connection to a fake."""

    fake: Fake
    protocol_version = "HTTP/1.1"
    # One packet an answer: two would wait for each other.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def respond(self) -> None:
        parts = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        asked = Asked(
            time.monotonic(),
            self.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            dict(self.headers),
            self.rfile.read(size),
        )
        try:
            self.send(self.fake._chosen(asked))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = respond  # noqa: N815

    def send(self, answer: Answer) -> None:
        time.sleep(answer.delay)
        if answer.hang_up:
            self.close_connection = True
            return
        content = answer.content
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
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
        return super().date_time_string(timestamp or self.fake.clock)

    def log_message(self, *_: object) -> None:
        """Nothing on the console; the log is ``fake.log``."""
