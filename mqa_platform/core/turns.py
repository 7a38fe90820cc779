"""Turns: which waiting messages go out today, and which wait because their rep has had enough.

Belongs here: the order of messages and the limits of a rep and day. Does not belong here: which messages
there are (``outbox``, ``sla_messages``, ``digest``), or sending them (``destinations``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from mqa_platform.policy.delivery import Delivery

MOST_HANDOFFS: Final = "max_new_handoffs_per_rep_day"
ALERT_BUDGET: Final = "alert_budget_per_rep_day"
# Kinds that the alert budget pays for. Managers, answers and digests are never made to wait.
BUDGETED: Final = ("reminder", "update")
_ORDER: Final = ("answer", "alert", "escalation", "handoff", "reminder", "update", "digest")


@dataclass(frozen=True)
class Waiting:
    """A message that waits for its turn.

    Attributes:
        key, kind, rep_id: of the message.
        subject: what it is about; the same for all channels of one handoff.
        rank: among those of its kind and rep; the lowest goes first.
    """

    key: str
    kind: str
    subject: str
    rep_id: str
    rank: tuple[float, ...] = ()


@dataclass
class Turns:
    """Keys that go out now, in order, and the setting that keeps each other one waiting."""

    released: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)


def turns(
    waiting: Iterable[Waiting],
    told: Mapping[str, Set[str]],
    alerts: Mapping[str, int],
    settings: Delivery,
) -> Turns:
    """Who goes out now. No rep is told of more new handoffs, or sent more alerts, than a day allows.

    A handoff counts once, however many channels tell of it; an alert counts once a message subject.

    Args:
        waiting: what may be told.
        told: subjects of new handoffs that each rep was told of today.
        alerts: how many alerts each rep has had today.
        settings: the limits.
    """
    found = Turns()
    given = defaultdict(set, {rep: set(subjects) for rep, subjects in told.items()})
    spent, paid = Counter(alerts), set[tuple[str, str]]()
    for w in sorted(waiting, key=lambda w: (_ORDER.index(w.kind), w.rank, w.subject, w.key)):
        if w.kind == "handoff" and w.subject not in given[w.rep_id]:
            if len(given[w.rep_id]) >= settings.max_new_handoffs_per_rep_day:
                found.held[w.key] = MOST_HANDOFFS
                continue
            given[w.rep_id].add(w.subject)
        if w.kind in BUDGETED and (w.rep_id, w.subject) not in paid:
            if spent[w.rep_id] >= settings.alert_budget_per_rep_day:
                found.held[w.key] = ALERT_BUDGET
                continue
            spent[w.rep_id] += 1
            paid.add((w.rep_id, w.subject))
        found.released.append(w.key)
    return found
