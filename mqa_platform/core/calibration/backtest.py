"""The backtest: accounts as they stood on a past day, and what became of them in the days after it.

Belongs here: which days are looked at, counting accounts by value, and what is said of each model and band. Does not
belong here: who could be handed over on a day and what was known (``past_accounts``), the figures of a ranking
(``ranking``), features that know too much (``leaks``), or reading tables (``backtesting``).

Every model ranks the same accounts and hands over as many. Sales was told of some of them, which itself makes
opportunities; only a holdout says how many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.calibration.ranking import Group, Ranking, figures
from mqa_platform.core.rates import wilson

MODELS: Final = ("mqa", "recency", "last_touch", "fit_only")
# Score as a share of the account's threshold: the lower end of each band, and its name.
BANDS: Final = (
    (1.5, "1.5 thresholds and more"),
    (1.0, "threshold to 1.5"),
    (0.5, "half to the threshold"),
    (0.01, "below half"),
    (0.0, "no score"),
)
# A programme needs a month of touchpoints before its scores say anything.
_WARM_UP = timedelta(days=28)


def split_days(first: date, as_of: date, window: int, most: int = 12) -> list[date]:
    """First days of months whose outcomes are all known, oldest first.

    Args:
        first: the first scored day.
        as_of: the last day that is known.
        window: days in which an opportunity counts.
        most: how many of the newest.
    """
    found: list[date] = []
    day = (as_of - timedelta(days=window)).replace(day=1)
    while day >= first + _WARM_UP and len(found) < most:
        found.append(day)
        day = (day - timedelta(days=1)).replace(day=1)
    return found[::-1]


def groups(found: ir.Table, day: date) -> ir.Table:
    """(feature, value, n, hits, late): each model's accounts by value; late ones rest on what came after the day."""
    parts = [
        found.select(
            feature=ibis.literal(name),
            value=found[name].cast("float64"),
            is_positive=_one(found["is_positive"]),
            is_late=_one((found[f"{name}_on"] > day).fill_null(False)),
        )
        for name in MODELS
    ]
    return _grouped(ibis.union(*parts))


def component_groups(found: ir.Table, receipts: ir.Table, day: date) -> ir.Table:
    """The same of every part of the receipts of a day; an account without a part has no row.

    Args:
        found: of ``population``.
        receipts: of the motion.
        day: of the scores.
    """
    r = receipts.filter(receipts["score_date"] == day)
    r = r.select("component", "points", r_account="account_id")
    t = r.join(found.select("account_id", "is_positive"), [("r_account", "account_id")])
    return _grouped(
        t.select(
            feature="component",
            value=t["points"].round(1).cast("float64"),
            is_positive=_one(t["is_positive"]),
            is_late=ibis.literal(0, "int64"),
        )
    )


def _one(flag: ir.BooleanValue) -> ir.IntegerValue:
    return ibis.ifelse(flag, ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _grouped(t: ir.Table) -> ir.Table:
    return t.group_by("feature", "value").aggregate(
        n=t.count(), hits=t["is_positive"].sum(), late=t["is_late"].sum()
    )


def bands(found: ir.Table) -> ir.Table:
    """(band, n, hits, amount): the accounts of a day by ``score_share``; band 0 is the highest."""
    number = ibis.cases(
        *((found["score_share"] >= low, ibis.literal(k)) for k, (low, _) in enumerate(BANDS)),
        else_=len(BANDS) - 1,
    )
    t = found.mutate(band=number.cast("int64"), hit=_one(found["is_positive"]))
    return t.group_by("band").aggregate(n=t.count(), hits=t["hit"].sum(), amount=t["amount"].sum())


def compared(
    rankings: Mapping[str, Ranking], flagged: int, day: date, window: int, enough: int
) -> list[dict[str, Any]]:
    """One row a model: each of them hands over as many accounts as stood at or above their threshold.

    Args:
        rankings: of each of ``MODELS``.
        flagged: accounts at or above their threshold on the day.
        day: of the ranking.
        window: days in which an opportunity counts.
        enough: opportunities without which nothing is claimed.
    """
    rows = [
        {
            "model": m,
            "split_on": day,
            "window_days": window,
            **figures(rankings[m], flagged, enough),
        }
        for m in MODELS
    ]
    return [{**row, "says": _says(row, rows[0], enough)} for row in rows]


def _says(row: Mapping[str, Any], mqa: Mapping[str, Any], enough: int) -> str:
    if row["status"] != "ranked":
        return (
            f"{row['positives']} opportunities among {row['accounts']} accounts are too few to rank by "
            f"({enough} are needed): the rules stay."
        )
    words = (
        f"The top tenth had {row['lift_top_decile']:.1f} times as many opportunities as the average "
        f"({row['lift_low']:.1f} to {row['lift_high']:.1f}); shuffled outcomes give "
        f"{row['null_low']:.1f} to {row['null_high']:.1f}"
    )
    if row["p_value"] > 0.05:
        return f"{words}, so chance explains it."
    if row is mqa or row["model"] == "mqa":
        return f"{words}."
    if row["lift_high"] < mqa["lift_low"]:
        return f"{words}: less than the score."
    if row["lift_low"] > mqa["lift_high"]:
        return f"{words}: more than the score."
    return (
        f"{words}; the intervals of it and of the score overlap, so neither is said to be better."
    )


def outcome_rows(
    counted: Iterable[Mapping[str, Any]], day: date, window: int, enough: int
) -> list[dict[str, Any]]:
    """One row a band: what became of the accounts scored on a day; ``bands`` counts them."""
    by_band = {r["band"]: r for r in counted}
    found = []
    for number, (_, name) in enumerate(BANDS):
        r = by_band.get(number, {"n": 0, "hits": 0, "amount": None})
        low, high = wilson(r["hits"], r["n"])
        share = r["hits"] / r["n"] if r["n"] else None
        few = r["n"] < enough
        says = f"{r['hits']} of {r['n']} had an opportunity within {window} days"
        says += "; too few to say more." if few else f": {share:.0%} ({low:.0%} to {high:.0%})."
        found.append(
            {
                "scored_on": day, "band": name, "rank": number + 1, "window_days": window,
                "accounts": r["n"], "opportunities": r["hits"], "rate": share, "low": low,
                "high": high, "amount": r["amount"], "says": says,
            }
        )  # fmt: skip
    return found


def rankings_of(
    rows: Iterable[Mapping[str, Any]], accounts: int, positives: int, names: Sequence[str]
) -> dict[str, Ranking]:
    """Rankings by feature out of rows of ``groups``; whoever a feature has no row of stands at 0."""
    each: dict[str, list[Group]] = {name: [] for name in names}
    for r in rows:
        if r["feature"] in each:
            each[r["feature"]].append((float(r["value"]), int(r["n"]), int(r["hits"])))
    return {name: Ranking.of(found, accounts, positives) for name, found in each.items()}
