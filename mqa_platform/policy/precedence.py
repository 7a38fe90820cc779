"""Who goes first when a person and an account are both ready: the decision table of MQL and MQA.

Belongs here: the words of the table, and that it answers every combination exactly once. Does not belong
here: finding out which combination holds (``core.precedence``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from mqa_platform.policy.fields import Model, Name

# A hand-raise counts before an MQL: who has asked is not kept waiting by a score.
Person = Literal["quiet", "mql", "hand_raise"]
# Nobody's; known and not on the target list; on it; or with an open handoff, at mqa and beyond.
Account = Literal["none", "not_a_target", "target", "working"]
Action = Literal["nothing", "attach", "hold", "task_to_owner", "mql_queue", "self_serve_nurture"]
PEOPLE: Final[tuple[str, ...]] = get_args(Person)
ACCOUNTS: Final[tuple[str, ...]] = get_args(Account)
ACTIONS: Final[tuple[str, ...]] = get_args(Action)
Cell = tuple[str, str, bool, bool]


class Precedence(Model):
    """One row: the combinations it answers (what it leaves out is any) and what to do with the person."""

    name: Name
    person: Annotated[list[Person], Field(min_length=1)] | None = None
    account: Annotated[list[Account], Field(min_length=1)] | None = None
    suppressed: bool | None = None
    gate_failed: bool | None = None
    action: Action

    def answers(self, cell: Cell) -> bool:
        """Whether the row is about this combination: person, account, suppressed, gate failed."""
        person, account, suppressed, gate_failed = cell
        return (
            (self.person is None or person in self.person)
            and (self.account is None or account in self.account)
            and self.suppressed in (None, suppressed)
            and self.gate_failed in (None, gate_failed)
        )


CELLS: Final[tuple[Cell, ...]] = tuple(product(PEOPLE, ACCOUNTS, (False, True), (False, True)))
_READY: Final[list[Person]] = ["mql", "hand_raise"]
_FREE: Final[list[Account]] = ["none", "not_a_target"]
DEFAULT_PRECEDENCE: Final = (
    Precedence(name="not_ready", person=["quiet"], action="nothing"),
    Precedence(name="suppressed", person=_READY, suppressed=True, action="nothing"),
    Precedence(
        name="account_in_work",
        person=_READY,
        account=["working"],
        suppressed=False,
        action="attach",
    ),
    Precedence(
        name="gate_failed",
        person=_READY,
        account=[*_FREE, "target"],
        suppressed=False,
        gate_failed=True,
        action="self_serve_nurture",
    ),
    Precedence(
        name="target_account_held",
        person=["mql"],
        account=["target"],
        suppressed=False,
        gate_failed=False,
        action="hold",
    ),
    Precedence(
        name="target_account_asked",
        person=["hand_raise"],
        account=["target"],
        suppressed=False,
        gate_failed=False,
        action="task_to_owner",
    ),
    Precedence(
        name="no_target_account",
        person=_READY,
        account=_FREE,
        suppressed=False,
        gate_failed=False,
        action="mql_queue",
    ),
)


def problems(table: Sequence[Precedence]) -> Iterator[str]:
    """What is wrong with a table: combinations that no row answers, or two do; names used twice."""
    names = [r.name for r in table]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"the row {name} is there {names.count(name)} times"
    for cell in CELLS:
        found = [r.name for r in table if r.answers(cell)]
        if len(found) != 1:
            told = f"the rows {' and '.join(found)} answer" if found else "no row answers"
            yield f"{told} {described(cell)}; exactly one must"


def described(cell: Cell) -> str:
    """A combination in words."""
    person, account, suppressed, gate_failed = cell
    return (
        f"person {person}, account {account}, suppressed {_yes(suppressed)}, "
        f"gate_failed {_yes(gate_failed)}"
    )


def _yes(value: bool) -> str:
    return "true" if value else "false"


def decide(table: Sequence[Precedence], cell: Cell) -> Precedence:
    """The one row that answers a combination.

    Raises:
        KeyError: none does; a checked table has one for every combination.
    """
    for row in table:
        if row.answers(cell):
            return row
    raise KeyError(described(cell))


def by_cell(table: Sequence[Precedence]) -> Mapping[Cell, Precedence]:
    """Every combination with its row."""
    return {cell: decide(table, cell) for cell in CELLS}
