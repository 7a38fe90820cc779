"""The website tracker's files: Segment JSON lines, one file a month, with real delivery defects.

Belongs here: how signals become lines, and repeated, late, disordered and broken delivery. Does
not belong here: which signals there are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import DAY, HOUR, MINUTE, SECOND, MarketConfig, Month
from mqa_platform.market.people import People
from mqa_platform.market.signals import (
    AD,
    CONTENT,
    DEMO,
    IDENTIFY,
    PAGE,
    WEBINAR,
    Signals,
    pages_by_mix,
    together,
)  # fmt: skip
from mqa_platform.market.streams import (
    Ints,
    Words,
    addresses,
    fraction,
    hex16,
    instants,
    joined,
    mixed,
    stream,
)  # fmt: skip

SLICE = 200_000
"""Lines built at a time: bounds the memory of a month of the largest market."""

_EVENTS = {
    DEMO: "Demo Requested",
    CONTENT: "Content Downloaded",
    WEBINAR: "Webinar Attended",
    AD: "Ad Clicked",
}
_SITE = "https://www.northwind-cloud.com"


@dataclass(frozen=True)
class Messages:
    """Signals as delivered: when they arrived (microseconds) and under which message id."""

    signals: Signals
    received: Ints
    message: Words

    def __len__(self) -> int:
        """Number of deliveries."""
        return len(self.signals)

    def take(self, rows: Ints) -> Messages:
        """The given deliveries, in that order."""
        return Messages(self.signals.take(rows), self.received[rows], self.message[rows])


def followed(parts: list[Messages]) -> Messages:
    """All deliveries of the parts, one part after the other."""
    return Messages(
        together([p.signals for p in parts]),
        np.concatenate([p.received for p in parts]),
        np.concatenate([p.message for p in parts]),
    )


def with_identifies(signals: Signals, month: Month) -> Signals:
    """Add the identify call that precedes a cookie's first known visit of the month."""
    known = np.flatnonzero(signals.known == 1)
    known = known[np.argsort(signals.at[known], kind="stable")]
    _, first = np.unique(signals.cookie[known], return_index=True)
    calls = signals.take(known[first])
    login = np.full(len(calls), words.PAGES.index("/login"))
    calls = calls.but(
        at=np.maximum(calls.at - SECOND, month.lo), kind=np.full(len(calls), IDENTIFY), page=login
    )
    return together([signals, calls])


def delivered(config: MarketConfig, signals: Signals, month: Month) -> Messages:
    """Message ids and arrival: one in a hundred arrives one to five days late."""
    rng, n = stream(config, "delivery", month.index), len(signals)
    late = rng.random(n) < 0.01
    wait = np.where(late, rng.uniform(1, 5, n) * DAY, rng.uniform(0.2, 4, n) * SECOND)
    received = np.minimum(signals.at + wait.astype(np.int64), config.end - SECOND)
    number = (month.index << 40) + np.arange(n)
    return Messages(signals, np.maximum(received, signals.at), mixed(number, config.seed + 3))


def write_month(
    config: MarketConfig, people: People, month: Month, messages: Messages, folder: Path
) -> tuple[int, Messages]:
    """Write what arrives in the month; return the number of lines and what arrives later."""
    rng = stream(config, "defects", month.index)
    here = np.flatnonzero(messages.received < month.hi)
    later = messages.take(np.flatnonzero(messages.received >= month.hi))
    arriving = messages.take(here)
    n = len(arriving)
    again = arriving.take(np.flatnonzero(rng.random(n) < 0.005))
    twice = Messages(
        again.signals,
        np.minimum(again.received + rng.integers(1, 600, len(again)) * SECOND, month.hi - SECOND),
        again.message,
    )
    odd = arriving.take(np.flatnonzero((rng.random(n) < 0.0001) & (arriving.signals.kind == PAGE)))
    other_page = pages_by_mix(rng, np.full(len(odd), words.MIXES.index("passer_by")))
    other_page = np.where(
        other_page == odd.signals.page, (other_page + 1) % len(words.PAGES), other_page
    )
    conflicting = Messages(
        odd.signals.but(page=other_page),
        np.minimum(odd.received + MINUTE, month.hi - SECOND),
        odd.message,
    )
    everything = followed([arriving, twice, conflicting])
    total = len(everything)
    disorder = np.where(rng.random(total) < 0.02, rng.uniform(-2, 2, total) * HOUR, 0)
    order = np.argsort(everything.received + disorder.astype(np.int64), kind="stable")
    broken = (rng.random(total) < 0.001) * rng.choice([1, 2], total, p=(0.6, 0.4))
    with (folder / f"{month.first_day.isoformat()}.jsonl").open("wb") as file:
        for lo in range(0, total, SLICE):
            part = everything.take(order[lo : lo + SLICE])
            lines = _damaged(segment_lines(config, people, part), broken[lo : lo + SLICE])
            file.write(
                pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")[
                    0
                ].as_buffer()
            )
            file.write(b"\n")
    return total, later


