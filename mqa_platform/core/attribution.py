"""Attribution: how much of each opportunity every channel, campaign and piece of content is given credit for.

Belongs here: which touches lie before an opportunity, the five models, and the path. Does not belong here:
whether an MQA was behind it (``origins``), or spend (``metrics``).

Attribution shares out credit by a rule; it does not measure an effect. Only a holdout does that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.expressions import none_of_type, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy

NONE: Final = "none"
_MONEY: Final = pa.decimal128(18, 4)
CREDITS: Final = pa.schema(
    [
        ("opportunity_id", pa.string()),
        ("model", pa.string()),
        ("channel", pa.string()),
        ("campaign", pa.string()),
        ("content", pa.string()),
        ("account_id", pa.string()),
        ("touches", pa.int64()),
        ("credit", pa.float64()),
        ("pipeline", _MONEY),
        ("revenue", _MONEY),
    ]
)
PATHS: Final = pa.schema(
    [
        ("opportunity_id", pa.string()),
        ("account_id", pa.string()),
        ("path", pa.string()),
        ("touches", pa.int64()),
        ("people", pa.int64()),
        ("days", pa.int64()),
        ("first_touch_at", pa.timestamp("us", tz="UTC")),
    ]
)
# A path longer than this is told by its beginning and its end.
_STEPS: Final = 10
_UNIT: Final = Decimal("0.0001")
_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Touch:
    """One touch before an opportunity: where it was, how old it was then, and how fast its signal fades."""

    channel: str
    campaign: str
    content: str
    age_days: float
    half_life_days: float


Weights = Callable[[Sequence[Touch]], list[float]]


def _first(touches: Sequence[Touch]) -> list[float]:
    return [1.0] + [0.0] * (len(touches) - 1)


def _last(touches: Sequence[Touch]) -> list[float]:
    return [0.0] * (len(touches) - 1) + [1.0]


def _linear(touches: Sequence[Touch]) -> list[float]:
    return [1 / len(touches)] * len(touches)


def _position_based(touches: Sequence[Touch]) -> list[float]:
    """40 % to the first and the last, 20 % to those between; halves where there are none between."""
    n = len(touches)
    if n < 3:
        return _linear(touches)
    return [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]


def _time_decay(touches: Sequence[Touch]) -> list[float]:
    """2^(−age ÷ half-life of the signal), scaled so that it sums to 1."""
    # Against the freshest: credit of touches that are all old must not vanish in rounding.
    faded = [t.age_days / t.half_life_days for t in touches]
    weights = [2.0 ** (min(faded) - f) for f in faded]
    return [w / sum(weights) for w in weights]


# Field's standard rules (as in Google Analytics' and HubSpot's attribution models).
MODELS: Final[dict[str, Weights]] = {
    "first": _first,
    "last": _last,
    "linear": _linear,
    "position_based": _position_based,
    "time_decay": _time_decay,
}


def touches_before(origins: ir.Table, touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """The rows that both kernels read: each opportunity beside every touch before it; without one, one row.

    A touch is an inbound touchpoint of a signal that earns points for what a person did (no intent feed, no
    company news), up to the look-back before the opportunity was created. What one visitor did on a day with one
    piece of content of one campaign is one touch, however many pages that took.

    Args:
        origins: of ``origins.opportunity_origin``.
        touchpoints: of all days.
        policy: of the leading motion; its signals say what is a touch and how it fades.
    """
    earning = {n: s for n, s in policy.signals.signals.items() if _counts(s)}
    p = typed(touchpoints, policy)
    p = p.filter((p["direction"] == "inbound") & p["signal_type"].isin(sorted(earning) or [""]))
    p = p.select(
        "signal_id", "signal_type", "occurred_at", "channel", "campaign",
        content=ibis.coalesce(p["page_type"], p["topic"]),
        visitor=ibis.coalesce(p["person_id"], p["anonymous_id"]),
        person_id=p["person_id"],
        p_account=p["account_id"],
    )  # fmt: skip
    deals = origins.select(
        "opportunity_id", "account_id", "created_at", "amount", is_won=origins["is_closed"] & origins["is_won"]
    )  # fmt: skip
    since = deals["created_at"] - ibis.interval(days=policy.signals.lookback_days)
    t = deals.left_join(
        p,
        [
            deals["account_id"] == p["p_account"],
            p["occurred_at"] > since,
            p["occurred_at"] < deals["created_at"],
        ],
    ).drop("p_account")
    return t.mutate(shard=shard(t["opportunity_id"]))


def _counts(signal: Any) -> bool:
    return bool(signal.weight > 0 and signal.kind == "engagement")


def attribution_kernel(policy: Policy) -> Kernel:
    """Kernel: rows of ``touches_before`` → rows of ``CREDITS``; the credits of an opportunity and model sum to 1.

    Money is shared out to the ten-thousandth by largest remainder, so that it sums to the amount exactly. An
    opportunity without a touch gives all of it to the channel ``none``; one without an amount has no money.
    """
    half_lives = {n: s.half_life_days for n, s in policy.signals.signals.items()}

    def run(table: pa.Table) -> pa.Table:
        out = []
        for deal, rows in _by_deal(table):
            touches = [_touch(r, half_lives) for r in rows]
            for model, weights in MODELS.items():
                out += _credits(deal, model, touches, weights(touches) if touches else [])
        return pa.Table.from_pylist(out, schema=CREDITS)

    return Kernel("attribution", run, CREDITS, _lineage(CREDITS.names))


def _touch(row: dict[str, Any], half_lives: dict[str, float]) -> Touch:
    age = (row["created_at"] - row["occurred_at"]).total_seconds() / _DAY
    return Touch(
        row["channel"] or "unknown",
        row["campaign"] or NONE,
        row["content"] or NONE,
        age,
        half_lives[row["signal_type"]],
    )


def _by_deal(table: pa.Table) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each opportunity with its touches in the order of time, one a visitor, day and content."""
    by_deal: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        by_deal[row["opportunity_id"]].append(row)
    for _, rows in sorted(by_deal.items()):
        touched = [r for r in rows if r["signal_id"] is not None]
        touched.sort(key=lambda r: (r["occurred_at"], r["signal_id"]))
        seen: dict[Any, dict[str, Any]] = {}
        for r in touched:
            who = r["visitor"] or r["signal_id"]
            key = (r["occurred_at"].date(), who, r["channel"], r["campaign"], r["content"])
            seen.setdefault(key, r)
        yield rows[0], list(seen.values())


