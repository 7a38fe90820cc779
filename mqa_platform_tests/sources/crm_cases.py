"""Small CRM exports and how tests read them.

Belongs here: writing rows as CSV and reading them through a mapping. Does not belong here: what must
come out (the tests).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.crm_export import crm_export
from mqa_platform.sources.landed import Landed

Write = Callable[[str, str | bytes], Path]
STAMP = "2025-07-01T10:00:00Z"
PACKAGED = load_policy(None).mapping


def csv_of(*rows: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(f'"{row.get(name, "")}"' for name in names) for row in rows]
    return "\n".join([",".join(names), *lines]) + "\n"


def landed(path: Path, crm: str, name: str, mappings: Mappings = PACKAGED) -> Landed:
    """One file read through the mapping; the counts reconcile or ``Landed`` refuses them."""
    source = Source.model_validate(
        {"connector": "crm_export", "path": "x", "crm": crm, "object": name}
    )
    return crm_export(path, source, mappings, crm, name)


def rows(found: Landed, table: str | None = None) -> list[dict[str, Any]]:
    """The landed rows of a table; of the first one when none is named."""
    name = table or next(iter(found.tables))
    return list(found.tables[name].to_pylist())


def mapped(**parts: Any) -> Mappings:
    """A mapping of one CRM ``own`` with one object ``Thing``."""
    return Mappings.model_validate({"crms": {"own": {"objects": {"Thing": parts}}}})
