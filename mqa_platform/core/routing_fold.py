"""The fold over all events of all handoffs: who gets each, and who has it after every move.

Belongs here: the order of events, and what an entry, a new owner, a departure, an order or a missed SLA does.
Does not belong here: what a step finds (``routing_steps``), or the rows that come of it (``routing``).

Handoffs of an ISO week are taken in the order of (qualified_at, handoff_id), moves on the day from which
they hold. What came late takes the room that is left in its week and displaces nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from mqa_platform.core import routing_events as kinds
from mqa_platform.core.desk import AWAY, INACTIVE, THERE, UNKNOWN, Book, Desk, Order, monday
from mqa_platform.core.experiments import HOLDOUT, drawn
from mqa_platform.core.named_reps import Asked
from mqa_platform.core.routing_causes import cause_of, told_anyway
from mqa_platform.core.routing_events import Event, Held, events, midnight
from mqa_platform.core.routing_steps import FIRED, NOT_REACHED, TIED, Answer, Rules
from mqa_platform.policy.routing import Routing

ROUTED, OWNER_CHANGED, REASSIGNED, COVER_OVER, REP_LEFT, SLA, ASKED = (
    "routed", "owner_changed", "reassigned", "cover_over", "rep_left", "sla", "asked",
)  # fmt: skip
NAMELESS, FALLBACK = "anonymous_evidence", "fallback_queue"
BY_HAND, LATE = "put_in_the_queue_by_hand", "untouched_in_time"
Row = Mapping[str, Any]


class Fold:
    """Every handoff with its owners once all events up to a day have gone by, in ``held``.

    Args:
        rules: the routing of each policy and motion, by the name in ``rules`` of the facts.
        desk: the reps, their absences, and the orders to reassign.
        as_of: what happens after this day has not happened.
        facts: rows of ``routing_facts.facts``.
        sla_moves: (handoff_id, rep_id, reassigned_on) of handoffs that nobody touched in time.
    """

    def __init__(
        self,
        rules: Mapping[str, Routing],
        desk: Desk,
        as_of: date,
        facts: list[dict[str, Any]],
        sla_moves: Sequence[Row],
    ) -> None:
        self.desk, self.as_of, self.book = desk, as_of, Book()
        self.rules = {name: Rules(routing, desk, self.book) for name, routing in rules.items()}
        self.held: dict[str, Held] = {}
        self.by_rep: dict[str, set[str]] = defaultdict(set)
        # Moves of days on which a handoff of the week stood open already, and was not told yet.
        self.missed: dict[str, list[Event]] = defaultdict(list)
        self.orders: list[Event] = []
        # When somebody asked to be called before a handoff of the week was told.
        self.asked: dict[str, date] = {}
        for event in sorted(events(facts, desk, sla_moves)):
            _APPLY[event.place](self, event)

    def _enters(self, event: Event) -> None:
        held: Held = event.what
        handoff = held.facts["handoff_id"]
        self.held[handoff] = held
        rules = self.rules[held.rules]
        if held.facts["is_nameless"]:
            held.rule = NAMELESS
            self._give(held, rules.routing.marketing_queue, event.day, ROUTED)
            return
        held.drawn = drawn(rules.routing.experiment, held.facts)
        if held.drawn is not None and held.drawn.is_held_out:
            held.rule = HOLDOUT
            self._give(held, held.drawn.queue, event.day, ROUTED)
            if handoff in self.asked:
                self._is_asked_for(held, self.asked[handoff])
            return
        self._route(held, event.day, ROUTED, frozenset())
        self._catches_up(held, event)
        gone = self._left_since(held, event)
        if gone is not None:
            self._leaves_one(held, held.rep_id, gone)

    def _catches_up(self, held: Held, event: Event) -> None:
        """New owners and orders that went by between the day of a late handoff and its moment."""
        orders = [e for e in self.orders if event.day < e.day and e.week == event.week]
        for past in sorted([*self.missed.pop(event.key, []), *orders]):
            if past.place == kinds.CHANGES_OWNER:
                self._owner_changes(past)
                continue
            ends_on = past.what.ends_on
            is_over = ends_on is not None and midnight(ends_on) < event.moment
            if past.what.from_rep == held.rep_id and held.is_open(past.day) and not is_over:
                self._obey_if_meant(held, past.what, past.day)

    def _left_since(self, held: Held, event: Event) -> date | None:
        """The day on which the rep left, where it went by before a late handoff came to be known."""
        past = [
            d
            for _, d in self.desk.departures(held.rep_id)
            if held.owners[-1][1] < d <= min(event.moment.date(), self.as_of)
            and (monday(d), midnight(d)) < (event.week, event.moment)
        ]
        return min(past, default=None)

    def _route(self, held: Held, day: date, why: str, without: frozenset[str]) -> None:
        rules = self.rules[held.rules]
        counts = not held.facts["is_backlog"]
        asked = Asked(held.account, day, counts, without)
        answers = list(_asked(rules, asked))
        attempt = 1 + max((n for n, _ in held.steps), default=0)
        held.steps += [(attempt, a) for a in answers]
        fired = next((a for a in answers if a.outcome == FIRED), None)
        rule = FALLBACK if fired is None else fired.step.rule
        held.rule = held.rule or rule
        if fired is None or fired.rep_id is None:
            held.cause = cause_of(answers)
            self._give(held, rules.routing.fallback_queue, day, why)
            return
        if why == ROUTED:
            held.warnings |= dict(told_anyway(answers))
        self._give(held, fired.rep_id, day, why, counts=counts)

    def _give(self, held: Held, rep: str, day: date, why: str, *, counts: bool = False) -> None:
        if held.owners:
            self.by_rep[held.rep_id].discard(held.facts["handoff_id"])
        held.owners.append((rep, day, why))
        self.by_rep[rep].add(held.facts["handoff_id"])
        if rep != self.rules[held.rules].routing.fallback_queue:
            held.cause = None
        held.over_capacity = counts and self.rules[held.rules].is_full(rep, day)
        if counts:
            self.book.give(rep, day)

    def _is_here(self, user: str, day: date) -> bool:
        return self.desk.presence(user, day) not in (UNKNOWN, INACTIVE)

    def _mine(self, rep: str, day: date) -> list[Held]:
        found = [self.held[h] for h in sorted(self.by_rep[rep])]
        return [held for held in found if held.is_open(day)]

    def _leaves(self, event: Event) -> None:
        if event.day > self.as_of:
            return
        for held in self._mine(event.what, event.day):
            self._leaves_one(held, event.what, event.day)

    def _leaves_one(self, held: Held, user: str, day: date) -> None:
        if self.rules[held.rules].routing.reroute_when_a_rep_leaves and held.is_open(day):
            self._route(held, day, REP_LEFT, frozenset({user}))

    def _owner_changes(self, event: Event) -> None:
        held = self.held.get(event.key)
        new = event.what["rep_id"]
        if held is None:
            self.missed[event.key].append(event)
            return
        if event.day > self.as_of or held.facts["is_nameless"]:
            return
        # Whom the CRM names and does not have, or has left, is no owner; the handoff stays where it is.
        if not held.is_open(event.day) or not self._is_here(new, event.day):
            return
        held.account = replace(held.account, owner_id=new)
        taker = self._taker(new, event.day)
        if taker is None or taker == held.rep_id or held.is_held_out:
            return
        if self.rules[held.rules].routing.follow_owner_changes:
            self._give(held, taker, event.day, OWNER_CHANGED, counts=not held.facts["is_backlog"])

    def _taker(self, user: str, day: date) -> str | None:
        """Whom a new owner's handoff goes to: him, who stands in while he is away, or nobody."""
        if self.desk.presence(user, day) != AWAY:
            return user
        absence = self.desk.absence(user, day)
        cover = absence.cover_id if absence else None
        return cover if cover and self.desk.presence(cover, day) == THERE else None

    def _ordered(self, event: Event) -> None:
        order: Order = event.what
        if event.day > self.as_of:
            return
        self.orders.append(event)
        for held in self._mine(order.from_rep, event.day):
            self._obey_if_meant(held, order, event.day)

    def _obey_if_meant(self, held: Held, order: Order, day: date) -> None:
        # A word would undo the draw: whom somebody likes would leave the control.
        if order.handoff_id in (None, held.facts["handoff_id"]) and not held.is_held_out:
            self._obey(held, order, day)

    def _obey(self, held: Held, order: Order, day: date) -> None:
        routing = self.rules[held.rules].routing
        lender = held.rep_id
        if order.to_rep is None:
            self._route(held, day, REASSIGNED, frozenset({lender}))
        elif order.to_rep in (routing.fallback_queue, routing.marketing_queue):
            held.cause = (BY_HAND, order.to_rep)
            self._give(held, order.to_rep, day, REASSIGNED)
        elif self._is_here(order.to_rep, day):
            self._give(held, order.to_rep, day, REASSIGNED, counts=not held.facts["is_backlog"])
        else:
            return
        held.lent = (order.order_id, held.rep_id) if order.ends_on is not None else None

    def _returns(self, event: Event) -> None:
        order: Order = event.what
        if event.day > self.as_of:
            return
        back = self.desk.presence(order.from_rep, event.day) == THERE
        for handoff in sorted(self.held):
            held = self.held[handoff]
            if held.lent == (order.order_id, held.rep_id) and back and held.is_open(event.day):
                held.lent = None
                self._give(held, order.from_rep, event.day, COVER_OVER)

    def _asks(self, event: Event) -> None:
        held = self.held.get(event.key)
        if held is None:
            self.asked[event.key] = event.day
        else:
            self._is_asked_for(held, event.day)

    def _is_asked_for(self, held: Held, day: date) -> None:
        """Who asks to be called is called, drawn or not."""
        if held.is_held_out and day <= self.as_of and held.is_open(day):
            self._route(held, day, ASKED, frozenset())

    def _untouched(self, event: Event) -> None:
        held = self.held.get(event.key)
        if held is not None and event.day <= self.as_of and held.is_open(event.day):
            routing = self.rules[held.rules].routing
            # What waits in a queue is nobody's to lose, and its cause has to stay in sight.
            if held.rep_id in (routing.fallback_queue, routing.marketing_queue):
                return
            held.cause = (LATE, held.rep_id)
            self._give(held, event.what["rep_id"], event.day, SLA)


