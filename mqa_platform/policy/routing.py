"""routing.yaml: who gets a qualified account, in which order reps are looked for, and the queues behind them.

Belongs here: the shape of the section and the checks inside it. Does not belong here: what a step finds
(``core.routing_steps``), or who the reps are (``capacity``, from reps.csv and the CRM).
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mqa_platform.policy.fields import Days, Model, Name

Rule = Literal["named_owner", "opportunity_team", "vertical_specialist", "territory", "round_robin"]
TierName = Literal["strategic", "scaled", "programmatic"]
Text = Annotated[str, Field(min_length=1, max_length=200)]
# Of whom an account is, over and above any number: it is not given, it is his already.
_OWNED: frozenset[str] = frozenset({"named_owner", "opportunity_team"})


class RouteStep(Model):
    """One step of the routing order: a rule, and what narrows it down.

    ``place`` is where the step stands; left out, it comes after those before it. Steps of one place have
    no order between them: where two of them name different reps, nobody is guessed and the account waits
    in the exceptions.
    """

    rule: Rule
    place: Annotated[int, Field(ge=1, le=100)] | None = None
    # Only accounts of these tiers; none named means all.
    tiers: list[TierName] = []
    # Only reps of this team, only these users; none named means all.
    team: Text | None = None
    users: list[Text] = []
    # vertical_specialist: only accounts of these industries; none named means those of each rep.
    industries: list[Text] = []
    # A rep who has his capacity of the week: "keep" gives him the account all the same.
    over_capacity: Literal["keep", "pass"] | None = None
    # Who stands in for a rep that is away gets what the rep would have got.
    cover: bool = True
    # Several reps hold the account equally: "draw" shares by weight, "refuse" asks a person.
    shared: Literal["draw", "refuse"] = "draw"
    # opportunity_team: for so long after its last opportunity was closed the team still knows the account.
    closed_within_days: Days = 365

    @property
    def keeps_over_capacity(self) -> bool:
        """Whether a rep whose week is full gets the account all the same."""
        if self.over_capacity is None:
            return self.rule in _OWNED
        return self.over_capacity == "keep"

    @model_validator(mode="after")
    def _industries_are_of_specialists(self) -> RouteStep:
        if self.industries and self.rule != "vertical_specialist":
            raise ValueError(f"{self.rule} takes no industries; vertical_specialist does")
        return self

    def label(self) -> str:
        """The step in words: its rule and what narrows it down."""
        parts = [self.rule.replace("_", " ")]
        if self.team:
            parts.append(f"of {self.team}")
        if self.users:
            parts.append(f"among {', '.join(self.users)}")
        if self.industries:
            parts.append(f"for {', '.join(self.industries)}")
        if self.tiers:
            parts.append(f"({', '.join(self.tiers)})")
        return " ".join(parts)


class Experiment(Model):
    """A randomised control: a share of the accounts that qualify is not given to sales.

    Another name draws anew; another share with the same name keeps who was drawn by the smaller one.
    """

    name: Name
    # More than half would leave fewer accounts to work than to compare with.
    holdout_share: Annotated[float, Field(gt=0, le=0.5)]
    # Only accounts of these tiers are drawn; none named means all.
    tiers: list[TierName] = []
    holdout_queue: Name = "held_out"


class Routing(Model):
    """routing.yaml: the order in which a rep is looked for; the last resort is a queue."""

    order: Annotated[list[RouteStep], Field(min_length=1, max_length=50)] = [
        RouteStep(rule="named_owner"),
        RouteStep(rule="opportunity_team"),
        RouteStep(rule="vertical_specialist"),
        RouteStep(rule="territory"),
        RouteStep(rule="round_robin"),
    ]
    # Names that reps.csv may use for several countries: EMEA: [Germany, France].
    regions: dict[Text, Annotated[list[Text], Field(min_length=1)]] = {}
    # Where neither reps.csv nor the CRM says it; null: no limit.
    capacity_per_week: Annotated[int, Field(ge=0, le=10_000)] | None = None
    follow_owner_changes: bool = True
    reroute_when_a_rep_leaves: bool = True
    max_unrouted: Annotated[int, Field(ge=0)] = 0
    backlog_per_rep_day: Annotated[int, Field(ge=1, le=1000)] = 2
    fallback_queue: Name = "unrouted_queue"
    marketing_queue: Name = "marketing_play"
    # Off unless it is named: who qualifies is given to sales.
    experiment: Experiment | None = None

    @model_validator(mode="after")
    def _no_step_stands_twice(self) -> Routing:
        found = Counter(step.model_copy(update={"place": None}).label() for step in self.order)
        twice = sorted(label for label, n in found.items() if n > 1)
        if twice:
            raise ValueError(f"order: the same step twice: {'; '.join(twice)}; remove one of them")
        if self.fallback_queue == self.marketing_queue:
            raise ValueError(
                "fallback_queue and marketing_queue are one queue; what nobody could be found for would "
                "look like what marketing has to find the contacts of"
            )
        held = None if self.experiment is None else self.experiment.holdout_queue
        if held in (self.fallback_queue, self.marketing_queue):
            raise ValueError(
                f"experiment: holdout_queue {held} is another queue already; what is held out on purpose would "
                "look like what waits for somebody"
            )
        return self

    @property
    def silent_queues(self) -> tuple[str, ...]:
        """The queues in which sales is not meant to call: no clock runs, and nobody is told."""
        held = () if self.experiment is None else (self.experiment.holdout_queue,)
        return (self.marketing_queue, *held)

    def places(self) -> list[list[tuple[int, RouteStep]]]:
        """The steps with their numbers (from 1), those of one place together, first place first."""
        placed: list[tuple[int, int, RouteStep]] = []
        last = 0
        for number, step in enumerate(self.order, start=1):
            last = step.place if step.place is not None else last + 1
            placed.append((last, number, step))
        placed.sort(key=lambda p: (p[0], p[1]))
        return [[(n, s) for _, n, s in group] for _, group in groupby(placed, lambda p: p[0])]
