"""Stage 3 as an asset: every account and version, with fit, tier and suppression.

Belongs here: ``accounts`` and what is told beside them: the refused, the discovered, the tree, the
duplicates and what is to be reviewed. Does not belong here: the ICP (``core.accounts``).
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.addresses import ip_answers
from mqa_platform.assets.corrections import associations, identities
from mqa_platform.assets.known import known
from mqa_platform.assets.names import names
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import accounts as core
from mqa_platform.core.contact_reviews import contact_reviews
from mqa_platform.core.duplicates import crm_duplicates
from mqa_platform.core.expressions import shard
from mqa_platform.core.firmographics import unknown_words
from mqa_platform.core.known import Known, account_merges
from mqa_platform.core.look_alikes import LIKENESSES, look_alike_reviews, seen_domains
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.core.name_matching import with_near_keys
from mqa_platform.core.name_reviews import name_reviews
from mqa_platform.core.outside import Outside, unmatched_entries
from mqa_platform.core.reviews import identity_reviews
from mqa_platform.core.spans import within
from mqa_platform.core.tie_reviews import office_domains, tie_reviews
from mqa_platform.core.ties import carriers
from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy
from mqa_platform.sources.reference import reference_domains

TABLES = [
    "accounts",
    "account_fit",
    "unknown_words",
    "excluded_accounts",
    "discovered_accounts",
    "account_hierarchy",
    "crm_duplicates",
    "identity_reviews",
]
SAMPLE = 10
_WAITING = ("signal_id", "signal_date", "company_name", "ip", "person_key", "email_domain")


def outside(step: Step) -> Outside:
    """What vendors and lists say, and the keys of all names that may have to be compared."""
    records, lists = step.table("enrichment"), step.table("account_lists")
    said = records.select(name="company_name").union(lists.select(name="company_name"))
    names = step.table("crm_accounts").select("name").union(said.filter(said["name"].notnull()))
    names = names.distinct()
    keys = step.session.apply(NAME_KEYS, names.mutate(shard=shard(names["name"])), "shard")
    return Outside(records, lists, keys)


def judged(step: Step, others: Outside) -> tuple[ir.Table, ir.Table]:
    """``accounts`` and ``account_fit``: each version under the policy in force on its days."""
    touchpoints, crm, keep = (
        step.table("touchpoints"),
        step.table("crm_accounts"),
        step.session.keep,
    )
    parts = []
    for first, end, policy in step.policies.stretches(_judging):
        versions = keep(core.judged_versions(crm, touchpoints, policy, others, keep))
        versions = within(versions, first, end)
        parts.append((core.led(versions, policy), core.account_fit(versions, policy)))
    found, fit = zip(*parts, strict=True)
    return keep(reduce(ir.Table.union, found)), reduce(ir.Table.union, fit)


def _judging(policy: Policy) -> object:
    """What of a policy decides fit, tier, target list and suppression."""
    identity = policy.identity
    lists = identity.exclude_domains, identity.own_domains
    return lists, {p.program.motion: p.icp for p in policy.motions()}


def accounts(step: Step, window: Window | None = None) -> Outcome:
    """Publishes all accounts as they are known now, each version with the days it held."""
    touchpoints, others = step.table("touchpoints"), outside(step)
    found, fit = judged(step, others)
    published = step.publish(
        None,
        {
            "accounts": found,
            "account_fit": fit,
            "unknown_words": unknown_words(found, step.policy.icp),
            "excluded_accounts": core.excluded_accounts(found, touchpoints),
            "discovered_accounts": core.discovered_accounts(found, touchpoints, step.policy),
            **account_tables(step),
        },
    )
    a = step.table("accounts")
    a = a.filter(a["valid_to"].isnull())
    gates = a.group_by("fit_gate").aggregate(n=a.count())
    facts: dict[str, Any] = {f"fit_{r['fit_gate']}": r["n"] for r in step.session.rows(gates)}
    found_count = step.session.rows(a.aggregate(n=a["is_discovered"].sum()))[0]["n"]
    facts["discovered"] = int(found_count or 0)
    return Outcome(published, facts | _strangers(step, others) | _strange_words(step))


def account_tables(step: Step) -> dict[str, ir.Table]:
    """The tree of accounts, the CRM's duplicates, and what identity would not decide."""
    facts = known(step)
    return {
        "account_hierarchy": facts.nodes,
        "crm_duplicates": crm_duplicates(
            account_merges(associations(step)),
            step.table("crm_accounts"),
            facts.nodes,
            step.table("crm_opportunities"),
            step.table("crm_activities"),
            step.table("crm_users"),
        ),
        "identity_reviews": _reviews(step, facts),
    }