def _damaged(lines: pa.Array, broken: Ints) -> pa.Array:
    """Cut a line short (1) or take its timestamp away (2), as transports and plug-ins do."""
    hit = np.flatnonzero(broken)
    if not len(hit):
        return lines
    bad = []
    for row in hit.tolist():
        line = lines[row].as_py()
        head, _, tail = line.partition('"timestamp":"')
        bad.append(line[: len(line) * 3 // 5] if broken[row] == 1 else head + tail.split(",", 1)[1])
    return pc.replace_with_mask(lines, pa.array(broken > 0), pa.array(bad))


def segment_lines(config: MarketConfig, people: People, messages: Messages) -> pa.Array:
    """One JSON object per message, as text."""
    s = messages.signals
    email = people.email.take(pa.array(s.person, mask=s.person < 0))
    tells = pa.array((s.kind != PAGE) & (s.kind != AD) & (s.person >= 0))
    none = pa.scalar(None, pa.string())
    late = messages.received - s.at > HOUR
    sent = np.where(late, messages.received - SECOND // 5, s.at + SECOND // 20)
    # Consent is the browser's and stays: 4 % deny, 10 % were never asked.
    asked = fraction(s.cookie, config.seed + 4)
    consent = pa.array(["", ',"consent":"denied"', ',"consent":"granted"'])
    return joined(
        pa.array(['{"type":"page"', '{"type":"track"', '{"type":"identify"']).take(
            pa.array(np.where(s.kind == PAGE, 0, np.where(s.kind == IDENTIFY, 2, 1)))
        ),
        ',"messageId":"m-',
        hex16(messages.message),
        '","anonymousId":"',
        hex16(mixed(s.cookie, config.seed + 5)),
        '","userId":',
        pc.coalesce(joined('"', pc.if_else(pa.array(s.known == 1), email, none), '"'), "null"),
        ',"timestamp":"',
        instants(s.at),
        '","sentAt":"',
        instants(sent),
        '","receivedAt":"',
        instants(messages.received),
        '",',
        _bodies().take(pa.array(s.kind * len(words.PAGES) + s.page)),
        pc.coalesce(joined(',"email":"', pc.if_else(tells, email, none), '"'), ""),
        '},"context":{"ip":"',
        addresses(s.ip),
        '","userAgent":"',
        pa.array(words.AGENTS).take(pa.array(s.agent)),
        '"',
        _campaigns().take(pa.array(s.campaign)),
        ',"page":{"path":"',
        pa.array(words.PAGES).take(pa.array(s.page)),
        '"}',
        consent.take(pa.array(np.where(asked < 0.04, 1, np.where(asked < 0.14, 0, 2)))),
        "}}",
    )


def _bodies() -> pa.Array:
    """The part between the times and the e-mail for every kind and page, braces left open."""
    bodies = []
    for kind in range(IDENTIFY + 1):
        for path in words.PAGES:
            where = {"path": path, "title": _title(path), "url": _SITE + path, "referrer": ""}
            if kind == PAGE:
                body = {"name": _title(path), "properties": where}
            elif kind == IDENTIFY:
                body = {"traits": {"source": "login"}}
            else:
                body = {"event": _EVENTS[kind], "properties": where}
            bodies.append(json.dumps(body, separators=(",", ":"))[1:-2])
    return pa.array(bodies)


def _title(path: str) -> str:
    """A page's title, from its path."""
    return path.strip("/").replace("/", ": ").replace("-", " ").capitalize() or "Home"


def _campaigns() -> pa.Array:
    """The campaign part of the context, nothing for none."""
    named = [
        json.dumps({"name": c, "source": "google", "medium": "cpc"}, separators=(",", ":"))
        for c in words.CAMPAIGNS[1:]
    ]
    return pa.array(["", *(f',"campaign":{c}' for c in named)])
