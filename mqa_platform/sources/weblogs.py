"""Web server logs: Apache/nginx common and combined, and the tab-separated NASA archive.

Belongs here: the two line formats. Does not belong here: sessions, page types or companies behind
addresses (``core``). Rows: every line is a page view, filtered (a connection without a request) or a
defect; a repeated line is a view of its own, because servers log requests and not visitors.
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
from mqa_platform.sources.columns import coalesce, each_unique, line_ids, md5_hex, present, tidy
from mqa_platform.sources.files import text_lines
from mqa_platform.sources.landed import Landed, Mask, defects, first_reason, refuse_foreign
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.personal_key import visitor_id
from mqa_platform.sources.signals import kept, page_paths, signals_table
from mqa_platform.sources.timestamps import parse_timestamps

BAD_LINE: Final = "bad_line"
# Scanners, health checks and browsers that connect ahead send no request that could be a page.
NO_REQUEST: Final = "no_request"
# ``www.example.com:443 192.0.2.7 - -``; without a port only before an address, because a host name in
# front is the client.
_VIRTUAL_HOSTS: Final = (
    r"^[^\s:\[\]]+:\d{1,5} ([^\s-]\S* \S+ [^\[]*\[)",
    r"^[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]* "
    r"((?:(?:\d{1,3}\.){3}\d{1,3}|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\]?) \S+ [^\[]*\[)",
)
# An IPv4 client of a server that listens on IPv6.
_MAPPED: Final = r"^\[?::ffff:(?:0:)?"
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

    A visitor is the client with its user agent: one office address stands for many browsers. Its name
    is keyed, because it must outlive the address.

    Raises:
        SourceError: the file cannot be read, or no line of it has the form.
    """
    lines = text_lines(path)
    bare = lines
    for form in _VIRTUAL_HOSTS:
        bare = pc.replace_substring_regex(bare, form, r"\1")
    parts = pc.extract_regex(bare, _COMBINED)
    client = pc.replace_substring_regex(_part(parts, "client"), _MAPPED, "")
    client = pc.ascii_trim(client, "[]")
    agent = pc.if_else(
        pc.equal(pc.struct_field(parts, "tail"), ""), None, pc.struct_field(parts, "agent")
    )
    short = pc.utf8_slice_codeunits(md5_hex(pc.fill_null(agent, "")), 0, 8)
    columns = _visit(source, lines, parts, client) | {
        "anonymous_id": each_unique(pc.binary_join_element_wise(client, short, "|"), visitor_id),
        "page_path": page_paths(_part(parts, "target")),
        "user_agent": agent,
        "is_bot_agent": pa.array(bot_agents(agent, blank_is_bot=True)),
    }
    idle = present(parts) & ~present(columns["page_path"])
    return _landed(path, source, lines, parts, columns, idle)


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
    visit = _visit(source, lines, parts, host)
    columns = visit | {
        # A visitor outlives the address it came from, so its name must not hold the address.
        "anonymous_id": coalesce(each_unique(visit["ip"], visitor_id), host),
        "page_path": page_paths(_part(parts, "url")),
    }
    return _landed(path, source, lines, parts, columns, np.zeros(len(lines), dtype=np.bool_))


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
    idle: Mask,
) -> Landed:
    moment = _part(parts, "time")
    reasons = first_reason(
        len(lines),
        [
            (BAD_LINE, ~present(parts)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", ~present(columns["occurred_at"])),
        ],
    )
    refuse_foreign(path, reasons, BAD_LINE, f"a line of the {source.connector} format")
    right = reasons == None  # noqa: E711 (element by element)
    good, wrong = right & ~idle, np.flatnonzero(~right)
    signals = signals_table(int(good.sum()), kept(columns, good))
    bad = defects(source.connector, lines.take(pa.array(wrong)).to_pylist(), list(reasons[wrong]))
    none = int((right & idle).sum())
    filtered = {NO_REQUEST: none} if none else {}
    return Landed(len(lines), len(signals), {"landed_signals": signals}, bad, filtered)
