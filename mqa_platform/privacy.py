"""Privacy on demand: what every landing does by itself, for one home and all of its shadows.

Belongs here: which warehouses a home has, and leaving their readers without what was dropped. Does not
belong here: dropping anything (``sources.retention``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date

from mqa_platform.home import Home
from mqa_platform.promotions import policy_now
from mqa_platform.sources.retention import Retained, retain
from mqa_platform.storage import WAREHOUSE_VARIABLE, open_warehouse
from mqa_platform.warehouse.snapshot import refresh_snapshot


@dataclass(frozen=True)
class Dropped:
    """What was dropped in one place: the live warehouse, or a shadow by its policy version."""

    place: str
    addresses: int
    rows: int
    batches: int
    pages: int


def retain_everywhere(home: Home, as_of: date) -> list[Dropped]:
    """Drop the addresses whose days are over, as of a day, by the live policy; one entry a warehouse.

    A shadow holds what had landed when it was last run, and drops it by itself only when it is run
    again; that is why it is visited here.

    Raises:
        PolicyError: the policy cannot be read.
        WarehouseBusyError: a run holds a warehouse.
    """
    policy = policy_now(home).policy
    places = {"live": home}
    if not os.environ.get(WAREHOUSE_VARIABLE):
        places |= {f"shadow {p.name}": Home(p, home.data) for p in sorted(home.shadows.glob("*"))}
        places = {name: place for name, place in places.items() if place.warehouse.exists()}
    found = []
    for name, place in places.items():
        with open_warehouse(place).session() as session:
            dropped: Retained = retain(session, place, policy, as_of)
            if dropped.rows and place.snapshot.exists():
                refresh_snapshot(session, place.snapshot)
        found.append(Dropped(name, dropped.addresses, dropped.rows, dropped.batches, dropped.pages))
    return found
