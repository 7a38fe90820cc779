"""Which published days read differently because somebody changed their mind about being followed.

Belongs here: from the consents of a batch to the days with signals of those people and browsers. Does
not belong here: computing those days again (the stages' assets), or what a refusal means
(``core.consents``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.consents import COOKIE, DENIED, PERSON, latest_words
from mqa_platform.core.lead_merges import with_merged
from mqa_platform.sources import corrected
from mqa_platform.warehouse import Session

_WORD = ["kind", "ref", "status", "changed_at"]


def changed_minds(session: Session, landed: Mapping[str, pa.Table]) -> list[date]:
    """The published days with a signal of a person or browser whose latest word a batch changes.

    A yes from somebody who never said no changes nothing, nor does a no that was known before.
    """
    given = landed.get("landed_consents")
    if given is None or not given.num_rows or not session.days("signals"):
        return []
    changed = session.keep(_changed(session, given))
    people = changed.filter(changed["kind"] == PERSON).select("ref")
    browsers = changed.filter(changed["kind"] == COOKIE).select("ref")
    signals = session.table("signals")
    identities = corrected.identities(session)
    keys = _keys(people, identities, session.table("crm_contacts"))
    cookies = _cookies(people, identities).union(browsers).distinct()
    by_key = signals.semi_join(keys, signals["person_key"] == keys["ref"])
    by_cookie = signals.semi_join(cookies, signals["anonymous_id"] == cookies["ref"])
    days = by_key.select("signal_date").union(by_cookie.select("signal_date")).distinct()
    return sorted(row["signal_date"] for row in session.rows(days))


def _changed(session: Session, given: pa.Table) -> ir.Table:
    """(kind, ref) of those who are refused with the batch and were not before, or the other way."""
    new = session.constant("new_consents", given.select(_WORD))
    asked = new.select("kind", "ref").distinct()
    known = session.table("landed_consents").select(*_WORD).semi_join(asked, ["kind", "ref"])
    before, after = _refused(known), _refused(known.union(new))
    return before.difference(after).union(after.difference(before))


def _refused(words: ir.Table) -> ir.Table:
    latest = latest_words(words.mutate(batch_id=ibis.literal("")))
    return latest.filter(latest["status"] == DENIED).select("kind", "ref")


def _keys(people: ir.Table, identities: ir.Table, contacts: ir.Table) -> ir.Table:
    """(ref): the ways in which a signal may name these people; see ``core.evidence``."""
    leads = identities.filter(identities["kind"] == "lead")
    leads = leads.semi_join(people, leads["person_ref"] == people["ref"])
    leads = with_merged(leads.select(of=ibis.literal("lead:") + leads["ref"]), identities)
    named = contacts.semi_join(people, contacts["person_ref"] == people["ref"])
    return (
        people.union(leads.select(ref="of"))
        .union(named.select(ref=ibis.literal("contact:") + named["contact_id"]))
        .distinct()
    )


def _cookies(people: ir.Table, identities: ir.Table) -> ir.Table:
    """(ref): browsers that these people were ever seen in, or were given by hand."""
    seen = identities.filter(identities["kind"] == "cookie")
    return seen.semi_join(people, seen["person_ref"] == people["ref"]).select("ref")
