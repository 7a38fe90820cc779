"""Whose a signal is, or whose an address or domain would be, by the production rules.

Belongs here: making one signal out of what was asked, and asking the rules one by one. Does not belong
here: any rule (``core.identity``) or the screen (``cli_identity``).
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, date, datetime, time
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.identity import decided, judged
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.promotions import policy_now
from mqa_platform.sources.lateness import IDENTITY, SIGNALS
from mqa_platform.sources.names import person_refs, registrable_domain
from mqa_platform.sources.personal_key import ip_tokens
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session

_DAYS = "signal_date"
_ASKED = {
    "signal_id": "asked", "signal_type": "asked", "event": "page_view", "direction": "inbound",
    "source": "asked", "consent": "granted", "is_bot_agent": False, "strength": 1.0,
    "batch_id": "asked",
}  # fmt: skip
# What the rules looked at, beside what the signal itself says.
_CANDIDATES = (
    "person", "contact_id", "contact_account", "is_stitched", "person_domain", "mail_n", "mail_tie",
    "mail_against", "company_domain", "firm_n", "firm_tie", "firm_against", "company_name",
    "given_key", "given_account", "given_tied", "host", "host_domain", "host_n", "host_tie",
    "host_against", "office_range", "office_domain", "office_owner", "office_n", "office_tie",
    "is_office_tied", "office_name_tied", "office_against", "asn_org", "asn_name_account",
    "asn_name_tied", "asn_is_isp", "blocked", "is_shared_ip", "bot_behaviour", "is_scanned",
    "stopped",
)  # fmt: skip


def explain_match(home: Home, wanted: str, as_of: date | None = None) -> dict[str, Any]:
    """The answer for a signal, e-mail address, IP address or domain, with every rule's own answer.

    ``answers`` are the rows of ``core.identity.resolve`` by what has landed; ``published`` is what the
    tables say of a signal, and ``is_pending`` that they are to be run again; ``rules`` what each rule would say alone;
    ``candidates`` what was looked up; ``owners`` the accounts that claim the domain. The address is
    hashed first: it is not stored and not shown.

    Raises:
        MartError: not any of these, or no day has been run.
        WarehouseBusyError: a run holds the warehouse.
    """
    from mqa_platform.assets.platform import Step
    from mqa_platform.assets.sessions import evidence

    now = policy_now(home)
    policy = now.policy
    with open_warehouse(home).session() as session:
        step = Step(session, home, policy, now.version, "explain-match")
        kind, asked, row, day = _asked(session, wanted.strip(), as_of)
        known = evidence(step, _whole_day(session, row, day))
        seen = judged(row, known, policy, session.keep, session.apply)
        answers = session.rows(decided(seen, known, policy, session.keep))
        (found,) = session.rows(seen)
        domain = found["person_domain"] or found["company_domain"] or found["host_domain"]
        owners = known.known.owners
        claims = session.rows(owners.filter(owners["domain"] == domain)) if domain else []
        rules = []
        for name in policy.identity.rules:
            alone = policy.model_copy(
                update={"identity": policy.identity.model_copy(update={"rules": [name]})}
            )
            told = session.rows(decided(seen, known, alone, session.keep))
            rules.append(_rule(name, told, answers, found))
        published = _published(session, asked) if kind == "signal" and as_of is None else []
        is_pending = _is_pending(session, day)
    return {
        "kind": kind,
        "asked": asked,
        "as_of": day,
        "answers": answers,
        "published": published,
        "is_pending": is_pending,
        "rules": rules,
        "candidates": {c: found[c] for c in _CANDIDATES if found.get(c) not in (None, False)},
        "owners": claims,
    }


def _whole_day(session: Session, row: ir.Table, day: date) -> ir.Table:
    """The signal among those of its day, since bots and shared addresses are judged by whole days."""
    every = session.table("signals")
    others = every.filter(every[_DAYS] == day).anti_join(row, "signal_id")
    return stacked(others, row)


def _published(session: Session, signal_id: str) -> list[dict[str, Any]]:
    """What the tables say of a signal: its touchpoints, or why it has none."""
    t, u = session.table("touchpoints"), session.table("unresolved_signals")
    said = ("account_id", "resolution_rule", "match_confidence", "share")
    rows = session.rows(t.filter(t["signal_id"] == signal_id).select(*said).order_by("account_id"))
    return rows + session.rows(u.filter(u["signal_id"] == signal_id).select("reason"))


def _is_pending(session: Session, day: date) -> bool:
    """Whether something has landed that the day's tables do not say yet."""
    since = [session.reopened(consumer) for consumer in (IDENTITY, SIGNALS)]
    return day in session.asked("sessions") or any(d is not None and d <= day for d in since)


