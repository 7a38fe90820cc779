"""What goes into a publication and what comes out of it.

Belongs here: plain frozen values. Does not belong here: how they come about (``publishing``,
``audit``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis.expr.types as ir

from mqa_platform.contracts.model import Contract

Lineage = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Publication:
    """One table to publish: its contract and the expression that makes its rows.

    ``lineage`` overrides what the walk through the expression finds: output column to (table,
    column) pairs.
    """

    contract: Contract
    expr: ir.Table
    lineage: Mapping[str, Sequence[tuple[str, str]]] | None = None


@dataclass(frozen=True)
class RuleOutcome:
    """What one rule said about the staged rows.

    Attributes:
        violations: rows that break the rule (for a uniqueness rule: keys that occur more than
            once); -1 where the rule could not be evaluated, which is a failure and is told in
            ``description``.
        rows: staged rows that were judged.
        sample: at most five offending rows, values JSON-safe.
    """

    rule: str
    passed: bool
    blocking: bool
    violations: int
    rows: int
    sample: list[dict[str, Any]]
    description: str


@dataclass(frozen=True)
class Published:
    """What a publication did to one table.

    Attributes:
        rows: rows now published for the window (or the whole table).
        deleted: rows that were replaced; 0 when nothing changed.
        changed: whether the published rows differ from before.
        rows_by_day: rows of each recorded day; empty for a table without a day column.
        lineage: column to its upstream (table, column) pairs.
        seconds: wall time of the steps ``stage``, ``audit`` and ``swap``.
    """

    table: str
    rows: int
    deleted: int
    changed: bool
    rows_by_day: dict[date, int]
    checks: list[RuleOutcome]
    lineage: Lineage
    seconds: dict[str, float] = field(default_factory=dict)
