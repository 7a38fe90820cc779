"""Does the MQA model find who buys: against an MQL model, recency and fit, on markets whose truth is known.

Belongs here: the figures over several seeds with their intervals, and what may be said of them. Does not belong
here: the models (``models``), the truth (``market_truth``), or solving thresholds over time (``capacity_loop``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean, median, stdev

import numpy as np

from mqa_platform.core.rates import wilson
from mqa_platform.evaluation.capacity_loop import evaluate_capacity
from mqa_platform.evaluation.market_truth import Hits, hits, in_market, lift, shuffled
from mqa_platform.evaluation.measures import Facts
from mqa_platform.evaluation.models import MODELS, models
from mqa_platform.evaluation.scored_market import scored
from mqa_platform.evaluation.scratch import scratch_session
from mqa_platform.evaluation.seen_market import day_of, sellable
from mqa_platform.market.config import MarketConfig, World
from mqa_platform.market.streams import fraction
from mqa_platform.market.watched import Watched, watched
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy
from mqa_platform.warehouse import Session

DAYS, WARM_UP = 180, 28
# Not the demo's seed, nor any that a default was looked at with.
FIRST_SEED = 11
Tell = Callable[[str], None]
Figures = dict[str, tuple[Hits, float | None]]


def evaluate_all(
    accounts: int,
    seeds: int,
    world: World = "committee",
    only: str | None = None,
    capacity_accounts: int = 4000,
    drift_weeks: int = 26,
    tell: Tell = lambda _: None,
) -> Facts:
    """``evaluate_model`` and ``evaluate_capacity`` of so many seeds; the part that is not asked for is left out."""
    listed = range(FIRST_SEED, FIRST_SEED + seeds)
    found: Facts = {"world": world, "seeds": list(listed)}
    if only != "capacity":
        found |= evaluate_model(accounts, listed, world, tell)
    if only != "quality":
        found |= evaluate_capacity(capacity_accounts, listed, drift_weeks, world, tell)
        found |= {"capacity_accounts": capacity_accounts, "drift_weeks": drift_weeks}
    return found


def evaluate_model(
    accounts: int, seeds: Sequence[int], world: World = "committee", tell: Tell = lambda _: None
) -> Facts:
    """The figures of all models on one market a seed, with the packaged policy.

    Precision and recall are over all seeds together, with Wilson intervals; lift is the mean over the seeds,
    and so are the differences to each baseline, with Student's t intervals: null for fewer than two seeds.
    """
    policy = load_policy(None)
    found: list[Figures] = []
    lifts: list[float | None] = []
    with scratch_session() as session:
        for seed in seeds:
            tell(f"{world}, seed {seed}")
            w = watched(MarketConfig(accounts, DAYS, seed, world=world))
            figures, chance = _one(session, w, policy)
            found.append(figures)
            lifts.append(chance)
    each = {m: _model([f[m] for f in found]) for m in MODELS}
    compared = {m: _difference(found, m) for m in MODELS[1:]}
    return {
        "world": world,
        "accounts": accounts,
        "days": DAYS,
        "seeds": list(seeds),
        **each,
        "shuffled": dict(zip(("lift", "lift_low", "lift_high"), _t_interval(lifts), strict=True)),
        "mqa_against": compared,
        "says": _says(world, each, compared),
    }


def _one(session: Session, w: Watched, policy: Policy) -> tuple[Figures, float | None]:
    """Every model's hits and lift on one market, and the lift that shuffled truth gives the MQA model."""
    config = w.config
    days = [day_of(config, n) for n in range(WARM_UP, config.days)]
    m = models(scored(session, w, policy, days), config, days)
    asked, truth = sellable(w), in_market(w, m.snapshots)
    tie = fraction(np.arange(config.accounts), config.seed + 78)
    figures: Figures = {
        name: (
            hits(w, m.named[name], asked, WARM_UP, config.days - 1),
            lift(m.ranking[name], truth, m.callable_, tie),
        )
        for name in MODELS
    }
    dealt = shuffled(truth, m.callable_, np.random.default_rng(config.seed))
    return figures, lift(m.ranking["mqa"], dealt, m.callable_, tie)