def _rule(
    name: str,
    alone: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    found: dict[str, Any],
) -> dict[str, Any]:
    """What a rule says by itself, and why it is not the answer where it is not."""
    spoke = any(a["resolution_rule"] == name for a in answers)
    accounts = sorted({a["account_id"] for a in alone if a["account_id"]})
    against = found["stopped"] or next((r for c, r in _against(name, found) if found.get(c)), None)
    if spoke:
        why = f"{alone[0]['evidence']}"
    elif accounts:
        why = f"would say {', '.join(accounts)} ({alone[0]['evidence']}); an earlier rule spoke"
    else:
        why = f"refused: {against}" if against else "knows nothing of it"
    return {
        "rule": name,
        "spoke": spoke,
        "accounts": accounts,
        "confidence": alone[0]["match_confidence"],
        "evidence": alone[0]["evidence"],
        "reason": None if accounts else against,
        "why": why,
    }


def _against(rule: str, found: dict[str, Any]) -> list[tuple[str, Any]]:
    """What speaks against a rule's own clue: the column that says so, and the reason."""
    kind = {"email_domain": "mail", "stitched_cookie": "mail", "company_domain": "firm",
            "host_domain": "host"}.get(rule)  # fmt: skip
    if kind is not None:
        return [(f"{kind}_against", found.get(f"{kind}_against")), (f"{kind}_tie", "tie_refused")]
    if rule == "company_name":
        return [("given_tied", "tie_refused")]
    if rule not in ("office_ip", "asn_org"):
        return []
    blocked = ("blocked", found.get("blocked"))
    if rule == "asn_org":
        isp = ("asn_is_isp", "isp")
        return [blocked, ("is_shared_ip", "shared_ip"), isp, ("asn_name_tied", "tie_refused")]
    office = ("office_against", found.get("office_against"))
    ties = ("office_tie", "is_office_tied", "office_name_tied")
    return [blocked, office, *((tie, "tie_refused") for tie in ties)]


def _asked(session: Session, wanted: str, as_of: date | None) -> tuple[str, str, ir.Table, date]:
    """What kind of thing was asked about, how it is shown, its one signal and its day.

    A signal of the tables is asked about as of its own day, or as if it had come on another one.
    """
    signals = session.table("signals")
    last = session.rows(signals.aggregate(day=signals[_DAYS].max()))[0]["day"]
    if last is None:
        raise MartError("no day has been run yet: mqa run --from DAY --to DAY")
    schema = load_contracts()["signals"].arrow_schema
    one = signals.filter(signals["signal_id"] == wanted).limit(1)
    found = session.rows(one)
    if found:
        (row,) = found
        day = as_of or row[_DAYS]
        moved = {c: row[c] + (day - row[_DAYS]) for c in (_DAYS, "occurred_at", "received_at")}
        table = pa.Table.from_pylist([{**row, **moved}], schema=schema)
        return "signal", wanted, session.constant("asked", table), day
    day = as_of or last
    kind, shown, columns = _read(wanted)
    if kind == "ip":
        columns = {"ip": _as_kept(signals, session, columns["ip"], day)}
    at = datetime.combine(day, time(12), UTC)
    row = {**_ASKED, **columns, _DAYS: day, "occurred_at": at, "received_at": at}
    return kind, shown, session.constant("asked", pa.Table.from_pylist([row], schema=schema)), day


def _as_kept(signals: ir.Table, session: Session, address: str, day: date) -> str:
    """The address, or what stands for it in the day's signals once it was dropped."""
    token = ip_tokens([address])[address]
    kept = signals.filter((signals[_DAYS] == day) & signals["ip"].startswith(token))
    found = session.rows(kept.aggregate(ip=kept["ip"].min()))
    return str(found[0]["ip"] or address)


def _read(wanted: str) -> tuple[str, str, dict[str, Any]]:
    if "@" in wanted:
        refs, domains = person_refs(pa.array([wanted]))
        if refs[0].as_py() is None:
            raise MartError(f"{wanted!r} is no e-mail address")
        ref = refs[0].as_py()
        return "email", ref, {"person_key": ref, "email_domain": domains[0].as_py()}
    if re.fullmatch(r"email:[0-9a-f]{16,128}", wanted):
        return "email", wanted, {"person_key": wanted}
    try:
        return "ip", wanted, {"ip": str(ipaddress.ip_address(wanted))}
    except ValueError:
        pass
    domain = registrable_domain(wanted)
    if domain is None:
        raise MartError(f"{wanted!r} is no signal, e-mail address, IP address or domain")
    return "domain", domain, {"email_domain": domain}
