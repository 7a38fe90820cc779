"""Addresses that many companies share, and that therefore are no company's.

Belongs here: telling a gateway, a proxy before our own site or a provider's shared address from an
office. Does not belong here: addresses that a list names (``ip_owners``).

A day is judged whole. People who say who they are stay found: only the address loses its word.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.policy.identity import Identity


def shared_ips(signals: ir.Table, ip_answers: ir.Table, identity: Identity) -> ir.Table:
    """(shared_ip, shared_day): addresses with too many visitors on a day to be one company's.

    One is shared when more visitors than ``nat_ips.visitors`` come from it, and either people of
    ``nat_ips.companies`` companies are among them or they are ``nat_ips.share`` of the day's visitors with
    an address. The range of a listed office is never shared.
    """
    rules = identity.nat_ips
    t = signals.filter(signals["ip"].notnull() & (signals["direction"] == "inbound"))
    t = t.mutate(visitor=t["anonymous_id"].coalesce(t["person_key"]))
    seen = t.group_by("ip", "signal_date").aggregate(
        visitors=t["visitor"].nunique(), companies=t["email_domain"].nunique()
    )
    # A visitor of two addresses counts twice: then neither has them all.
    whole = seen.group_by("signal_date").aggregate(day_visitors=seen["visitors"].sum())
    seen = seen.join(whole, "signal_date")
    many = seen["visitors"] > rules.visitors
    most = seen["visitors"].cast("float64") >= seen["day_visitors"].cast("float64") * rules.share
    mixed = seen["companies"] >= rules.companies
    seen = seen.filter(many & (mixed | most))
    offices = ip_answers.filter(
        ibis.coalesce(
            ip_answers["office_domain"], ip_answers["office_key"], ip_answers["dated_offices"]
        ).notnull()
    )
    seen = seen.anti_join(offices, "ip")
    return seen.select(shared_ip="ip", shared_day="signal_date")
