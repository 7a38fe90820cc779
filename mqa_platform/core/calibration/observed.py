"""What was seen of each account up to a day, beside what became of it: the table that weights are asked of.

Belongs here: receipts turned into numbers, one row an account and day. Does not belong here: which touchpoints
may count (``outreach``), what became of an account (``futures``), or any model (``lift``, ``weights``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from mqa_platform.core.calibration.futures import Futures
from mqa_platform.core.calibration.outreach import is_caused_by_us, of_own_accord
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.core.scores import Apply, score_lines
from mqa_platform.policy.models import Policy

EVERY = 14
"""Days between two looks."""
MOST_LOOKS = 26
WARM_UP = 28
"""Days of history before the first look: the window in which people are counted."""
Floats = npt.NDArray[np.float64]
MULTI, COMMITTEE = "multi_contact", "committee_on_high_intent"


@dataclass(frozen=True)
class Observed:
    """Rows of accounts on days.

    Attributes:
        components: names of the columns of ``x``.
        now: weight of each in force.
        account: number of the account of each row.
        on: day of each row, as its ordinal.
        x: points ÷ weight: how often, faded and capped, the thing was seen; never negative.
        y: 1 where a deal followed and was won, else 0.
        weight: accounts that a row stands for.
        won_on: by account, the ordinal of the day on which its next deal that was won was created; infinite without.
        horizon: days within which that counts.
    """

    components: tuple[str, ...]
    now: Floats
    account: npt.NDArray[np.int64]
    on: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    weight: Floats
    won_on: Floats
    horizon: int

    @property
    def winners(self) -> int:
        """Different accounts that won."""
        return len(np.unique(self.account[self.y > 0]))


def looks(first: date, as_of: date, horizon: int, most: int = MOST_LOOKS) -> list[date]:
    """The days on which it is looked, oldest first: every two weeks, the last one a horizon before ``as_of``."""
    last = as_of - timedelta(days=horizon)
    days = [last - timedelta(days=EVERY * k) for k in range(most)]
    return sorted(d for d in days if d >= first + timedelta(days=WARM_UP))


def weights_in_force(policy: Policy) -> dict[str, float]:
    """The weight of every component that a receipt can have, the two that count people included."""
    s = policy.signals
    found = {name: float(signal.weight) for name, signal in s.signals.items()}
    return found | {
        MULTI: float(s.multi_contact.weight),
        COMMITTEE: float(s.committee_on_high_intent.weight),
    }


def may_rank(policy: Policy) -> list[str]:
    """Components that earn points and that none of our outreach causes, in the policy's order."""
    banned = {n for n, s in policy.signals.signals.items() if is_caused_by_us(s)}
    return [n for n, w in weights_in_force(policy).items() if w and n not in banned]


def lines_known_on(
    touchpoints: ir.Table, policy: Policy, days: Sequence[date], apply: Apply
) -> ir.Table:
    """Receipt lines of each day out of what had been received by its end, our own outreach left out.

    A touchpoint counts from the day on which it was received: what came late was not known before, and a look
    back must not know it either.

    Columns: account_id, score_date, component and points (double); ``total`` lines tell who was seen at all.

    Args:
        touchpoints: published ones.
        policy: of the motion, by whose rules all days are read.
        days: at least one.
        apply: runs the kernel of scores.
    """
    t = of_own_accord(touchpoints, policy)
    received = t["received_at"].date()
    t = t.mutate(touchpoint_date=ibis.greatest(t["touchpoint_date"], received))
    lines = score_lines(t, policy, days, apply)
    return lines.select(
        "account_id", "score_date", "component", points=lines["points"].cast("float64")
    )


def entry_lines(
    touchpoints: ir.Table, entries: ir.Table, policy: Policy, days: Sequence[date], apply: Apply
) -> ir.Table:
    """``lines_known_on`` of each account on the days on which it was handed to sales.

    Between two looks it rises and is handed over, and from then on sales holds it: without these rows the strongest
    accounts would never be seen at their strongest.

    Args:
        touchpoints: published ones.
        entries: account_id and created_on of handoffs.
        policy: of the motion.
        days: the days of ``entries`` that are no looks; at least one.
        apply: runs the kernel of scores.
    """
    e = entries.filter(entries["created_on"].isin(days))
    e = e.select(e_account="account_id", e_day="created_on").distinct()
    t = touchpoints.semi_join(e, touchpoints["account_id"] == e["e_account"])
    lines = lines_known_on(t, policy, days, apply)
    same = [lines["account_id"] == e["e_account"], lines["score_date"] == e["e_day"]]
    return lines.semi_join(e, same)


def observed(
    lines: Iterable[Mapping[str, Any]],
    policy: Policy,
    what_became: Futures,
    horizon: int,
    stands_for: Callable[[str], float] = lambda _: 1.0,
) -> Observed:
    """The rows whose future is known and that sales did not hold on the day.

    Args:
        lines: of ``lines_known_on``, of all looks.
        policy: of the motion.
        what_became: of the accounts.
        horizon: days in which a deal has to be created.
        stands_for: accounts that one account stands for, where only a part was read.
    """
    names = may_rank(policy)
    place = {n: i for i, n in enumerate(names)}
    now = np.array([weights_in_force(policy)[n] for n in names], dtype=np.float64)
    cells: dict[tuple[date, str], Floats] = {}
    for line in lines:
        key = (line["score_date"], line["account_id"])
        row = cells.setdefault(key, np.zeros(len(names)))
        at = place.get(line["component"])
        if at is not None and line["component"] != TOTAL:
            row[at] += line["points"] / now[at]
    kept, labels = [], []
    for day, account in sorted(cells):
        label = what_became.label(account, day, horizon)
        if label is not None and not what_became.is_held(account, day):
            kept.append((day, account))
            labels.append(label)
    accounts = sorted({a for _, a in kept})
    numbers = {a: i for i, a in enumerate(accounts)}
    first: dict[str, date] = {}
    for day, account in kept:
        first.setdefault(account, day)
    wins = [what_became.won_after(a, first[a]) for a in accounts]
    return Observed(
        components=tuple(names),
        now=now,
        account=np.array([numbers[a] for _, a in kept], dtype=np.int64),
        on=np.array([d.toordinal() for d, _ in kept], dtype=np.int64),
        x=np.array([cells[k] for k in kept], dtype=np.float64).reshape(len(kept), len(names)),
        y=np.array(labels, dtype=np.float64),
        weight=np.array([stands_for(a) for _, a in kept], dtype=np.float64),
        won_on=np.array([np.inf if d is None else d.toordinal() for d in wins], dtype=np.float64),
        horizon=horizon,
    )
