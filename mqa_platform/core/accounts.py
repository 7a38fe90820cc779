"""Stage 3, accounts: CRM history and discovered companies, with fit, tier and suppression as of the day.

Belongs here: the tier, who is suppressed, who is discovered, who is excluded. Does not belong here: the ICP
(``fit``) or engagement (``scores``). Fit never looks at engagement, and engagement never buys fit.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, none_of_type, one_of
from mqa_platform.core.fit import with_fit
from mqa_platform.policy.models import Policy

_FIRMOGRAPHICS = {
    "industry": "string",
    "employees": "int64",
    "revenue": "float64",
    "country": "string",
    "technologies": "string",
    "growth_pct": "float64",
}


def _tier(t: ir.Table, policy: Policy) -> ir.StringValue:
    """The CRM's tier, else the first rule that holds, else programmatic."""
    named = [
        (one_of(t["tier"], ("strategic", "scaled", "programmatic")).fill_null(False), t["tier"])
    ]
    rules = []
    for rule in policy.icp.tiers:
        holds = t["employees"].fill_null(0) >= rule.employees_at_least
        if rule.targets_only:
            holds = holds & t["is_target"]
        rules.append((holds, ibis.literal(rule.tier)))
    return first_match(named + rules, ibis.literal("programmatic"))


def _suppression(t: ir.Table, policy: Policy) -> ir.StringValue:
    own = policy.identity.own_domains
    return first_match(
        [
            (one_of(t["domain"], own).fill_null(False), ibis.literal("own_company")),
            (
                (t["account_type"] == "competitor").fill_null(False)
                | one_of(t["domain"], policy.identity.exclude_domains.competitor).fill_null(False),
                ibis.literal("competitor"),
            ),
            (
                (t["account_type"] == "partner").fill_null(False)
                | one_of(t["domain"], policy.identity.exclude_domains.partner).fill_null(False),
                ibis.literal("partner"),
            ),
            (t["do_not_contact"].fill_null(False), ibis.literal("do_not_contact")),
        ],
        ibis.null("string"),
    )


def discovered(touchpoints: ir.Table) -> ir.Table:
    """Engaged domains that no CRM account has, as accounts known from their first touchpoint on."""
    found = touchpoints.filter(touchpoints["account_id"].re_search("^domain:"))
    first = found.group_by("account_id").aggregate(valid_from=found["touchpoint_date"].min())
    domain = first["account_id"].re_extract("^domain:(.*)$", 1).nullif("")
    return first.select("account_id", "valid_from", name=domain, domain=domain)


def accounts(crm_accounts: ir.Table, touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """Every account and version of it: one row an account_id and valid_from."""
    live = crm_accounts.filter(~crm_accounts["is_deleted"])
    kept = [
        "account_id",
        "valid_from",
        "valid_to",
        "name",
        "domain",
        "parent_account_id",
        "owner_id",
        "account_type",
        "sales_status",
        "sales_status_reason",
        "do_not_contact",
        "is_target",
        "tier",
    ]
    listed = live.select(*kept, *_FIRMOGRAPHICS).mutate(
        is_target=live["is_target"].fill_null(False), is_discovered=ibis.literal(False)
    )
    found = discovered(touchpoints)
    blanks = {c: none_of_type("string") for c in kept if c not in found.columns}
    blanks |= {c: none_of_type(d) for c, d in _FIRMOGRAPHICS.items()}
    blanks["valid_to"] = none_of_type("date")
    extra = found.mutate(
        **{
            **blanks,
            "do_not_contact": ibis.literal(False),
            "is_target": ibis.literal(False),
            "is_discovered": ibis.literal(True),
        }
    )
    t = with_fit(listed.union(extra.select(*listed.columns)), policy)
    return t.select(
        "account_id",
        "valid_from",
        "valid_to",
        "name",
        "domain",
        "parent_account_id",
        tier=_tier(t, policy),
        is_target=t["is_target"],
        is_discovered=t["is_discovered"],
        fit_gate=t["fit_gate"],
        failed_criteria=t["failed_criteria"],
        missing_fields=t["missing_fields"],
        fit_score=t["fit_score"],
        fit_low=t["fit_low"],
        fit_high=t["fit_high"],
        fit_grade=t["fit_grade"],
        suppression_reason=_suppression(t, policy),
        suppressed_until=none_of_type("date"),
        owner_id=t["owner_id"],
        account_type=t["account_type"],
        industry=t["industry"],
        employees=t["employees"],
        country=t["country"],
        sales_status=t["sales_status"],
        sales_status_reason=t["sales_status_reason"],
    )


def excluded_accounts(accounts: ir.Table, touchpoints: ir.Table) -> ir.Table:
    """Accounts the ICP refuses, with the engagement they showed while refused, to review the ICP."""
    refused = accounts.filter(accounts["fit_gate"] == "fail").select(
        "account_id", "valid_from", "valid_to", "name", "failed_criteria"
    )
    t = touchpoints.filter(touchpoints["direction"] == "inbound").select(
        "touchpoint_date", "person_id", touched="account_id"
    )
    seen = refused.left_join(
        t,
        [
            refused["account_id"] == t["touched"],
            refused["valid_from"] <= t["touchpoint_date"],
            refused["valid_to"].isnull() | (t["touchpoint_date"] < refused["valid_to"]),
        ],
    )
    return seen.group_by(
        "account_id", "valid_from", "valid_to", "name", "failed_criteria"
    ).aggregate(
        touchpoints=seen["touched"].count(),
        people=seen["person_id"].nunique(),
        last_touchpoint_on=seen["touchpoint_date"].max(),
    )
