"""The models that are compared on one market: whom each would name on which day, and how each ranks.

Belongs here: MQAs, MQLs, recency and fit as lists of (account, day) and as rankings of a day. Does not belong
here: the truth they are held against (``market_truth``) or the figures (``model``).

All of them go by the accounts that the CRM has, that could be called and that the ICP does not refuse, so none
loses by companies that nobody would call; our precedence keeps an MQL of a refused company from sales as well.
``mql_any_fit`` is the MQL model without that look at fit: what it finds beyond ``mql`` is what our profile misses.
Recency and fit have no bar of their own: they name as many a week as the MQA model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.calibration.entries import thresholds
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.evaluation.memory import entered
from mqa_platform.evaluation.scored_market import Scored, person_scores
from mqa_platform.evaluation.seen_market import number_of
from mqa_platform.market.config import MarketConfig
from mqa_platform.market.streams import Bools, Floats, Ints, fraction

MODELS = ("mqa", "mql", "mql_any_fit", "recency", "fit_only")
# Whom a naive list has named it does not name again for so many days.
_REST = {"recency": 28, "fit_only": 91}


@dataclass(frozen=True)
class Named:
    """Whom a model names: equally long columns, days counted from the market's first."""

    account: Ints
    day: Ints


@dataclass(frozen=True)
class Models:
    """All models on one market.

    ``named`` by model; ``ranking`` by model: row per account and column per snapshot, higher is better; what
    a model knows nothing of has −1. ``callable_`` are the accounts that are ranked, on each snapshot.
    """

    named: dict[str, Named]
    ranking: dict[str, Floats]
    snapshots: Ints
    callable_: Bools


def models(s: Scored, config: MarketConfig, days: list[date], every: int = 14) -> Models:
    """Run all models over the listed days, which have no gap; snapshots lie ``every`` days apart."""
    n, first = config.accounts, number_of(config, days[0])
    snapshots = np.arange(first + every, first + len(days), every)
    people = person_scores(s, days)
    accounts = s.session.arrow(s.accounts)
    who = _numbers(accounts["account_id"])
    born = np.full(n, np.iinfo(np.int64).max)
    born[who] = _days(config, accounts["valid_from"])
    refused = np.ones(n, dtype=bool)
    refused[who] = pc.equal(accounts["fit_gate"], "fail").to_numpy(zero_copy_only=False)
    daily = np.arange(first, first + len(days))
    named = {"mqa": _mqas(s, config, days, daily)}
    anybody = _mqls(s, config, people, days, daily)
    keep = ~refused[anybody.account]
    named |= {"mql": Named(anybody.account[keep], anybody.day[keep]), "mql_any_fit": anybody}
    alive = (born[:, None] <= snapshots[None, :]) & (born < np.iinfo(np.int64).max)[:, None]
    fit = np.full(n, -1.0)
    fit[who] = np.where(refused[who], -1.0, pc.fill_null(accounts["fit_score"], 0.0).to_numpy())
    touched = _touched(s, config, n, first, len(days))
    weekly = np.arange(first + 7, first + len(days), 7)
    many = max(1, round(len(named["mqa"].day) / max(len(weekly), 1)))
    tie = fraction(np.arange(n), config.seed + 77)

    def recent(day: int) -> Floats:
        last = touched[:, day - first]
        return np.where((last >= 0) & ~refused, last + tie, -1.0)

    def fitting(day: int) -> Floats:
        return np.where((fit >= 0) & (born <= day), fit + tie, -1.0)

    named["recency"] = _lists(recent, weekly, many, _REST["recency"])
    named["fit_only"] = _lists(fitting, weekly, many, _REST["fit_only"])
    persons = _spread(config, people, "account_id", "day", "score", snapshots)
    ranking = {
        "mqa": _account_ranking(s, config, snapshots),
        "mql": np.where(refused[:, None], -1.0, persons),
        "mql_any_fit": persons,
        "recency": np.stack([recent(int(d)) for d in snapshots], axis=1),
        "fit_only": np.stack([fitting(int(d)) for d in snapshots], axis=1),
    }
    return Models(named, ranking, snapshots, alive)


def _numbers(ids: pa.ChunkedArray) -> Ints:
    """Account numbers out of ids such as ``a17``."""
    numbers: Ints = pc.utf8_slice_codeunits(ids, 1).cast(pa.int64()).to_numpy()
    return numbers


def _days(config: MarketConfig, column: pa.ChunkedArray) -> Ints:
    since = (config.starts_on - date(1970, 1, 1)).days
    days: Ints = column.cast(pa.int32()).to_numpy().astype(np.int64) - since
    return days


