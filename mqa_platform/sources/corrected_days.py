"""Which published days read differently because somebody took a merge back, or made one.

Belongs here: from the corrections of a batch to the days with signals of those browsers and people. Does
not belong here: accounts (``merged_days``), computing those days again, or what a correction means
(``core.corrections``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.corrections import COOKIE, LEAD, PERSON
from mqa_platform.core.person_clusters import PERSON as ONE_PERSON
from mqa_platform.core.person_clusters import links, person_clusters
from mqa_platform.policy.identity import People
from mqa_platform.sources import corrected
from mqa_platform.sources.merged_days import days_of_accounts
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
    days = {row["day"] for row in session.rows(_of_people(session, told).distinct())}
    return sorted(days | days_of_accounts(session, given))


def _of_people(session: Session, told: ir.Table) -> ir.Table:
    own = told.filter(told["kind"].isin([COOKIE, LEAD, PERSON]) & told["onto"].notnull())
    # As it was said, as it is corrected so far, and as it will be: a day of any of them may change.
    parts = [session.table("landed_identities"), corrected.identities(session)]
    parts += [own.select("kind", "ref", person_ref="onto")]
    links_of = ("kind", "ref", "person_ref")
    said, now, new = (t.select(*links_of).cast(dict.fromkeys(links_of, "string")) for t in parts)
    every = session.keep(said.union(now).union(new).distinct())
    clusters = session.apply(person_clusters(_EVERYBODY), links(every), "all")
    roots = clusters.filter(clusters["kind"] == ONE_PERSON).select("ref", "root")
    asked = every.semi_join(told, ["kind", "ref"]).select(ref="person_ref")
    asked = asked.union(_refs(told, PERSON))
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
