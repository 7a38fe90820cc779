"""The only door to storage: read tables, publish tables, land batches.

Belongs here: engines, and the stage → audit → swap of a publication. Does not belong here: what the
tables mean (``core``), or what they promise (``contracts``). Engines are imported from their
modules, so that a process pays only for the one it uses.
"""

from mqa_platform.warehouse.base import ComputeSession, Warehouse
from mqa_platform.warehouse.errors import (
    AuditFailed,
    SnapshotMissingError,
    UnknownTableError,
    UnsupportedOnEngineError,
    WarehouseBusyError,
    WarehouseError,
)
from mqa_platform.warehouse.publication import Publication, Published, RuleOutcome
from mqa_platform.warehouse.session import Session

__all__ = [
    "AuditFailed",
    "ComputeSession",
    "Publication",
    "Published",
    "RuleOutcome",
    "Session",
    "SnapshotMissingError",
    "UnknownTableError",
    "UnsupportedOnEngineError",
    "Warehouse",
    "WarehouseBusyError",
    "WarehouseError",
]
