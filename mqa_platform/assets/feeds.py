"""Before the stages, beside the CRM: bought facts, lists of accounts, and what campaigns cost.

Belongs here: the assets ``enrichment``, ``account_lists`` and ``campaign_spend``. Does not belong here:
vendor formats (``sources``), or what the facts do to an account (``core.outside``).
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, FEEDS, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core.account_lists import account_lists
from mqa_platform.core.enrichment import enrichment
from mqa_platform.core.spend import campaign_spend
from mqa_platform.core.window import Window
from mqa_platform.sources.lateness import changed_since

RULES: dict[str, tuple[str, Callable[[ir.Table], ir.Table]]] = {
    "enrichment": ("landed_enrichment", enrichment),
    "account_lists": ("landed_lists", account_lists),
    "campaign_spend": ("landed_spend", campaign_spend),
}
# Who reads the past of accounts from these tables, and must look again when it changes.
_READERS: dict[str, tuple[str, ...]] = {
    "enrichment": ("scores", "stages"),
    "account_lists": ("scores", "stages"),
    "campaign_spend": (),
}


def feeds(step: Step, window: Window | None = None) -> Outcome:
    """Publishes every feed as a whole; days on which accounts now read differently are asked for again."""
    published = []
    for table, readers in _READERS.items():
        landed, rule = RULES[table]
        found = step.session.keep(_typed(step, table, rule(step.table(landed))))
        since = None
        if readers and step.session.days("scores"):
            since = changed_since(step.session, step.table(table), found)
        reopens = readers if since else ()
        published += step.publish(None, {table: found}, reopens=reopens, from_day=since)
    return Outcome(published)


def _typed(step: Step, table: str, found: ir.Table) -> ir.Table:
    """The rows with the columns and types of the contract, so that they compare with what is published."""
    return found.select(**{c: found[c].cast(t) for c, t in step.contracts[table].schema.items()})


@dg.multi_asset(
    specs=[spec(t) for t in FEEDS],
    check_specs=[c for t in FEEDS for c in check_specs(t, t)],
    name="feeds",
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Enrichment, account lists and campaign spend."""
    yield from run_step(context, platform, {t: [t] for t in FEEDS}, ASSET_OF, feeds)
