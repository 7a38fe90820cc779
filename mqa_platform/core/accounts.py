"""Stage 3, accounts: CRM history and discovered companies, with fit, tier and suppression as of the day.

Belongs here: the tier, who is suppressed, who is discovered, who is excluded. Does not belong here: the ICP
(``fit``) or engagement (``scores``). Fit never looks at engagement, and engagement never buys fit.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.enrichment import FIRMOGRAPHICS, believed, since_when
from mqa_platform.core.expressions import first_match, none_of_type, one_of
from mqa_platform.core.firmographics import UPPER_ENDS
from mqa_platform.core.fit import FIT, on_query, with_fit
from mqa_platform.core.outside import Keep, Outside, overlaid
from mqa_platform.core.spans import merged, opened
from mqa_platform.policy.models import Policy

_CRM = (
    "account_id", "valid_from", "valid_to", "name", "domain", "aliases", "parent_account_id",
    "owner_id", "account_type", "sales_status", "sales_status_reason", "do_not_contact", "is_target",
    "tier", "is_deleted",
)  # fmt: skip


# What each motion says of an account for itself; the rest of a version is the same for all motions.
OF_MOTION = ("tier", "is_target", *FIT)


def _tier(t: ir.Table, policy: Policy, is_target: ir.BooleanValue) -> ir.StringValue:
    """The CRM's tier, else the first rule that holds, else programmatic.

    A discovered account is always programmatic: nobody has looked at it yet.
    """
    known = one_of(t["tier"], ("strategic", "scaled", "programmatic")).fill_null(False)
    cases = [(known, t["tier"]), (t["is_discovered"], ibis.literal("programmatic"))]
    for rule in policy.icp.tiers:
        holds = t["employees"].fill_null(0) >= rule.employees_at_least
        if rule.targets_only:
            holds = holds & is_target
        cases.append((holds, ibis.literal(rule.tier)))
    return first_match(cases, ibis.literal("programmatic"))


def _judged(t: ir.Table, policy: Policy, prefix: str) -> ir.Table:
    """Adds tier, is_target and fit under one motion's policy, each name behind the prefix.

    The target list is what the CRM and the lists say, and whoever meets the policy's own query.
    """
    is_target = t["is_target"] | on_query(t, policy.icp)
    told = {"tier": _tier(t, policy, is_target), "is_target": is_target}
    return with_fit(t, policy, prefix).mutate(**{prefix + n: v for n, v in told.items()})


def _suppressed(t: ir.Table, policy: Policy) -> dict[str, ir.Value]:
    """Why no handoff may open, until when and by whom: the policy, the CRM, else a list.

    What the policy and the CRM say has no end, so a list can only add to it.
    """
    lists = policy.identity.exclude_domains
    rules = [
        (one_of(t["domain"], policy.identity.own_domains), "own_company", "policy"),
        (t["account_type"] == "competitor", "competitor", "crm"),
        (one_of(t["domain"], lists.competitor), "competitor", "policy"),
        (t["account_type"] == "partner", "partner", "crm"),
        (one_of(t["domain"], lists.partner), "partner", "policy"),
        (t["do_not_contact"], "do_not_contact", "crm"),
    ]
    reasons = [(c.fill_null(False), ibis.literal(reason)) for c, reason, _ in rules]
    whom = [(c.fill_null(False), ibis.literal(by)) for c, _, by in rules]
    nothing = ibis.null("string")
    on_list = "excluded_for" in t.columns
    reason = first_match(reasons, nothing)
    end = opened(t["excluded_until"]) if on_list else none_of_type("date")
    return {
        "suppression_reason": ibis.coalesce(reason, t["excluded_for"]) if on_list else reason,
        "suppressed_until": ibis.ifelse(reason.isnull(), end, none_of_type("date")),
        "suppressed_by": first_match(whom, t["excluded_by"] if on_list else nothing),
    }


def discovered(touchpoints: ir.Table) -> ir.Table:
    """Engaged domains that no CRM account has, as accounts known from their first touchpoint on."""
    found = touchpoints.filter(touchpoints["account_id"].re_search("^domain:"))
    first = found.group_by("account_id").aggregate(valid_from=found["touchpoint_date"].min())
    domain = first["account_id"].re_extract("^domain:(.*)$", 1).nullif("")
    return first.select("account_id", "valid_from", name=domain, domain=domain)


def _as_is(t: ir.Table) -> ir.Table:
    return t


def versions(crm_accounts: ir.Table, touchpoints: ir.Table) -> ir.Table:
    """Living CRM accounts and discovered ones with the days of each version, before anybody else."""
    live = crm_accounts.filter(~crm_accounts["is_deleted"])
    listed = live.select(*_CRM, *FIRMOGRAPHICS, *UPPER_ENDS.values()).mutate(
        is_target=live["is_target"].fill_null(False), is_discovered=ibis.literal(False)
    )
    found = discovered(touchpoints)
    blanks = {c: none_of_type("string") for c in _CRM if c not in found.columns}
    blanks |= {c: none_of_type(d) for c, d in FIRMOGRAPHICS.items()}
    blanks |= {upper: none_of_type(FIRMOGRAPHICS[c]) for c, upper in UPPER_ENDS.items()}
    blanks["valid_to"] = none_of_type("date")
    no = ibis.literal(False)
    flags = {"do_not_contact": no, "is_target": no, "is_deleted": no}
    extra = found.mutate(**{**blanks, **flags, "is_discovered": ibis.literal(True)})
    return listed.union(extra.select(*listed.columns))


def judged_versions(
    crm_accounts: ir.Table,
    touchpoints: ir.Table,
    policy: Policy,
    outside: Outside | None = None,
    keep: Keep = _as_is,
) -> ir.Table:
    """Every account and version of it with what each motion says: ``<motion>__tier`` and so on.

    With ``outside``, a version of the CRM is cut where vendors or lists say something new of it, so
    that every row holds as a whole on all of its days. ``keep`` may store a table and read it back.
    Whose word counts for a field is the leading motion's to say: a fact is one fact in all motions.
    """
    t = versions(crm_accounts, touchpoints)
    if outside is not None:
        t = keep(overlaid(keep(since_when(t, policy)), outside, policy, keep))
        t = t.mutate(is_target=t["is_target"] | t["on_target_list"])
    t = believed(t, policy)
    for motion in policy.motions():
        t = _judged(t, motion, _prefix(motion))
    found = t.select(
        "account_id",
        "valid_from",
        "valid_to",
        "name",
        "domain",
        "parent_account_id",
        "is_discovered",
        *[_prefix(motion) + c for motion in policy.motions() for c in OF_MOTION],
        **_suppressed(t, policy),
        owner_id=t["owner_id"],
        account_type=t["account_type"],
        industry=t["industry"],
        employees=t["employees"],
        employees_max=t["employees_max"],
        country=t["country"],
        firmographics_from=t["firmographics_from"],
        sales_status=t["sales_status"],
        sales_status_reason=t["sales_status_reason"],
        **{c: t[c] for c in ("version_from", "version_to") if c in t.columns},
    )
    told = [c for c in found.columns if not c.startswith(("valid_", "version_"))]
    return found if outside is None else merged(keep(found), told)


def _prefix(policy: Policy) -> str:
    return f"{policy.program.motion}__"


def accounts(
    crm_accounts: ir.Table,
    touchpoints: ir.Table,
    policy: Policy,
    outside: Outside | None = None,
    keep: Keep = _as_is,
) -> ir.Table:
    """Every account and version of it under the leading motion: one row an account_id and valid_from.

    The arguments are those of ``judged_versions``.
    """
    return led(judged_versions(crm_accounts, touchpoints, policy, outside, keep), policy)


def led(judged: ir.Table, policy: Policy) -> ir.Table:
    """The table ``accounts``: the versions as the leading motion sees them."""
    mine = _prefix(policy)
    rest = [c for c in judged.columns if "__" not in c]
    return judged.select(*rest, **{c: judged[mine + c] for c in OF_MOTION})


def account_fit(judged: ir.Table, policy: Policy) -> ir.Table:
    """The table ``account_fit``: one row a version and motion, with tier, target list and fit."""
    parts = [
        judged.select(
            "account_id",
            "valid_from",
            "valid_to",
            motion=ibis.literal(motion.program.motion),
            **{c: judged[_prefix(motion) + c] for c in OF_MOTION},
        )
        for motion in policy.motions()
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole


def in_motion(accounts: ir.Table, account_fit: ir.Table, motion: str) -> ir.Table:
    """``accounts`` with tier, target list and fit as one motion sees them; the same rows and columns.

    Who takes part in the motion on which days is not decided here.
    """
    fit = account_fit.filter(account_fit["motion"] == motion)
    fit = fit.select("account_id", "valid_from", *OF_MOTION)
    rest = [c for c in accounts.columns if c not in OF_MOTION]
    both = accounts.select(*rest).join(fit, ["account_id", "valid_from"])
    return both.select(*accounts.columns)


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


def discovered_accounts(accounts: ir.Table, touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """Engaged domains that no CRM account has: what they did, and what is known of them now."""
    high = [p for s in policy.signals.signals.values() if s.high_intent for p in s.page_types]
    t = touchpoints.filter(touchpoints["account_id"].re_search("^domain:"))
    inbound = t["direction"] == "inbound"
    wanted = (one_of(t["page_type"], high) & inbound).fill_null(False)
    did = t.group_by(found="account_id").aggregate(
        first_touchpoint_on=t["touchpoint_date"].min(),
        last_touchpoint_on=t["touchpoint_date"].max(),
        people=t["person_id"].nunique(),
        signals=ibis.ifelse(inbound, 1, 0).sum(),
        high_intent_views=ibis.ifelse(wanted, 1, 0).sum(),
    )
    now = accounts.filter(accounts["is_discovered"] & accounts["valid_to"].isnull())
    return now.join(did, [("account_id", "found")]).select(
        "domain",
        "account_id",
        "first_touchpoint_on",
        "last_touchpoint_on",
        "people",
        "signals",
        "high_intent_views",
        "industry",
        "employees",
        "country",
        "fit_gate",
    )
