"""One object of a CRM as mapping.yaml may have it: its fields and values, line by line with evidence.

Belongs here: what is written of an object, and what is left to decide in it. Does not belong here: what
a value means (``crm_meanings``), or which objects there are (``crm_proposal``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mqa_platform.policy.mapping import CrmObject
from mqa_platform.policy.yaml_lines import Line, remark
from mqa_platform.sources.crm_candidates import candidates
from mqa_platform.sources.crm_meanings import Judge, Meaning, choices
from mqa_platform.sources.crm_recognition import found
from mqa_platform.sources.crm_schema import Schema, Seen, bare, counted, picklists
from mqa_platform.sources.crm_values import folded
from mqa_platform.sources.record_table import canonical

# Without these a record says nothing, so their field stays although no value of it can be told.
_NEEDED: Final = frozenset({"kind", "event", "state"})
_UNDECIDED: Final = "?"


@dataclass(frozen=True)
class Decision:
    """Something that only the user knows.

    ``value`` is None where a whole field is in question; ``rows`` wait for the answer (None where a
    describe counts none), ``changes`` of its history as well.
    """

    object: str
    column: str
    field: str
    value: str | None
    rows: int | None
    changes: int
    why: str
    choices: tuple[str, ...]


class ProposedObject:
    """One object of the proposal; ``decisions`` are complete once its lines were asked for.

    Args:
        seen: the object as it was found.
        judge: says what its values mean.
        schema: the CRM's properties, options and stages.
    """

    def __init__(self, seen: Seen, judge: Judge, schema: Schema) -> None:
        self.seen = seen
        self.base = seen.mapped
        self.judge = judge
        self.decisions: list[Decision] = []
        here = set(seen.fields)
        self.columns = [c for c in self.base.fields if found(here, self.base, c)]
        self.properties = schema.properties.get(seen.name, {})
        self.options = schema.options.get(seen.name, {})
        self.unlisted = [c for c in self._picklists() if not seen.values_of(c).is_picklist]
        self.dropped = [c for c in self.unlisted if not self._is_needed(c)]
        self.columns = [c for c in self.columns if c not in self.dropped]
        self.meanings = {c: self._meanings(c) for c in self._picklists()}

    def mapped(self) -> CrmObject:
        """What the lines mean."""
        values = {
            column: {value: said.ours for value, said in told.items() if said.ours is not None}
            for column, told in self.meanings.items()
            if told or column in self.unlisted
        }
        return self.base.model_copy(
            update={
                "fields": {c: self.base.fields[c] for c in self.columns},
                "values": values,
                "required": [c for c in self.base.required if c in self.columns],
            }
        )

    def lines(self) -> tuple[Line, ...]:
        """The object as it is written."""
        origins = [
            n if rows is None else f"{n} ({counted(rows)})" for n, rows in self.seen.origins.items()
        ]
        mapped = self.mapped()
        lines = [remark(f"Found in {', '.join(origins)}."), Line("lands_as", mapped.lands_as)]
        if mapped.required:
            lines.append(Line("required", mapped.required))
        if mapped.constants:
            lines.append(Line("constants", parts=words(mapped.constants)))
        lines.append(Line("fields", parts=(*self._field_lines(), *self._missing_lines())))
        told = [c for c in self.meanings if self.meanings[c] or c in self.unlisted]
        if told:
            lines.append(Line("values", parts=tuple(self._value_lines(c) for c in told)))
        return tuple(lines)

    def _picklists(self) -> list[str]:
        return [c for c in picklists(self.base) if c in self.columns]

    def _is_needed(self, column: str) -> bool:
        return column in _NEEDED or column in self.base.required

    def _field_lines(self) -> list[Line]:
        return [Line(c, self.base.fields[c], comment=self._evidence(c)) for c in self.columns]

    def _evidence(self, column: str) -> str:
        fields = found(set(self.seen.fields), self.base, column)
        rows = self.seen.rows
        if rows is None:
            return f"{self._shown(fields[0], column)}: in {_of_service(self.seen)}"
        filled = [f for f in fields if self.seen.filled[f]] or fields[:1]
        told = ", ".join(f"{self._shown(f, column)}: {self.seen.filled[f]:,}" for f in filled)
        return f"{told} of {counted(rows)}"

    def _shown(self, field: str, column: str) -> str:
        """A field as the CRM writes it; the mapping's way where only its canonical name is known."""
        spelled = self.seen.fields[field]
        if spelled != field:
            return spelled
        return next((n for n in self.base.fields_of(column) if canonical(n) == field), field)

    def _missing_lines(self) -> list[Line]:
        lines = []
        for column in self.dropped:
            seen = self.seen.values_of(column)
            why = f"{len(seen.counts):,} different values in {counted(seen.rows)}: no picklist"
            lines.append(Line(column, self.base.fields[column], comment=why, off=True))
            self._decide(column, None, seen.rows, why)
        absent = [c for c in self.base.fields if c not in self.columns and c not in self.dropped]
        if absent:
            lines.append(
                remark("Not found. Remove the # where your CRM has it, with its name there.")
            )
        for column in absent:
            lines.append(
                Line(column, self.base.fields[column], comment=self._known_as(column), off=True)
            )
        for column, field in candidates(self.seen, [*absent]):
            why = f"may be {column}: filled in {counted(self.seen.filled[field])}"
            lines.append(Line(column, self.seen.fields[field], comment=why, off=True))
            self._decide(column, None, self.seen.filled[field], why, self.seen.fields[field])
        return lines

    def _known_as(self, column: str) -> str:
        names = [canonical(bare(n)) for n in self.base.fields_of(column)]
        label = next((self.properties[n] for n in names if n in self.properties), None)
        return f"the CRM has it ({label}), the files do not" if label else ""

    def _meanings(self, column: str) -> dict[str, Meaning]:
        """Value → meaning: what was found, by rows; then what is known and was not found."""
        seen = self.seen.values_of(column)
        known = self._known(column)
        given = {folded(v): v for v in self.base.values.get(column, {})}
        spelled = {key: given.get(key, value) for key, value in known.items()} | given
        ranked = sorted(
            spelled.values(), key=lambda v: (-seen.rows_of(v), -seen.changes_of(v), v not in known)
        )
        return {value: self.judge.meaning(column, value) for value in ranked}

    def _known(self, column: str) -> dict[str, str]:
        """Folded value → spelling, of what records have and what the CRM offers."""
        if column in self.unlisted:
            return {}
        offered = [
            o for n in self.base.fields_of(column) for o in self.options.get(canonical(bare(n)), [])
        ]
        if column == "state":
            offered += self.judge.schema.ids
        return {folded(each): each for each in reversed(offered)} | self.seen.values_of(
            column
        ).known

    def _value_lines(self, column: str) -> Line:
        seen = self.seen.values_of(column)
        told = self.meanings[column]
        parts = [
            Line(value, said.ours, comment=f"{self._count(column, value)}; {said.why}")
            for value, said in told.items()
            if said.ours is not None
        ]
        open_ = {value: said for value, said in told.items() if said.ours is None}
        options = choices(column, self.base)
        if open_:
            words = ", ".join(options)
            parts.append(
                remark(f"unmapped: needs your word. Remove the # and write one of {words}.")
            )
        for value, said in open_.items():
            comment = f"{self._count(column, value)}; {said.why}"
            parts.append(Line(value, _UNDECIDED, comment=comment, off=True))
            rows = None if self.seen.rows is None else seen.rows_of(value)
            changes = seen.changes_of(value)
            # What no record has keeps nobody waiting; it stands in the file.
            if rows is None or rows or changes:
                self._decide(column, value, rows, said.why, changes=changes)
        if column in self.unlisted:
            why = f"{len(seen.counts):,} different values: no picklist, name another field"
            parts.append(remark(why))
            self._decide(column, None, seen.rows, why)
        comment = "" if self.seen.rows is None else f"{counted(seen.rows)} with a value"
        if column == "state" and self.judge.schema.stage_lists:
            listed = f"stages as {', '.join(self.judge.schema.stage_lists)} lists them"
            comment = f"{comment}; {listed}" if comment else listed
        return Line(column, parts=tuple(parts), comment=comment)

    def _count(self, column: str, value: str) -> str:
        if value == "":
            return "what a blank means"
        if self.seen.rows is None:
            where = _of_service(self.seen)
            return f"in {where}" if folded(value) in self._known(column) else f"not in {where}"
        seen = self.seen.values_of(column)
        rows, changes = seen.rows_of(value), seen.changes_of(value)
        return counted(rows) + (f", {counted(changes, 'change')}" if changes else "")

    def _decide(
        self,
        column: str,
        value: str | None,
        rows: int | None,
        why: str,
        field: str | None = None,
        changes: int = 0,
    ) -> None:
        fields = found(set(self.seen.fields), self.base, column)
        named = field or (self._shown(fields[0], column) if fields else "")
        options = tuple(choices(column, self.base))
        self.decisions.append(
            Decision(self.seen.name, column, named, value, rows, changes, why, options)
        )


def _of_service(seen: Seen) -> str:
    return next(iter(seen.origins), "the service")


def words(given: Mapping[str, str]) -> tuple[Line, ...]:
    """One line a word, without evidence."""
    return tuple(Line(key, value) for key, value in given.items())
