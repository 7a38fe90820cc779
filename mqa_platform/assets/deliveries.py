"""Deliveries as an asset: what is due is sent, and the outbox is published as it stands then.

Belongs here: ``deliveries`` and ``delivery_attempts``. Does not belong here: what is sent and how
(``destinations``). Only the jobs that deliver have this asset: to backfill or to rerun days sends nothing.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import dagster as dg
import pyarrow as pa

from mqa_platform.assets.decisions import with_deliveries
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.watches import MESSAGES_ARRIVE
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.warehouse import WarehouseBusyError

TABLES = ["deliveries", "delivery_attempts"]
_SHOWN = 5


def deliveries(
    step: Step, window: Window | None = None, *, facts: Mapping[str, Any] | None = None
) -> Outcome:
    """Publishes the outbox and its attempts, and what was known of each handoff that was told of.

    Args:
        step: of the asset.
        window: none; the outbox has no days.
        facts: of the delivery before it; ``held`` by key.
    """
    told = dict(facts or {})
    held: Mapping[str, str] = told.pop("held_because", {})
    messages, attempts = outbox_rows(step.home, held)
    tables = {
        name: step.session.constant(f"outbox_{name}", _typed(step, name, rows))
        for name, rows in (("deliveries", messages), ("delivery_attempts", attempts))
    }
    decided = with_deliveries(step, step.session.keep(tables["deliveries"]))
    published = step.publish(None, {**tables, "decisions": decided})
    given_up = [m for m in messages if m["state"] == "dead" and m["attempts"]]
    wrong = [f"{m['delivery_id']}: {m['last_error']}" for m in given_up[:_SHOWN]]
    closed = told.get("channels_left_alone", {})
    wrong += [f"{channel}: {why}" for channel, why in closed.items()]
    watched = MESSAGES_ARRIVE.result(len(given_up) + len(closed), "; ".join(wrong))
    return Outcome(published, told, watched=[watched])


def outbox_rows(
    home: Home, held: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of both tables; none where nothing was ever entered."""
    from mqa_platform.destinations.journal import Journal

    if home.is_shadow or not home.outbox.exists():
        return [], []
    journal = Journal(home.outbox)
    messages = [
        {**row, "delivery_id": row["key"], "held_because": held.get(row["key"])}
        for row in journal.told()
    ]
    attempts = [{**row, "delivery_id": row["key"]} for row in journal.attempts()]
    return messages, attempts


def _typed(step: Step, name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = step.contracts[name].arrow_schema
    return pa.Table.from_pylist([{c: r[c] for c in schema.names} for r in rows], schema=schema)


def _delivered(context: dg.AssetExecutionContext, platform: Platform) -> dict[str, Any]:
    """Sends what is due; the warehouse is open only while the outbox is filled."""
    from mqa_platform.destinations.delivering import ShadowError, delivered
    from mqa_platform.destinations.sending_lock import OutboxBusyError
    from mqa_platform.promotions import policy_now

    @contextmanager
    def opened() -> Iterator[Any]:
        with platform.step(context.run.run_id) as step:
            yield step.session

    home = platform.at()
    try:
        done = delivered(home, policy_now(home).policy, os.environ, opened)
    except ShadowError as problem:
        raise dg.Failure(str(problem), allow_retries=False) from problem
    except (OutboxBusyError, WarehouseBusyError) as problem:
        raise dg.Failure(str(problem), allow_retries=True) from problem
    if done.why_not:
        context.log.info(done.why_not)
    return {**done.facts(), "held_because": done.filled.held}


@dg.multi_asset(
    specs=[spec("deliveries")],
    check_specs=check_specs("deliveries", *TABLES),
    name="deliveries",
    # In one run with the stages, sales is told before rates are counted.
    op_tags={"dagster/priority": "10"},
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """What is due is sent, then the outbox is published."""
    work = partial(deliveries, facts=_delivered(context, platform))
    yield from run_step(context, platform, {"deliveries": TABLES}, ASSET_OF, work)
