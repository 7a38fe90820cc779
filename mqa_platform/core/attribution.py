"""Attribution: how much of each opportunity every channel, campaign and piece of content is given credit for.

Belongs here: the five models and the money. Does not belong here: which touches lie before an opportunity
(``deal_touches``), whether an MQA was behind it (``origins``), or spend (``metrics``).

Attribution shares out credit by a rule; it does not measure an effect. Only a holdout does that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.deal_touches import by_deal, lineage
from mqa_platform.core.kernel import Kernel
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


def attribution_kernel(policy: Policy) -> Kernel:
    """Kernel: rows of ``touches_before`` → rows of ``CREDITS``; the credits of an opportunity and model sum to 1.

    Money is shared out to the ten-thousandth by largest remainder, so that it sums to the amount exactly. An
    opportunity without a touch gives all of it to the channel ``none``; one without an amount has no money.
    """
    half_lives = {n: s.half_life_days for n, s in policy.signals.signals.items()}

    def run(table: pa.Table) -> pa.Table:
        out = []
        for deal, rows in by_deal(table):
            touches = [_touch(r, half_lives) for r in rows]
            for model, weights in MODELS.items():
                out += _credits(deal, model, touches, weights(touches) if touches else [])
        return pa.Table.from_pylist(out, schema=CREDITS)

    return Kernel("attribution", run, CREDITS, lineage(CREDITS.names))


def _touch(row: dict[str, Any], half_lives: dict[str, float]) -> Touch:
    age = (row["created_at"] - row["occurred_at"]).total_seconds() / _DAY
    return Touch(
        row["channel"] or "unknown",
        row["campaign"] or NONE,
        row["content"] or NONE,
        age,
        half_lives[row["signal_type"]],
    )


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


def last_touches(credits: ir.Table) -> ir.Table:
    """(opportunity_id, channel, campaign): where the last touch before each opportunity was."""
    last = credits.filter(credits["model"] == "last")
    return last.select("opportunity_id", "channel", "campaign")
