"""A receiver that listens on the loopback for the length of a test.

Belongs here: starting it in a thread, and talking to it octet by octet. Does not belong here: facts.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import uvicorn

from mqa_platform.home import Home
from mqa_platform.policy.sources import Source
from mqa_platform.receiver.serving import configured
from mqa_platform.receiver.settings import Settings
from mqa_platform_tests.receiver import signing

SOURCES = {
    "webhooks": Source(connector="received", path="x"),
    "hubspot_webhooks": Source(connector="received", path="x", signature="hubspot_v3"),
}
SECRETS = {
    "MQA_SLACK_SIGNING_SECRET": signing.SLACK_KEY,
    "MQA_WEBHOOKS_SECRET": signing.STANDARD_KEY,
    "MQA_HUBSPOT_WEBHOOKS_SECRET": signing.HUBSPOT_KEY,
}


@dataclass(frozen=True)
class Served:
    """A receiver that listens."""

    port: int
    folder: Path

    def post(self, path: str, body: bytes, headers: signing.Headers) -> requests.Response:
        return requests.post(
            f"http://127.0.0.1:{self.port}{path}",
            data=body,
            headers=dict(headers),
            timeout=20,
        )

    def raw(self, octets: bytes, wait: float = 20) -> bytes:
        """What is answered to octets, until the receiver hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as line:
            line.sendall(octets)
            return until_closed(line)

    def kept(self, source: str = "*") -> list[Path]:
        return sorted(self.folder.glob(f"{source}/*/*.json"))


def until_closed(line: socket.socket) -> bytes:
    found = b""
    try:
        while part := line.recv(65536):
            found += part
    except ConnectionError:
        pass
    return found


def settings_of(home: Home, secrets: Mapping[str, str] = SECRETS) -> Settings:
    return Settings.of(home, SOURCES, secrets, signing.PUBLIC)


@contextmanager
def served(
    settings: Settings, change: Callable[[uvicorn.Config], None] | None = None
) -> Iterator[Served]:
    config = configured(settings, "127.0.0.1", 0)
    if change is not None:
        change(config)
    server = uvicorn.Server(config)
    line = socket.socket()
    line.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([line],), daemon=True)
    thread.start()
    try:
        line.listen()
        yield Served(line.getsockname()[1], settings.folder)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        line.close()
    assert not thread.is_alive()


def environment(home: Home) -> dict[str, str]:
    """Of a process of its own."""
    return {**os.environ, **SECRETS, "MQA_HOME": str(home.root), "MQA_PUBLIC_URL": signing.PUBLIC}
