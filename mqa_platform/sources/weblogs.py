"""Web server logs: Apache/nginx combined, and the tab-separated NASA archive.

Belongs here: the two line formats. Does not belong here: sessions, page types or companies behind
addresses (``core``). Rows: every line is a page view or a defect; a repeated line is a view of its
own, because servers log requests and not visitors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.addresses import is_ipv4
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import line_ids, md5_hex, present, tidy
from mqa_platform.sources.files import text_lines
from mqa_platform.sources.landed import Landed, Mask, defects, first_reason, refuse_foreign
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.signals import kept, page_paths, signals_table
from mqa_platform.sources.timestamps import parse_timestamps

BAD_LINE: Final = "bad_line"
_COMBINED: Final = (
    r"^(?P<client>\S+) \S+ .*?\[(?P<time>[^\]]+)\] "
    r'"(?:(?P<method>[A-Z]+) (?P<target>\S+)(?: (?P<protocol>[^" ]+))?|(?P<odd>(?:[^"\\]|\\.)*))" '
    r"(?P<status>\d{3}|-) \S+"
    r'(?P<tail> "(?:[^"\\]|\\.)*" "(?P<agent>(?:[^"\\]|\\.)*)".*)?\s*$'
)
_NASA: Final = (
    r"^(?P<host>[^\t]+)\t[^\t]*\t(?P<time>[^\t]*)\t[^\t]*\t(?P<url>[^\t]*)\t(?P<status>[^\t]*)"
    r"\t[^\t]*\t*$"
)
_NASA_HEADER: Final = "host\tlogname\ttime\t"


def apache_combined(path: Path, source: Source) -> Landed:
    """Read an access log in the combined (or common) format.

    A visitor is the client with its user agent: one office address stands for many browsers.

    Raises:
        SourceError: the file cannot be read, or no line of it has the form.
    """
    lines = text_lines(path)
    parts = pc.extract_regex(lines, _COMBINED)
    matched = present(parts)
    client = _part(parts, "client")
    agent = pc.if_else(
        pc.equal(pc.struct_field(parts, "tail"), ""), None, pc.struct_field(parts, "agent")
    )
    short = pc.utf8_slice_codeunits(md5_hex(pc.fill_null(agent, "")), 0, 8)
    columns = _visit(source, lines, parts, client) | {
        "anonymous_id": pc.binary_join_element_wise(client, short, "|"),
        "page_path": page_paths(_part(parts, "target")),
        "user_agent": agent,
        "is_bot_agent": pa.array(bot_agents(agent, blank_is_bot=True)),
    }
    no_request = matched & ~present(columns["page_path"])
    return _landed(path, source, lines, parts, columns, [("bad_request", no_request)])


def nasa_tsv(path: Path, source: Source) -> Landed:
    """Read a tab-separated log of the Internet Traffic Archive; hosts stand where cookies would.

    Rows may carry more (empty) columns than the header names.

    Raises:
        SourceError: the file cannot be read, or no line of it has the form.
    """
    lines = text_lines(path)
    if len(lines) and lines[0].as_py().startswith(_NASA_HEADER):
        lines = lines.slice(1)
    parts = pc.extract_regex(lines, _NASA)
    host = pc.utf8_lower(_part(parts, "host"))
    columns = _visit(source, lines, parts, host) | {
        "anonymous_id": host,
        "page_path": page_paths(_part(parts, "url")),
    }
    return _landed(path, source, lines, parts, columns, [])


def _part(parts: pa.Array, name: str) -> pa.Array:
    """One named group; blank and ``-`` are null."""
    text = tidy(pc.struct_field(parts, name))
    return pc.if_else(pc.equal(text, "-"), None, text)


def _visit(source: Source, lines: pa.Array, parts: pa.Array, client: pa.Array) -> dict[str, Any]:
    name = pc.utf8_lower(client)
    ipv4 = pa.array(is_ipv4(name))
    # Anything with a colon is an IPv6 address: an address of a visitor, but no host name.
    address = pc.or_(ipv4, pc.fill_null(pc.match_substring(name, ":"), False))
    host = pc.if_else(address, None, name)
    status = _part(parts, "status")
    digits = pc.fill_null(pc.match_substring_regex(status, r"^\d{3}$"), False)
    return {
        "source": source.connector,
        "event_id": line_ids(lines),
        "occurred_at": parse_timestamps(_part(parts, "time"))[0],
        "event": "page_view",
        "channel": "web",
        "status": pc.if_else(digits, status, None).cast(pa.int64()),
        "ip": pc.if_else(address, name, None),
        "host": host,
        "host_domain": registrable_domains(host),
    }


def _landed(
    path: Path,
    source: Source,
    lines: pa.Array,
    parts: pa.Array,
    columns: dict[str, Any],
    more: list[tuple[str, Mask]],
) -> Landed:
    moment = _part(parts, "time")
    reasons = first_reason(
        len(lines),
        [
            (BAD_LINE, ~present(parts)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", ~present(columns["occurred_at"])),
            *more,
        ],
    )
    refuse_foreign(path, reasons, BAD_LINE, f"a line of the {source.connector} format")
    good = reasons == None  # noqa: E711 (element by element)
    wrong = np.flatnonzero(~good)
    signals = signals_table(int(good.sum()), kept(columns, good))
    bad = defects(source.connector, lines.take(pa.array(wrong)).to_pylist(), list(reasons[wrong]))
    return Landed(len(lines), len(signals), {"landed_signals": signals}, bad)
