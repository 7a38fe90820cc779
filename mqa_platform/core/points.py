"""Points of a day: what each touchpoint is worth, and what the caps take away.

Belongs here: the product of a touchpoint's factors and the two daily caps. Does not belong here: decay
(``decay``) or breadth (``breadth``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.core.timeline import Floats, Ints, summed
from mqa_platform.policy.models import Signals


@dataclass(frozen=True)
class DailyPoints:
    """Points by (account, component, day): one entry each, sorted by account, component and day.

    raw are the points before caps, net after; entry[i] is the entry of touchpoint i and kept[i] the
    share of its points that survived the caps.
    """

    account: Ints
    component: Ints
    day: Ints
    raw: Floats
    net: Floats
    entry: Ints
    kept: Floats


def worth(
    weight: Floats, strength: Floats, seniority: Floats, share: Floats, confidence: Floats
) -> Floats:
    """``weight × strength × seniority × share × match_confidence``."""
    return weight * strength * seniority * share * confidence


def _grouped(*keys: Ints) -> tuple[Ints, Ints]:
    """Group number of each row and the first row of each group, groups ordered by the keys."""
    order = np.lexsort(keys[::-1])
    changed = np.zeros(len(order), dtype=bool)
    changed[:1] = True
    for key in keys:
        ordered = key[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(changed) - 1
    return number, order[changed]


def _limits(signals: Signals, name: str) -> Floats:
    limits = [getattr(s, name) for s in signals.signals.values()]
    return np.array([np.inf if limit is None else float(limit) for limit in limits])


def daily_points(
    account: Ints, component: Ints, day: Ints, person: Ints, points: Floats, signals: Signals
) -> DailyPoints:
    """Applies ``per_person_day`` and then ``per_account_day``; the excess goes in proportion.

    ``component`` is the position of the signal in the policy; ``person`` is −1 for touchpoints of
    nobody (intent, triggers), which have no person to cap. Sums run over ascending values, so they
    do not depend on the order in which touchpoints arrive.
    """
    by_person, first = _grouped(account, component, day, person)
    raw = summed(by_person, len(first), points, np.argsort(points, kind="stable"))
    nobody = person[first] < 0
    limit = np.where(nobody, np.inf, _limits(signals, "per_person_day")[component[first]])
    mine = np.minimum(raw, limit)
    entry, top = _grouped(account[first], component[first], day[first])
    total = summed(entry, len(top), mine, np.argsort(mine, kind="stable"))
    before = summed(entry, len(top), raw, np.argsort(raw, kind="stable"))
    ceiling = _limits(signals, "per_account_day")[component[first][top]]
    net = np.minimum(total, ceiling)
    person_kept = np.divide(mine, raw, out=np.ones_like(raw), where=raw != 0)
    entry_kept = np.divide(net, total, out=np.ones_like(total), where=total != 0)
    return DailyPoints(
        account=account[first][top],
        component=component[first][top],
        day=day[first][top],
        raw=before,
        net=net,
        entry=entry[by_person],
        kept=person_kept[by_person] * entry_kept[entry[by_person]],
    )


@dataclass(frozen=True)
class Spans:
    """Points of (account, component, day) that count from ``day`` up to ``until``, not included."""

    account: Ints
    component: Ints
    day: Ints
    until: Ints
    raw: Floats
    net: Floats


def spans(p: DailyPoints, points: Floats, until: Ints, forever: int) -> Spans:
    """The points of a day, those taken back by an unsubscribe apart from those that stay.

    What the others earned that day stays as the caps left it.
    """
    gone = np.flatnonzero(until < forever)
    lasting = np.full(len(p.day), forever, dtype=np.int64)
    if not len(gone):
        return Spans(p.account, p.component, p.day, lasting, p.raw, p.net)
    group, first = _grouped(p.entry[gone], until[gone])
    lost, kept = points[gone], points[gone] * p.kept[gone]
    raw = summed(group, len(first), lost, np.argsort(lost, kind="stable"))
    net = summed(group, len(first), kept, np.argsort(kept, kind="stable"))
    entry = p.entry[gone][first]
    rest_raw, rest_net = p.raw.copy(), p.net.copy()
    np.subtract.at(rest_raw, entry, raw)
    np.subtract.at(rest_net, entry, net)
    return Spans(
        account=np.append(p.account, p.account[entry]),
        component=np.append(p.component, p.component[entry]),
        day=np.append(p.day, p.day[entry]),
        until=np.append(lasting, until[gone][first]),
        raw=np.append(rest_raw, raw),
        net=np.append(rest_net, net),
    )
