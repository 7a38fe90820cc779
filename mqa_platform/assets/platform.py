"""The one resource: where this installation lives, and what a step of a run needs from it.

Belongs here: opening a session with the policy and the contracts of a home. Does not belong here: any
stage's rule.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.model import Contract
from mqa_platform.core.history import PolicyHistory, as_read
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import in_force, load_history, policy_now
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Publication, Published, Session

# New objects before the collector looks at the young ones, and so many looks before it looks at older ones.
_COLLECT_AFTER = 100_000
_YOUNGER = 20


def collect_rarely() -> None:
    """Let this process look for cycles less often: expressions are large trees that have none."""
    gc.set_threshold(_COLLECT_AFTER, _YOUNGER, _YOUNGER)


@dataclass(frozen=True)
class Step:
    """What one asset works with: an open session, the policy in force today, and who asks."""

    session: Session
    home: Home
    policy: Policy
    version: str
    run_id: str
    # When this step began: what is decided in it is decided then.
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    # What a replay supposes instead of what was promoted.
    supposed: PolicyHistory | None = None

    @cached_property
    def policies(self) -> PolicyHistory:
        """Which policy is in force when; ``policy`` on all days where nothing was promoted."""
        if self.supposed is not None:
            return self.supposed
        if not in_force(self.home):
            return PolicyHistory.always(self.policy, self.version)
        return load_history(self.home)

    def readings(self, window: Window) -> list[tuple[Policy, Window]]:
        """The window cut where other events are other signals, each part with the policy it is read by."""
        found: list[tuple[Policy, Window]] = []
        for span in self.policies.spans(window):
            policy, since = as_read(self.policy, span.policy), span.window.lo
            if found and found[-1][0] == policy:
                since = found.pop()[1].lo
            found.append((policy, Window(since, span.window.hi)))
        return found

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The published tables' contracts by name."""
        return load_contracts()

    def table(self, name: str) -> ir.Table:
        """A published or landed table as it is now."""
        return self.session.table(name)

    def publish(
        self, window: Window | None, tables: Mapping[str, ir.Table], **options: Any
    ) -> list[Published]:
        """Publishes expressions by table name, all or none; see ``Session.publish``."""
        publications = [Publication(self.contracts[n], e) for n, e in tables.items()]
        return self.session.publish(*publications, window=window, run_id=self.run_id, **options)


class Platform(dg.ConfigurableResource):
    """One installation: its home directory, its optional data folder and its warehouse."""

    home: str
    data: str = ""
    warehouse_url: str = ""

    def at(self) -> Home:
        """The home directory."""
        return Home(Path(self.home), Path(self.data) if self.data else None)

    @contextmanager
    def step(self, run_id: str) -> Iterator[Step]:
        """An open session for one asset; the warehouse is free again when the block ends."""
        home = self.at()
        collect_rarely()
        now = policy_now(home)
        with open_warehouse(home, self.warehouse_url or None).session() as session:
            yield Step(session, home, now.policy, now.version, run_id)
