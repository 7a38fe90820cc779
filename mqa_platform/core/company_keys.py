"""Which of our accounts somebody else's company is: by CRM id, by domain, by name.

Belongs here: the keys an account answers to as of each day, and matching what others say to them. Does
not belong here: what they say (``enrichment``, ``account_lists``), or signals (``identity``).

A name counts only while exactly one account carries it, and never against a domain: two companies of
one name are told apart by their domains. Nothing here looks ahead of the day.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from mqa_platform.core.domain_claims import policy_aliases
from mqa_platform.core.expressions import none_of_type
from mqa_platform.core.spans import closed, shared
from mqa_platform.policy.identity import Identity

ID, DOMAIN, NAME = "id", "domain", "name"
_HELD = ("account_id", "version_from", "kind", "key", "held_domain", "held_from", "held_to")


def sole_names(versions: ir.Table, name_keys: ir.Table) -> ir.Table:
    """(name_key, sole_from, sole_to): the stretches in which one account alone carries a name."""
    keyed = versions.join(name_keys, "name")
    keyed = keyed.filter(keyed["name_key"].notnull())
    starts = keyed.select("name_key", day=keyed["valid_from"], change=ibis.literal(1))
    ended = keyed.filter(keyed["valid_to"].notnull())
    ends = ended.select("name_key", day=ended["valid_to"], change=ibis.literal(-1))
    moves = starts.union(ends)
    moves = moves.group_by("name_key", "day").aggregate(change=moves["change"].sum())
    # One version of an account after the other is no change of who carries the name.
    moves = moves.filter(moves["change"] != 0)
    order = ibis.window(group_by="name_key", order_by="day")
    upto = ibis.window(group_by="name_key", order_by="day", preceding=None, following=0)
    counted = moves.mutate(
        carriers=moves["change"].sum().over(upto),
        sole_to=closed(moves["day"].lead().over(order)),
    )
    return counted.filter(counted["carriers"] == 1).select("name_key", "sole_to", sole_from="day")


def holdings(versions: ir.Table, name_keys: ir.Table, domains: ir.Table | None = None) -> ir.Table:
    """The keys that each version of an account answers to, with the days on which it does.

    Args:
        versions: account_id, name, domain, valid_from, valid_to; living accounts only.
        name_keys: ``matching.NAME_KEY`` for their names; a name without a row has no key.
        domains: (domain, account_id, valid_from, valid_to), of which each row is of one version;
            default the versions' own domains.
    """
    own = versions.filter(versions["domain"].notnull() & (versions["domain"] != ""))
    listed = domains if domains is not None else own
    sole = sole_names(versions, name_keys).rename(sole_key="name_key")
    named = versions.join(name_keys.rename(known_name="name"), [("name", "known_name")])
    named = named.filter(named["name_key"].notnull())
    named = named.mutate(until=closed(named["valid_to"])).join(sole, [("name_key", "sole_key")])
    first, end = shared(named, ("valid_from", "until"), ("sole_from", "sole_to"))
    named = named.mutate(held_from=first, held_to=end)
    parts = [
        _held(versions, ID, "account_id"),
        _held(listed, DOMAIN, "domain"),
        _held(named.filter(named["held_from"] < named["held_to"]), NAME, "name_key"),
    ]
    return parts[0].union(parts[1]).union(parts[2]).distinct()


def _held(t: ir.Table, kind: str, key: str) -> ir.Table:
    given = t.columns
    return t.select(
        account_id=t["account_id"],
        version_from=t["valid_from"],
        kind=ibis.literal(kind),
        key=t[key],
        held_domain=t["domain"].nullif(""),
        held_from=t["held_from"] if "held_from" in given else t["valid_from"],
        held_to=t["held_to"] if "held_to" in given else closed(t["valid_to"]),
    ).select(*_HELD)


def named_by(t: ir.Table, name_keys: ir.Table, carried: Sequence[str], strictly: bool) -> ir.Table:
    """Records of others under every key that they give: kind, key, named_domain, and ``carried``.

    Args:
        t: account_id, domain, company_name and the carried columns.
        name_keys: ``matching.NAME_KEY`` for the company names.
        carried: further columns to keep.
        strictly: a record that names a CRM id is about that account alone, else its domain and its
            name speak as well.
    """
    keys = name_keys.select(known_name="name", name_key="name_key")
    t = t.left_join(keys, [("company_name", "known_name")])
    t = t.mutate(account_id=t["account_id"].nullif(""), domain=t["domain"].nullif(""))
    loose = t.filter(t["account_id"].isnull()) if strictly else t

    def under(rows: ir.Table, kind: str, key: str) -> ir.Table:
        chosen = rows.filter(rows[key].notnull())
        domain = chosen["domain"] if kind == NAME else none_of_type("string")
        return chosen.select(
            *carried, kind=ibis.literal(kind), key=chosen[key], named_domain=domain
        )

    parts = [
        under(t, ID, "account_id"),
        under(loose, DOMAIN, "domain"),
        under(loose, NAME, "name_key"),
    ]
    return parts[0].union(parts[1]).union(parts[2])


def matched(held: ir.Table, named: ir.Table) -> ir.Table:
    """What others say, by the version of the account it is about.

    Args:
        held: ``holdings``.
        named: ``named_by`` with said_from and said_to (closed).

    Returns:
        The columns of ``named`` with account_id, version_from, match_from and match_to: the days on
        which it is said of that version.
    """
    said = named.rename(named_kind="kind", named_key="key")
    t = held.join(
        said,
        [
            held["kind"] == said["named_kind"],
            held["key"] == said["named_key"],
            held["held_from"] < said["said_to"],
            said["said_from"] < held["held_to"],
        ],
    )
    apart = (t["kind"] == NAME) & t["named_domain"].notnull() & t["held_domain"].notnull()
    t = t.filter(~apart)
    first, end = shared(t, ("held_from", "held_to"), ("said_from", "said_to"))
    return t.mutate(match_from=first, match_to=end).drop(
        "named_kind", "named_key", "named_domain", "held_domain", "held_from", "held_to"
    )


def account_domains(accounts: ir.Table, identity: Identity) -> ir.Table:
    """(domain, account_id, valid_from, valid_to): own domains, aliases and the policy's aliases."""
    live = accounts.filter(~accounts["is_deleted"])
    span = ["account_id", "valid_from", "valid_to"]
    own = live.filter(live["domain"].notnull()).select("domain", *span)
    listed = live.filter(live["aliases"].notnull() & (live["aliases"] != ""))
    aliases = listed.select(
        domain=listed["aliases"].split(";").unnest(), **{c: listed[c] for c in span}
    )
    known = own.union(aliases.filter(aliases["domain"] != ""))
    by_policy = [
        known.filter(known["domain"] == target).mutate(domain=ibis.literal(alias))
        for alias, target in policy_aliases(identity)
    ]
    for more in by_policy:
        known = known.union(more)
    return known.distinct()