def _reviews(step: Step, facts: Known) -> ir.Table:
    signals, unresolved = step.table("signals"), step.table("unresolved_signals")
    crm, keep = step.table("crm_accounts"), step.session.keep
    left = unresolved.filter(unresolved["reason"] == "tie_refused")
    waiting = keep(signals.semi_join(left, "signal_id").select(*_WAITING))
    answers = keep(ip_answers(step, waiting))
    keys, near = names(step, signals)
    own_keys = with_near_keys(keys, near)
    carried = keep(carriers(crm, own_keys, facts.nodes))
    parts = [
        identity_reviews(
            facts, identities(step), signals, unresolved, office_domains(waiting, answers)
        ),
        name_reviews(near, keys, crm, signals, unresolved),
        tie_reviews(waiting, own_keys, answers, facts.owners, carried),
        contact_reviews(waiting, step.table("crm_contacts"), facts, _free_mail(step)),
        _look_alikes(step, facts),
    ]
    # A union takes no column that may be null in one table only.
    nullable = {c: t.copy(nullable=True) for c, t in parts[0].schema().items()}
    doubts, *others = (t.select(*nullable).cast(nullable) for t in parts)
    for more in others:
        doubts = doubts.union(more)
    return doubts


def _free_mail(step: Step) -> ir.Table:
    return step.session.constant("listed_domains", reference_domains())


def _look_alikes(step: Step, facts: Known) -> ir.Table:
    seen = step.session.keep(seen_domains(step.table("touchpoints")))
    domains = facts.owners.select("domain").union(seen.select("domain")).distinct()
    asked = domains.mutate(shard=shard(domains["domain"]))
    told = step.session.apply(LIKENESSES, asked, "shard")
    return look_alike_reviews(facts.owners, seen, told)


def _strange_words(step: Step) -> dict[str, Any]:
    """Industries and countries that no table understands: on how many accounts, and the commonest."""
    t = step.table("unknown_words")
    count = step.session.rows(t.aggregate(n=t["accounts"].sum()))[0]["n"]
    facts: dict[str, Any] = {"accounts_with_unknown_words": int(count or 0)}
    shown = t.order_by(t["accounts"].desc(), "field", "word").limit(SAMPLE)
    listed = [f"{r['field']} {r['word']}: {r['accounts']}" for r in step.session.rows(shown)]
    if listed:
        facts["unknown_words_sample"] = dg.MetadataValue.json(listed)
    return facts


def _strangers(step: Step, others: Outside) -> dict[str, Any]:
    """Entries of lists that are about no account of ours: how many, and the first of them."""
    known = core.versions(step.table("crm_accounts"), step.table("touchpoints"))
    t = step.session.keep(unmatched_entries(known, others, step.policy))
    count = step.session.rows(t.aggregate(n=t.count()))[0]["n"]
    shown = t.order_by("list", "source", "entry_id").limit(SAMPLE)
    listed = [f"{r['list']} {r['source']}: {r['entry_id']}" for r in step.session.rows(shown)]
    facts: dict[str, Any] = {"list_entries_without_account": count}
    if listed:
        facts["list_entries_without_account_sample"] = dg.MetadataValue.json(listed)
    return facts


@dg.multi_asset(
    specs=[spec("accounts")], check_specs=check_specs("accounts", *TABLES), name="accounts"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Accounts with history."""
    yield from run_step(context, platform, {"accounts": TABLES}, ASSET_OF, accounts)
