"""From what was found of a CRM to the part of mapping.yaml that reads it, and what is left to decide.

Belongs here: which objects are written down. Does not belong here: the lines of one object
(``crm_proposed_object``), what a value means (``crm_meanings``), or files of the policy (``initialise``).
"""

from __future__ import annotations

from dataclasses import dataclass

from mqa_platform.policy.mapping import CrmMapping, CrmObject
from mqa_platform.policy.yaml_lines import Line, remark
from mqa_platform.sources.crm_meanings import Judge, merged
from mqa_platform.sources.crm_proposed_object import Decision, ProposedObject, words
from mqa_platform.sources.crm_schema import Schema


@dataclass(frozen=True)
class Proposal:
    """One CRM's part of mapping.yaml: what it means, how it is written, what is left to decide."""

    crm: str
    mapping: CrmMapping
    part: Line
    decisions: tuple[Decision, ...]


def propose(
    crm: str, schema: Schema, own: CrmMapping | None, standard: CrmMapping | None
) -> Proposal:
    """What mapping.yaml may say of a CRM.

    Args:
        crm: its name.
        schema: what was found.
        own: what the user's mapping.yaml says of it already; his word stands.
        standard: what the packaged one says.
    """
    known = merged(own, standard)
    objects: dict[str, CrmObject] = {}
    lines: list[Line] = []
    decisions: list[Decision] = []
    for name in [n for n in known if n in schema.objects and schema.objects[n].origins]:
        seen = schema.objects[name]
        mine, theirs = (each.objects.get(name) if each else None for each in (own, standard))
        made = ProposedObject(seen, Judge(seen, schema, mine, theirs), schema)
        objects[name] = made.mapped()
        lines.append(Line(name, parts=made.lines()))
        decisions += made.decisions
    unseen = [name for name in known if name not in objects]
    # What the user has mapped himself stays, whether this export has a file of it or not.
    for name in unseen:
        if own and name in own.objects:
            objects[name] = own.objects[name]
            lines.append(
                Line(name, parts=(remark("yours; not in this export"), *_as_is(own.objects[name])))
            )
    absent = [name for name in unseen if name not in objects]
    notes = []
    if absent:
        notes.append(remark(f"Standard objects that were not found: {', '.join(absent)}."))
    part = Line(crm, parts=(*notes, Line("objects", parts=tuple(lines))))
    ranked = sorted(decisions, key=lambda d: (-(d.rows or 0), -d.changes))
    return Proposal(crm, CrmMapping(objects=objects), part, tuple(ranked))


def _as_is(mapped: CrmObject) -> tuple[Line, ...]:
    """An object written down without evidence."""
    lines = [Line("lands_as", mapped.lands_as)]
    if mapped.required:
        lines.append(Line("required", mapped.required))
    if mapped.constants:
        lines.append(Line("constants", parts=words(mapped.constants)))
    lines.append(Line("fields", parts=tuple(Line(c, f) for c, f in mapped.fields.items())))
    if mapped.values:
        told = tuple(Line(c, parts=words(said)) for c, said in mapped.values.items())
        lines.append(Line("values", parts=told))
    return tuple(lines)
