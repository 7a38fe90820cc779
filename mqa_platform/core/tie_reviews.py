"""Ties over names and offices, for a person to settle: a part of ``identity_reviews``.

Belongs here: from signals that a tie leaves without an account to the accounts it is between. Does not
belong here: what a tie is (``ties``), or the other doubts (``reviews``).

Unlike a domain, a name or an office is listed only while signals wait for it: a CRM has many accounts of
one name, and a list of networks many companies that never visit.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.ip_answers import offices_in_time
from mqa_platform.core.spans import closed
from mqa_platform.core.ties import office_claims, settled_names


def tie_reviews(
    waiting: ir.Table, name_keys: ir.Table, answers: ir.Table, owners: ir.Table, carried: ir.Table
) -> ir.Table:
    """One row a tied name or office and candidate: the columns of identity_reviews, of the kind ``tie``.

    ``ref`` is the cleaned name, or the network as the evidence of a match would show it.

    Args:
        waiting: signals of the reason tie_refused: signal_id, signal_date, company_name, ip.
        name_keys: (name, name_key) of the signals' companies, near names as the accounts' own.
        answers: ``ip_owners.IP_ANSWER`` for their addresses.
        owners: ``domains.OWNER``.
        carried: ``ties.carriers``.
    """
    names = settled_names(carried)
    tied = names.filter(names["name_tied"])
    tied = tied.select("name_from", tied_key="name_key", name_end=closed(tied["name_to"]))
    asked = _named(waiting, name_keys, answers).join(tied, [("ref", "tied_key")])
    asked = asked.filter(
        (asked["name_from"] <= asked["signal_date"]) & (asked["signal_date"] < asked["name_end"])
    )
    asked = asked.select("signal_id", "signal_date", "ref").distinct()
    c = carried.select(
        "name_key",
        "carried_from",
        candidate="account_id",
        carried_end=closed(carried["carried_to"]),
    )
    by_name = asked.join(c, [("ref", "name_key")])
    by_name = by_name.filter(
        (by_name["carried_from"] <= by_name["signal_date"])
        & (by_name["signal_date"] < by_name["carried_end"])
    )
    claims = office_claims(waiting, answers, owners, carried)
    by_office = waiting.join(claims, [("ip", "tied_ip"), ("signal_date", "tied_day")])
    by_office = by_office.mutate(ref=by_office["tied_range"])
    columns = ("signal_id", "signal_date", "ref", "candidate")
    parts = [_nullable(t.select(*columns)) for t in (by_name, by_office)]
    t = parts[0].union(parts[1])
    return told(t)


def told(t: ir.Table) -> ir.Table:
    """Reviews of the kind ``tie`` out of (signal_id, signal_date, ref, candidate)."""
    return t.group_by("ref", "candidate").aggregate(
        kind=ibis.literal("tie"),
        is_suggested=ibis.literal(False),
        first_seen=t["signal_date"].min(),
        last_seen=t["signal_date"].max(),
        signals=t["signal_id"].nunique(),
    )


def office_domains(waiting: ir.Table, answers: ir.Table) -> ir.Table:
    """(signal_id, signal_date, ref): the domain of the office that each waiting signal came from."""
    t = _offices(waiting, answers)
    return t.filter(t["office_domain"].notnull()).select(
        "signal_id", "signal_date", ref="office_domain"
    )


def _named(waiting: ir.Table, name_keys: ir.Table, answers: ir.Table) -> ir.Table:
    """(signal_id, signal_date, ref) of the names that speak for a signal: given, office, network."""
    given = waiting.join(name_keys, [("company_name", "name")])
    # Beside a domain the name of an office says nothing.
    offices = _offices(waiting, answers)
    offices = offices.filter(offices["office_domain"].isnull())
    network = waiting.join(answers.select("asn_key", answer_ip="ip"), [("ip", "answer_ip")])
    told = ((given, "name_key"), (offices, "office_key"), (network, "asn_key"))
    parts = [
        _nullable(t.filter(t[c].notnull()).select("signal_id", "signal_date", ref=c))
        for t, c in told
    ]
    return parts[0].union(parts[1]).union(parts[2])


def _offices(waiting: ir.Table, answers: ir.Table) -> ir.Table:
    """(signal_id, signal_date, office_domain, office_key): the one office of each address on the day."""
    lasting = answers.select("office_domain", "office_key", answer_ip="ip")
    always = waiting.join(lasting, [("ip", "answer_ip")])
    spans = offices_in_time(answers)
    dated = waiting.join(spans, [("ip", "span_ip")])
    dated = dated.filter(
        (dated["span_from"] <= dated["signal_date"]) & (dated["signal_date"] < dated["span_to"])
    )
    dated = dated.mutate(office_domain=dated["span_domain"], office_key=dated["span_key"])
    columns = ("signal_id", "signal_date", "office_domain", "office_key")
    parts = [_nullable(t.select(*columns)) for t in (always, dated)]
    return parts[0].union(parts[1])


def _nullable(t: ir.Table) -> ir.Table:
    # A union takes no column that may be null in one table only.
    return t.cast({c: kind.copy(nullable=True) for c, kind in t.schema().items()})
