"""Names and offices that several accounts claim: nobody's, until a person settles it.

Belongs here: which accounts carry a company name or list an address, and where that is a tie. Does not
belong here: domains that several accounts claim (``domains``), or which rule asks (``identity``).

A name is what the CRM said on the day. Accounts whose points go to one node are one owner, as with domains.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import in_force, none_of_type
from mqa_platform.core.ip_answers import tied_offices
from mqa_platform.core.spans import closed, opened

# A name that more accounts carry over time than this is not looked at day by day.
_MANY = 60


def carriers(accounts: ir.Table, name_keys: ir.Table, nodes: ir.Table) -> ir.Table:
    """(name_key, account_id, node_id, industry, carried_from, carried_to, is_exact): who carries a name when.

    An account carries the name that the CRM had for it on the day; a merged one still answers to its
    last name, as its survivor, and a deleted one does not. A name of one word is also carried, not
    exactly, by accounts whose name goes on after that word: "Delta" may mean "Delta Airlines".

    Args:
        accounts: crm_accounts with history.
        name_keys: ``matching.NAME_KEY`` for their names.
        nodes: ``hierarchy.NODE``.
    """
    t = _named_days(accounts, name_keys)
    n = nodes.select("node_id", carrier="account_id", since="valid_from", until="valid_to")
    both = t.join(n, [("account_id", "carrier")])
    start = ibis.greatest(both["carried_from"], both["since"])
    end = ibis.least(closed(both["carried_to"]), closed(both["until"]))
    both = both.mutate(carried_from=start, carried_to=end)
    both = both.filter(both["carried_from"] < both["carried_to"])
    columns = ("name_key", "account_id", "node_id", "industry", "carried_from")
    exact = both.select(
        *columns, carried_to=opened(both["carried_to"]), is_exact=ibis.literal(True)
    )
    word = exact["name_key"].re_extract("^([^ ]+) ", 1).nullif("")
    longer = exact.mutate(word=word).filter(word.notnull())
    names = exact.select(full="name_key").distinct()
    longer = longer.join(names, [("word", "full")])
    longer = longer.mutate(name_key=longer["word"], is_exact=ibis.literal(False))
    return exact.union(longer.select(*exact.columns).cast(exact.schema()))


def _named_days(accounts: ir.Table, name_keys: ir.Table) -> ir.Table:
    """(name_key, account_id, industry, carried_from, carried_to): stretches of one name, the last open."""
    living = accounts.filter(~accounts["is_deleted"])
    t = living.select("account_id", "name", "industry", "valid_from", "valid_to")
    t = t.join(name_keys.rename(of_name="name"), [("name", "of_name")])
    order = ibis.window(group_by="account_id", order_by="valid_from")
    t = t.mutate(
        goes_on=(
            t["name_key"].identical_to(t["name_key"].lag().over(order))
            & (t["valid_from"] == t["valid_to"].lag().over(order))
        ).fill_null(False),
        is_last=t["valid_from"].lead().over(order).isnull(),
    )
    upto = ibis.window(group_by="account_id", order_by="valid_from", preceding=None, following=0)
    t = t.mutate(
        stretch=ibis.ifelse(t["goes_on"], 0, 1).sum().over(upto),
        is_end=~t["goes_on"].lead().over(order).fill_null(False),
    )
    t = t.filter(t["name_key"].notnull())
    end = ibis.ifelse(t["is_last"], none_of_type("date"), t["valid_to"])
    t = t.mutate(end=closed(end))
    t = t.group_by("account_id", "stretch", "name_key").aggregate(
        carried_from=t["valid_from"].min(),
        carried_to=t["end"].max(),
        # The industry it was last said to be in: one row a stretch is its end.
        industry=t["industry"].max(where=t["is_end"]),
    )
    return t.mutate(carried_to=opened(t["carried_to"])).drop("stretch")


def settled_names(carried: ir.Table) -> ir.Table:
    """(name_key, name_account, name_tied, name_industry, name_from, name_to): one row a name and stretch.

    ``name_account`` is null where the carriers' points go to several nodes. Of carriers of one node it
    is the node itself, else the first by id. ``name_to`` is the first day that it no longer holds.
    """
    counts = carried.group_by(busy="name_key").aggregate(n=carried.count())
    t = carried.join(counts, [("name_key", "busy")]).drop("busy")
    # A name that so many carry is a tie on all of its days; to look at each day would cost the square.
    busy = t.filter(t["n"] > _MANY)
    always = busy.group_by("name_key").aggregate(
        name_account=none_of_type("string"),
        name_tied=busy["node_id"].nunique() > 1,
        name_industry=none_of_type("string"),
        name_from=busy["carried_from"].min(),
        name_to=none_of_type("date"),
    )
    rest = t.filter(t["n"] <= _MANY)
    days = rest.select("name_key", day="carried_from").union(
        rest.filter(rest["carried_to"].notnull()).select("name_key", day="carried_to")
    )
    order = ibis.window(group_by="name_key", order_by="day")
    days = days.distinct()
    days = days.select(of="name_key", name_from="day", name_to=days["day"].lead().over(order))
    held = rest.join(days, [("name_key", "of")])
    held = held.filter(
        (held["carried_from"] <= held["name_from"])
        & (held["carried_to"].isnull() | (held["name_from"] < held["carried_to"]))
    )
    is_node = held["is_exact"] & (held["account_id"] == held["node_id"])
    found = held.group_by("name_key", "name_from", "name_to").aggregate(
        nodes=held["node_id"].nunique(),
        named=held["is_exact"].any(),
        itself=held["account_id"].min(where=is_node),
        first=held["account_id"].min(where=held["is_exact"]),
        name_industry=held["industry"].min(where=held["is_exact"]),
    )
    found = found.filter(found["named"])
    sole = ibis.coalesce(found["itself"], found["first"])
    settled = found.select(
        "name_key",
        name_account=ibis.ifelse(found["nodes"] == 1, sole, ibis.null("string")),
        name_tied=found["nodes"] > 1,
        name_industry=found["name_industry"],
        name_from=found["name_from"],
        name_to=found["name_to"],
    )
    return stacked(settled, always)


def office_claims(
    visits: ir.Table, answers: ir.Table, owners: ir.Table, carried: ir.Table
) -> ir.Table:
    """(tied_ip, tied_day, tied_range, candidate): accounts that list an address which others list too.

    An office that only companies which are no accounts list has no row: there is nothing to settle.
    Nor has one whose lines are all of one account, under several of its domains.

    Args:
        visits: signals with ip and signal_date.
        answers: ``ip_owners.IP_ANSWER``.
        owners: ``domains.OWNER``; those that are refused claim the office as well.
        carried: ``carriers``.
    """
    lines = _office_lines(visits, answers, owners, carried)
    sole = _sole(lines).select("tied_ip", "tied_day")
    t = lines.filter(lines["candidate"].notnull()).anti_join(sole, ["tied_ip", "tied_day"])
    return t.select("tied_ip", "tied_day", "tied_range", "candidate").distinct()


def sole_offices(
    visits: ir.Table, answers: ir.Table, owners: ir.Table, carried: ir.Table
) -> ir.Table:
    """(sole_ip, sole_day, sole_range, sole_account): addresses that one account lists several times.

    Of several accounts whose points go to one node it is the node itself, else the first by id.
    The arguments are those of ``office_claims``.
    """
    t = _sole(_office_lines(visits, answers, owners, carried))
    return t.select(
        sole_ip="tied_ip", sole_day="tied_day", sole_range="range", sole_account="account"
    )


def _sole(lines: ir.Table) -> ir.Table:
    """(tied_ip, tied_day, range, account): where every line is known, and all lead to one node."""
    is_node = lines["candidate"] == lines["node_id"]
    t = lines.group_by("tied_ip", "tied_day").aggregate(
        nodes=lines["node_id"].nunique(),
        unknown=lines["candidate"].isnull().any(),
        range=lines["tied_range"].max(),
        itself=lines["candidate"].max(where=is_node),
        first=lines["candidate"].min(),
    )
    t = t.filter((t["nodes"] == 1) & ~t["unknown"])
    return t.select("tied_ip", "tied_day", "range", account=ibis.coalesce(t["itself"], t["first"]))


def _office_lines(
    visits: ir.Table, answers: ir.Table, owners: ir.Table, carried: ir.Table
) -> ir.Table:
    """(tied_ip, tied_day, tied_range, candidate, node_id): every line with the accounts behind it.

    A line with a domain is whose the domain is: its name may be that of another company.
    """
    asked = visits.filter(visits["ip"].notnull()).select(tied_ip="ip", tied_day="signal_date")
    t = asked.distinct().join(tied_offices(answers), [("tied_ip", "span_ip")])
    t = t.filter((t["span_from"] <= t["tied_day"]) & (t["tied_day"] < t["span_to"]))
    t = t.select("tied_ip", "tied_day", "span_domain", "span_key", tied_range="span_range")
    o = owners.select("valid_from", "valid_to", "domain", "node_id", candidate="account_id")
    domains = t.filter(t["span_domain"].notnull()).select("span_domain", "tied_day").distinct()
    held = domains.join(o, [("span_domain", "domain")])
    held = held.filter(in_force(held, held["tied_day"]))
    held = held.select("candidate", "node_id", held_domain="span_domain", held_day="tied_day")
    by_domain = t.filter(t["span_domain"].notnull()).left_join(
        held, [("span_domain", "held_domain"), ("tied_day", "held_day")]
    )
    n = carried.select(
        "name_key",
        "node_id",
        "carried_from",
        candidate="account_id",
        carried_end=closed(carried["carried_to"]),
    )
    nameless = t.filter(t["span_domain"].isnull())
    nameless = nameless.mutate(day=nameless["tied_day"])
    by_name = nameless.left_join(
        n,
        [
            nameless["span_key"] == n["name_key"],
            n["carried_from"] <= nameless["day"],
            nameless["day"] < n["carried_end"],
        ],
    )
    columns = ("tied_ip", "tied_day", "tied_range", "candidate", "node_id")
    parts = [each.select(*columns) for each in (by_domain, by_name)]
    parts = [p.cast({c: k.copy(nullable=True) for c, k in p.schema().items()}) for p in parts]
    return parts[0].union(parts[1]).distinct()
