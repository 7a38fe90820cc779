"""What never becomes an account's, each under its reason.

Belongs here: the reasons, which of them stop every rule, the policy's lists of domains. Does not belong
here: behaviour (``bots``, ``link_scanners``, ``shared_ips``), ranges (``ip_owners``), or which rule speaks
(``identity``).
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, newest_first, one_of
from mqa_platform.policy.identity import Identity

# A domain with one of these ends the search: what else the signal carries is the same visitor's.
STOPPING: Final = ("internal", "bot", "competitor", "partner", "education")
# Every reason a signal may be nobody's; the contract of unresolved_signals holds the same.
REASONS: Final = frozenset(
    {
        *STOPPING, "free_mail", "disposable_mail", "isp", "hosting", "vpn", "mobile_carrier",
        "link_scanner", "shared_ip", "no_consent", "tie_refused", "no_match",
    }
)  # fmt: skip
# Of those, the ones that say "not a buyer" and not "we do not know who".
EXCLUDED: Final = REASONS - {"no_match", "tie_refused", "no_consent"}


def excluded(domain: ir.StringValue, host: ir.StringValue, identity: Identity) -> ir.StringValue:
    """The policy's reason against a domain (or a full host name), or null."""
    lists = identity.exclude_domains
    reasons = {
        "internal": [*lists.internal, *identity.own_domains],
        "bot": lists.bot,
        "competitor": lists.competitor,
        "partner": lists.partner,
        "education": lists.education,
        "isp": lists.isp,
        "mobile_carrier": lists.mobile_carrier,
        "hosting": lists.hosting,
        "vpn": lists.vpn,
        "free_mail": lists.free_mail,
        "disposable_mail": lists.disposable_mail,
    }
    cases = [
        (
            one_of(domain, names).fill_null(False) | one_of(host, names).fill_null(False),
            ibis.literal(reason),
        )
        for reason, names in reasons.items()
        if names
    ]
    return first_match(cases, ibis.null("string"))


def stopping(reason: ir.StringValue) -> ir.BooleanValue:
    """Whether a reason ends the search; false where there is none."""
    return one_of(reason, STOPPING).fill_null(False)


def with_reasons(status: ir.Table, listed_domains: ir.Table, identity: Identity) -> ir.Table:
    """(domain, day, n_accounts, is_tie) with ``against``: the policy, education, then the known mail hosts.

    A university that is an account in the CRM is a customer, whatever its domain looks like.
    """
    listed = listed_domains.select(
        listed_domain="domain",
        listed_kind=ibis.ifelse(
            listed_domains["kind"] == "disposable", "disposable_mail", "free_mail"
        ),
    )
    listed = newest_first(listed, ["listed_domain"], [listed["listed_kind"].desc()])
    status = status.left_join(listed, [("domain", "listed_domain")])
    education = (
        status["domain"].re_search(identity.education_pattern)
        if identity.exclude_education
        else ibis.literal(False)
    )
    reason = ibis.coalesce(
        excluded(status["domain"], status["domain"], identity),
        ibis.ifelse(education & (status["n_accounts"] == 0), "education", ibis.null("string")),
        status["listed_kind"],
    )
    return status.select("domain", "day", "n_accounts", "is_tie", against=reason)
