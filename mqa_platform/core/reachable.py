"""The contacts of an account as of a day: name, title, role in the buying committee, and who may be reached.

Belongs here: who may not be contacted and why, and which role a contact has. Does not belong here: what
contacts did (``briefs``), or who is exported to an ad platform (``audiences``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.consents import PERSON, latest_words
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import first_match, in_force, newest_first, one_of
from mqa_platform.core.touches import UNSUBSCRIBE
from mqa_platform.policy.models import Policy

# Why somebody may not be contacted, the gravest first.
REASONS: Final = ("deleted", "do_not_contact", "consent_denied", "unsubscribed")
OTHER_ROLE: Final = "other"
_NO_ADDRESS: Final = "no_address"


def refusals(contacts: ir.Table, consents: ir.Table, touchpoints: ir.Table) -> ir.Table:
    """(contact_id, why_not): one row a contact who may not be contacted, as far as is known today.

    An unsubscribe holds until the person grants consent later; a word of consent is the latest one.

    Args:
        contacts: crm_contacts with history.
        consents: the landed_consents table.
        touchpoints: of all days.
    """
    words = latest_words(consents)
    words = words.filter(words["kind"] == PERSON)
    words = words.select("status", "changed_at", of_ref=words["ref"].cast("string"))
    left = touchpoints.filter(touchpoints["person_id"].notnull() & _is_unsubscribe(touchpoints))
    left = left.group_by(left_by="person_id").aggregate(left_at=left["occurred_at"].max())
    now = contacts.filter(contacts["valid_to"].isnull())
    t = now.select("contact_id", "person_ref", "do_not_contact", "is_deleted")
    t = t.left_join(words, [("person_ref", "of_ref")])
    t = t.left_join(left, [("contact_id", "left_by")])
    denied = (t["status"] == "denied").fill_null(False)
    back = ((t["status"] == "granted") & (t["changed_at"] > t["left_at"])).fill_null(False)
    told = t.select(
        "contact_id",
        why_not=first_match(
            [
                (t["is_deleted"].fill_null(False), ibis.literal("deleted")),
                (t["do_not_contact"].fill_null(False), ibis.literal("do_not_contact")),
                (denied, ibis.literal("consent_denied")),
                (t["left_at"].notnull() & ~back, ibis.literal("unsubscribed")),
            ],
            ibis.null("string"),
        ),
    )
    return told.filter(told["why_not"].notnull())


def _is_unsubscribe(touchpoints: ir.Table) -> ir.BooleanValue:
    column = "event" if "event" in touchpoints.columns else "signal_type"
    return touchpoints[column] == UNSUBSCRIBE


def contacts_of(
    subjects: ir.Table,
    contacts: ir.Table,
    contact_roles: ir.Table,
    refused: ir.Table,
    policy: Policy,
    seen: ir.Table | None = None,
) -> ir.Table:
    """The contacts of each subject's account as they were on its day.

    Columns: those of the subjects, then contact_id, person_ref, name, title, role (of the policy's
    committee, else ``other``), reachable, why_not. A contact without an address is not reachable.

    Args:
        subjects: (subject_id, account_id, on_day).
        contacts: crm_contacts with history.
        contact_roles: crm_contact_roles with history.
        refused: ``refusals``.
        policy: of the motion, whose committee is meant.
        seen: (subject_id, contact_id) of contacts who acted for the account without being filed there.
    """
    own = subjects.join(
        contacts.select("contact_id", filed_at="account_id").distinct(),
        [("account_id", "filed_at")],
    ).select(*subjects.columns, "contact_id")
    if seen is not None:
        own = stacked(own, subjects.join(seen, "subject_id").select(*own.columns)).distinct()
    version = contacts.select(
        "person_ref", "name", "title", "is_deleted", "valid_from", "valid_to",
        held_by="contact_id", now_at="account_id",
    )  # fmt: skip
    t = own.join(version, [("contact_id", "held_by")])
    t = t.filter(in_force(t, t["on_day"]) & ~t["is_deleted"].fill_null(False))
    acted = ibis.literal(False)
    if seen is not None:
        some = seen.select(s_subject="subject_id", s_contact="contact_id").distinct()
        t = t.left_join(some, [("subject_id", "s_subject"), ("contact_id", "s_contact")])
        acted = t["s_contact"].notnull()
    # Filed at the account on that day, and not before or after it.
    t = t.filter((t["now_at"] == t["account_id"]).fill_null(False) | acted)
    said = _said_roles(t.select("subject_id", "contact_id", "on_day"), contact_roles)
    t = t.left_join(said, [("subject_id", "r_subject"), ("contact_id", "r_contact")])
    no = refused.select(no_contact="contact_id", no_why="why_not")
    t = t.left_join(no, [("contact_id", "no_contact")])
    why = ibis.coalesce(
        t["no_why"], ibis.ifelse(t["person_ref"].isnull(), _NO_ADDRESS, ibis.null("string"))
    )
    return t.select(
        *subjects.columns, "contact_id", "person_ref", "name", "title",
        role=role_of(t["title"], t["said_role"], policy),
        reachable=why.isnull(),
        why_not=why,
    )  # fmt: skip


def _said_roles(pairs: ir.Table, contact_roles: ir.Table) -> ir.Table:
    """(r_subject, r_contact, said_role): what the CRM calls a contact on the day, the primary role first."""
    r = contact_roles.select(
        "role", "is_primary", "role_id", "is_deleted", "valid_from", "valid_to",
        of_contact="contact_id",
    )  # fmt: skip
    t = pairs.join(r, [("contact_id", "of_contact")])
    t = t.filter(in_force(t, t["on_day"]) & ~t["is_deleted"].fill_null(False))
    t = t.filter(t["role"].notnull())
    first = ibis.ifelse(t["is_primary"].fill_null(False), 0, 1)
    t = newest_first(t, ["subject_id", "contact_id"], [first, t["valid_from"].desc(), t["role_id"]])
    return t.select(r_subject="subject_id", r_contact="contact_id", said_role="role")


def role_of(title: ir.StringValue, said: ir.StringValue, policy: Policy) -> ir.StringValue:
    """The committee role that the CRM says, else the first whose pattern the title matches, else other."""
    committee = policy.plays.committee
    by_word = [
        (one_of(said.lower(), _lower(role.crm_roles)).fill_null(False), ibis.literal(role.name))
        for role in committee
        if role.crm_roles
    ]
    by_title = [
        (title.re_search(role.title_pattern).fill_null(False), ibis.literal(role.name))
        for role in committee
    ]
    return first_match([*by_word, *by_title], ibis.literal(OTHER_ROLE))


def _lower(words: Sequence[str]) -> list[str]:
    return [word.lower() for word in words]
