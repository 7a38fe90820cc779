"""What a value of a CRM's picklist means, and who says so; or that nobody has said it yet.

Belongs here: weighing the user's own word, the CRM's evidence and the standard values. Does not
belong here: collecting them (``crm_folder``, ``crm_stages``) or writing them down (``crm_proposal``).

A meaning is never concluded from how a value sounds: ``Closed Deal`` is neither won nor lost until the
CRM's own flags, or a person, say which.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from mqa_platform.policy.crm_words import CLOSED
from mqa_platform.policy.mapping import FILTERED, NOTHING, CrmMapping, CrmObject
from mqa_platform.sources.crm_schema import Schema, Seen, Stage, is_masked, told_state
from mqa_platform.sources.crm_values import folded
from mqa_platform.sources.record_table import canonical
from mqa_platform.sources.schemas import EVENTS

_YES_OR_NO: Final = frozenset({"true", "false"})
_FEW: Final = 12


@dataclass(frozen=True)
class Meaning:
    """What a value stands for, with the reason; ``ours`` is None while nobody has said it."""

    ours: str | None
    why: str


def merged(own: CrmMapping | None, standard: CrmMapping | None) -> dict[str, CrmObject]:
    """Every object that is known, the user's own words before the packaged ones.

    Args:
        own: what the user's mapping.yaml says of the CRM, None without one.
        standard: what the packaged one says, None where it does not know the CRM.
    """
    known = dict(standard.objects) if standard else {}
    for name, mine in (own.objects if own else {}).items():
        other = known.get(name)
        known[name] = mine if other is None else _over(mine, other)
    return known


def _over(mine: CrmObject, other: CrmObject) -> CrmObject:
    if mine.lands_as != other.lands_as:
        return mine
    fields = {c: f for c, f in other.fields.items() if c not in mine.constants} | mine.fields
    constants = {c: v for c, v in other.constants.items() if c not in mine.fields} | mine.constants
    values = {}
    for column in {**other.values, **mine.values}:
        said = {folded(v) for v in mine.values.get(column, {})}
        kept = {v: w for v, w in other.values.get(column, {}).items() if folded(v) not in said}
        if column in fields:
            values[column] = {**kept, **mine.values.get(column, {})}
    return mine.model_copy(update={"fields": fields, "constants": constants, "values": values})


def choices(column: str, standard: CrmObject) -> list[str]:
    """The words that a value of this column may stand for."""
    words = set(standard.values.get(column, {}).values()) - {FILTERED, NOTHING}
    closed = CLOSED.get(column) or (EVENTS if column == "event" else frozenset())
    if not closed and words and words <= _YES_OR_NO:
        closed = _YES_OR_NO
    shown = sorted(closed) if len(closed) <= _FEW else sorted(words & closed)
    return [*shown, FILTERED, NOTHING]


class Judge:
    """Says what the values of one object mean.

    Args:
        seen: the object as it was found.
        schema: of the CRM, for its list of stages.
        own: the object in the user's mapping, None where it has none.
        standard: the object in the packaged one, None where it has none.
    """

    def __init__(
        self, seen: Seen, schema: Schema, own: CrmObject | None, standard: CrmObject | None
    ) -> None:
        self.seen = seen
        self.schema = schema
        self.own = own
        self.standard = standard

    def meaning(self, column: str, value: str) -> Meaning:
        """The meaning of one value of a column."""
        mine = _words(self.own, column).get(folded(value))
        told = self._state(value) if column == "state" else None
        if told is None or (told.ours is None and not told.why):
            told = self._standard(column, value)
        if mine is None or mine[0] == told.ours:
            return told
        but = f"; {told.why} would make it {told.ours}" if told.ours else ""
        return Meaning(mine[0], f"your word{but}")

    def _standard(self, column: str, value: str) -> Meaning:
        words = _words(self.standard, column)
        if folded(value) in words:
            return Meaning(words[folded(value)][0], "a standard value")
        plain = canonical(value)
        alike = {ours: spelled for ours, spelled in words.values() if canonical(spelled) == plain}
        if plain and len(alike) == 1:
            ((ours, spelled),) = alike.items()
            return Meaning(ours, f"the standard value {spelled}")
        same = [word for word in CLOSED.get(column, ()) if plain and canonical(word) == plain]
        if same:
            return Meaning(same[0], "our own word")
        return Meaning(None, "masked" if is_masked([value]) else "nothing in the export says it")

    def _state(self, value: str) -> Meaning:
        """By the CRM's list of stages and by the flags of the records; both, where both speak."""
        listed = self.schema.stages.get(folded(value))
        flagged = self._flagged(value)
        said = [each for each in (flagged, listed) if each is not None]
        if len({each.state for each in said}) > 1:
            return Meaning(None, " but ".join(each.why for each in said))
        return Meaning(said[0].state, said[0].why) if said else Meaning(None, "")

    def _flagged(self, value: str) -> Stage | None:
        told: Counter[tuple[bool, bool]] = Counter()
        for (stage, closed, won), count in self.seen.flags.items():
            if folded(stage) == folded(value):
                told[closed, won] += count
        if not told:
            return None
        if len(told) > 1:
            parts = [f"{told_state(*f) or 'won, yet open'} in {n}" for f, n in told.most_common()]
            return Stage(None, f"the records disagree: {', '.join(parts)}")
        ((closed, won), rows) = next(iter(told.items()))
        said = f"is_closed {str(closed).lower()} and is_won {str(won).lower()} in all {rows}"
        return Stage(told_state(closed, won), said)


def _words(mapped: CrmObject | None, column: str) -> dict[str, tuple[str, str]]:
    """Folded value → what it stands for, and its spelling."""
    given = mapped.values.get(column, {}) if mapped else {}
    return {folded(theirs): (ours, theirs) for theirs, ours in given.items()}
