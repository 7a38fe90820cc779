"""What an export, or a describe of the service, shows of a CRM: objects, fields, values, stages.

Belongs here: those facts as plain values, and what counts as a picklist. Does not belong here:
finding them (``crm_folder``, ``crm_described``) or what follows from them (``crm_proposal``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mqa_platform.policy.crm_words import CLOSED
from mqa_platform.policy.mapping import CrmObject
from mqa_platform.sources.crm_values import folded

# Salesforce allows 1,000 values, but a list that a person can decide on is shorter; an identifier or
# a free text has one value a row.
MOST_VALUES: Final = 200
LONGEST_VALUE: Final = 255
# How loaders write what they may not show: a digest, the same for the same text.
_DIGEST: Final = re.compile(
    r"^([A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{27}=|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$"
)
OPEN, WON, LOST = "open", "won", "lost"


@dataclass
class Values:
    """The values that stand in the fields of one of our columns.

    ``counts`` are rows by value as written, ``changes`` the same in field histories.
    """

    counts: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Rows that are not blank."""
        return self.counts.total()

    @property
    def known(self) -> dict[str, str]:
        """Folded value → the spelling that is most frequent."""
        ranked = sorted({*self.counts, *self.changes}, key=lambda v: (self.counts[v], v))
        return {folded(value): value for value in ranked}

    @property
    def is_picklist(self) -> bool:
        """Whether a person could say what each value means."""
        seen = {*self.counts, *self.changes}
        return len(seen) <= MOST_VALUES and all(len(value) <= LONGEST_VALUE for value in seen)

    def rows_of(self, value: str) -> int:
        """Rows with a value, however it is written."""
        return sum(n for each, n in self.counts.items() if folded(each) == folded(value))

    def changes_of(self, value: str) -> int:
        """Changes from or to a value, however it is written."""
        return sum(n for each, n in self.changes.items() if folded(each) == folded(value))

    def add(self, other: Values) -> None:
        """Take in what another file shows."""
        self.counts.update(other.counts)
        self.changes.update(other.changes)


@dataclass
class Seen:
    """One object of the CRM as it was found.

    ``origins`` are files with their rows, or where the describe came from with None. ``fields`` are
    canonical names with the spelling, ``filled`` the rows that fill each; both by what was found, not
    by what is mapped. ``values`` is by our column, ``flags`` counts (stage, closed, won) by record.
    """

    name: str
    mapped: CrmObject
    origins: dict[str, int | None] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    filled: Counter[str] = field(default_factory=Counter)
    values: dict[str, Values] = field(default_factory=dict)
    flags: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)

    @property
    def rows(self) -> int | None:
        """Rows of all files; None for a describe, which counts none."""
        counts = [n for n in self.origins.values() if n is not None]
        return sum(counts) if counts else None

    def values_of(self, column: str) -> Values:
        """The values of one of our columns."""
        return self.values.setdefault(column, Values())

    def add(self, other: Seen) -> None:
        """Take in another file of the same object."""
        self.origins |= other.origins
        self.fields = {**other.fields, **self.fields}
        self.filled.update(other.filled)
        self.flags.update(other.flags)
        for column, values in other.values.items():
            self.values_of(column).add(values)


@dataclass(frozen=True)
class Stage:
    """What the CRM's own list of stages says of one: open, won, lost, or None with the reason."""

    state: str | None
    why: str


@dataclass
class Schema:
    """Everything that was found of one CRM.

    ``stages`` is by folded id or label; ``ids`` are the ids of stages as written,
    both from ``stage_lists``. ``properties`` are,
    by object, fields that the CRM says it has (canonical name → label), and ``options`` the values it
    offers for them. ``files`` are by object, ``feeds`` by the connector of their own that reads them.
    ``left_out`` is by file, or by object of the service.
    """

    objects: dict[str, Seen] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    stage_lists: list[str] = field(default_factory=list)
    properties: dict[str, dict[str, str]] = field(default_factory=dict)
    options: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    feeds: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, seen: Seen) -> None:
        """Take in what one file, or one describe, shows of an object."""
        if seen.name in self.objects:
            self.objects[seen.name].add(seen)
        else:
            self.objects[seen.name] = seen


def bare(name: str) -> str:
    """A field's name without what loaders and the API of HubSpot put before it."""
    return name.removeprefix("properties.").removeprefix("property_")


def picklists(mapped: CrmObject) -> list[str]:
    """Our columns of an object whose values need a word of somebody."""
    closed = {*CLOSED, "event"}
    return [c for c in mapped.fields if c in mapped.values or c in closed]


def with_states(objects: Mapping[str, CrmObject]) -> dict[str, CrmObject]:
    """Opportunities read their state from the stage, too, so that a stage has one meaning.

    Salesforce says of every record whether it is closed and won, but not of a stage in its history.
    """
    made = {}
    for name, mapped in objects.items():
        if mapped.lands_as == "opportunities" and "state" not in mapped.fields:
            stage = mapped.fields.get("stage_name")
            if stage is not None:
                mapped = mapped.model_copy(update={"fields": {**mapped.fields, "state": stage}})
        made[name] = mapped
    return made


def is_masked(values: Iterable[str]) -> bool:
    """Whether every one of these is a digest in the place of a word."""
    given = list(values)
    return bool(given) and all(_DIGEST.match(value) for value in given)


def told_state(closed: bool, won: bool) -> str | None:
    """The state that two flags stand for; None where they contradict each other."""
    if won:
        return WON if closed else None
    return LOST if closed else OPEN


def counted(count: int, noun: str = "row") -> str:
    """A number with its noun: 1 row, 1,200 rows."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
