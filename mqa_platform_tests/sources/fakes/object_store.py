"""An object store on 127.0.0.1 that speaks as much of the S3 protocol as reading needs.

Belongs here: ListObjectsV2 with prefix and delimiter, HeadObject, GetObject with ranges, and refusals.
Does not belong here: facts about our client.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_MODIFIED = "2025-07-02T10:00:00.000Z"
_MODIFIED_HTTP = "Wed, 02 Jul 2025 10:00:00 GMT"


@dataclass
class FakeStore:
    """One bucket; ``key_id`` is the access key that may read it, None lets everybody."""

    bucket: str = "bucket"
    objects: dict[str, bytes] = field(default_factory=dict)
    key_id: str | None = "test-key"
    # Every request as ``METHOD path?query``.
    log: list[str] = field(default_factory=list)
    # Status to answer instead, for the keys that hold this text.
    refused: dict[str, int] = field(default_factory=dict)
    port: int = 0

    def address(self, glob: str) -> str:
        """What sources.yaml says to read from here."""
        return (
            f"s3://{self.bucket}/{glob}?endpoint_override=127.0.0.1:{self.port}"
            "&scheme=http&region=us-east-1"
        )

    def gets(self) -> list[str]:
        """The objects whose content was asked for."""
        return [
            line.split(" ")[1] for line in self.log if line.startswith("GET") and "?" not in line
        ]


@contextmanager
def serving(store: FakeStore) -> Iterator[FakeStore]:
    """Serve the store for the length of the block."""

    class Handler(_Handler):
        pass

    Handler.store = store
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: FakeStore

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _answer(self) -> None:
        self.store.log.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status = next((s for text, s in self.store.refused.items() if text in self.path), None)
        if status is not None:
            self._error(status, "SlowDown" if status == 503 else "AccessDenied")
        elif not self._may_read():
            self._error(403, "AccessDenied")
        elif bucket != self.store.bucket:
            self._error(404, "NoSuchBucket")
        elif not key:
            self._list(query)
        elif key not in self.store.objects:
            self._error(404, "NoSuchKey")
        else:
            self._object(self.store.objects[key])

    def _may_read(self) -> bool:
        wanted = self.store.key_id
        return wanted is None or f"Credential={wanted}/" in self.headers.get("Authorization", "")

    def _list(self, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        keys, folders = [], set()
        for key in sorted(self.store.objects):
            if not key.startswith(prefix):
                continue
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.split(delimiter)[0] + delimiter)
            else:
                keys.append(key)
        contents = "".join(
            f"<Contents><Key>{escape(k)}</Key><LastModified>{_MODIFIED}</LastModified>"
            f"<ETag>&quot;{abs(hash(self.store.objects[k])):x}&quot;</ETag>"
            f"<Size>{len(self.store.objects[k])}</Size></Contents>"
            for k in keys
        )
        common = "".join(
            f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>"
            for f in sorted(folders)
        )
        self._send(
            200,
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>'
            f"<Name>{self.store.bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(keys) + len(folders)}</KeyCount><MaxKeys>1000</MaxKeys>"
            f"<IsTruncated>false</IsTruncated>{contents}{common}</ListBucketResult>".encode(),
            "application/xml",
        )

    def _object(self, content: bytes) -> None:
        asked = self.headers.get("Range")
        if asked and content:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(content) - 1), len(content) - 1)
            span = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
            self._send(206, content[start : end + 1], "application/octet-stream", span)
        else:
            self._send(200, content, "application/octet-stream")

    def _error(self, status: int, code: str) -> None:
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
        self._send(status, body.encode(), "application/xml")

    def _send(
        self, status: int, body: bytes, kind: str, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "ETag": '"e"',
                   "Last-Modified": _MODIFIED_HTTP, **(more or {})}  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
