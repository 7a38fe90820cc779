"""Since when published days count people otherwise, because two references turn out to be one person.

Belongs here: comparing who was one person before a batch and who is one after it. Does not belong here:
who is one person (``core.person_clusters``), or whose a cookie is (``lateness``).
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.person_clusters import PERSON, links, person_clusters
from mqa_platform.policy.identity import People
from mqa_platform.sources import corrected
from mqa_platform.warehouse import Session

_LINK = ("kind", "ref", "person_ref")


def united(session: Session, identities: pa.Table | None, limits: People) -> date | None:
    """The first published day with a signal of somebody who is another person after a batch.

    Args:
        session: before the batch lands.
        identities: the batch's landed_identities.
        limits: the policy's, beyond which nobody is linked.
    """
    if identities is None or not identities.num_rows or not session.days("signals"):
        return None
    given = session.constant("new_links", identities.select(list(_LINK)))
    known = corrected.identities(session).select(*_LINK)
    if not session.rows(given.anti_join(known, _LINK).limit(1)):
        return None
    known = _texts(known).distinct()
    every = session.keep(_texts(corrected.identities(session, identities)).distinct())
    before, after = (_people(session, each, limits) for each in (known, every))
    before, after = session.keep(before), session.keep(after)
    changed = session.keep(before.difference(after).union(after.difference(before)))
    # An address more may bring a contact that stands for all of the person.
    whole = changed.filter(changed["ref"].startswith("email:")).select(top="root").distinct()
    others = before.union(after).semi_join(whole, [("root", "top")])
    refs = changed.select(of="ref").union(others.select(of="ref")).union(whole.select(of="top"))
    refs = session.keep(refs.distinct())
    cookies = every.filter(every["kind"] == "cookie").semi_join(refs, [("person_ref", "of")])
    signals = session.table("signals")
    named = signals.semi_join(refs, [("person_key", "of")])
    seen = signals.semi_join(cookies.select(of="ref"), [("anonymous_id", "of")])
    days = named.select("signal_date").union(seen.select("signal_date"))
    first: date | None = session.rows(days.aggregate(day=days["signal_date"].min()))[0]["day"]
    return first


def _texts(t: ir.Table) -> ir.Table:
    return t.select(*_LINK).cast(dict.fromkeys(_LINK, "string"))


def _people(session: Session, identities: ir.Table, limits: People) -> ir.Table:
    """(ref, root) of every reference that another one stands for."""
    t = session.apply(person_clusters(limits), links(identities), "all")
    known = (t["kind"] == PERSON) & ~t["is_refused"] & (t["ref"] != t["root"])
    return t.filter(known).select("ref", "root")
