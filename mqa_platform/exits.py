"""Which exit code a problem has: what the caller can correct is 2, what failed while running is 1.

Belongs here: the table of the platform's errors. Does not belong here: their wording, which is theirs.
"""

from __future__ import annotations

import importlib

USAGE, FAILED = 2, 1
# By name, so that a verb does not pay for importing the parts it does not use.
_CODES = {
    "mqa_platform.policy.problems:PolicyError": USAGE,
    "mqa_platform.contracts.errors:ContractError": USAGE,
    "mqa_platform.marts:MartError": USAGE,
    "mqa_platform.golden_landing:GoldenError": USAGE,
    "mqa_platform.policy_replay:ReplayError": USAGE,
    "mqa_platform.promoting:PromotionRefusedError": FAILED,
    "mqa_platform.corrections:CorrectionError": USAGE,
    "mqa_platform.overrides:OverrideError": USAGE,
    "mqa_platform.audiences:AudienceError": USAGE,
    "mqa_platform.reassigning:ReassignmentError": USAGE,
    "mqa_platform.route_simulation:SimulationError": USAGE,
    "mqa_platform.delivery_reports:OutboxError": USAGE,
    "mqa_platform.erasure:ErasureError": USAGE,
    "mqa_platform.receiver.settings:ReceiverError": USAGE,
    "mqa_platform.scenarios:ScenarioError": USAGE,
    "mqa_platform.loop_home:LoopHomeError": USAGE,
    "mqa_platform.delivery_demo:LoopFailedError": FAILED,
    "mqa_platform.market.config:MarketError": USAGE,
    "mqa_platform.evaluation.measures:EvaluationError": USAGE,
    "mqa_platform.warehouse.errors:SnapshotMissingError": USAGE,
    "mqa_platform.sources.landed:SourceError": USAGE,
    "mqa_platform.destinations.channel:DestinationError": USAGE,
    "mqa_platform.destinations.crm_sync:CrmSyncError": USAGE,
    "mqa_platform.destinations.sending_lock:OutboxBusyError": FAILED,
    "mqa_platform.runs:OutsideHistoryError": USAGE,
    "mqa_platform.runs:RunFailedError": FAILED,
    "mqa_platform.warehouse.errors:WarehouseError": FAILED,
    "mqa_platform.embedded_postgres:EmbeddedServerError": FAILED,
}


def exit_code(problem: Exception) -> int | None:
    """The code of a problem the platform knows, None for one that is a defect of its own."""
    names = {f"{kind.__module__}:{kind.__qualname__}" for kind in type(problem).__mro__}
    known = [code for name, code in _CODES.items() if name in names]
    return known[0] if known else None


def known_errors() -> list[type[Exception]]:
    """Every class of the table; raises if one is not where the table says."""
    classes = []
    for place in _CODES:
        module, name = place.split(":")
        classes.append(getattr(importlib.import_module(module), name))
    return classes
