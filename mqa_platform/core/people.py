"""People and the MQL model beside the account model.

Belongs here: the person score, the MQL flag and reachability. Does not belong here: account scores
(``scores``). Breadth, intent and triggers never count for a person, nor does match confidence.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.expressions import first_match, newest_first, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.scores import Apply, points_literal, typed
from mqa_platform.core.timeline import decimals, halving, summed, whole
from mqa_platform.core.touches import UNSUBSCRIBE, is_mail, number, until_unsubscribed
from mqa_platform.policy.models import Policy

PERSON_SCORE = pa.schema([("person_id", pa.string()), ("person_score", pa.decimal128(18, 4))])


def person_kernel(policy: Policy, as_of: date) -> Kernel:
    """Kernel: touchpoints of people → ``Σ weight × seniority × 2^(−age ÷ half-life)`` as of a day."""
    signals = {n: s for n, s in policy.signals.signals.items() if s.kind == "engagement"}
    names = pa.array(list(signals), pa.string())
    mail = np.array([*(is_mail(s) for s in signals.values()), False])
    weights = np.array([s.weight for s in signals.values()])
    factors = np.stack(
        [halving(s.half_life_days, policy.signals.lookback_days) for s in signals.values()]
    )

    def run(table: pa.Table) -> pa.Table:
        signal = pc.fill_null(pc.index_in(table["signal_type"], names), -1).to_numpy()
        day = table["touchpoint_date"].cast(pa.int32()).to_numpy().astype(np.int64)
        age = number(as_of) - day
        inbound = pc.equal(table["direction"], "inbound").to_numpy()
        keep = inbound & (signal >= 0) & (age >= 0) & (age < policy.signals.lookback_days)
        people = pc.dictionary_encode(table["person_id"]).combine_chunks()
        who = people.indices.to_numpy().astype(np.int64)
        left = pc.equal(table["signal_type"], UNSUBSCRIBE).to_numpy() & inbound
        keep &= until_unsubscribed(np.zeros_like(who), who, day, mail[signal], left) > number(as_of)
        # A signal that two accounts share is two rows, and still one thing the person did.
        factor = pc.multiply(table["seniority"], table["share"]).to_numpy()
        value = np.where(
            keep, weights[signal] * factor * factors[signal, np.where(keep, age, 0)], 0.0
        )
        total = summed(who, len(people.dictionary), value, np.argsort(value, kind="stable"))
        return pa.table(
            {"person_id": people.dictionary, "person_score": decimals(whole(total))},
            schema=PERSON_SCORE,
        )

    lineage = {
        "person_id": ("person_id",),
        "person_score": ("signal_type", "seniority", "share", "touchpoint_date"),
    }
    return Kernel("person_score", run, PERSON_SCORE, lineage)


def people(
    touchpoints: ir.Table, contacts: ir.Table, policy: Policy, as_of: date, apply: Apply
) -> ir.Table:
    """One row a person seen up to ``as_of``: the account, seniority, person score and whether an MQL.

    The account is that of the latest touchpoint; ``changed_from`` the one that the person was at
    before, if any. Every touchpoint stays with the account of its own day.
    """
    mine = typed(touchpoints, policy)
    mine = mine.filter(mine["person_id"].notnull() & (mine["touchpoint_date"] <= as_of))
    kernel_input = mine.select(
        "person_id", "signal_type", "direction", "touchpoint_date", "seniority", "share"
    ).mutate(shard=shard(mine["person_id"]))
    scored = apply(person_kernel(policy, as_of), kernel_input, "shard")
    home = newest_first(
        mine,
        ["person_id"],
        [mine["occurred_at"].desc(), mine["signal_id"], mine["account_id"]],
    ).select("person_id", "account_id", "seniority")
    elsewhere = mine.filter(mine["share"] == 1).join(
        home.select(who="person_id", now_at="account_id"), [("person_id", "who")]
    )
    elsewhere = elsewhere.filter(elsewhere["account_id"] != elsewhere["now_at"])
    former = newest_first(
        elsewhere,
        ["person_id"],
        [elsewhere["occurred_at"].desc(), elsewhere["signal_id"], elsewhere["account_id"]],
    ).select(was="person_id", changed_from="account_id")
    known = contacts.filter(contacts["valid_to"].isnull() & ~contacts["is_deleted"]).select(
        "contact_id", "title", "do_not_contact"
    )
    t = home.join(scored, "person_id").left_join(known, [("person_id", "contact_id")])
    t = t.left_join(former, [("person_id", "was")])
    roles = [
        (t["title"].re_search(band.title_pattern).fill_null(False), ibis.literal(band.name))
        for band in policy.signals.seniority
    ]
    return t.select(
        "person_id",
        "account_id",
        "changed_from",
        seniority=t["seniority"],
        buying_role=first_match(roles, ibis.literal("unknown")),
        person_score=t["person_score"],
        is_mql=t["person_score"] >= points_literal(policy.stages.mql_threshold),
        reachable=t["contact_id"].notnull() & ~t["do_not_contact"].fill_null(False),
        as_of=ibis.literal(as_of),
    )
