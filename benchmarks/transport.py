"""A page of records by bare ``requests`` and by our transport with all of its rules, from the same server.

Prints the medians of both, their difference and the size of the page. Both answers are checked equal first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter
from typing import Any

import requests

from mqa_platform.sources.http import session
from mqa_platform.sources.http_limits import Limits

RECORDS = 100
FIELDS = 25


def page() -> bytes:
    """A page as HubSpot's search gives it: records of properties."""
    records = [
        {
            "id": str(n),
            "properties": {f"property_{i:02}": f"value {n} of {i}" * 2 for i in range(FIELDS)},
        }
        for n in range(RECORDS)
    ]
    return json.dumps({"total": RECORDS, "results": records}).encode()


@contextmanager
def served(body: bytes) -> Iterator[str]:
    """The page at an address of this machine, over kept connections."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/page"
    finally:
        server.shutdown()
        server.server_close()


def timed(ask: Callable[[], Any], times: int) -> list[float]:
    """Milliseconds of each call."""
    out = []
    for _ in range(times):
        started = perf_counter()
        ask()
        out.append((perf_counter() - started) * 1000)
    return out


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=300)
    times = options.parse_args().pages
    body = page()
    with served(body) as address, requests.Session() as bare:
        ours = session("benchmark", Limits(requests_per_second=100_000))

        def plainly() -> Any:
            return bare.get(address, timeout=5).json()

        def by_the_rules() -> Any:
            return ours.get(address).json()

        if plainly() != by_the_rules():
            raise SystemExit("the two ways answer differently")
        rounds = [(timed(plainly, times // 3), timed(by_the_rules, times // 3)) for _ in range(3)]
        one = statistics.median(ms for pair in rounds for ms in pair[0])
        other = statistics.median(ms for pair in rounds for ms in pair[1])
        ours.close()
    print(f"page of {RECORDS} records, {len(body):,} bytes, {times} pages each, medians")
    print(f"bare requests        {one:6.2f} ms")
    print(f"with all rules       {other:6.2f} ms  ({other - one:+.2f} ms)")


if __name__ == "__main__":
    main()
