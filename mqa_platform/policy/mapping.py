"""mapping.yaml: how a CRM's objects, fields and picklists read in our words.

Belongs here: the declaration of a mapping and the checks that need no file. Does not belong here:
reading an export with it (``sources.crm_export``), or proposing one (``sources.crm_schema``).

Nothing is guessed: a picklist value without an entry is quarantined with its count. The columns a
mapping may fill, and those that only help to fill them, are in ``crm_words``.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mqa_platform.policy.crm_words import CLOSED, COLUMNS

LandsAs = Literal[
    "accounts",
    "contacts",
    "leads",
    "opportunities",
    "activities",
    "users",
    "contact_roles",
    "campaign_members",
    "associations",
    "field_changes",
    "signals",
    "enrichment",
    "spend",
]
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FieldName = Annotated[str, Field(min_length=1, max_length=200)]
# A column below which every line is still a comment, waiting for somebody's word, has no entry yet.
Words = Annotated[dict[str, str], BeforeValidator(lambda given: {} if given is None else given)]
# What a value may stand for besides one of ours: a row that we leave out on purpose, and no value.
FILTERED: Final = "filtered"
NOTHING: Final = "none"


class Mapped(BaseModel):
    """Every part of a mapping: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CrmObject(Mapped):
    """One object of a CRM, or one of its export files.

    ``fields`` names, for each of our columns, the CRM's field, or several of which the first that a
    record fills is read. ``values`` translates a picklist: their value → ours, compared without case and
    surrounding blanks; ``filtered`` leaves the row out, ``none`` leaves the column empty. An entry
    for ``""`` says what a blank means; without one a blank stays blank. ``constants`` are columns
    that the object does not have because all of its records agree. ``required`` are columns without
    whose field a file is another object's, and refused.

    A field is named as the CRM writes it; case, blanks and punctuation do not count, so ``Record ID``,
    ``record_id`` and ``RecordId`` are one. A nested value of a service is ``properties.name``.
    """

    lands_as: LandsAs
    fields: dict[Column, FieldName | list[FieldName]] = {}
    values: dict[Column, Words] = {}
    constants: dict[Column, str] = {}
    required: list[Column] = []

    def fields_of(self, column: str) -> list[str]:
        """The CRM's names for one of our columns, in the order they are tried."""
        named = self.fields.get(column, [])
        return [named] if isinstance(named, str) else named

    @model_validator(mode="after")
    def _columns_are_read_once(self) -> CrmObject:
        twice = sorted(set(self.fields) & set(self.constants))
        if twice:
            raise ValueError(f"both a field and a constant: {', '.join(twice)}")
        unread = sorted(set(self.values) - set(self.fields))
        if unread:
            raise ValueError(f"values for columns without a field: {', '.join(unread)}")
        unfilled = sorted(set(self.required) - set(self.fields))
        if unfilled:
            raise ValueError(f"required columns without a field: {', '.join(unfilled)}")
        return self

    @model_validator(mode="after")
    def _columns_are_ours(self) -> CrmObject:
        ours = COLUMNS[self.lands_as]
        unknown = sorted((set(self.fields) | set(self.constants)) - ours)
        if unknown:
            raise ValueError(
                f"{self.lands_as} have no column {', '.join(unknown)}; they have "
                f"{', '.join(sorted(ours))}"
            )
        return self

    @model_validator(mode="after")
    def _values_are_ours(self) -> CrmObject:
        given = [(column, {*words.values()}) for column, words in self.values.items()]
        given += [(column, {word}) for column, word in self.constants.items()]
        for column, words in given:
            wrong = sorted(words - CLOSED.get(column, words) - {FILTERED, NOTHING})
            if wrong:
                raise ValueError(
                    f"{column} cannot be {', '.join(wrong)}; it is one of "
                    f"{', '.join(sorted(CLOSED[column]))}, {FILTERED} or {NOTHING}"
                )
        return self


class CrmMapping(Mapped):
    """One CRM: its objects under the names that the CRM gives them."""

    objects: dict[Annotated[str, Field(min_length=1)], CrmObject] = {}


class Mappings(Mapped):
    """mapping.yaml: every CRM, under the name that ``crm:`` of a source uses."""

    crms: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], CrmMapping] = {}
