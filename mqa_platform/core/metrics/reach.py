"""The rows of the funnel and of the target list: who entered engaged, and which targets stood how high.

Belongs here: one row an entry to engaged, and one a target account and period. Does not belong here: which of
it a metric counts (``of_programme``).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import day_text, in_force, joined, newest_first
from mqa_platform.core.metrics.definitions import month_text
from mqa_platform.core.metrics.facts import Ground

# The rungs from mqa on, and from engaged on; recycled and disqualified are off the ladder.
_FROM_MQA: Final = ("mqa", "sales_accepted", "sales_qualified", "opportunity", "customer")
_FROM_ENGAGED: Final = ("engaged", *_FROM_MQA)
_NEVER: Final = date(9999, 1, 1)


def _placed(t: ir.Table, day: str, ground: Ground) -> ir.Table:
    """The rows with ``tier`` and ``segment`` of the account on a day.

    Open ends are a day far away: an "or" in an outer join would compare every row with every other.
    """
    f, a = ground.fit, ground.accounts
    f = f.select(
        "valid_from", "tier", f_account="account_id", f_motion="motion",
        valid_to=f["valid_to"].fill_null(_NEVER),
    )  # fmt: skip
    both = t.left_join(
        f,
        [
            t["account_id"] == f["f_account"],
            t["motion"] == f["f_motion"],
            f["valid_from"] <= t[day],
            f["valid_to"] > t[day],
        ],
    ).drop("f_account", "f_motion", "valid_from", "valid_to")
    a = a.select(
        "valid_from", segment="industry", a_account="account_id",
        valid_to=a["valid_to"].fill_null(_NEVER),
    )  # fmt: skip
    return both.left_join(
        a,
        [
            both["account_id"] == a["a_account"],
            a["valid_from"] <= both[day],
            a["valid_to"] > both[day],
        ],
    ).drop("a_account", "valid_from", "valid_to")


def engaged(ground: Ground, episode_facts: ir.Table) -> ir.Table:
    """One row an entry to engaged, and how far the account came before it entered engaged again.

    Args:
        ground: the published tables.
        episode_facts: of ``facts.episodes``.
    """
    t = ground.transitions.filter(ground.transitions["to_stage"] == "engaged")
    t = newest_first(t, ["account_id", "motion", "changed_on"], [t["seq"]])
    t = t.select("account_id", "motion", engaged_on="changed_on")
    order = ibis.window(group_by=["account_id", "motion"], order_by="engaged_on")
    t = t.mutate(again_on=t["engaged_on"].lead().over(order).fill_null(_NEVER))
    e = episode_facts.select(
        "episode", "mqa_on", "opportunity_on", "won_on", "amount", e_account="account_id", e_motion="motion"
    )  # fmt: skip
    both = t.left_join(
        e,
        [
            t["account_id"] == e["e_account"],
            t["motion"] == e["e_motion"],
            e["mqa_on"] >= t["engaged_on"],
            e["mqa_on"] < t["again_on"],
        ],
    )
    # Put on mqa by hand twice without engaged between: the entry to engaged led to the first.
    order_by = [both["mqa_on"].asc(nulls_first=False), both["episode"]]
    both = newest_first(both, ["account_id", "motion", "engaged_on"], order_by)
    return _placed(both, "engaged_on", ground).mutate(
        subject_id=joined(":", [both["account_id"], both["motion"], day_text(both["engaged_on"])]),
        reached_mqa=both["mqa_on"].notnull(),
        reached_opportunity=both["opportunity_on"].notnull(),
        reached_won=both["won_on"].notnull(),
        cohort=month_text(both["engaged_on"]),
    )


def coverage(ground: Ground) -> ir.Table:
    """One row a target account, motion and period (a month, or all days) with the height it reached.

    An account is a target of a period when it stands on the motion's list at the end of it, or as of today
    while the period runs.
    """
    s = ground.stages
    s = s.select(
        "account_id", "motion", "stage_date",
        is_engaged=ibis.ifelse(s["stage"].isin(_FROM_ENGAGED), 1, 0),
        is_mqa=ibis.ifelse(s["stage"].isin(_FROM_MQA), 1, 0),
        cohort=month_text(s["stage_date"]),
    )  # fmt: skip
    every = s.group_by("account_id", "motion").aggregate(
        is_engaged=s["is_engaged"].max(), is_mqa=s["is_mqa"].max(), ends_on=s["stage_date"].max()
    )
    months = s.group_by("account_id", "motion", "cohort").aggregate(
        is_engaged=s["is_engaged"].max(), is_mqa=s["is_mqa"].max(), ends_on=s["stage_date"].max()
    )
    columns = ("account_id", "motion", "cohort", "is_engaged", "is_mqa", "ends_on")
    t = months.select(*columns).union(every.mutate(cohort=ibis.literal("all")).select(*columns))
    f = ground.fit.filter(ground.fit["is_target"]).select(
        "valid_from", "valid_to", f_account="account_id", f_motion="motion"
    )
    on_list = t.join(f, [("account_id", "f_account"), ("motion", "f_motion")])
    on_list = on_list.filter(in_force(on_list, on_list["ends_on"]))
    on_list = on_list.select(*columns)
    return _placed(on_list, "ends_on", ground).mutate(
        subject_id=joined(":", [on_list["account_id"], on_list["motion"]]),
        is_engaged=on_list["is_engaged"] == 1,
        is_mqa=on_list["is_mqa"] == 1,
    )
