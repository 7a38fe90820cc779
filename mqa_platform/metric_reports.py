"""What is asked of the metrics: figures, the accounts behind them, attribution, missed deals, the forecast.

Belongs here: reading the published tables for one question. Does not belong here: computing them (``core``), or
the screen (``cli_metrics``).
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from statistics import median
from typing import Any

from mqa_platform.core.attribution import MODELS
from mqa_platform.core.metrics.definitions import DIMENSIONS, Metric
from mqa_platform.core.metrics.methods import ALL, METHOD_WORDS
from mqa_platform.core.metrics.register import METRICS
from mqa_platform.core.metrics.register import definitions as registered
from mqa_platform.core.missed_deals import MISSING_RULES
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.promotions import policy_now

PLACES = ("channel", "campaign", "content")
UNKNOWN = "unknown"


def _metric(name: str) -> Metric:
    """A metric by its name.

    Raises:
        MartError: there is none, with the nearest names.
    """
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name, METRICS, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else f"; there are {', '.join(METRICS)}"
    raise MartError(f"no metric {name!r}{hint}")


def _known(metric: Metric, dimension: str) -> None:
    if dimension not in (ALL, *metric.dimensions):
        there = ", ".join((ALL, *metric.dimensions))
        raise MartError(f"{metric.name} is not cut by {dimension!r}; it is by {there}")


def definitions(home: Home) -> list[dict[str, Any]]:
    """Every metric in words, by the policy in force."""
    found = registered(policy_now(home).policy)
    return [{**d, "computed": METHOD_WORDS[d["method"]]} for d in found]


def figures(
    home: Home,
    metric: str | None = None,
    dimension: str = ALL,
    cohort: str | None = None,
    segment: str | None = None,
) -> list[dict[str, Any]]:
    """The figures of one metric or all, by one dimension; of the cohort ``all`` unless another is named.

    Of one metric without a cohort every cohort is given.

    Raises:
        MartError: no such metric, or it is not cut by the dimension.
    """
    if metric is not None:
        _known(_metric(metric), dimension)
    elif dimension not in (ALL, *DIMENSIONS):
        raise MartError(f"no dimension {dimension!r}; there are {', '.join((ALL, *DIMENSIONS))}")
    with open_marts(home) as marts:
        t = marts.table("conversion_metrics")
        t = t.filter(t["dimension"] == dimension)
        if metric is not None:
            t = t.filter(t["metric"] == metric)
        if cohort is not None:
            t = t.filter(t["cohort"] == cohort)
        elif metric is None:
            # What has no figure over all time, as MQAs per rep, is given by its periods.
            t = t.filter((t["cohort"] == ALL) | (t["metric"] == "mqa_per_rep"))
        if segment is not None:
            t = t.filter(t["segment"] == segment)
        rows = marts.rows(t)
    order = {name: number for number, name in enumerate(METRICS)}
    return sorted(rows, key=lambda r: (order[r["metric"]], r["segment"], r["cohort"]))


def drill(
    home: Home, metric: str, dimension: str = ALL, segment: str | None = None, cohort: str = ALL
) -> dict[str, Any]:
    """A figure and the rows that it was computed from, with the names of the accounts.

    Raises:
        MartError: no such metric, dimension, segment or cohort.
    """
    known = _metric(metric)
    _known(known, dimension)
    if (segment is None) != (dimension == ALL):
        raise MartError(
            "a dimension needs the segment of it that is meant, and the other way round"
        )
    wanted = segment or ALL
    with open_marts(home) as marts:
        m = marts.table("conversion_metrics")
        found = marts.rows(
            m.filter(
                (m["metric"] == metric)
                & (m["dimension"] == dimension)
                & (m["segment"] == wanted)
                & (m["cohort"] == cohort)
            )
        )
        if not found:
            raise MartError(f"no figure of {metric} for {dimension} {wanted}, cohort {cohort}")
        t = marts.table("metric_accounts")
        t = t.filter(t["metric"] == metric)
        if dimension != ALL:
            t = t.filter(t[dimension].fill_null(UNKNOWN) == wanted)
        if cohort != ALL or not known.rolls_up:
            t = t.filter(t["cohort"] == cohort)
        a = marts.table("accounts")
        a = a.filter(a["valid_to"].isnull()).select("name", a_account="account_id")
        t = t.left_join(a, t["account_id"] == a["a_account"]).drop("a_account")
        rows = marts.rows(t.order_by("counted_as", "cohort", "account_id", "subject_id"))
    order = {"numerator": 0, "denominator": 1, "censored": 2}
    rows.sort(key=lambda r: order[r["counted_as"]])
    return {"figure": found[0], "counted": rows}


def attribution(home: Home, model: str, by: str) -> list[dict[str, Any]]:
    """Credit, pipeline and revenue by channel, campaign or content under one model; the most pipeline first.

    ``spend`` is what campaign_spend has under the same name since the history starts, in the programme's
    currency, and ``roi`` is (pipeline − spend) ÷ spend; both are null where no spend has the name.

    Raises:
        MartError: no such model or place.
    """
    for word, there in ((model, MODELS), (by, PLACES)):
        if word not in there:
            raise MartError(f"{word!r} is none of {', '.join(there)}")
    with open_marts(home) as marts:
        t = marts.table("attribution")
        t = t.filter(t["model"] == model)
        told = t.group_by(by).aggregate(
            opportunities=t["opportunity_id"].nunique(),
            touches=t["touches"].sum(),
            credit=t["credit"].sum(),
            pipeline=t["pipeline"].sum(),
            revenue=t["revenue"].sum(),
        )
        rows = marts.rows(told)
        spent = _spend(home, marts, by) if by in ("channel", "campaign") else {}
    for row in rows:
        row["spend"] = spend = spent.get(row[by])
        known = spend is not None and spend > 0 and row["pipeline"] is not None
        row["roi"] = float((row["pipeline"] - spend) / spend) if known else None
    return sorted(rows, key=lambda r: (-(r["pipeline"] or 0), -r["credit"], r[by]))


def _spend(home: Home, marts: Marts, by: str) -> dict[str, Decimal]:
    """Channel or campaign → money spent on it since the history starts."""
    program = policy_now(home).policy.program
    t = marts.table("campaign_spend")
    mine = (t["currency"] == program.currency) & (t["spend_date"] >= program.history_starts_on)
    t = t.filter(mine & t[by].notnull())
    return {
        r[by]: r["spend"] for r in marts.rows(t.group_by(by).aggregate(spend=t["amount"].sum()))
    }


def paths(home: Home) -> list[dict[str, Any]]:
    """The channels that accounts came by before opportunities, the most frequent first."""
    with open_marts(home) as marts:
        rows = marts.rows(marts.table("conversion_paths"))
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["path"]].append(row)
    made = [
        {
            "path": path,
            "opportunities": len(of),
            "won": sum(1 for r in of if r["is_won"]),
            "open": sum(1 for r in of if r["is_won"] is None),
            "amount": sum(r["amount"] or 0 for r in of),
            "median_touches": median(r["touches"] for r in of),
            "median_days": _median(r["days"] for r in of),
        }
        for path, of in groups.items()
    ]
    return sorted(made, key=lambda r: (-r["opportunities"], r["path"]))


def _median(values: Iterable[int | None]) -> float | None:
    known = [v for v in values if v is not None]
    return median(known) if known else None


def missed(home: Home, rule: str | None = None) -> list[dict[str, Any]]:
    """Opportunities that no MQA led to, with the rule and the signal that were absent; the newest first.

    Raises:
        MartError: no such rule.
    """
    if rule is not None and rule not in MISSING_RULES:
        raise MartError(f"no rule {rule!r}; there are {', '.join(MISSING_RULES)}")
    start = policy_now(home).policy.program.history_starts_on
    with open_marts(home) as marts:
        t = marts.table("opportunity_origin")
        t = t.filter((t["origin"] != "mqa_sourced") & (t["created_on"] >= start))
        t = t if rule is None else t.filter(t["missing_rule"] == rule)
        rows = marts.rows(t.order_by(t["created_on"].desc(), "opportunity_id"))
    return [{**r, "why": MISSING_RULES[r["missing_rule"]]} for r in rows]


def forecast(home: Home) -> list[dict[str, Any]]:
    """What open MQAs are expected to bring."""
    with open_marts(home) as marts:
        t = marts.table("pipeline_forecast")
        return marts.rows(t.order_by("dimension", "segment", "horizon_days"))


def rejections(home: Home, dimension: str = ALL) -> list[dict[str, Any]]:
    """Why sales rejected, by one dimension; the highest share first."""
    with open_marts(home) as marts:
        t = marts.table("rejection_reasons")
        rows = marts.rows(t.filter(t["dimension"] == dimension))
    return sorted(rows, key=lambda r: (-r["share"], r["segment"], r["reason"]))
