"""Payloads of messages for tests of their forms and channels, with outside text wherever there is some.

Belongs here: one payload of each kind. Does not belong here: tests.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mqa_platform.core.messages import digest_facts, sla_facts, standing, update_facts
from mqa_platform_tests.reports.facts import facts

KINDS = ("handoff", "update", "reminder", "escalation", "digest", "alert")
AT = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
EARLIER = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
PAGE = "https://pages.example/h1.html"
ANSWERS = (("bad_timing", "competitor"), (1, 7))


def handoff(**changed: Any) -> dict[str, Any]:
    """A handoff as published, as far as a message looks."""
    return {
        "handoff_id": "h1", "account_id": "acme", "motion": "new_business", "episode": 1,
        "tier": "scaled", "created_on": date(2026, 1, 5), "qualified_at": AT, "due_at": AT,
        "delivered_at": AT, "first_touch_at": None, "status": "open", "score": Decimal("112.5"),
        "evidence_rule": "people", "play": None, "rep_id": "ann", "evidence_url": PAGE, **changed,
    }  # fmt: skip


def payload(kind: str = "handoff", outside: str = "Acme", **changed: Any) -> dict[str, Any]:
    """A payload whose every word of others is ``outside``."""
    to = {"user_id": "ann", "name": outside, "email": "ann@us.example", "team": "EMEA"}
    made: dict[str, Any] = {
        "version": 1, "kind": kind, "at": AT.isoformat(), "to": {**to, "time_zone": "Europe/Berlin"},
        "account": {"account_id": "acme", "name": outside, "domain": "acme.com"},
        "handoff": {"handoff_id": "h1", "rep_id": "ann", "rep_name": outside, "tier": "scaled"},
        "evidence_url": PAGE, "brief": None,
    }  # fmt: skip
    if kind == "alert":
        return {
            "title": outside,
            "lines": [outside, "a line"],
            "run_id": "r1",
            "at": AT.isoformat(),
        }
    if kind == "handoff":
        title = {"text": "{a} is yours", "words": {"a": outside}, "cites": [], "records": []}
        lines = list(standing(handoff(), outside, "Europe/Berlin", EARLIER))
        sections = [{"name": "standing", "sentences": lines}]
        made |= {"facts": {"title": title, "sections": sections}, "brief": facts(outside)}
    elif kind == "update":
        news = [{"signal_type": "pricing_view", "count": 3, "people": 2, "since": date(2026, 1, 5)}]
        told = update_facts(handoff(), outside, outside, news, "Europe/Berlin", EARLIER)
        made |= {"facts": told, "brief": facts(outside)}
    elif kind == "digest":
        made |= {"handoff": None, "account": None, "evidence_url": None}
        made["facts"] = digest_facts([line(name=outside)], "Europe/Berlin", EARLIER)
    else:
        made["facts"] = sla_facts(kind, EARLIER, handoff(), outside, outside, "Europe/Berlin")
    return {**made, **changed}


def line(section: str = "due", **changed: Any) -> dict[str, Any]:
    """A line of a digest."""
    return {
        "rep_id": "ann", "section": section, "handoff_id": "h1", "account_id": "acme",
        "name": "Acme", "tier": "scaled", "at": AT, "reason": "running", "rank": 1, **changed,
    }  # fmt: skip
