"""Stage 3 as an asset: every account and version, with fit, tier and suppression.

Belongs here: ``accounts`` and ``excluded_accounts``. Does not belong here: the ICP (``core.accounts``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import accounts as core
from mqa_platform.core.window import Window

TABLES = ["accounts", "excluded_accounts"]


def accounts(step: Step, window: Window | None = None) -> Outcome:
    """Publishes all accounts as they are known now, each version with the days it held."""
    touchpoints = step.table("touchpoints")
    found = step.session.keep(core.accounts(step.table("crm_accounts"), touchpoints, step.policy))
    published = step.publish(
        None, {"accounts": found, "excluded_accounts": core.excluded_accounts(found, touchpoints)}
    )
    a = step.table("accounts")
    a = a.filter(a["valid_to"].isnull())
    gates = a.group_by("fit_gate").aggregate(n=a.count())
    facts = {f"fit_{r['fit_gate']}": r["n"] for r in step.session.rows(gates)}
    found_count = step.session.rows(a.aggregate(n=a["is_discovered"].sum()))[0]["n"]
    return Outcome(published, {**facts, "discovered": int(found_count or 0)})


@dg.multi_asset(
    specs=[spec("accounts")], check_specs=check_specs("accounts", *TABLES), name="accounts"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Accounts with history."""
    yield from run_step(context, platform, {"accounts": TABLES}, ASSET_OF, accounts)
