"""What a decision writes down, as text: its receipt, its evidence, and a fingerprint of its inputs.

Belongs here: the kernels that make these texts. Does not belong here: which decisions there are and what
else is known of them (``decisions``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.kernel import Kernel

LINE: Final = (
    "component", "raw_points", "lost_to_cap", "decayed_points", "lost_to_ceiling", "points",
    "touchpoints", "people",
)  # fmt: skip


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks; points are texts with four decimals."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _receipts(table: pa.Table) -> pa.Table:
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in table.select(["decision_id", *LINE]).to_pylist():
        grouped[row.pop("decision_id")].append(row)
    ids = sorted(grouped)
    told = [canonical(sorted(grouped[i], key=lambda r: r["component"])) for i in ids]
    return pa.table({"decision_id": ids, "receipt": told}, schema=RECEIPTS.schema)


def _evidences(table: pa.Table) -> pa.Table:
    grouped: dict[str, list[str]] = defaultdict(list)
    for row in table.select(["decision_id", "signal_id"]).to_pylist():
        grouped[row["decision_id"]].append(row["signal_id"])
    ids = sorted(grouped)
    told = [canonical(sorted(grouped[i])) for i in ids]
    return pa.table({"decision_id": ids, "evidence": told}, schema=EVIDENCE.schema)


def _fingerprints(table: pa.Table) -> pa.Table:
    """A sum over the rows, so that their order means nothing; weights count to six decimals."""
    encoded = pc.dictionary_encode(table["decision_id"]).combine_chunks()
    at = encoded.indices.to_numpy().astype(np.int64)
    names = table["signal_id"].to_numpy(zero_copy_only=False).astype("S40")
    octets = names.view(np.uint8).reshape(len(names), -1).astype(np.uint64)
    mixed = np.zeros(len(names), dtype=np.uint64)
    for column in octets.T:
        mixed = mixed * np.uint64(1_099_511_628_211) + column + np.uint64(1)
    weights = np.rint(pc.fill_null(table["weight"], 0.0).to_numpy() * 1e6).astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * (weights * np.uint64(2) + np.uint64(1))
    total = np.zeros(len(encoded.dictionary), dtype=np.uint64)
    np.add.at(total, at, mixed)
    counts = np.bincount(at, minlength=len(total))
    hashes = [f"{value:016x}" for value in total.tolist()]
    columns = {"decision_id": encoded.dictionary, "inputs": counts, "inputs_hash": hashes}
    return pa.table(columns, schema=INPUTS.schema)


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([("decision_id", pa.string()), *columns])


RECEIPTS = Kernel(
    "decision_receipts",
    _receipts,
    _schema(("receipt", pa.string())),
    {"decision_id": ("decision_id",), "receipt": LINE},
)
EVIDENCE = Kernel(
    "decision_evidence",
    _evidences,
    _schema(("evidence", pa.string())),
    {"decision_id": ("decision_id",), "evidence": ("signal_id",)},
)
INPUTS = Kernel(
    "decision_inputs",
    _fingerprints,
    _schema(("inputs", pa.int64()), ("inputs_hash", pa.string())),
    {
        "decision_id": ("decision_id",),
        "inputs": ("signal_id",),
        "inputs_hash": ("signal_id", "weight"),
    },
)
