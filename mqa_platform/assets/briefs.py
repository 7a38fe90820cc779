"""What is published with the handoffs to read and to act on: briefs, plays and buying committees.

Belongs here: gathering what ``core.briefs`` and ``core.plays`` read. Does not belong here: sentences, plays
or any form of a brief.
"""

from functools import reduce

import ibis.expr.types as ir

from mqa_platform.assets.by_policy import by_policy
from mqa_platform.assets.platform import Step
from mqa_platform.core import briefs as core
from mqa_platform.core import plays as play_rules
from mqa_platform.core.committees import committees
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.decisions import Tables
from mqa_platform.core.expressions import shard
from mqa_platform.core.reachable import refusals
from mqa_platform.core.subtrees import relations, subtree_touchpoints
from mqa_platform.reports.brief_markdown import MARKDOWN

TABLES = ("briefs", "play_enrollments", "committees")


def known_tables(step: Step, judged: Tables) -> core.Known:
    """The published tables that briefs are made of; scores and receipts as accounts are judged by them."""
    contacts, touchpoints = step.table("crm_contacts"), step.table("touchpoints")
    refused = refusals(contacts, step.table("landed_consents"), touchpoints)
    above = step.session.keep(relations(step.table("account_hierarchy"), step.session.apply))
    return core.Known(
        accounts=step.table("accounts"),
        account_fit=step.table("account_fit"),
        scores=judged.scores,
        score_receipts=judged.score_receipts,
        touchpoints=touchpoints,
        below=step.session.keep(subtree_touchpoints(touchpoints, above)),
        signals=step.table("signals"),
        contacts=contacts,
        contact_roles=step.table("crm_contact_roles"),
        opportunities=step.table("crm_opportunities"),
        refused=step.session.keep(refused),
    )


def with_briefs(step: Step, made: ir.Table, judged: Tables) -> tuple[ir.Table, dict[str, ir.Table]]:
    """The handoffs with their briefs as Markdown, and the tables published beside them.

    Args:
        step: of the run.
        made: all handoffs, as they are about to be published, kept.
        judged: the published tables, with the subtree's figures of parents.
    """
    apply, known = step.session.apply, known_tables(step, judged)
    parts = [
        step.session.keep(core.briefs(some, made, known, policy, apply))
        for some, policy in by_policy(step, made)
    ]
    facts = step.session.keep(reduce(stacked, parts))
    told = apply(MARKDOWN, facts.mutate(shard=shard(facts["handoff_id"])), "shard")
    texts = told.select(of_handoff="handoff_id", told="brief")
    both = made.drop("brief").left_join(texts, [("handoff_id", "of_handoff")])
    both = both.mutate(brief=both["told"].fill_null(""))
    enrolled = play_enrollments(step, made)
    whole = step.session.keep(both.select(*made.columns))
    return whole, {
        "briefs": facts,
        "play_enrollments": enrolled,
        "committees": _committees(step, known),
    }


def _committees(step: Step, known: core.Known) -> ir.Table:
    """As of the last published day, for every motion there is now."""
    days = step.session.days("stages")
    as_of = days[-1] if days else step.policy.program.history_starts_on
    parts = [
        committees(known.contacts, known.contact_roles, known.refused, policy, as_of)
        for policy in step.policy.motions()
    ]
    return reduce(stacked, parts)


def play_enrollments(step: Step, made: ir.Table) -> ir.Table:
    """Who is and was in which play, from all published days, each under the policy of that day."""
    stages, scores, fit = map(step.table, ("stages", "scores", "account_fit"))
    parts = []
    for some, policy in by_policy(step, stages):
        under = play_rules.placed(some, scores, fit, made, policy)
        parts.append(step.session.keep(play_rules.in_plays(under, policy)))
    enrolled = reduce(stacked, parts)
    days = stages.select("motion", day="stage_date").distinct()
    return play_rules.play_enrollments(enrolled, days)