def _model(found: list[tuple[Hits, float | None]]) -> Facts:
    named, right = sum(h.named for h, _ in found), sum(h.right for h, _ in found)
    asked, caught = sum(h.episodes for h, _ in found), sum(h.found for h, _ in found)
    lead = sorted(d for h, _ in found for d in h.lead_days)
    precision, recall = wilson(right, named), wilson(caught, asked)
    middle, low, high = _t_interval([x for _, x in found])
    return {
        "precision": right / named if named else None,
        "precision_low": precision[0],
        "precision_high": precision[1],
        "named": named,
        "recall": caught / asked if asked else None,
        "recall_low": recall[0],
        "recall_high": recall[1],
        "episodes": asked,
        "lift_top_decile": middle,
        "lift_top_decile_low": low,
        "lift_top_decile_high": high,
        "lead_days": median(lead) if lead else None,
        "lead_days_low": lead[len(lead) // 4] if lead else None,
        "lead_days_high": lead[3 * len(lead) // 4] if lead else None,
    }


def _t_interval(values: Sequence[float | None]) -> tuple[float | None, float | None, float | None]:
    """Mean over the seeds and its 95 % interval (Student's t); nulls where there are too few."""
    from scipy.stats import t

    known = [v for v in values if v is not None]
    if not known:
        return None, None, None
    if len(known) < 2:
        return known[0], None, None
    half = float(t.ppf(0.975, len(known) - 1)) * stdev(known) / math.sqrt(len(known))
    return mean(known), mean(known) - half, mean(known) + half


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _balance(h: Hits) -> float | None:
    """Harmonic mean of precision and recall (F1): neither can be bought with the other."""
    both = h.named + h.episodes
    return _share(h.right + h.found, both) if both else None


def _difference(found: list[Figures], baseline: str) -> Facts:
    """MQA less baseline, seed by seed: the same market for both."""
    out: Facts = {}
    measures: dict[str, Callable[[tuple[Hits, float | None]], float | None]] = {
        "precision": lambda x: _share(x[0].right, x[0].named),
        "recall": lambda x: _share(x[0].found, x[0].episodes),
        "lift_top_decile": lambda x: x[1],
        "balance": lambda x: _balance(x[0]),
        "lead_days": lambda x: median(x[0].lead_days) if x[0].lead_days else None,
    }
    for name, of in measures.items():
        pairs = [(of(f["mqa"]), of(f[baseline])) for f in found]
        middle, low, high = _t_interval(
            [a - b for a, b in pairs if a is not None and b is not None]
        )
        out[name] = {"difference": middle, "low": low, "high": high, "verdict": _verdict(low, high)}
    return out


def _verdict(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "cannot say"
    return "better" if low > 0 else "worse" if high < 0 else "no difference shown"


def _says(world: World, each: dict[str, Facts], compared: dict[str, Facts]) -> list[str]:
    """What the figures allow to be said, and nothing more."""
    said = []
    if all(m["lift_top_decile"]["verdict"] == "cannot say" for m in compared.values()):
        return ["One market says nothing of the difference between models: take two seeds or more."]
    for baseline, measures in compared.items():
        verdicts = {name: m["verdict"] for name, m in measures.items()}
        words = ", ".join(f"{name.replace('_', ' ')}: {v}" for name, v in verdicts.items())
        said.append(f"MQA against {baseline.replace('_', ' ')}: {words}.")
    if compared["mql"]["balance"]["verdict"] == "worse":
        said.append(
            "An MQL model serves this market better than MQAs do: one person decides, and account evidence "
            "of several people is asked for in vain."
            if world == "single_buyer"
            else "An MQL model serves this market better than MQAs do."
        )
    if (
        compared["mql_any_fit"]["balance"]["verdict"]
        == "worse"
        != compared["mql"]["balance"]["verdict"]
    ):
        said.append("Who looks at people and not at fit finds more: our ICP refuses many who buy.")
    if compared["fit_only"]["lift_top_decile"]["verdict"] in ("worse", "no difference shown"):
        said.append(
            "The MQA score ranks no better than fit alone: what is seen tells nothing of who buys."
        )
    value = each["mqa"]["lift_top_decile"]
    low, high = each["mqa"]["lift_top_decile_low"], each["mqa"]["lift_top_decile_high"]
    if value is not None and low is not None and low <= 1 <= high:
        said.append("The MQA score ranks no better than chance here.")
    return said
