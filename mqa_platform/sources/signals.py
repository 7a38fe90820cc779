"""Columns to landed signals: the parts of a signal that no vendor writes but every one needs.

Belongs here: event day, payload hash, the order of the two clocks, paths out of addresses. Does
not belong here: one vendor's column names, or what an event is worth (``core``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import flat, joined, md5_hex
from mqa_platform.sources.landed import conform
from mqa_platform.sources.schemas import delivered

# What says the same thing twice, or differs between two deliveries of one event.
_NOT_PAYLOAD = frozenset({"source", "event_id", "event_date", "received_at", "payload_hash"})


def signals_table(rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """Build ``landed_signals`` from what a vendor gave.

    Args:
        rows: how many signals.
        columns: arrays or scalars by landed name, with at least source, event_id, occurred_at and
            event. Left out: received_at is the occurrence, direction inbound, is_bot_agent false.
    """
    occurred = columns["occurred_at"]
    received = columns.get("received_at")
    if received is None:
        received = occurred
    # A sender's clock that runs ahead must not make a signal known before it happened.
    received = pc.if_else(pc.fill_null(pc.greater(received, occurred), False), received, occurred)
    complete: dict[str, Any] = {
        "direction": "inbound",
        "is_bot_agent": False,
        **columns,
        "received_at": received,
        "event_date": occurred.cast(pa.date32()),
        "payload_hash": "",
    }
    table = conform("landed_signals", rows, complete)
    payload = [
        flat(table[name]).cast(pa.int64()).cast(pa.string())
        if pa.types.is_timestamp(table.schema.field(name).type)
        else flat(table[name]).cast(pa.string())
        for name in delivered("landed_signals").names
        if name not in _NOT_PAYLOAD
    ]
    at = table.schema.get_field_index("payload_hash")
    return table.set_column(at, table.schema.field(at), md5_hex(joined(payload)))


def page_paths(addresses: pa.Array) -> pa.Array:
    """The path of each URL or request target, without host, query and fragment; blank is null."""
    path = pc.replace_substring_regex(addresses, r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "")
    path = pc.replace_substring_regex(path, r"[?#].*$", "")
    given = pc.fill_null(pc.not_equal(addresses, ""), False)
    path = pc.if_else(pc.equal(path, ""), "/", path)
    return pc.if_else(given, path, pa.scalar(None, pa.string()))


def mapped(values: pa.Array, names: Mapping[str, str]) -> pa.Array:
    """Each vendor's word replaced by ours; null where the word is not in ``names``."""
    at = pc.index_in(values, pa.array(list(names), pa.string()))
    return pa.array(list(names.values()), pa.string()).take(at)


def kept(columns: Mapping[str, Any], good: np.ndarray) -> dict[str, Any]:
    """The same columns for the good rows only; scalars stay."""
    rows = pa.array(np.flatnonzero(good), pa.int64())
    return {
        name: value.take(rows) if isinstance(value, pa.Array) else value
        for name, value in columns.items()
    }