_APPLY: Final = {
    kinds.LEAVES: Fold._leaves, kinds.CHANGES_OWNER: Fold._owner_changes,
    kinds.IS_ORDERED: Fold._ordered, kinds.RETURNS: Fold._returns,
    kinds.UNTOUCHED: Fold._untouched, kinds.ENTERS: Fold._enters, kinds.ASKS: Fold._asks,
}  # fmt: skip


def _asked(rules: Rules, asked: Asked) -> Iterator[Answer]:
    """What each step found, place by place; where two of one place name different reps, none does."""
    decided = False
    for group in rules.routing.places():
        if decided:
            yield from (Answer(n, s, NOT_REACHED) for n, s in group)
            continue
        found = [rules.ask(n, s, asked) for n, s in group]
        reps = {a.rep_id for a in found if a.outcome == FIRED}
        if len(reps) > 1 or (reps and any(a.outcome == TIED for a in found)):
            found = [_tied(a) if a.outcome == FIRED else a for a in found]
        elif reps:
            first = next(a for a in found if a.outcome == FIRED)
            found = [
                a if a is first or a.outcome != FIRED else Answer(a.number, a.step, NOT_REACHED)
                for a in found
            ]
        decided = any(a.outcome in (FIRED, TIED) for a in found)
        yield from found


def _tied(a: Answer) -> Answer:
    return Answer(a.number, a.step, TIED, a.candidates, "tied", f"names {a.rep_id}")
