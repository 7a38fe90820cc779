"""Which published days read differently because somebody took a merge back, or made one.

Belongs here: from the corrections of a batch to the days with signals of those browsers, people and
accounts. Does not belong here: computing those days again, or what a correction means
(``core.corrections``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.corrections import ACCOUNT, COOKIE, LEAD, PERSON
from mqa_platform.core.person_clusters import PERSON as ONE_PERSON
from mqa_platform.core.person_clusters import links, person_clusters
from mqa_platform.policy.identity import People
from mqa_platform.warehouse import Session

_EVERYBODY = People(max_people_per_cookie=20, max_addresses_per_person=100)


def corrected_days(session: Session, landed: Mapping[str, pa.Table]) -> list[date]:
    """The published days with a signal of what a batch of corrections splits or merges.

    Of a browser or person also the days of all that they may be one person with, because the published
    person changes for them.
    """
    given = landed.get("landed_corrections")
    if given is None or not given.num_rows or not session.days("signals"):
        return []
    told = session.constant(
        "new_corrections", given.select(["kind", "ref", "onto", "action"]).combine_chunks()
    )
    days = _of_people(session, told).union(_of_accounts(session, told)).distinct()
    return sorted(row["day"] for row in session.rows(days))


def _of_people(session: Session, told: ir.Table) -> ir.Table:
    identities = session.table("landed_identities").select("kind", "ref", "person_ref")
    own = told.filter(told["kind"].isin([COOKIE, LEAD]) & told["onto"].notnull())
    named = own.select("kind", "ref", person_ref="onto")
    nullable = dict.fromkeys(("kind", "ref", "person_ref"), "string")
    every = session.keep(identities.cast(nullable).union(named.cast(nullable)).distinct())
    clusters = session.apply(person_clusters(_EVERYBODY), links(every), "all")
    roots = clusters.filter(clusters["kind"] == ONE_PERSON).select("ref", "root")
    asked = every.semi_join(told, ["kind", "ref"]).select(ref="person_ref")
    asked = asked.union(told.filter(told["kind"] == PERSON).select("ref").cast({"ref": "string"}))
    touched = asked.left_join(roots, "ref").select("ref", "root")
    same = roots.semi_join(touched.filter(touched["root"].notnull()), "root").select("ref")
    people = session.keep(same.union(touched.select("ref")).distinct())
    theirs = every.semi_join(people, every["person_ref"] == people["ref"])
    cookies = theirs.filter(theirs["kind"] == COOKIE).select("ref")
    cookies = cookies.union(_refs(told, COOKIE))
    leads = theirs.filter(theirs["kind"] == LEAD).select("ref").union(_refs(told, LEAD))
    contacts = session.table("crm_contacts")
    contacts = contacts.semi_join(people, contacts["person_ref"] == people["ref"])
    keys = (
        people.union(leads.select(ref=ibis.literal("lead:") + leads["ref"]))
        .union(contacts.select(ref=ibis.literal("contact:") + contacts["contact_id"]))
        .distinct()
    )
    signals = session.table("signals")
    by_key = signals.semi_join(keys, signals["person_key"] == keys["ref"])
    by_cookie = signals.semi_join(cookies, signals["anonymous_id"] == cookies["ref"])
    return by_key.select(day="signal_date").union(by_cookie.select(day="signal_date"))


def _refs(told: ir.Table, kind: str) -> ir.Table:
    return told.filter(told["kind"] == kind).select("ref").cast({"ref": "string"})


def _of_accounts(session: Session, told: ir.Table) -> ir.Table:
    """Days with a share of one of the accounts, or of a signal that several accounts are refused."""
    both = told.filter(told["kind"] == ACCOUNT)
    sides = both.select("ref").union(both.select(ref="onto")).cast({"ref": "string"})
    merges = session.table("landed_associations")
    survivors = merges.filter(merges["to_object"] == "survivor")
    survivors = survivors.semi_join(sides, survivors["from_id"] == sides["ref"])
    ids = sides.union(survivors.select(ref="to_id").cast({"ref": "string"})).distinct()
    t = session.table("touchpoints")
    shares = t.semi_join(ids, t["account_id"] == ids["ref"]).select(day="touchpoint_date")
    held = t.semi_join(ids, t["own_account_id"] == ids["ref"]).select(day="touchpoint_date")
    if not session.rows(both.limit(1)):
        return shares
    u = session.table("unresolved_signals")
    refused = u.filter(u["reason"] == "tie_refused")
    return shares.union(held).union(refused.select(day="signal_date"))
