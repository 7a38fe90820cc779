"""What can be wrong with a policy: one problem, and the error that carries all of them.

Belongs here: the two types that every part of the reader shares. Does not belong here: finding the
problems (``documents``, ``diagnostics``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem of one file: ``file:line: path: message``; line 0 means the whole file."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class PolicyError(ValueError):
    """A policy that cannot be used. ``problems`` has every one that was found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.path)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
