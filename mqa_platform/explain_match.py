"""Whose a signal is, or whose an address or domain would be, by the production rules.

Belongs here: making one signal out of what was asked, and asking the rules one by one. Does not belong
here: any rule (``core.identity``) or the screen (``cli_identity``).
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, date, datetime, time
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.identity import decided, judged
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.promotions import policy_now
from mqa_platform.sources.names import person_refs, registrable_domain
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
    "given_key", "given_account", "host", "host_domain", "host_n", "host_tie", "host_against",
    "office_range", "office_domain", "office_owner", "office_against", "asn_org",
    "asn_name_account", "asn_is_isp", "blocked", "is_shared_ip", "bot_behaviour", "is_scanned",
    "stopped",
)  # fmt: skip


def explain_match(home: Home, wanted: str, as_of: date | None = None) -> dict[str, Any]:
    """The answer for a signal, e-mail address, IP address or domain, with every rule's own answer.

    ``answers`` are the rows of ``core.identity.resolve``; ``rules`` what each rule would say alone;
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
        around = row
        if kind == "signal":
            every = session.table("signals")
            # Bots and shared addresses are judged by whole days.
            around = every.filter(every[_DAYS] == day)
        known = evidence(step, around)
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
            rules.append(
                _rule(name, session.rows(decided(seen, known, alone, session.keep)), answers)
            )
    return {
        "kind": kind,
        "asked": asked,
        "as_of": day,
        "answers": answers,
        "rules": rules,
        "candidates": {c: found[c] for c in _CANDIDATES if found.get(c) not in (None, False)},
        "owners": claims,
    }


def _rule(name: str, alone: list[dict[str, Any]], answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What a rule says by itself, and why it is not the answer where it is not."""
    spoke = any(a["resolution_rule"] == name for a in answers)
    accounts = sorted({a["account_id"] for a in alone if a["account_id"]})
    if spoke:
        why = f"{alone[0]['evidence']}"
    elif accounts:
        why = f"would say {', '.join(accounts)} ({alone[0]['evidence']}); an earlier rule spoke"
    elif alone[0]["reason"] == "no_match":
        why = "knows nothing of it"
    else:
        why = f"refused: {alone[0]['reason']}"
    return {
        "rule": name,
        "spoke": spoke,
        "accounts": accounts,
        "confidence": alone[0]["match_confidence"],
        "evidence": alone[0]["evidence"],
        "reason": alone[0]["reason"],
        "why": why,
    }


def _asked(session: Session, wanted: str, as_of: date | None) -> tuple[str, str, ir.Table, date]:
    """What kind of thing was asked about, how it is shown, its one signal and its day."""
    signals = session.table("signals")
    one = signals.filter(signals["signal_id"] == wanted)
    found = session.rows(one.select(_DAYS).limit(1))
    if found:
        return "signal", wanted, one, found[0][_DAYS]
    day = as_of or session.rows(signals.aggregate(day=signals[_DAYS].max()))[0]["day"]
    if day is None:
        raise MartError("no day has been run yet: mqa run --from DAY --to DAY")
    kind, shown, columns = _read(wanted)
    at = datetime.combine(day, time(12), UTC)
    row = {**_ASKED, **columns, _DAYS: day, "occurred_at": at, "received_at": at}
    schema = load_contracts()["signals"].arrow_schema
    return kind, shown, session.constant("asked", pa.Table.from_pylist([row], schema=schema)), day


def _read(wanted: str) -> tuple[str, str, dict[str, Any]]:
    if "@" in wanted:
        refs, domains = person_refs(pa.array([wanted]))
        if refs[0].as_py() is None:
            raise MartError(f"{wanted!r} is no e-mail address")
        ref = refs[0].as_py()
        return "email", ref, {"person_key": ref, "email_domain": domains[0].as_py()}
    if wanted.startswith("email:"):
        return "email", wanted, {"person_key": wanted}
    try:
        return "ip", wanted, {"ip": str(ipaddress.ip_address(wanted))}
    except ValueError:
        pass
    domain = registrable_domain(wanted)
    if domain is None:
        raise MartError(f"{wanted!r} is no signal, e-mail address, IP address or domain")
    return "domain", domain, {"email_domain": domain}
