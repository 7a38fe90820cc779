"""Host names of addresses, as a nightly look-up of the visitors' addresses writes them.

Belongs here: the list's format. Does not belong here: which names are a provider's (``core.identity``), or
asking a name server: that is slow, and would tell it who visits us. Rows: every line is a name or a defect.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.addresses import UNKNOWN, ipv4_ranges, ipv6_ranges
from mqa_platform.sources.columns import present
from mqa_platform.sources.delimited import read_with_header
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.records import landed_records

_COLUMNS = ("ip", "host")


def reverse_dns(path: Path, source: Source) -> Landed:
    """Read ``ip,host``: the address (or a block that shares one name) and its host name.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_with_header(path, _COLUMNS)
    address = records.text("ip")
    host = pc.utf8_lower(pc.utf8_rtrim(records.text("host"), "."))
    start, end = ipv4_ranges(address)
    start6, end6 = ipv6_ranges(address)
    domain = registrable_domains(host)
    columns = {
        "source": source.connector,
        "kind": "reverse_dns",
        "range_start": pa.array(start),
        "range_end": pa.array(end),
        "ipv6_start": start6,
        "ipv6_end": end6,
        "org": host,
        "domain": domain,
    }
    checks = [
        ("bad_ip_range", (start == UNKNOWN) & ~present(start6)),
        ("missing_host", ~present(host)),
        ("bad_host", ~present(domain)),
    ]
    reasons = first_reason(len(records), checks)
    return landed_records(source, records, "landed_ip_ranges", columns, reasons)
