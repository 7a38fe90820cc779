"""Whose signals are whose: the platform against the truth of a synthetic market.

Belongs here: which answers count as right, and the figures. Does not belong here: making the market
(``market``) or running it (``market_run``).

*Known contacts*: precision over all signals the platform gave to an account as a known person's; recall
over the signals that carry a person whom the CRM has as a contact that day; with strangers, over those of
all people of the CRM's accounts, in the CRM or not. Signals whose consent forbids
a name, and people of companies the policy excludes, cannot be found and are not asked for. *Anonymous
sessions*: visits without a known person. An account that the CRM does not have is right under its domain.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.expressions import identifier
from mqa_platform.core.window import Window
from mqa_platform.evaluation.measures import Facts, share
from mqa_platform.warehouse import Session

SOFT = 0.7
"""Below this confidence a match is soft: a hint for a list, never for a rep."""
_BARRED = ["competitor_staff", "own_staff"]


def market_figures(session: Session, truth: dict[str, pa.Table], window: Window) -> Facts:
    """The figures of a market that has been run; ``truth`` holds its truth tables by name."""
    told = session.keep(_told(session, truth, window))
    answers = session.keep(_answers(session, told, truth))
    return {
        "signals": _count(session, told),
        "known": _known(session, answers),
        "anonymous": _anonymous(session, told, truth),
        "hard_cases": _by_kind(session, answers),
    }


def _told(session: Session, truth: dict[str, pa.Table], window: Window) -> ir.Table:
    """(signal_id, account_index, person_index, noise_kind, and the signal's own columns)."""
    known = session.constant("truth_signals", truth["signal_account"])
    known = known.mutate(signal_id=identifier(known["feed"], known["event_id"]))
    known = known.select("signal_id", "feed", "account_index", "person_index", "noise_kind")
    s = session.table("signals")
    s = s.filter((s["signal_date"] >= window.lo) & (s["signal_date"] < window.hi))
    s = s.select("signal_id", "signal_date", "occurred_at", "anonymous_id", "person_key", "consent")
    return s.join(known, "signal_id")


def _right(t: ir.Table, session: Session, truth: dict[str, pa.Table]) -> ir.Table:
    """Rows with ``is_right``: the CRM's account while it is recorded, before and after that its domain."""
    a = session.constant("truth_accounts", truth["accounts"])
    a = a.select(
        "account_index", "crm_account_id", "crm_recorded_at", "registered_domain",
        "alias_domains", "relationship",
    )  # fmt: skip
    t = t.left_join(a, "account_index").drop("account_index_right")
    c = session.table("crm_accounts")
    gone = c.filter(c["is_deleted"] & c["valid_to"].isnull())
    gone = gone.select(gone_account="account_id", gone_from="valid_from")
    t = t.left_join(gone, [("crm_account_id", "gone_account")]).drop("gone_account")
    recorded = (t["crm_recorded_at"].date() <= t["signal_date"]).fill_null(False)
    recorded = recorded & (t["gone_from"].isnull() | (t["signal_date"] < t["gone_from"]))
    found = t["account_id"].re_extract(r"^domain:(.*)$", 1).nullif("")
    domains = ibis.literal(";") + t["registered_domain"] + ";" + t["alias_domains"] + ";"
    own = domains.contains(ibis.literal(";") + found + ";").fill_null(False)
    stranger = (t["noise_kind"] == "look_alike") & (found == t["mail_domain"])
    right = ibis.ifelse(recorded, t["account_id"] == t["crm_account_id"], own)
    return t.mutate(is_right=right.fill_null(False) | stranger.fill_null(False))


def _answers(session: Session, told: ir.Table, truth: dict[str, pa.Table]) -> ir.Table:
    """Every told signal with the account it was given, if any, and whether that is right."""
    p = session.constant("truth_people", truth["people"])
    p = p.select(
        "person_index",
        "crm_contact_id",
        person_account="account_index",
        mail_domain=p["mail_address"].re_extract(r"@(.*)$", 1),
    )
    t = told.left_join(p, "person_index").drop("person_index_right")
    given = session.table("touchpoints").select(
        "signal_id", "account_id", "is_known_person", "resolution_rule", "match_confidence"
    )
    t = t.left_join(given, "signal_id").drop("signal_id_right")
    missed = session.table("unresolved_signals").select("signal_id", "reason")
    t = t.left_join(missed, "signal_id").drop("signal_id_right")
    c = session.table("crm_contacts")
    since = c.group_by("contact_id").aggregate(contact_since=c["valid_from"].min())
    t = t.left_join(since, t["crm_contact_id"] == since["contact_id"]).drop("contact_id")
    return _right(t, session, truth)


def _is_machine(t: ir.Table) -> ir.BooleanValue:
    return t["noise_kind"].isin(["bot", "mail_scanner", "mail_gateway"]).fill_null(False)


def _known(session: Session, t: ir.Table) -> Facts:
    t = t.mutate(is_right=t["is_right"] & ~_is_machine(t))
    claimed = t.filter(t["account_id"].notnull() & t["is_known_person"])
    named = t.filter(
        t["person_key"].notnull()
        & (t["crm_recorded_at"].date() <= t["signal_date"]).fill_null(False)
        & t["consent"].isin(["granted", "not_required"])
        & ~_is_machine(t)
        & ~t["noise_kind"].isin(_BARRED).fill_null(False)
        & ~t["relationship"].isin(["Competitor", "Partner"]).fill_null(False)
    )
    wanted = named.filter((named["contact_since"] <= named["signal_date"]).fill_null(False))
    claims, hits = _count(session, claimed), _count(session, claimed.filter("is_right"))
    asked, found = _count(session, wanted), _count(session, wanted.filter("is_right"))
    rules = claimed.group_by("resolution_rule").aggregate(
        answers=claimed.count(), right=claimed["is_right"].sum()
    )
    missed = wanted.filter(~wanted["is_right"])
    why = missed.group_by(reason=missed["reason"].fill_null("wrong account"))
    return {
        "precision": share(hits, claims),
        "recall": share(found, asked),
        "answers": claims,
        "asked": asked,
        "recall_with_strangers": share(
            _count(session, named.filter("is_right")), _count(session, named)
        ),
        "rules": {
            r["resolution_rule"]: {"answers": r["answers"], "precision": share(r["right"], r["answers"])}
            for r in _sorted(session, rules, "resolution_rule")
        },
        "missed": {
            r["reason"]: r["n"] for r in _sorted(session, why.aggregate(n=missed.count()), "reason")
        },
    }  # fmt: skip


def _anonymous(session: Session, told: ir.Table, truth: dict[str, pa.Table]) -> Facts:
    s = session.table("sessions")
    s = s.filter(s["person_id"].isnull()).select(
        "session_id", "session_date", "account_id", "match_confidence", "resolution_rule",
        cookie="anonymous_id", started_at="started_at", ended_at="ended_at",
    )  # fmt: skip
    missed = session.table("unresolved_signals").select("signal_id", "reason")
    web = told.filter(told["feed"] == "segment")
    web = web.left_join(missed, "signal_id").drop("signal_id_right")
    both = s.join(
        web,
        [
            s["cookie"] == web["anonymous_id"],
            s["started_at"] <= web["occurred_at"],
            s["ended_at"] >= web["occurred_at"],
        ],
    )
    each = both.group_by("session_id").aggregate(
        account_index=both["account_index"].min(),
        noise_kind=both["noise_kind"].min(),
        signal_date=both["session_date"].min(),
        account_id=both["account_id"].min(),
        rule=both["resolution_rule"].min(),
        confidence=both["match_confidence"].min(),
        excluded=both["reason"].notnull().sum(),
        open_ends=(both["reason"] == "no_match").sum(),
    )
    each = session.keep(_right(each.mutate(mail_domain=ibis.null("string")), session, truth))
    each = each.mutate(is_right=each["is_right"] & ~_is_machine(each))
    given = each.filter(each["account_id"].notnull())
    soft = _count(session, given.filter(given["confidence"] < SOFT))
    rest = each.filter(each["account_id"].isnull())
    barred = _count(session, rest.filter(rest["open_ends"].fill_null(0) < rest["excluded"]))
    total, matched = _count(session, each), _count(session, given)
    rules = given.group_by("rule").aggregate(answers=given.count(), right=given["is_right"].sum())
    return {
        "precision": share(_count(session, given.filter("is_right")), matched),
        "coverage": share(matched, total),
        "sessions": total,
        "matched": matched - soft,
        "soft": soft,
        "none": total - matched - barred,
        "excluded": barred,
        "rules": {
            r["rule"]: {"answers": r["answers"], "precision": share(r["right"], r["answers"])}
            for r in _sorted(session, rules, "rule")
        },
    }


def _by_kind(session: Session, t: ir.Table) -> dict[str, Facts]:
    """By kind of noise: how many signals, how many were given to an account, and rightly."""
    t = t.filter(t["noise_kind"].notnull())
    kinds = t.group_by("noise_kind").aggregate(
        signals=t.count(), given=t["account_id"].notnull().sum(), right=t["is_right"].sum()
    )
    return {
        r["noise_kind"]: {k: r[k] for k in ("signals", "given", "right")}
        for r in _sorted(session, kinds, "noise_kind")
    }


def _count(session: Session, t: ir.Table) -> int:
    return int(session.rows(t.aggregate(n=t.count()))[0]["n"])


def _sorted(session: Session, t: ir.Table, key: str) -> list[dict[str, Any]]:
    return sorted(session.rows(t), key=lambda row: str(row[key]))
