"""What Dagster writes down before a range run starts: once an asset and check, not once a day of each.

Belongs here: the one correction to Dagster's own bookkeeping. Does not belong here: running anything
(``runs``).

Dagster gives the days of a range run to every check and every unpartitioned asset of the run as well.
Over five years that is 300,000 rows, minutes before the first step, and the checks' rows stay "planned"
for ever, because our results stand for the whole run and not for a day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterInstance

_CHECK = "ASSET_CHECK_EVALUATION_PLANNED"
_ASSET = "ASSET_MATERIALIZATION_PLANNED"


@contextmanager
def planned_once(instance: DagsterInstance) -> Iterator[None]:
    """For the length of a block, plans of this instance's runs are kept once an asset and check."""
    report = instance.report_dagster_event
    planned: set[tuple[str, object]] = set()

    def lean(
        event: Any,
        run_id: str,
        log_level: int | str = logging.INFO,
        batch_metadata: Any = None,
        **more: Any,
    ) -> None:
        kind, data = event.event_type_value, event.event_specific_data
        if kind == _CHECK:
            once = type(data)(
                asset_key=data.asset_key, check_name=data.check_name, partitions_subset=None
            )
            event = event._replace(event_specific_data=once)
        elif kind == _ASSET:
            key = (run_id, data.asset_key)
            # The last event of a batch is what makes Dagster store it.
            if key in planned and not (batch_metadata and batch_metadata.is_end):
                return
            planned.add(key)
        report(event, run_id, log_level, batch_metadata=batch_metadata, **more)

    instance.report_dagster_event = lean  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del instance.report_dagster_event
