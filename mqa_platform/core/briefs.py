"""The brief: what a handoff rests on, gathered from the published tables and told as facts.

Belongs here: which rows of which tables a brief is made of, and the kernel over them. Does not belong here:
the sentences (``brief_facts``, ``brief_people``), or Markdown, HTML and Slack (``reports``).

Everything is as of the end of the day of entry, so a brief reads the same whenever it is made; only who may
be contacted is what is known today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.brief_facts import Case, Row
from mqa_platform.core.brief_people import brief
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.decision_texts import canonical
from mqa_platform.core.expressions import first_match, in_force, none_of_type, one_of, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.reachable import contacts_of
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
FACTS: Final = pa.schema([("handoff_id", pa.string()), ("facts", pa.string())])
# One shape for all kinds of rows, because a kernel takes one table; what a kind has not is null.
_TYPES: Final = {
    **dict.fromkeys(
        ("handoff_id", "kind", "ref", "motion", "name", "title", "role", "domain", "tier", "play",
         "fit_grade", "person_id", "session_id", "signal_type", "event", "page_type", "page_path",
         "topic", "channel", "resolution_rule", "text", "reason"), "string"),
    "on_day": "date", "at": "timestamp('UTC', 6)",
    **dict.fromkeys(("points", "threshold", "momentum", "weight", "confidence", "intent_score"),
                    "float64"),
    "count": "int64", "people": "int64",
    **dict.fromkeys(("is_backlog", "is_open", "is_won", "is_below"), "boolean"),
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """The published tables that briefs are made of.

    ``below`` are the touchpoints by which parents are judged (``subtrees.Subtrees``), under the parent's id;
    ``refused`` are ``reachable.refusals``.
    """

    accounts: ir.Table
    account_fit: ir.Table
    scores: ir.Table
    score_receipts: ir.Table
    touchpoints: ir.Table
    below: ir.Table
    signals: ir.Table
    contacts: ir.Table
    contact_roles: ir.Table
    opportunities: ir.Table
    refused: ir.Table


def briefs(
    handoffs: ir.Table, every: ir.Table, known: Known, policy: Policy, apply: Apply
) -> ir.Table:
    """(handoff_id, facts): what there is to say of each handoff, as canonical JSON.

    Args:
        handoffs: of one motion and policy; handoff_id, account_id, motion, episode, tier, created_on,
            evidence_rule, score, momentum, status, play.
        every: all handoffs, among which the earlier ones of the account are looked for.
        known: the published tables.
        policy: of that motion.
        apply: runs a kernel over shards.
    """
    h = handoffs.select("handoff_id", "account_id", "motion", "episode", on_day="created_on")
    parts = [
        _heads(handoffs, known),
        _receipt(h, known),
        _touches(h, known, policy),
        _contacts(h, known, policy),
        _opportunities(h, known),
        _episodes(h, every),
    ]
    items = reduce(stacked, parts)
    return apply(facts_kernel(policy), items.mutate(shard=shard(items["handoff_id"])), "shard")


def facts_kernel(policy: Policy) -> Kernel:
    """Kernel: the rows of handoffs → their facts; a handoff without a head row gives none."""

    def run(table: pa.Table) -> pa.Table:
        grouped: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in table.to_pylist():
            grouped[row["handoff_id"]][row["kind"]].append(row)
        ids, told = [], []
        for handoff_id in sorted(grouped):
            kinds = {k: sorted(rows, key=_order) for k, rows in grouped[handoff_id].items()}
            if kinds.get("head"):
                ids.append(handoff_id)
                told.append(canonical(brief(Case(kinds["head"][0], policy, kinds))))
        return pa.table({"handoff_id": ids, "facts": told}, schema=FACTS)

    lineage = {"handoff_id": ("handoff_id",), "facts": tuple(_TYPES)}
    return Kernel("briefs", run, FACTS, lineage, rows_at_once=250_000)


def _order(row: Row) -> tuple[int, str, str]:
    return row["on_day"].toordinal() if row["on_day"] else 0, str(row["at"]), row["ref"] or ""


def _items(t: ir.Table, kind: str, **told: ir.Value) -> ir.Table:
    told |= {"kind": ibis.literal(kind), "handoff_id": t["handoff_id"]}
    columns = {c: told.get(c, none_of_type(d)).cast(d) for c, d in _TYPES.items()}
    return t.select(**columns)


def _heads(handoffs: ir.Table, known: Known) -> ir.Table:
    a = known.accounts.select("valid_from", "valid_to", "name", "domain", a_id="account_id")
    named = handoffs.select("handoff_id", "account_id", "created_on").join(
        a, [("account_id", "a_id")]
    )
    named = named.filter(in_force(named, named["created_on"]))
    named = named.select("name", "domain", n_handoff="handoff_id")
    f = known.account_fit.select(
        "valid_from", "valid_to", "fit_grade", f_id="account_id", f_motion="motion"
    )
    fit = handoffs.select("handoff_id", "account_id", "motion", "created_on").join(
        f, [("account_id", "f_id"), ("motion", "f_motion")]
    )
    fit = fit.filter(in_force(fit, fit["created_on"])).select("fit_grade", g_handoff="handoff_id")
    s = known.scores.select("threshold", s_id="account_id", s_motion="motion", s_day="score_date")
    t = handoffs.left_join(named, [("handoff_id", "n_handoff")])
    t = t.left_join(fit, [("handoff_id", "g_handoff")])
    t = t.left_join(s, [("account_id", "s_id"), ("motion", "s_motion"), ("created_on", "s_day")])
    backlog = t["released_on"].isnull() | (t["released_on"] > t["created_on"])
    return _items(
        t, "head",
        ref=t["account_id"], motion=t["motion"], count=t["episode"], on_day=t["created_on"],
        name=t["name"], domain=t["domain"], tier=t["tier"], reason=t["evidence_rule"],
        play=t["play"], points=t["score"], threshold=t["threshold"], momentum=t["momentum"],
        fit_grade=t["fit_grade"], is_backlog=(t["status"] == "backlog") | backlog,
    )  # fmt: skip


def _receipt(h: ir.Table, known: Known) -> ir.Table:
    r = known.score_receipts.select(
        "component", "points", "touchpoints", "people",
        r_id="account_id", r_motion="motion", r_day="score_date",
    )  # fmt: skip
    t = h.join(r, [("account_id", "r_id"), ("motion", "r_motion"), ("on_day", "r_day")])
    return _items(
        t, "part", ref=t["component"], on_day=t["on_day"], points=t["points"],
        count=t["touchpoints"], people=t["people"],
    )  # fmt: skip


def _near(h: ir.Table, known: Known, policy: Policy) -> ir.Table:
    """The inbound touchpoints of each handoff's look-back that score, typed as the motion types them.

    Those of the accounts below a parent are marked; it is judged by them as well, and its receipt counts them.
    """
    own = _scored(known.touchpoints, policy).mutate(is_below=ibis.literal(False))
    below = _scored(known.below, policy).mutate(is_below=ibis.literal(True))
    below = below.anti_join(own, ["signal_id", "t_id"])
    t = h.join(stacked(own, below), [("account_id", "t_id")])
    forgotten = t["touchpoint_date"] + ibis.interval(days=policy.signals.lookback_days)
    return t.filter((t["touchpoint_date"] <= t["on_day"]) & (t["on_day"] < forgotten))


def _scored(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    p = typed(touchpoints, policy)
    # What scores nothing is no reason to call anybody: openings of mail, visits to the career pages.
    worth = [name for name, rule in policy.signals.signals.items() if rule.weight != 0]
    p = p.filter((p["direction"] == "inbound") & one_of(p["signal_type"], worth))
    event = p["event"] if "event" in p.columns else p["signal_type"]
    channel = p["channel"] if "channel" in p.columns else none_of_type("string")
    return p.select(
        "signal_id", "touchpoint_date", "occurred_at", "person_id", "session_id", "signal_type",
        "page_type", "topic", "resolution_rule", "intent_score", "share", "match_confidence",
        event=event, channel=channel, t_id="account_id",
    )  # fmt: skip


def _touches(h: ir.Table, known: Known, policy: Policy) -> ir.Table:
    t = _near(h, known, policy)
    pages = known.signals.filter(known.signals["page_path"].notnull())
    pages = pages.select("page_path", g_signal="signal_id")
    t = t.left_join(pages, [("signal_id", "g_signal")])
    return _items(
        t, "touch",
        ref=t["signal_id"], on_day=t["touchpoint_date"], at=t["occurred_at"],
        person_id=t["person_id"], session_id=t["session_id"], signal_type=t["signal_type"],
        event=t["event"], page_type=t["page_type"], page_path=t["page_path"], topic=t["topic"],
        channel=t["channel"],
        resolution_rule=t["resolution_rule"], intent_score=t["intent_score"],
        weight=t["share"] * t["match_confidence"], confidence=t["match_confidence"],
        is_below=t["is_below"],
    )  # fmt: skip


def _contacts(h: ir.Table, known: Known, policy: Policy) -> ir.Table:
    subjects = h.select("account_id", "on_day", subject_id="handoff_id")
    acted = _near(h, known, policy)
    acted = acted.filter(acted["person_id"].notnull())
    seen = acted.select(subject_id="handoff_id", contact_id="person_id").distinct()
    t = contacts_of(subjects, known.contacts, known.contact_roles, known.refused, policy, seen)
    t = t.rename(handoff_id="subject_id")
    return _items(
        t, "contact", ref=t["contact_id"], on_day=t["on_day"], name=t["name"], title=t["title"],
        role=t["role"], reason=t["why_not"],
    )  # fmt: skip


def _opportunities(h: ir.Table, known: Known) -> ir.Table:
    o = known.opportunities.select(
        "opportunity_id", "name", "stage_name", "is_closed", "is_won", "closed_at", "created_at",
        "loss_reason", "is_deleted", "valid_from", "valid_to", o_id="account_id",
    )  # fmt: skip
    t = h.join(o, [("account_id", "o_id")])
    t = t.filter(in_force(t, t["on_day"]) & ~t["is_deleted"].fill_null(False))
    is_open = ~t["is_closed"].fill_null(False)
    since = first_match([(is_open, t["created_at"].cast("date"))], t["closed_at"].cast("date"))
    return _items(
        t, "opportunity", ref=t["opportunity_id"],
        on_day=ibis.coalesce(since, t["valid_from"]), name=t["name"], text=t["stage_name"],
        reason=t["loss_reason"], is_open=is_open, is_won=t["is_won"].fill_null(False),
    )  # fmt: skip


def _episodes(h: ir.Table, every: ir.Table) -> ir.Table:
    e = every.select(
        "status", "created_on", "reject_reason",
        e_handoff="handoff_id", e_id="account_id", e_motion="motion", e_episode="episode",
    )  # fmt: skip
    t = h.join(e, [("account_id", "e_id"), ("motion", "e_motion")])
    t = t.filter(t["e_episode"] < t["episode"])
    return _items(
        t, "episode", ref=t["e_handoff"], on_day=t["created_on"], text=t["status"],
        reason=t["reject_reason"],
    )  # fmt: skip


def evidence_url(handoff_id: ir.StringValue, base: str) -> ir.StringValue:
    """Where the account page of a handoff is served; null without a base address."""
    if not base:
        return none_of_type("string")
    url = ibis.literal(base.rstrip("/") + "/") + handoff_id + ibis.literal(".html")
    # Cast, because a union takes no column that may be null in one table only.
    return url.cast("string")
