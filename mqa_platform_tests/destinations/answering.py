"""A message in Slack with its buttons, the CRM behind it, and everything in between.

Belongs here: pressing, delivering, and looking at what came of it. Does not belong here: facts.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.destinations.answers import Taken, taken
from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import send_due
from mqa_platform.destinations.slack_channel import SlackChannel
from mqa_platform.destinations.slack_people import People
from mqa_platform.home import Home
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.policy.delivery import Delivery
from mqa_platform.policy.delivery_answers import Answers
from mqa_platform.policy.delivery_channels import Channels, Slack
from mqa_platform.policy.models import Policy
from mqa_platform.policy.write_back import Answers as CrmAnswers
from mqa_platform.policy.write_back import WriteBack
from mqa_platform.receiver import inbox
from mqa_platform.receiver.signatures import Request, verify
from mqa_platform_tests.core.engine import default_policy
from mqa_platform_tests.destinations.carrying import FAST, Service
from mqa_platform_tests.reports.message_cases import payload

_HANDOFF = {
    "handoff_id": "h1", "account_id": "acme", "motion": "new_business", "rep_id": "ann",
    "status": "open", "over_on": None, "created_on": None, "ended_on": None,
}  # fmt: skip
_SCHEMA = pa.schema(
    [(c, pa.date32() if c.endswith("_on") else pa.string()) for c in _HANDOFF]
)  # fmt: skip
_USERS = [
    ("ann", "Ann Smith", "Ann@us.example", "EMEA"),
    ("bob", "Bob Jones", "bob@us.example", "EMEA"),
    ("cas", "Cas Poll", "cas@us.example", "APAC"),
    ("mia", "Mia Boss", "mia@us.example", "Bosses"),
]
SLACK_USERS = {"ann@us.example": "U1ANN", "bob@us.example": "U2BOB", "cas@us.example": "U3CAS",
                "mia@us.example": "U4MIA", "eve@other.example": "U5EVE"}  # fmt: skip


CRM = WriteBack(
    crm="salesforce", url="https://acme.my.salesforce.com",
    fields={"new_business": {"stage": "MQA_Stage__c"}},
    answers=CrmAnswers(status_field="Sales_Status__c"),
)  # fmt: skip


class Tables:
    """Published tables, in memory."""

    def __init__(
        self, handoffs: list[dict[str, Any]], standing: tuple[str | None, str | None] = (None, None)
    ) -> None:
        self.con = ibis.duckdb.connect(threads=1)
        rows = pa.Table.from_pylist([{**_HANDOFF, **row} for row in handoffs], _SCHEMA)
        self.con.create_table("handoffs", rows)
        names = ("user_id", "name", "email", "team")
        users = [dict(zip(names, user, strict=True), is_active=True) for user in _USERS]
        users.append({**users[0], "user_id": "old", "is_active": False})
        table = pa.Table.from_pylist(users).append_column("valid_to", pa.nulls(5, pa.date32()))
        self.con.create_table("crm_users", table)
        account = {"account_id": "acme", "sales_status": standing[0], "is_deleted": False,
                   "sales_status_reason": standing[1], "valid_to": None}  # fmt: skip
        kinds = pa.schema(
            [("account_id", pa.string()), ("sales_status", pa.string()), ("is_deleted", pa.bool_()),
             ("sales_status_reason", pa.string()), ("valid_to", pa.date32())])  # fmt: skip
        self.con.create_table("crm_accounts", pa.Table.from_pylist([account], kinds))

    def table(self, name: str) -> ir.Table:
        return self.con.table(name)

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = expr.to_pyarrow().to_pylist()
        return found


def policy_of(
    slack: Slack | None = None, answers: Answers | None = None, crm: WriteBack | None = None
) -> Policy:
    """A policy under which the CRM takes answers."""
    delivery = Delivery(enabled=True, channels=Channels(slack=slack), answers=answers or Answers())
    return default_policy().model_copy(update={"delivery": delivery, "write_back": crm or CRM})


class Loop:
    """A message in Slack with its buttons, and everything behind them."""

    def __init__(self, folder: Path, slack: LocalSlack) -> None:
        self.home, self.slack = Home(folder), slack
        self.journal = Journal(self.home.outbox)
        self.crm = Service("crm_answer")
        settings = Slack(base_url=f"{slack.url}/api/", reps={"ann": "C0TEAM"})
        self.channel = SlackChannel(settings, slack.environment())
        self.settings = settings
        self.answers = Answers()
        self.write_back = CRM
        self.tables = Tables([{}])
        told = Message("h1:slack", "slack", "handoff", "h1", "acme", "new_business", "ann",
                       payload("handoff"))  # fmt: skip
        self.channel.send([told])
        self.pressed = 0

    @property
    def policy(self) -> Policy:
        return policy_of(self.settings, self.answers, self.write_back)

    @property
    def message(self) -> dict[str, Any]:
        return self.slack.messages("C0TEAM")[0]

    def press(self, action: str, user: str = "U1ANN", value: str | None = None) -> Path:
        """A press, as the receiver keeps it."""
        self.pressed += 1
        at = time.time() + self.pressed / 1000
        body, headers = self.slack.press(self.message, f"mqa_{action}", user, value, at)
        request = Request("POST", "", list(headers.items()), body)
        verify("slack_v0", [self.slack.signing_secret], request, at)
        received = self.home.inbox / "received"
        return inbox.keep(received, "slack", "slack_v0", "", body, at)[0]

    def take(self, **changed: Any) -> Taken:
        people = People(self.channel.client, self.policy.delivery)
        given = {"home": self.home, "journal": self.journal, "tables": self.tables,
                 "policy": self.policy, "people": people, "now": datetime.now(UTC)}  # fmt: skip
        return taken(**{**given, **changed})

    def deliver(self) -> Taken:
        """What a run of the job does."""
        channels = {"crm_answer": self.crm, "slack": self.channel}
        found = self.take()
        send_due(self.journal, channels, FAST)
        found.replies += self.take().replies
        send_due(self.journal, channels, FAST)
        return found

    def lines(self) -> list[str]:
        """The small print under the message."""
        return [
            str(e["text"])
            for block in self.message["blocks"]
            if block["type"] == "context"
            for e in block["elements"]
        ]

    @property
    def has_buttons(self) -> bool:
        return any(block["type"] == "actions" for block in self.message["blocks"])

    def answered(self) -> list[dict[str, Any]]:
        """What the CRM was given, in the order in which it was."""
        entries = [self.journal.entry(key) for key in self.crm.has]
        return [dict(entry.message.payload) for entry in entries if entry]

    def private(self) -> list[str]:
        return [str(told["text"]) for told in self.slack.ephemeral]
