"""How a request goes wrong: a scripted fault, or the weather of a bad day.

Belongs here: which request is struck and by what. Does not belong here: carrying it out (``server``).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "status",
    "html",
    "truncated",
    "cut_json",
    "slow",
    "hang",
    "done_hang",
    "dropped",
    "done_dropped",
    "expired",
]


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose path and query match, after ``skip`` others.

    Nothing is done for: status (answers ``status`` with ``body``), html (200 with a page), hang (silence for
    ``seconds``, then the connection closes), dropped (it closes at once). The request is carried out for:
    truncated (the answer ends before its length), cut_json (half of it, of the length it announces), slow
    (late by ``seconds``), done_hang and done_dropped (never answered), expired (sessions end first).
    """

    path: str
    kind: Kind = "status"
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    skip: int = 0
    seconds: float = 0.4

    def strikes(self, target: str) -> bool:
        """Whether this request is struck; counts those that are, and those that are let by."""
        if not self.times or not re.search(self.path, target):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Weather:
    """Random faults for every request, the same for the same seed and order of requests.

    Args:
        seed: of the draws.
        too_many: share answered 429, with ``retry_after`` seconds to wait.
        broken: share answered 500.
        hangs: share that is silent for ``hang_seconds`` and not carried out.
        truncated: share that is carried out and whose answer breaks off.
    """

    def __init__(
        self,
        seed: int,
        too_many: float = 0.0,
        broken: float = 0.0,
        hangs: float = 0.0,
        truncated: float = 0.0,
        retry_after: str = "0",
        hang_seconds: float = 0.6,
    ) -> None:
        self._draws = random.Random(seed)  # noqa: S311  # faults are no secrets
        self._shares = (
            (too_many, Fault("", "status", 429, headers={"Retry-After": retry_after})),
            (broken, Fault("", "status", 500)),
            (hangs, Fault("", "hang", seconds=hang_seconds)),
            (truncated, Fault("", "truncated")),
        )
        self.struck: dict[str, int] = {}

    def fault(self) -> Fault | None:
        """The fault of the next request; None lets it pass."""
        drawn = self._draws.random()
        for share, fault in self._shares:
            if drawn < share:
                name = f"{fault.kind} {fault.status}" if fault.kind == "status" else fault.kind
                self.struck[name] = self.struck.get(name, 0) + 1
                return fault
            drawn -= share
        return None
