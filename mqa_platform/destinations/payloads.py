"""What a message holds: the facts that are told, taken from the published tables when it is entered.

Belongs here: which rows a payload is made of. Does not belong here: the sentences (``core.messages``), the
look of a message (``reports``), or which messages there are (``core.outbox``).

A payload is whole: sending it later, or again, needs no table and says the same. It is JSON, the same for
every channel::

    {"version": 1, "kind", "at", "to": {"user_id", "name", "email", "team", "time_zone"},
     "account": {"account_id", "name", "domain"} | null, "handoff": {…} | null, "evidence_url",
     "facts": {"title", "sections"}, "brief": facts of the brief | null}
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

import ibis.expr.types as ir

from mqa_platform.core.brief_words import words
from mqa_platform.core.messages import digest_facts, sla_facts, standing, update_facts
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy
from mqa_platform.reports.sentences import facts_of

Row = Mapping[str, Any]
VERSION: Final = 1
# A list of ids this long is compiled in no time; a longer one is cut into several questions.
_IDS_AT_ONCE: Final = 1_000
_OF_HANDOFF: Final = (
    "handoff_id", "motion", "episode", "tier", "created_on", "qualified_at", "due_at", "status", "score",
    "evidence_rule", "play", "rep_id",
)  # fmt: skip


class Tables(Protocol):
    """Where published tables are read from."""

    def table(self, name: str) -> ir.Table:
        """A published table."""

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """Its rows."""


@dataclass(frozen=True)
class _Read:
    """The rows that the payloads of one call are made of, by their ids."""

    handoffs: Mapping[str, Row]
    briefs: Mapping[str, str]
    accounts: Mapping[str, Row]
    users: Mapping[str, Row]
    news: Mapping[str, list[Row]]

    def reader(self, user: str) -> dict[str, Any]:
        """Whoever is told; a queue has its name in words and no address."""
        found = self.users.get(user) or {}
        told = {name: found.get(name) for name in ("name", "email", "team", "time_zone")}
        return {"user_id": user, **told, "name": told["name"] or words(user)}


def payloads(
    tables: Tables,
    intents: Sequence[Row],
    policy: Policy,
    lines: Sequence[Row] = (),
    now: datetime | None = None,
    notes: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """What each intent's message holds, by its key.

    Args:
        tables: the published ones.
        intents: key, kind, handoff_id, rep_id (whom it is for), at (the moment it is about); of a reminder
            or an escalation also event, of an update since (when its rep was told last; None: at entry).
        policy: all motions.
        lines: of digests, as ``core.digest.digest_lines`` gives them.
        now: the moment at which it is told what is due and what was; None: this one.
        notes: of digests, what every reader is told.

    Returns:
        Payloads of all intents whose handoff is still published; a digest without a line has none.
    """
    read = _gathered(tables, intents, policy)
    digests: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        digests[line["rep_id"]].append(line)
    found = {}
    for intent in intents:
        made = _payload(intent, read, digests, now or datetime.now(UTC), notes)
        if made is not None:
            found[intent["key"]] = made
    return found


def _payload(
    intent: Row,
    read: _Read,
    digests: Mapping[str, list[Row]],
    now: datetime,
    notes: Sequence[str] = (),
) -> dict[str, Any] | None:
    kind, to = intent["kind"], read.reader(intent["rep_id"])
    zone = to["time_zone"]
    made = {"version": VERSION, "kind": kind, "at": _plain(intent["at"]), "to": to}
    made |= {"account": None, "handoff": None, "evidence_url": None, "brief": None}
    if kind == "digest":
        mine = digests.get(intent["rep_id"], [])
        facts = digest_facts(mine, zone, intent["at"], notes)
        return {**made, "facts": facts} if mine else None
    handoff = read.handoffs.get(intent["handoff_id"])
    if handoff is None:
        return None
    account = read.accounts.get(handoff["account_id"]) or {}
    name = account.get("name") or handoff["account_id"]
    holder = read.reader(handoff["rep_id"])["name"]
    made |= {
        "account": {
            "account_id": handoff["account_id"],
            "name": name,
            "domain": account.get("domain"),
        },
        "handoff": {c: _plain(handoff[c]) for c in _OF_HANDOFF} | {"rep_name": holder},
        "evidence_url": handoff["evidence_url"],
    }
    if kind in ("handoff", "update"):
        brief = read.briefs.get(handoff["handoff_id"])
        made["brief"] = facts_of(brief) if brief else None
    if kind == "handoff":
        lines = list(standing(handoff, holder, zone, now))
        made["facts"] = {
            "title": {
                "text": "{account} is yours",
                "words": {"account": name},
                "cites": [],
                "records": [],
            },
            "sections": [{"name": "standing", "sentences": lines}],
        }
    elif kind == "update":
        made["at"] = _plain(now)
        made["facts"] = update_facts(
            handoff, name, holder, read.news.get(intent["key"], []), zone, now
        )
    else:
        made["facts"] = sla_facts(intent["event"], intent["at"], handoff, name, holder, zone)
    return made


def _gathered(tables: Tables, intents: Sequence[Row], policy: Policy) -> _Read:
    ids = sorted({i["handoff_id"] for i in intents if i.get("handoff_id")})
    handoffs = _by_id(tables, "handoffs", "handoff_id", ids)
    accounts = sorted({h["account_id"] for h in handoffs.values()})
    users = {i["rep_id"] for i in intents} | {h["rep_id"] for h in handoffs.values()}
    briefed = sorted({i["handoff_id"] for i in intents if i["kind"] in ("handoff", "update")})
    return _Read(
        handoffs=handoffs,
        briefs={k: r["facts"] for k, r in _by_id(tables, "briefs", "handoff_id", briefed).items()},
        accounts=_by_id(tables, "accounts", "account_id", accounts, current=True),
        users=_by_id(tables, "crm_users", "user_id", sorted(users), current=True),
        news=_news(tables, intents, handoffs, policy),
    )


def _by_id(
    tables: Tables, name: str, key: str, ids: Sequence[str], *, current: bool = False
) -> dict[str, Row]:
    """The rows of these ids; of several versions the one in force now."""
    found: dict[str, Row] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        t = tables.table(name)
        t = t.filter(t[key].isin(list(ids[start : start + _IDS_AT_ONCE])))
        if current:
            t = t.filter(t["valid_to"].isnull())
        found |= {row[key]: row for row in tables.rows(t)}
    return found


def _news(
    tables: Tables, intents: Sequence[Row], handoffs: Mapping[str, Row], policy: Policy
) -> dict[str, list[Row]]:
    """What the accounts of updates did since their rep was told last, a row a type of signal."""
    asked: dict[tuple[str, date], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for intent in intents:
        handoff = handoffs.get(intent.get("handoff_id") or "")
        if intent["kind"] == "update" and handoff is not None:
            since = intent.get("since")
            day = since.date() if since else handoff["created_on"]
            asked[handoff["motion"], day][handoff["account_id"]].append(intent["key"])
    found: dict[str, list[Row]] = defaultdict(list)
    for (motion, day), keys in sorted(asked.items()):
        for row in _since(tables, sorted(keys), day, policy.of_motion(motion)):
            for key in keys[row["account_id"]]:
                found[key].append({**row, "since": day})
    return found


def _since(
    tables: Tables, accounts: Iterable[str], day: date, policy: Policy
) -> list[dict[str, Any]]:
    t = typed(tables.table("touchpoints"), policy)
    worth = [name for name, rule in policy.signals.signals.items() if rule.weight > 0]
    t = t.filter(
        (t["touchpoint_date"] >= day)
        & (t["direction"] == "inbound")
        & t["signal_type"].isin(worth)
        & t["account_id"].isin(list(accounts))
    )
    told = t.group_by("account_id", "signal_type").aggregate(
        count=t.count(), people=t["person_id"].nunique()
    )
    return tables.rows(told)


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
