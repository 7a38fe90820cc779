"""Other thresholds in a copy of stages.yaml, everything else in it as somebody wrote it.

Belongs here: finding the lines and replacing the numbers. Does not belong here: which thresholds (``calibrating``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mqa_platform.policy.documents import Document, read_document
from mqa_platform.policy.problems import PolicyError, Problem

_NUMBER = re.compile(r"^(\s*\S+\s*:\s*)([^\s#]+)(.*)$")


def write_thresholds(
    path: Path, tiers: Mapping[str, float], mql_threshold: float | None = None
) -> None:
    """Replace the thresholds of the given tiers, and of people where one is given, in a stages.yaml.

    Raises:
        PolicyError: the file does not state one of them on a line of its own; nothing is written.
    """
    document = read_document(path, path.name)
    rows = path.read_text("utf-8").splitlines()
    wanted: dict[tuple[str, ...], float] = {("tiers", t, "threshold"): v for t, v in tiers.items()}
    if mql_threshold is not None:
        wanted["mql_threshold",] = mql_threshold
    for key, value in wanted.items():
        at = _line(document, key, path)
        found = _NUMBER.match(rows[at - 1])
        if found is None or not found[1].strip().startswith(key[-1]):
            raise _cannot(path, at, key)
        rows[at - 1] = f"{found[1]}{value:g}{found[3]}"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _line(document: Document, key: tuple[str, ...], path: Path) -> int:
    if key not in document.lines:
        raise _cannot(path, document.line_of(key), key)
    return document.lines[key]


def _cannot(path: Path, line: int, key: tuple[str, ...]) -> PolicyError:
    reason = "is not on a line of its own; write it as 'key: number' and ask again"
    return PolicyError([Problem(path.name, line, ".".join(key), reason)])
