"""Answers for addresses: looked up while the address is there, stored once it was dropped.

Belongs here: telling an address from what stands in its place, and joining both kinds of answer. Does not
belong here: the look-up itself (``ip_owners``), or dropping addresses (``sources.retention``).
"""

from __future__ import annotations

import ibis.expr.types as ir

from mqa_platform.core.expressions import newest_first
from mqa_platform.core.ip_owners import IP_ANSWER

# What a signal's ``ip`` begins with once the address itself was dropped.
DROPPED = "ip:"
_PARTS = ("from", "to", "domain", "key", "range")
_SPAN = r"^([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)$"


def is_address(ip: ir.StringValue) -> ir.BooleanValue:
    """Whether a signal still has its raw address; false where it never had one."""
    return ip.notnull() & (ip.substr(0, len(DROPPED)) != DROPPED)


def addresses(signals: ir.Table) -> ir.Table:
    """(ip): the raw addresses of the signals, each once."""
    return signals.filter(is_address(signals["ip"])).select("ip").distinct()


def with_stored(live: ir.Table, stored: ir.Table, signals: ir.Table) -> ir.Table:
    """One ``ip_owners.IP_ANSWER`` row an ``ip`` of the signals, address or not.

    Args:
        live: the answers of ``ip_owners.ip_lookup`` for ``addresses(signals)``.
        stored: the landed_ip_answers table. What stands for an address says the same in every batch.
        signals: the signals that are asked about.
    """
    asked = signals.filter(signals["ip"].notnull()).select("ip").distinct()
    known = newest_first(
        stored.semi_join(asked, "ip"), ["ip"], [stored["version"], stored["batch_id"]]
    )
    return live.select(*IP_ANSWER.names).union(known.select(*IP_ANSWER.names))


def offices_in_time(answers: ir.Table) -> ir.Table:
    """(span_ip, span_from, span_to, span_domain, span_key, span_range): offices that hold for a time.

    The spans of one address do not overlap; ``span_to`` is the first day that it no longer holds.
    """
    each, listed = _listed(answers)
    return each.semi_join(listed.filter(listed["n"] == 1), ["span_ip", "span_from"])


def tied_offices(answers: ir.Table) -> ir.Table:
    """The same columns for offices that several companies list: one row a company, in equal spans."""
    each, listed = _listed(answers)
    return each.semi_join(listed.filter(listed["n"] > 1), ["span_ip", "span_from"])


def _listed(answers: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Every line of ``dated_offices``, and how many lines each span of an address has."""
    dated = answers.filter(answers["dated_offices"].notnull() & (answers["dated_offices"] != ""))
    each = dated.select(span_ip="ip", span=dated["dated_offices"].split("\n").unnest())
    part = {name: each["span"].re_extract(_SPAN, i + 1).nullif("") for i, name in enumerate(_PARTS)}
    each = each.select(
        "span_ip",
        span_from=part["from"].cast("date"),
        span_to=part["to"].cast("date"),
        span_domain=part["domain"],
        span_key=part["key"],
        span_range=part["range"],
    )
    return each, each.group_by("span_ip", "span_from").aggregate(n=each.count())