def _mqas(s: Scored, config: MarketConfig, days: list[date], every: Ints) -> Named:
    """Who qualifies at the thresholds in force, with the ladder's exit and cool-down."""
    rules, t = s.policy.stages, s.scores
    scores = s.session.arrow(
        t.select("account_id", "score_date", score=(t["engagement_score"] / t["threshold"]).cast("float64"))
    )  # fmt: skip
    ratio = _spread(config, scores, "account_id", "score_date", "score", every)
    rows = s.session.arrow(s.candidates(Window(days[0], days[-1] + ONE_DAY)))
    bars = np.array([*thresholds(s.policy).values(), np.inf])
    tier = pc.fill_null(pc.index_in(rows["tier"], pa.array(list(thresholds(s.policy)))), -1)
    above = rows["score"].to_numpy() >= bars[tier.to_numpy()]
    raised = rows["hand_raised"].to_numpy(zero_copy_only=False)
    ready = rows["is_ready"].to_numpy(zero_copy_only=False)
    kept = rows.filter(pa.array(raised | (ready & above)))
    enters = _held(config, kept["account_id"], kept["score_date"], every)
    account, day = entered(enters, ratio < rules.exit_ratio, rules)
    return Named(account, day + every[0])


def _mqls(
    s: Scored, config: MarketConfig, people: pa.Table, days: list[date], every: Ints
) -> Named:
    """Accounts one of whose people is an MQL or asks to be called, with the same memory."""
    rules, t = s.policy.stages, s.touchpoints
    ratio = _spread(config, people, "account_id", "day", "score", every) / float(
        rules.mql_threshold
    )
    asks = [n for n, signal in s.policy.signals.signals.items() if signal.hand_raise]
    t = t.filter(t["signal_type"].isin(asks) & t["person_id"].notnull())
    t = t.filter((t["touchpoint_date"] >= days[0]) & (t["touchpoint_date"] <= days[-1]))
    raised = s.session.arrow(t.select("account_id", "touchpoint_date").distinct())
    enters = (ratio >= 1) | _held(config, raised["account_id"], raised["touchpoint_date"], every)
    account, day = entered(enters, ratio < rules.exit_ratio, rules)
    return Named(account, day + every[0])


def _held(
    config: MarketConfig, account: pa.ChunkedArray, day: pa.ChunkedArray, every: Ints
) -> Bools:
    """Row per account, column per day: whether there is such a row."""
    out = np.zeros((config.accounts, len(every)), dtype=bool)
    out[_numbers(account), _days(config, day) - every[0]] = True
    return out


def _touched(s: Scored, config: MarketConfig, n: int, first: int, length: int) -> Ints:
    """Row per account, column per day: the last day with a touch of a person up to it, −1 for none."""
    t = s.touchpoints
    t = t.filter(t["person_id"].notnull() | t["anonymous_id"].notnull())
    rows = s.session.arrow(t.select("account_id", "touchpoint_date").distinct())
    account, day = _numbers(rows["account_id"]), _days(config, rows["touchpoint_date"])
    last = np.full((n, length), -1, dtype=np.int64)
    before = day < first
    np.maximum.at(last[:, 0], account[before], day[before])
    inside = (day >= first) & (day < first + length)
    np.maximum.at(last, (account[inside], day[inside] - first), day[inside])
    return np.maximum.accumulate(last, axis=1)


def _lists(rank: Callable[[int], Floats], weekly: Ints, many: int, rest: int) -> Named:
    """The best of every week, as many each, without those named lately."""
    account: list[int] = []
    day: list[int] = []
    until: dict[int, int] = {}
    for today in weekly.tolist():
        order = np.argsort(-(values := rank(today)), kind="stable")
        chosen = [
            a
            for a in order[: many + len(until)].tolist()
            if values[a] >= 0 and until.get(a, -1) <= today
        ][:many]
        until |= dict.fromkeys(chosen, today + rest)
        account += chosen
        day += [today] * len(chosen)
    return Named(np.array(account, dtype=np.int64), np.array(day, dtype=np.int64))


def _account_ranking(s: Scored, config: MarketConfig, snapshots: Ints) -> Floats:
    days = [config.starts_on + timedelta(days=int(d)) for d in snapshots]
    t = s.scores.filter(s.scores["score_date"].isin(days))
    t = t.select("account_id", "score_date", score=t["engagement_score"].cast("float64"))
    return _spread(config, s.session.arrow(t), "account_id", "score_date", "score", snapshots)


def _spread(
    config: MarketConfig, rows: pa.Table, account: str, day: str, value: str, snapshots: Ints
) -> Floats:
    """Row per account, column per snapshot; −1 where there is no value."""
    out = np.full((config.accounts, len(snapshots)), -1.0)
    at = _days(config, rows[day])
    keep = np.isin(at, snapshots)
    column = np.searchsorted(snapshots, at[keep])
    out[_numbers(rows[account])[keep], column] = rows[value].to_numpy()[keep]
    return out
