"""Briefs and account pages out of the published tables, and as files under the home.

Belongs here: gathering one account's rows, and where pages are written. Does not belong here: what a page or a
brief looks like (``reports``), or the rules behind the rows (``core``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from mqa_platform.explain import fit_of, policy_of
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.promotions import policy_now
from mqa_platform.reports.account_page import MOST_TOUCHES, AccountFacts, account_page
from mqa_platform.reports.sentences import facts_of

# Handoffs that somebody still works on or will; a page of the others is made when it is asked for.
_OPEN: Final = ("open", "accepted", "backlog")
_SHOWN: Final = ("name", "domain", "industry", "country", "employees", "tier")
_EVENT: Final = ("page_type", "event", "signal_type")


def find_brief(
    home: Home, wanted: str, motion: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The latest handoff of an account and the facts of its brief.

    Args:
        home: the installation.
        wanted: id, domain or name of the account.
        motion: None is the leading one.

    Raises:
        MartError: no such account or motion, or the account was never handed over.
    """
    policy = policy_of(policy_now(home).policy, motion)
    with open_marts(home) as marts:
        account = marts.account(wanted, marts.last_day())
        handoff, facts = _brief(marts, account["account_id"], policy.program.motion)
    if handoff is None or facts is None:
        raise MartError(
            f"{account['name']} ({account['account_id']}) was never handed over in "
            f"{policy.program.motion}; mqa why-not says what is missing"
        )
    return handoff, facts


def page_of(home: Home, wanted: str, motion: str | None = None) -> str:
    """The page of an account, with the brief of its latest handoff if it has one.

    Raises:
        MartError: no such account or motion.
    """
    policy = policy_of(policy_now(home).policy, motion)
    with open_marts(home) as marts:
        day = marts.last_day()
        account = marts.account(wanted, day)
        _, facts = _brief(marts, account["account_id"], policy.program.motion)
        told = _gathered(marts, account, policy.program.motion, day)
    return account_page(told, facts)


def write_pages(home: Home) -> Iterator[Path]:
    """Writes the page of every handoff that is open, and removes those of handoffs that are not.

    A page is ``reports/accounts/<handoff_id>.html``, which ``evidence_url`` points at.
    """
    folder = home.root / "reports" / "accounts"
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    with open_marts(home) as marts:
        day = marts.last_day()
        h = marts.table("handoffs")
        listed = h.filter(h["status"].isin(_OPEN)).select("handoff_id", "account_id", "motion")
        for row in sorted(marts.rows(listed), key=lambda r: r["handoff_id"]):
            account = _account(marts, row["account_id"], day)
            told = _gathered(marts, account, row["motion"], day)
            path = folder / f"{row['handoff_id']}.html"
            write_page(path, account_page(told, _facts(marts, row["handoff_id"])))
            written.add(path)
            yield path
    for old in set(folder.glob("*.html")) - written:
        old.unlink()