def _credits(
    deal: dict[str, Any], model: str, touches: Sequence[Touch], weights: Sequence[float]
) -> list[dict[str, Any]]:
    credit: dict[tuple[str, str, str], float] = defaultdict(float)
    count: dict[tuple[str, str, str], int] = defaultdict(int)
    for touch, weight in zip(touches, weights, strict=True):
        place = (touch.channel, touch.campaign, touch.content)
        count[place] += 1
        credit[place] += weight
    if not touches:
        credit[NONE, NONE, NONE] = 1.0
    places = sorted(credit)
    money = shared(deal["amount"], [credit[p] for p in places])
    return [
        {
            "opportunity_id": deal["opportunity_id"],
            "model": model,
            **dict(zip(("channel", "campaign", "content"), place, strict=True)),
            "account_id": deal["account_id"],
            "touches": count[place],
            "credit": credit[place],
            "pipeline": amount,
            "revenue": None if amount is None else amount if deal["is_won"] else Decimal(0),
        }
        for place, amount in zip(places, money, strict=True)
        if credit[place] > 0
    ]


def shared(amount: Decimal | None, shares: Sequence[float]) -> list[Decimal | None]:
    """An amount by shares that sum to 1, in ten-thousandths that sum to it exactly (largest remainder)."""
    if amount is None:
        return [None] * len(shares)
    exact = [amount * Decimal(s) for s in shares]
    parts = [x.quantize(_UNIT, ROUND_FLOOR) for x in exact]
    left = int(((amount - sum(parts)) / _UNIT).to_integral_value())
    order = sorted(
        (i for i, s in enumerate(shares) if s > 0), key=lambda i: (parts[i] - exact[i], i)
    )
    for number in range(abs(left)):
        i = order[number % len(order)]
        parts[i] += _UNIT if left > 0 else -_UNIT
    return list(parts)


def paths_kernel() -> Kernel:
    """Kernel: rows of ``touches_before`` → rows of ``PATHS``: the channels in the order of time, repeats once."""

    def run(table: pa.Table) -> pa.Table:
        made = [_path(deal, rows) for deal, rows in _by_deal(table)]
        return pa.Table.from_pylist(made, schema=PATHS)

    return Kernel("conversion_paths", run, PATHS, _lineage(PATHS.names))


def _path(deal: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    steps: list[str] = []
    for row in rows:
        channel = row["channel"] or "unknown"
        if steps[-1:] != [channel]:
            steps.append(channel)
    if len(steps) > _STEPS:
        steps = [*steps[: _STEPS // 2], "…", *steps[-_STEPS // 2 :]]
    first: datetime | None = rows[0]["occurred_at"] if rows else None
    return {
        "opportunity_id": deal["opportunity_id"],
        "account_id": deal["account_id"],
        "path": " > ".join(steps) or NONE,
        "touches": len(rows),
        "people": len({r["person_id"] for r in rows} - {None}),
        "days": (deal["created_at"] - first).days if first else None,
        "first_touch_at": first,
    }


def _lineage(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    read = ("occurred_at", "signal_type", "channel", "campaign", "content", "amount")
    own = {"opportunity_id": ("opportunity_id",), "account_id": ("account_id",)}
    return {c: own.get(c, read) for c in columns}


def last_touches(credits: ir.Table) -> ir.Table:
    """(opportunity_id, channel, campaign): where the last touch before each opportunity was."""
    last = credits.filter(credits["model"] == "last")
    return last.select("opportunity_id", "channel", "campaign")


def paths_with_outcome(paths: ir.Table, origins: ir.Table) -> ir.Table:
    """Paths beside what became of each opportunity."""
    o = origins.select(
        "created_on", "is_closed", "is_won", "amount", "origin", o_opportunity="opportunity_id"
    )
    t = paths.join(o, paths["opportunity_id"] == o["o_opportunity"]).drop("o_opportunity")
    return t.mutate(is_won=ibis.ifelse(t["is_closed"], t["is_won"], none_of_type("boolean"))).drop(
        "is_closed"
    )
