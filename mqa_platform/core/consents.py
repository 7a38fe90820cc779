"""Consent: whose latest word is no, and the signals that this takes away from them.

Belongs here: the latest word of a person and of a browser. Does not belong here: the consent that a
signal itself carries (``identity`` judges that), or reading what vendors write (``sources.consents``).

The word that counts is the one known today, for signals of any day: who says no is forgotten for the
past as well, and who says yes again is remembered.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import newest_first

PERSON, COOKIE = "person", "cookie"
DENIED = "denied"


def latest_words(consents: ir.Table) -> ir.Table:
    """One landed_consents row a (kind, ref), the newest; of two at one moment the refusal stands."""
    order = [consents["changed_at"].desc(), consents["status"], consents["batch_id"]]
    return newest_first(consents, ["kind", "ref"], order)


def _refused(consents: ir.Table, kind: str) -> ir.Table:
    """(ref): people, or cookies, whose latest word is no."""
    words = latest_words(consents)
    said_no = words.filter((words["kind"] == kind) & (words["status"] == DENIED))
    # Cast: a landed reference is never null, one made of a join may be, and Spark tells them apart.
    return said_no.select(ref=said_no["ref"].cast("string"))


def with_refusals(signals: ir.Table, consents: ir.Table, contacts: ir.Table) -> ir.Table:
    """Signals with ``is_refused``: their person, or the browser they came from, has said no.

    Args:
        signals: with ``person`` (``email:<key>``, or ``contact:<id>`` of the CRM) and
            ``anonymous_id``.
        consents: the landed_consents table.
        contacts: crm_contacts with history; a contact who said no under one address said no.
    """
    people = _refused(consents, PERSON)
    known = contacts.filter(contacts["person_ref"].notnull())
    named = known.semi_join(people, known["person_ref"] == people["ref"])
    by_id = named.select(ref=ibis.literal("contact:") + named["contact_id"])
    people = people.union(by_id).distinct().rename(refused_person="ref")
    cookies = _refused(consents, COOKIE).rename(refused_cookie="ref")
    t = signals.left_join(people, signals["person"] == people["refused_person"])
    t = t.left_join(cookies, t["anonymous_id"] == cookies["refused_cookie"])
    refused = t["refused_person"].notnull() | t["refused_cookie"].notnull()
    return t.mutate(is_refused=refused).drop("refused_person", "refused_cookie")
