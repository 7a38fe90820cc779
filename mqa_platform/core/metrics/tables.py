"""The tables of the metrics, one out of the other.

Belongs here: the order in which they are made. Does not belong here: what any of them is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import ibis.expr.types as ir

from mqa_platform.core.attribution import attribution_kernel, last_touches
from mqa_platform.core.conversion_paths import paths_kernel, paths_with_outcome
from mqa_platform.core.deal_touches import touches_before
from mqa_platform.core.forecast import pipeline_forecast
from mqa_platform.core.metrics.counted import metric_accounts
from mqa_platform.core.metrics.facts import Apply, Ground, deals, episodes
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.reach import coverage, engaged
from mqa_platform.core.metrics.summaries import conversion_metrics
from mqa_platform.core.missed_deals import Seen
from mqa_platform.core.origins import opportunity_origin
from mqa_platform.core.rejections import rejection_reasons
from mqa_platform.policy.models import Policy


def metric_tables(
    ground: Ground,
    seen: Seen,
    opportunities: ir.Table,
    policy: Policy,
    beside: Beside,
    keep: Callable[[ir.Table], ir.Table],
    apply: Apply,
) -> dict[str, ir.Table]:
    """Every published table that is read off outcomes, by name.

    Args:
        ground: what the facts are gathered from.
        seen: what is looked at of an account before its opportunity.
        opportunities: crm_opportunities with history.
        policy: of the leading motion.
        beside: spend, reps and days that figures are held against.
        keep: computes an expression once, for several that read it.
        apply: of the session.
    """
    end = datetime.combine(beside.as_of + timedelta(days=1), time(), UTC)
    origins = keep(opportunity_origin(seen, opportunities, policy, end))
    touches = keep(touches_before(origins, seen.touchpoints, policy))
    credits = keep(apply(attribution_kernel(policy), touches, "shard"))
    paths = apply(paths_kernel(), touches, "shard")
    of_deals = keep(deals(origins, last_touches(credits), ground, beside.since))
    of_episodes = keep(episodes(ground, of_deals, policy, end, apply))
    facts = {
        "episode": of_episodes,
        "deal": of_deals,
        "engaged": keep(engaged(ground, of_episodes)),
        "coverage": keep(coverage(ground)),
    }
    counted = keep(metric_accounts(facts, policy, spent_in=beside.spend))
    return {
        "opportunity_origin": origins,
        "attribution": credits,
        "conversion_paths": paths_with_outcome(paths, origins),
        "metric_accounts": counted,
        "conversion_metrics": conversion_metrics(counted, policy, beside, apply),
        "pipeline_forecast": pipeline_forecast(of_episodes, policy, apply),
        "rejection_reasons": rejection_reasons(of_episodes, ground.receipts, apply),
    }
