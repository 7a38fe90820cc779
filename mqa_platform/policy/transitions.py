"""The transition table: which step on the ladder is legal, by which rule, and in which order rules are asked.

Belongs here: the words of the ladder and what a declared table must keep to. Does not belong here: when a
rule holds (``core.ladder``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal, get_args

from pydantic import ConfigDict, Field, field_validator

from mqa_platform.policy.fields import Model

Stage = Literal[
    "unqualified",
    "target",
    "engaged",
    "mqa",
    "sales_accepted",
    "sales_qualified",
    "opportunity",
    "customer",
    "recycled",
    "disqualified",
]
STAGES: Final[tuple[str, ...]] = get_args(Stage)
ANY: Final = "any"
Rung = Literal["any", Stage]
RuleName = Literal[
    "override",
    "crm_won",
    "crm_opportunity_open",
    "crm_churned",
    "won_settled",
    "crm_opportunity_lost",
    "target",
    "engaged",
    "re_engaged",
    "backlog",
    "qualified",
    "crm_accepted",
    "crm_rejected_for_good",
    "crm_rejected",
    "first_touch",
    "exit_criteria_met",
    "crm_nurture",
    "stalled",
    "score_below_exit",
    "no_first_touch",
    "engaged_rule_ended",
    "target_rule_ended",
]
_HELD = ("mqa", "sales_accepted", "sales_qualified")

# Rule → the rungs it may leave, and the one it leads to. A policy may use fewer of them, never others.
LEGAL: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "override": (STAGES, STAGES),
    "crm_won": (STAGES, ("customer",)),
    "crm_opportunity_open": (STAGES, ("opportunity",)),
    # Who is no customer any more leaves the expansion motion from wherever sales had it.
    "crm_churned": (("customer", "opportunity", *_HELD), ("recycled",)),
    "won_settled": (("customer",), ("recycled",)),
    "crm_opportunity_lost": (("opportunity",), ("recycled",)),
    "target": (("unqualified",), ("target",)),
    "engaged": (("target",), ("engaged",)),
    "re_engaged": (("recycled", "disqualified"), ("engaged",)),
    "backlog": (("engaged",), ("mqa",)),
    "qualified": (("engaged",), ("mqa",)),
    "crm_accepted": (("mqa",), ("sales_accepted",)),
    "crm_rejected_for_good": (("mqa",), ("disqualified",)),
    "crm_rejected": (("mqa",), ("recycled",)),
    "first_touch": (("mqa",), ("sales_accepted",)),
    "exit_criteria_met": (("sales_accepted",), ("sales_qualified",)),
    "crm_nurture": (("sales_accepted", "sales_qualified"), ("recycled",)),
    "stalled": (("sales_accepted", "sales_qualified"), ("recycled",)),
    "score_below_exit": (("mqa",), ("recycled",)),
    "no_first_touch": (("mqa",), ("recycled",)),
    "engaged_rule_ended": (("engaged",), ("target",)),
    "target_rule_ended": (("target",), ("unqualified",)),
}
# What no policy may switch off: CRM facts beat the score, a person's word beats the rules, and the first load
# opens no handoffs by itself.
_ALWAYS: Final = ("override", "crm_won", "crm_opportunity_open")
_TOGETHER: Final = (("qualified", "backlog"),)


class Transition(Model):
    """One row of the table: the rung left (or ``any``), the rung entered, and the rule that decides.

    ``override`` leads to ``any`` rung, the one that was asked for.
    """

    # "from" is a word of Python, so the model calls it otherwise than the file does.
    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, validate_by_name=True
    )

    leaves: Annotated[list[Rung], Field(alias="from", min_length=1)]
    enters: Annotated[Rung, Field(alias="to")]
    rule: RuleName

    @field_validator("leaves", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    def edges(self) -> list[tuple[str, str]]:
        """Every (from, to) of the row; nothing leads to where it stands."""
        sources = STAGES if ANY in self.leaves else self.leaves
        targets = STAGES if self.enters == ANY else (self.enters,)
        return [(a, b) for a in sources for b in targets if a != b]


def row(leaves: str | list[str], enters: str, rule: str) -> Transition:
    """A row in the words of the file."""
    return Transition.model_validate({"from": leaves, "to": enters, "rule": rule})


_HELD_BY_SALES = ["sales_accepted", "sales_qualified"]
DEFAULT_TABLE: Final = (
    row("any", "any", "override"),
    row("any", "customer", "crm_won"),
    row("any", "opportunity", "crm_opportunity_open"),
    row("customer", "recycled", "crm_churned"),
    row("opportunity", "recycled", "crm_opportunity_lost"),
    row("unqualified", "target", "target"),
    row("target", "engaged", "engaged"),
    row(["recycled", "disqualified"], "engaged", "re_engaged"),
    row("engaged", "mqa", "backlog"),
    row("engaged", "mqa", "qualified"),
    row("mqa", "sales_accepted", "crm_accepted"),
    row("mqa", "disqualified", "crm_rejected_for_good"),
    row("mqa", "recycled", "crm_rejected"),
    row("mqa", "sales_accepted", "first_touch"),
    row("sales_accepted", "sales_qualified", "exit_criteria_met"),
    row(_HELD_BY_SALES, "recycled", "crm_nurture"),
    row(_HELD_BY_SALES, "recycled", "stalled"),
    row("mqa", "recycled", "score_below_exit"),
    row("mqa", "recycled", "no_first_touch"),
    row("engaged", "target", "engaged_rule_ended"),
    row("target", "unqualified", "target_rule_ended"),
)


def problems(table: Sequence[Transition]) -> Iterator[str]:
    """What is wrong with a declared table, one sentence a fault."""
    rules = [t.rule for t in table]
    for name in sorted({r for r in rules if rules.count(r) > 1}):
        yield f"the rule {name} is declared {rules.count(name)} times; give it one row"
    for t in table:
        sources, targets = LEGAL[t.rule]
        wrong = [(a, b) for a, b in t.edges() if a not in sources or b not in targets]
        if wrong:
            yield (
                f"the rule {t.rule} may not lead from {wrong[0][0]} to {wrong[0][1]}; "
                f"it leads from {_words(sources)} to {_words(targets)}"
            )
    for name in _ALWAYS:
        declared = {edge for t in table if t.rule == name for edge in t.edges()}
        if declared != set(_edges(name)):
            yield f"the rule {name} must be declared from any rung"
    for one, other in _TOGETHER:
        if one in rules and (other not in rules or rules.index(other) > rules.index(one)):
            yield f"the rule {one} needs the rule {other} declared before it"
    unreached = set(STAGES) - _reached(table)
    if unreached:
        yield f"no rule leads to {_words(sorted(unreached, key=STAGES.index))}"


def _edges(rule: str) -> list[tuple[str, str]]:
    sources, targets = LEGAL[rule]
    return [(a, b) for a in sources for b in targets if a != b]


def _reached(table: Sequence[Transition]) -> set[str]:
    """The rungs that an account can climb to from the first one; deals can be open and won from anywhere."""
    found = {STAGES[0], "opportunity", "customer"}
    # A deal says nothing about the ladder: who had one may come back without ever having climbed.
    edges = [e for t in table for e in t.edges() if t.rule not in _ALWAYS]
    edges = [(a, b) for a, b in edges if a not in ("opportunity", "customer")]
    while True:
        more = {b for a, b in edges if a in found} - found
        if not more:
            return found
        found |= more


def _words(names: Sequence[str]) -> str:
    return "any rung" if len(names) == len(STAGES) else ", ".join(names)
