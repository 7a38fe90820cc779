"""The rows that ``employment`` weighs, out of signals, CRM history and domains.

Belongs here: giving domains their company, when a company's domain is in general use, and putting the
four kinds of rows together. Does not belong here: weighing them (``employment``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from mqa_platform.core.employment import (
    ADDRESS,
    ASKED,
    EMPLOYER,
    FACTS,
    USE,
    employment_kernel,
)  # fmt: skip
from mqa_platform.core.expressions import newest_first, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.identity import Employment

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
Keep = Callable[[ir.Table], ir.Table]


@dataclass(frozen=True)
class Question:
    """What is known of people and companies; a company is any id, the CRM's account or a name.

    Attributes:
        asked: (ref, person, at, confirmed_at, domain, label): signals whose person's employer is in
            doubt; the label is the domain's own word, ``enovance`` of enovance.com.
        uses: (person, at, domain) of signals; domain may be null.
        users: (person, at, domain): whose use of a domain makes it a company's, of whatever person.
            From ``at`` on the person counts.
        employers: (person, at, company): from when the CRM says it.
        addresses: (person, at, domain): every address on file, and since when; null when unknown.
        owners: (domain, company, is_sole, owned_from, owned_to): who has a domain when; no end is null. Of
            several companies none is the sole one; at a moment a domain has one sole owner at most.
        named: (label, company, at): what a company is called, and since when we know of it.
    """

    asked: ir.Table
    uses: ir.Table
    users: ir.Table
    employers: ir.Table
    addresses: ir.Table
    owners: ir.Table
    named: ir.Table


def employment(question: Question, policy: Employment, keep: Keep, apply: Apply) -> ir.Table:
    """``employment.ANSWERS``: the employer of every asked signal whose person the CRM employs.

    ``keep`` stores a table and reads it back; ``apply`` runs a kernel over it.
    """
    facts = keep(employment_facts(question, policy, keep))
    sharded = facts.mutate(shard=shard(facts["person"]))
    return apply(employment_kernel(policy), sharded, "shard")


def employment_facts(question: Question, policy: Employment, keep: Keep) -> ir.Table:
    """``employment.FACTS`` rows of the four kinds."""
    q = question
    single = keep(q.owners.filter(q.owners["is_sole"]))
    since = keep(_established(_standing(q.users, single), policy.company_people))
    asked = keep(_since(_named(_shared(_owned(q.asked, single), q), q.named), since))
    whose = asked.select("person").distinct()
    uses = _since(_owned(q.uses.semi_join(whose, "person"), single), since)
    on_file = q.addresses.semi_join(whose, "person")
    addresses = _since(_standing(on_file.mutate(told_at=on_file["at"]), single), since)
    employers = q.employers.semi_join(whose, "person")
    parts = [
        _rows(ASKED, asked, ref="ref", at="at", confirmed_at="confirmed_at", company="company",
              named="named", established_at="established_at"),
        _rows(USE, uses, at="at", company="company", established_at="established_at"),
        _rows(EMPLOYER, employers, at="at", company="company"),
        _rows(ADDRESS, addresses, at="at", confirmed_at="told_at", company="company",
              established_at="established_at"),
    ]  # fmt: skip
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole


def _owned(t: ir.Table, single: ir.Table) -> ir.Table:
    """Rows with the one company that owns their domain at the time, or null."""
    owners = single.select("company", "owned_from", "owned_to", owned="domain")
    held = t.left_join(owners, [t["domain"] == owners["owned"], _holds(owners, t["at"])])
    return held.drop("owned", "owned_from", "owned_to")


def _standing(t: ir.Table, single: ir.Table) -> ir.Table:
    """What holds from ``at`` on, by the companies that own the domain then or later, each from when it does.

    A row without a time is of what was always known; it stays without one.
    """
    owners = single.select("company", "owned_from", "owned_to", owned="domain")
    held = t.join(owners, t["domain"] == owners["owned"])
    goes_on = held["owned_to"].isnull()
    held = held.filter(goes_on | (held["at"] < held["owned_to"]).fill_null(False))
    since = ibis.greatest(held["at"], held["owned_from"])
    held = held.mutate(at=ibis.ifelse(held["at"].isnull(), held["at"], since))
    return held.drop("owned", "owned_from", "owned_to")


def _holds(owners: ir.Table, at: ir.TimestampValue) -> ir.BooleanValue:
    return (owners["owned_from"] <= at) & (owners["owned_to"].isnull() | (at < owners["owned_to"]))


def _shared(asked: ir.Table, q: Question) -> ir.Table:
    """Signals of a domain that several companies have get the one of them that the CRM names last."""
    shared = q.owners.filter(~q.owners["is_sole"])
    shared = shared.select("owned_from", "owned_to", common="domain", sharer="company")
    t = asked.select("ref", "person", "at", "confirmed_at", "domain")
    t = t.join(shared, [t["domain"] == shared["common"], _holds(shared, t["at"])])
    t = t.drop("at", "owned_from", "owned_to")
    said = q.employers.select(employed="person", employer="company", since="at")
    t = t.join(
        said,
        [
            t["person"] == said["employed"],
            t["sharer"] == said["employer"],
            t["confirmed_at"] >= said["since"],
        ],
    )
    last = newest_first(t, ["ref"], [t["since"].desc(), t["employer"]])
    last = last.select(shared_ref="ref", shared_company="employer")
    both = asked.left_join(last, asked["ref"] == last["shared_ref"])
    both = both.mutate(company=ibis.coalesce(both["shared_company"], both["company"]))
    return both.drop("shared_ref", "shared_company")


def _named(t: ir.Table, named: ir.Table) -> ir.Table:
    """Rows with the company their domain is called after, where another company owns it.

    The domain of a company that was bought is listed under its buyer, and is still called after it.
    """
    first = named.group_by("label", "company").aggregate(known_at=named["at"].min())
    only = once(first, "label", "company").rename(one_label="label", one="company")
    first = first.join(only, [first["label"] == only["one_label"], first["company"] == only["one"]])
    names = first.select(called="label", other="company", known_at="known_at")
    t = t.left_join(names, t["label"] == names["called"])
    differs = t["company"].notnull() & (t["other"] != t["company"]) & (t["known_at"] <= t["at"])
    return t.mutate(named=ibis.ifelse(differs.fill_null(False), t["other"], None))


def _established(uses: ir.Table, people: int) -> ir.Table:
    """(known, established_at): when the company's domains had been used by enough people."""
    used = uses.filter(uses["company"].notnull())
    first = used.group_by("company", "person").aggregate(at=used["at"].min())
    order = ibis.window(group_by="company", order_by=[first["at"], first["person"]])
    ranked = first.mutate(nth=ibis.row_number().over(order))
    enough = ranked.filter(ranked["nth"] == people - 1)
    return enough.select(known="company", established_at="at")


def _since(t: ir.Table, since: ir.Table) -> ir.Table:
    return t.left_join(since, t["company"] == since["known"]).drop("known")


def _rows(kind: str, t: ir.Table, **columns: str) -> ir.Table:
    """Rows of one kind in the columns of ``FACTS``; what a kind does not have is null."""
    seconds = ("at", "confirmed_at", "established_at")

    def value(name: str) -> ir.Value:
        if name not in columns:
            return ibis.null("int64" if name in seconds else "string")
        found = t[columns[name]]
        return found.truncate("s").epoch_seconds().cast("int64") if name in seconds else found

    rest = {name: value(name) for name in FACTS.names if name not in ("kind", "person")}
    return t.select(kind=ibis.literal(kind), person=t["person"], **rest)


def once(t: ir.Table, key: str, value: str) -> ir.Table:
    """(key, value) of the keys that have one value only."""
    pairs = t.filter(t[key].notnull() & t[value].notnull()).select(key, value).distinct()
    counted = pairs.group_by(key).aggregate(n=pairs.count(), **{value: pairs[value].min()})
    return counted.filter(counted["n"] == 1).select(key, value)
