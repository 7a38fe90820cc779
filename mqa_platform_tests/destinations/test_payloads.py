"""What a message holds is what the tables said when it was entered: whole, as JSON, for whom it is meant."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from mqa_platform.destinations.payloads import payloads
from mqa_platform.policy.loader import load_policy
from mqa_platform_tests.reports.facts import facts
from mqa_platform_tests.reports.message_cases import handoff, line

AT = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
MOMENT = pa.timestamp("us", tz="UTC")
MOMENTS = ("qualified_at", "due_at", "delivered_at", "first_touch_at")
HANDOFFS = pa.schema(
    [
        *((n, pa.string()) for n in handoff() if n not in ("episode", "score", "created_on", *MOMENTS)),
        ("episode", pa.int64()), ("score", pa.decimal128(18, 4)), ("created_on", pa.date32()),
        *((n, MOMENT) for n in MOMENTS),
    ]
)  # fmt: skip
DAYS = [("valid_from", pa.date32()), ("valid_to", pa.date32())]


class Tables:
    """Published tables out of rows."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.con = ibis.duckdb.connect(threads=1)
        texts = {
            "briefs": ("handoff_id", "facts"),
            "accounts": ("account_id", "name", "domain"),
            "crm_users": ("user_id", "name", "email", "team", "time_zone"),
            "touchpoints": ("account_id", "signal_id", "person_id", "signal_type", "event", "page_type",
                            "direction"),
        }  # fmt: skip
        for name, columns in texts.items():
            own = [(c, pa.string()) for c in columns]
            own += DAYS if name in ("accounts", "crm_users") else []
            own += [("touchpoint_date", pa.date32())] if name == "touchpoints" else []
            self._add(name, pa.schema(own), rows.get(name, []))
        self._add("handoffs", HANDOFFS, rows.get("handoffs", []))

    def _add(self, name: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
        filled = [{**dict.fromkeys(schema.names), **row} for row in rows]
        self.con.create_table(name, pa.Table.from_pylist(filled, schema=schema))

    def table(self, name: str) -> Any:
        return self.con.table(name)

    def rows(self, expr: Any) -> list[dict[str, Any]]:
        return expr.to_pyarrow().to_pylist()


def tables(**changed: Any) -> Tables:
    rows: dict[str, list[dict[str, Any]]] = {
        "handoffs": [handoff()],
        "briefs": [{"handoff_id": "h1", "facts": json.dumps(facts("Acme"))}],
        "accounts": [
            {"account_id": "acme", "name": "Old Acme", "valid_to": date(2025, 1, 1)},
            {"account_id": "acme", "name": "Acme", "domain": "acme.com"},
        ],
        "crm_users": [
            {
                "user_id": "ann",
                "name": "Ann",
                "email": "ann@us.example",
                "time_zone": "Europe/Berlin",
            },
            {"user_id": "max", "name": "Max", "email": "max@us.example"},
        ],
        **changed,
    }
    return Tables(**rows)


def intent(kind: str = "handoff", **changed: Any) -> dict[str, Any]:
    return {"key": f"h1:{kind}:slack", "kind": kind, "handoff_id": "h1", "rep_id": "ann", "at": AT,
            **changed}  # fmt: skip


def made(*intents: dict[str, Any], given: Tables | None = None, **more: Any) -> dict[str, Any]:
    found = payloads(given or tables(), intents, load_policy(), now=AT, **more)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_a_handoff_holds_its_brief_its_rep_and_its_page():
    (payload,) = made(intent()).values()
    assert payload["to"] == {"user_id": "ann", "name": "Ann", "email": "ann@us.example", "team": None,
                             "time_zone": "Europe/Berlin"}  # fmt: skip
    assert payload["account"] == {"account_id": "acme", "name": "Acme", "domain": "acme.com"}
    assert payload["brief"] == facts("Acme")
    assert payload["evidence_url"] == "https://pages.example/h1.html"
    assert payload["handoff"]["score"] == 112.5
    assert payload["at"] == "2026-01-05T14:00:00+00:00"


def test_an_escalation_is_for_the_manager_and_says_who_has_it():
    (payload,) = made(intent("escalation", event="escalation", rep_id="max")).values()
    assert payload["to"]["email"] == "max@us.example"
    told = payload["facts"]["sections"][0]["sentences"]
    assert told[0] == {"text": "With {rep}.", "words": {"rep": "Ann"}, "cites": [], "records": []}
    assert payload["brief"] is None


def test_a_queue_is_told_by_its_name_and_has_no_address():
    (payload,) = made(intent("escalation", event="breach", rep_id="sales_managers")).values()
    assert payload["to"]["name"] == "sales managers"
    assert payload["to"]["email"] is None


def test_an_update_counts_what_came_since_its_rep_was_told_last():
    def view(day: int, person: str | None, **changed: Any) -> dict[str, Any]:
        return {"account_id": "acme", "signal_id": f"s{day}{person}", "person_id": person,
                "event": "page_view", "page_type": "pricing", "direction": "inbound",
                "touchpoint_date": date(2026, 1, day), **changed}  # fmt: skip

    acts = [
        view(5, "old"), view(7, "p1"), view(8, "p1"), view(8, "p2"), view(8, None),
        view(8, "p3", direction="outbound"), view(8, "p4", account_id="other"),
        view(8, "p5", page_type="careers"),
    ]  # fmt: skip
    since = datetime(2026, 1, 7, 9, tzinfo=UTC)
    (payload,) = made(intent("update", since=since), given=tables(touchpoints=acts)).values()
    sections = {s["name"]: s["sentences"] for s in payload["facts"]["sections"]}
    assert [s["text"] for s in sections["news"]] == [
        "pricing view: 4 times by 2 known people since 7 January 2026."
    ]


def test_a_digest_holds_the_lines_of_its_reader_and_nobody_elses():
    lines = [line(name="Acme"), line(name="Other", rep_id="max")]
    found = made(
        intent("digest", key="d:ann", handoff_id=None),
        intent("digest", key="d:nobody", handoff_id=None, rep_id="nobody"),
        lines=lines,
    )
    assert set(found) == {"d:ann"}
    assert "Acme" in json.dumps(found)
    assert "Other" not in json.dumps(found)


def test_a_handoff_that_is_published_no_more_has_no_message():
    assert made(intent(handoff_id="gone")) == {}


@pytest.mark.parametrize(
    "changed", [{"briefs": []}, {"accounts": []}, {"crm_users": []}, {"handoffs": [handoff(due_at=None, score=None)]}]
)  # fmt: skip
def test_what_is_missing_is_left_out_and_the_message_still_goes(changed):
    from mqa_platform.reports.email_messages import mail
    from mqa_platform.reports.slack_messages import posted
    from mqa_platform_tests.reports.message_cases import ANSWERS

    for kind in ("handoff", "update", "reminder"):
        (payload,) = made(intent(kind, event="reminder"), given=tables(**changed)).values()
        assert posted(payload, ANSWERS)["blocks"]
        assert mail(payload).subject


def test_a_number_of_handoffs_beyond_one_question_is_read_whole():
    many = [handoff(handoff_id=f"h{i}", account_id="acme", score=Decimal(1)) for i in range(1_100)]
    found = made(*(intent(key=f"k{i}", handoff_id=f"h{i}") for i in range(1_100)),
                 given=tables(handoffs=many))  # fmt: skip
    assert len(found) == 1_100
