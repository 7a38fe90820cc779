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
    """(shared_ip, shared_day): addresses with too much of a day's traffic to be one company's.

    One is shared when more visitors than ``nat_ips.visitors`` come from it, and either people of
    ``nat_ips.companies`` companies are among them or they are ``nat_ips.share`` of the day's visitors with
    an address; or when at least ``nat_ips.signals`` signals come from it and they are that share of
    the day's, since a log behind a proxy may know one visitor only. The range of a listed office is
    shared only where ``nat_ips.office_share`` of the day's visitors, or signals, are behind it: then
    everybody seems to come from there, whoever is listed for it.
    """
    rules = identity.nat_ips
    t = signals.filter(signals["ip"].notnull() & (signals["direction"] == "inbound"))
    t = t.mutate(visitor=t["anonymous_id"].coalesce(t["person_key"]))
    seen = t.group_by("ip", "signal_date").aggregate(
        visitors=t["visitor"].nunique(),
        companies=t["email_domain"].nunique(),
        signals=t.count(),
    )
    # A visitor of two addresses counts twice: then neither has them all.
    whole = seen.group_by("signal_date").aggregate(
        day_visitors=seen["visitors"].sum(), day_signals=seen["signals"].sum()
    )
    seen = seen.join(whole, "signal_date")
    many = seen["visitors"] > rules.visitors
    most = _is_share(seen["visitors"], seen["day_visitors"], rules.share)
    busiest = _is_share(seen["signals"], seen["day_signals"], rules.share)
    mixed = seen["companies"] >= rules.companies
    loud = seen["signals"] >= rules.signals
    nearly_all = many & _is_share(seen["visitors"], seen["day_visitors"], rules.office_share)
    nearly_all = nearly_all | (
        loud & _is_share(seen["signals"], seen["day_signals"], rules.office_share)
    )
    seen = seen.mutate(is_all=nearly_all)
    seen = seen.filter((many & (mixed | most)) | (loud & busiest))
    offices = ip_answers.filter(
        ibis.coalesce(
            ip_answers["office_domain"], ip_answers["office_key"], ip_answers["dated_offices"]
        ).notnull()
    )
    seen = seen.left_join(offices.select(office_ip="ip").distinct(), [("ip", "office_ip")])
    seen = seen.filter(seen["office_ip"].isnull() | seen["is_all"])
    return seen.select(shared_ip="ip", shared_day="signal_date")


def _is_share(part: ir.IntegerValue, whole: ir.IntegerValue, share: float) -> ir.BooleanValue:
    return part.cast("float64") >= whole.cast("float64") * share
