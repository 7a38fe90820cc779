"""Trigger feed JSON lines: what happened to a company (funding, hires, expansion, layoffs).

Belongs here: the feed's fields. Does not belong here: what a trigger is worth (``core``).
Rows: every line is a signal or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources import landed
from mqa_platform.sources.columns import present, tidy
from mqa_platform.sources.json_lines import BAD_JSON, Lines, read_lines
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.signals import kept, signals_table
from mqa_platform.sources.timestamps import parse_timestamps

TRIGGERS: Final = ("funding_round", "executive_hire", "expansion", "layoffs")
_PICKS: Final = {
    name: f"$.{name}"
    for name in ("id", "type", "company", "domain", "announced_at", "published_at")
}


def trigger_feed(path: Path, source: Source) -> Landed:
    """Read one file of company events; announced is when it happened, published when we knew.

    Raises:
        SourceError: the file cannot be read or is not JSON lines.
    """
    signals, bad = [landed.empty("landed_signals")], [landed.empty("landed_defects")]
    for lines in read_lines(path, _PICKS):
        block_signals, block_bad = _block(lines, source.connector)
        signals.append(block_signals)
        bad.append(block_bad)
    table, defects = pa.concat_tables(signals), pa.concat_tables(bad)
    rows = len(table) + len(defects)
    return Landed(rows, len(table), {"landed_signals": table.combine_chunks()}, defects)


def _block(lines: Lines, source: str) -> tuple[pa.Table, pa.Table]:
    v = {name: tidy(values) for name, values in lines.values.items()}
    event = pc.utf8_lower(v["type"])
    known = np.isin(np.array(event.to_pylist(), dtype=object), TRIGGERS)
    occurred, occurred_wrong = parse_timestamps(v["announced_at"])
    received, received_wrong = parse_timestamps(v["published_at"])
    domain = registrable_domains(v["domain"])
    reasons = first_reason(
        len(lines),
        [
            (BAD_JSON, ~lines.is_object),
            ("unknown_event", ~known),
            ("missing_id", ~present(v["id"])),
            ("missing_timestamp", ~present(v["announced_at"])),
            ("bad_timestamp", occurred_wrong | received_wrong),
            ("missing_company", ~present(domain) & ~present(v["company"])),
        ],
    )
    good = reasons == None  # noqa: E711 (element by element)
    columns = {
        "source": source,
        "event_id": v["id"],
        "occurred_at": occurred,
        "received_at": received,
        "event": event,
        "channel": "news",
        "company_name": v["company"],
        "company_domain": domain,
    }
    wrong = np.flatnonzero(~good)
    return (
        signals_table(int(good.sum()), kept(columns, good)),
        landed.defects(source, lines.texts(wrong), list(reasons[wrong])),
    )