def write_page(path: Path, content: str) -> None:
    """Writes a page in one step, for its owner alone: there are people in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(content, encoding="utf-8")
    partial.replace(path)


def drop_pages(home: Home) -> int:
    """Removes all pages; how many there were. They are copies, and are made again by ``mqa pages``."""
    found = sorted((home.root / "reports" / "accounts").glob("*.html"))
    for path in found:
        path.unlink()
    return len(found)


def _account(marts: Marts, account_id: str, day: date) -> dict[str, Any]:
    """The account of a handoff; one that the CRM has lost since is known by its id alone."""
    try:
        return marts.account(account_id, day)
    except MartError:
        return {**dict.fromkeys(_SHOWN), "account_id": account_id}


def _brief(
    marts: Marts, account: str, motion: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    h = marts.table("handoffs")
    own = marts.rows(h.filter((h["account_id"] == account) & (h["motion"] == motion)))
    if not own:
        return None, None
    latest = max(own, key=lambda r: r["episode"])
    return latest, _facts(marts, latest["handoff_id"])


def _facts(marts: Marts, handoff_id: str) -> dict[str, Any] | None:
    b = marts.table("briefs")
    found = marts.rows(b.filter(b["handoff_id"] == handoff_id))
    return facts_of(found[0]["facts"]) if found else None


def _own(marts: Marts, table: str, account: str, motion: str) -> list[dict[str, Any]]:
    t = marts.table(table)
    return marts.rows(t.filter((t["account_id"] == account) & (t["motion"] == motion)))


def _gathered(marts: Marts, account: dict[str, Any], motion: str, day: date) -> AccountFacts:
    mine = account["account_id"]
    fit = fit_of(marts, mine, motion, day) or account
    scores = sorted(_own(marts, "scores", mine, motion), key=lambda r: r["score_date"])
    r = marts.table("score_receipts")
    last = scores[-1]["score_date"] if scores else day
    receipt = marts.rows(
        r.filter((r["account_id"] == mine) & (r["motion"] == motion) & (r["score_date"] == last))
    )
    stages = [s for s in _own(marts, "stages", mine, motion) if s["stage_date"] == day]
    touches = _touches(marts, mine)
    moves = sorted(
        _own(marts, "stage_transitions", mine, motion), key=lambda t: (t["changed_on"], t["seq"])
    )
    names = _names(marts)
    handoffs = sorted(_own(marts, "handoffs", mine, motion), key=lambda h: h["episode"])
    return AccountFacts(
        account={**account, "tier": fit["tier"]},
        motion=motion,
        as_of=day,
        stage=stages[0] if stages else None,
        scores=[
            {"day": s["score_date"], "score": float(s["engagement_score"]),
             "threshold": float(s["threshold"])}
            for s in scores
        ],
        receipt=receipt,
        contacts=_contacts(marts, mine, motion, touches),
        touches=[_shown(t) for t in touches[:MOST_TOUCHES]],
        touches_in_all=len(touches),
        transitions=moves,
        handoffs=[{**h, "rep": names.get(h["rep_id"], h["rep_id"])} for h in handoffs],
        versions=sorted({s["policy_version"] for s in scores[-1:]}),
    )  # fmt: skip


def _names(marts: Marts) -> dict[str, str]:
    u = marts.table("crm_users")
    u = u.filter(u["valid_to"].isnull()).select("user_id", "name")
    return {row["user_id"]: row["name"] for row in marts.rows(u)}


def _touches(marts: Marts, account: str) -> list[dict[str, Any]]:
    """The inbound touchpoints, newest first, with the path of the page and the contact's name."""
    t, s, c = (marts.table(n) for n in ("touchpoints", "signals", "crm_contacts"))
    t = t.filter((t["account_id"] == account) & (t["direction"] == "inbound"))
    pages = s.filter(s["page_path"].notnull()).select("page_path", of_signal="signal_id")
    now = c.filter(c["valid_to"].isnull()).select(contact_name="name", of_contact="contact_id")
    t = t.left_join(pages, t["signal_id"] == pages["of_signal"])
    t = t.left_join(now, t["person_id"] == now["of_contact"])
    rows = marts.rows(t.drop("of_signal", "of_contact"))
    return sorted(rows, key=lambda r: (r["occurred_at"], r["signal_id"]), reverse=True)


def _shown(touch: dict[str, Any]) -> dict[str, Any]:
    who = touch["contact_name"]
    if who is None:
        who = "a known address" if touch["person_id"] else "nobody known"
    what = next((touch[c] for c in _EVENT if touch.get(c)), "")
    return {
        "occurred_at": touch["occurred_at"],
        "who": who,
        "what": what.replace("_", " "),
        "where": touch["page_path"] or touch["topic"] or touch["campaign"] or "",
        "confidence": touch["share"] * touch["match_confidence"],
    }


def _contacts(
    marts: Marts, account: str, motion: str, touches: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The committee, who was seen last first; then who never was."""
    seen: dict[str, Any] = {}
    for t in touches:
        seen.setdefault(t["person_id"], t["touchpoint_date"])
    c = marts.table("crm_contacts")
    now = c.filter(c["valid_to"].isnull()).select("name", "title", who="contact_id")
    k = marts.table("committees")
    k = k.filter((k["account_id"] == account) & (k["motion"] == motion))
    rows = marts.rows(k.left_join(now, k["contact_id"] == now["who"]))
    told = [{**r, "last_seen_on": seen.get(r["contact_id"])} for r in rows]
    return sorted(
        told,
        key=lambda r: (-(r["last_seen_on"] or date.min).toordinal(), r["contact_id"]),
    )
