"""write_back.yaml: which CRM gets what we know of its accounts, in which of its fields, and when it is enough.

Belongs here: the shape of the section. Does not belong here: secrets (the environment), what *changed* means
(``core.crm_changes``), or writing (``destinations``).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from mqa_platform.policy.delivery_channels import Url
from mqa_platform.policy.fields import Model, Name, Ratio

Crm = Literal["none", "salesforce", "hubspot"]
Told = Literal[
    "stage", "since", "score", "top_reasons", "evidence_url", "policy_version", "validity", "as_of"
]
Answer = Literal["accepted", "rejected", "snoozed"]
# The fields that are the CRM's own: an account is never renamed, handed over or deleted from here.
NEVER: Final = frozenset(
    ("id", "name", "ownerid", "isdeleted", "recordtypeid", "parentid", "hs_object_id",
     "hubspot_owner_id", "domain", "website", "lifecyclestage")
)  # fmt: skip
RECORD_ITSELF: Final = {"salesforce": "Id", "hubspot": "hs_object_id"}


def _ours(field: str) -> str:
    if field.lower() in NEVER:
        raise ValueError(f"{field} is the CRM's own and is never written from here")
    return field


_Field = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
FieldName = Annotated[_Field, AfterValidator(_ours)]
Label = Annotated[str, Field(max_length=255)]


class Task(Model):
    """The task that the owner of a handoff gets.

    ``key_field`` is an external id (Salesforce) or unique property (HubSpot) of tasks that holds our key, so
    that one handoff is one task whatever happens; without it the account's tasks are looked through first.
    ``owners`` gives a queue of ours, which is nobody in the CRM, to one of its users.
    """

    subject: Annotated[str, Field(min_length=3, max_length=200)] = "Qualified account: {account}"
    key_field: FieldName | None = None
    owners: dict[Annotated[str, Field(min_length=1, max_length=100)], Label] = {}


class Answers(Model):
    """Where an answer given in Slack is written on the account; mapping.yaml reads the same fields back.

    ``statuses`` are the CRM's words for an answer; one that is not named writes no status. ``reasons`` are
    its words for ours where they differ. ``clear_for_next_handoff`` empties status and reason of an earlier
    handoff when an account is at mqa anew, so that the same answer is news again.
    """

    status_field: FieldName
    statuses: dict[Answer, Label] = {"accepted": "Accepted", "rejected": "Rejected"}
    reason_field: FieldName | None = None
    reasons: dict[Name, Label] = {}
    until_field: FieldName | None = None
    clear_for_next_handoff: bool = True


class WriteBack(Model):
    """write_back.yaml: the CRM, the allow-list of its fields, and the limits of one run.

    ``fields`` are the only ones that are ever written, by motion: ours → theirs.
    """

    crm: Crm = "none"
    url: Url | None = None
    # The object that holds accounts, and its field that is our account_id; empty: the CRM's usual ones.
    object: _Field | None = None
    key_field: _Field | None = None
    fields: dict[Literal["new_business", "expansion"], dict[Told, FieldName]] = {}
    stage_labels: dict[Name, Label] = {}
    # Changed: so many points, or this part of the threshold, whichever is more; or so old.
    least_score_change: Annotated[float, Field(gt=0, le=1000)] = 5
    least_score_share: Ratio = 0.1
    refresh_days: Annotated[int, Field(ge=1, le=365)] = 30
    # The breaker: more flips of the stage than this share of the accounts, from so many on.
    most_flips_share: Ratio = 0.2
    most_flips_at_least: Annotated[int, Field(ge=1, le=100_000)] = 25
    when_degraded: Literal["stop", "write"] = "stop"
    attempts_in_run: Annotated[int, Field(ge=1, le=10)] = 3
    first_wait_seconds: Annotated[float, Field(ge=0, le=60)] = 1
    bulk_above: Annotated[int, Field(ge=200, le=100_000)] = 2_000
    task: Task | None = None
    answers: Answers | None = None

    @model_validator(mode="after")
    def _complete(self) -> WriteBack:
        if self.crm != "none" and self.url is None:
            raise ValueError(f"url is missing: the address of {self.crm}")
        if self.crm != "none" and not self.fields:
            raise ValueError("fields is empty: name the fields that may be written")
        itself = RECORD_ITSELF.get(self.crm, "Id")
        if (
            self.key_field is not None
            and self.key_field != itself
            and self.key_field.lower() in NEVER
        ):
            raise ValueError(
                f"key_field {self.key_field} is the CRM's own and linking would overwrite it: leave it "
                f"empty ({itself}), or name an external id of yours"
            )
        theirs = [f.lower() for told in self.fields.values() for f in told.values()]
        if self.key_field is not None:
            theirs.append(self.key_field.lower())
        if self.answers is not None:
            answered = (
                self.answers.status_field,
                self.answers.reason_field,
                self.answers.until_field,
            )
            theirs += [f.lower() for f in answered if f]
        twice = sorted({f for f in theirs if theirs.count(f) > 1})
        if twice:
            raise ValueError(f"named for two things: {', '.join(twice)}")
        for told in self.fields.values():
            if "stage" not in told:
                raise ValueError(
                    "fields of a motion without stage: nobody would know what is meant"
                )
        return self

    @property
    def object_name(self) -> str:
        """The object that holds accounts."""
        return self.object or ("companies" if self.crm == "hubspot" else "Account")

    @property
    def key(self) -> str:
        """The field that holds our account_id; the CRM's own id of the record if none is named."""
        return self.key_field or RECORD_ITSELF.get(self.crm, "Id")

    @property
    def is_linked(self) -> bool:
        """Whether records are found by a field of ours, that has to be filled first (``mqa crm link``)."""
        return self.key != RECORD_ITSELF.get(self.crm, self.key)
