"""The home of the demo's loop: a small market whose last day is today, a CRM that runs here, one account.

Belongs here: its files, its policy, and what the account's people do. Does not belong here: the steps of the loop
(``delivery_demo``), or the servers (``local_services``).

The loop is real time: its market ends today, so that what happens is told within minutes and not as history.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from mqa_platform.home import Home
from mqa_platform.local_services.desks import SalesforceDesk
from mqa_platform.local_services.salesforce_records import written_moment
from mqa_platform.market import MarketConfig, generate
from mqa_platform.policy.folder import DEFAULT_FOLDER

DAYS: Final = 14
_MARKET_ACCOUNTS: Final = 200
_MARK: Final = ".loop"
ACCOUNT, DOMAIN, NAME = "0015fLOOP000001", "alder-robotics.com", "Alder Robotics"
# Who visits, with what they do there: the second asks to be called.
_PEOPLE: Final = (
    ("0035fLOOP000001", "Noa Lind", "VP Engineering"),
    ("0035fLOOP000002", "Ira Moss", "Head of Platform"),
)
FIELDS: Final = {
    "stage": "MQA_Stage__c",
    "since": "MQA_Since__c",
    "score": "MQA_Score__c",
    "top_reasons": "MQA_Top_Reasons__c",
    "policy_version": "MQA_Policy__c",
    "validity": "MQA_Validity__c",
}
STATUS, REASON = "Sales_Status__c", "Sales_Status_Reason__c"
STREAMS: Final = ("Account", "Contact", "Opportunity", "Task", "Event", "User")
_FEEDS: Final = {
    "segment": ("segment_jsonl", "segment/*.jsonl"),
    "marketo": ("marketo_activities", "marketo/activities-*.csv"),
    "marketo_leads": ("marketo_leads", "marketo/leads-*.csv"),
    "bombora": ("bombora_surge", "bombora/surge-*.csv"),
    "triggers": ("trigger_feed", "triggers/feed-*.jsonl"),
    "office_ips": ("office_ip_ranges", "office_ips/*.csv"),
}


class LoopHomeError(Exception):
    """The folder of the loop holds something that is not the loop's."""


@dataclass(frozen=True)
class Rep:
    """The owner of the account: id in the CRM, address, id in Slack."""

    user_id: str
    name: str
    email: str
    slack_id: str


def new_home(parent: Home) -> Home:
    """An empty folder ``loop`` below a home; the one of the last time is removed.

    Raises:
        LoopHomeError: there is one that this did not make.
    """
    root = parent.root / "loop"
    if root.exists() and not (root / _MARK).exists():
        raise LoopHomeError(f"{root} is not of this demo; move it away, or say --no-loop")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / _MARK).touch()
    return Home(root)


def first_day(today: date) -> date:
    """The day on which the loop's history begins."""
    return today - timedelta(days=DAYS)


def fill_market(home: Home, today: date) -> None:
    """The market up to yesterday, as files of the inbox."""
    generate(MarketConfig(_MARKET_ACCOUNTS, DAYS, starts_on=first_day(today)), home.root)


def fill_crm(home: Home, org: SalesforceDesk, today: date) -> Rep:
    """The CRM's records, and the account with its two contacts; returns its owner."""
    org.fill(home.inbox / "salesforce", FIELDS.values())
    user = next(row for row in org.rows["User"] if row["IsActive"] is True)
    start = datetime.combine(first_day(today), datetime.min.time(), UTC).timestamp()
    moment = written_moment(start - 86_400 * 90)
    common = {"IsDeleted": False, "CreatedDate": moment, "SystemModstamp": moment}
    account = {
        "Id": ACCOUNT,
        "Name": NAME,
        "Website": f"www.{DOMAIN}",
        "Industry": "Software",
        "NumberOfEmployees": 1_400.0,
        "BillingCountry": "United States",
        "OwnerId": user["Id"],
        "Type": "Prospect",
        "Is_Target__c": True,
        "Technologies__c": "aws;kubernetes",
        "Growth_Pct__c": "22",
        "Do_Not_Contact__c": False,
    }
    org.rows["Account"].append(dict.fromkeys(org.types["Account"]) | account | common)
    for id_, name, title in _PEOPLE:
        contact: dict[str, Any] = {
            "Id": id_,
            "AccountId": ACCOUNT,
            "Email": _email(name),
            "Name": name,
        }
        contact |= {"Title": title, "HasOptedOutOfEmail": False}
        org.rows["Contact"].append(dict.fromkeys(org.types["Contact"]) | contact | common)
    return Rep(str(user["Id"]), str(user["Name"]), str(user["Email"]), "U0REP01")


def write_policy(home: Home, org_url: str, slack_url: str, today: date) -> None:
    """The packaged policy, but for where data comes from and where it goes."""
    home.policy.mkdir()
    program = (DEFAULT_FOLDER / "program.yaml").read_text(encoding="utf-8")
    lines = [
        f"history_starts_on: {first_day(today)}" if s.startswith("history_starts_on:") else s
        for s in program.splitlines()
    ]
    feeds = [
        f"  {name}:\n    connector: {connector}\n    path: ${{MQA_HOME}}/inbox/{path}"
        for name, (connector, path) in _FEEDS.items()
    ]
    crm = f"  crm:\n    connector: salesforce_api\n    url: {org_url}\n"
    crm += f"    streams: [{', '.join(STREAMS)}]"
    fields = "\n".join(f"    {ours}: {theirs}" for ours, theirs in FIELDS.items())
    files = {
        "program": "\n".join(lines),
        "sources": "\n".join(["sources:", *feeds, crm]),
        "delivery": f"enabled: true\nchannels:\n  slack:\n    base_url: {slack_url}/api/",
        "write_back": (
            f"crm: salesforce\nurl: {org_url}\nfields:\n  new_business:\n{fields}\ntask: {{}}\n"
            f"answers:\n  status_field: {STATUS}\n  reason_field: {REASON}"
        ),
    }
    for name, text in files.items():
        (home.policy / f"{name}.yaml").write_text(text + "\n", encoding="utf-8")


def raise_hand(home: Home, now: datetime) -> list[Path]:
    """The files that start it: visits of a week, a funding round, and a demo request of just now."""
    calls = [json.dumps(call) for call in _calls(now)]
    web = _written(home.inbox / "segment" / "alder.jsonl", calls)
    announced = now - timedelta(days=1)
    news = {
        "id": "trg-alder-1",
        "type": "funding_round",
        "company": NAME,
        "domain": DOMAIN,
        "announced_at": _text(announced),
        "published_at": _text(announced + timedelta(hours=6)),
    }
    return [web, _written(home.inbox / "triggers" / "feed-alder.jsonl", [json.dumps(news)])]


def _calls(now: datetime) -> Iterator[dict[str, Any]]:
    midnight = datetime.combine(now.date(), datetime.min.time(), UTC)
    visits = (
        (0, 6.1, "/product/pipelines"), (1, 4.4, "/docs/security"), (0, 3.2, "/pricing"), (1, 2.3, "/pricing"),
    )  # fmt: skip
    for number, (person, days, path) in enumerate(visits):
        at = now - timedelta(days=days)
        yield _call(number, "page", person, at) | {"name": path, "properties": {"path": path}}
    # Shortly after midnight the request is of this day all the same: it is what starts the day's loop.
    asked = max(now - timedelta(minutes=3), midnight)
    asking = {"path": "/demo", "email": _email(_PEOPLE[1][1])}
    yield _call(99, "track", 1, asked) | {"event": "Demo Requested", "properties": asking}


def _call(number: int, kind: str, person: int, at: datetime) -> dict[str, Any]:
    email = _email(_PEOPLE[person][1])
    return {
        "type": kind,
        "messageId": f"m-alder-{number}",
        "anonymousId": f"alder-{person}",
        "userId": email,
        "timestamp": _text(at),
        "sentAt": _text(at),
        "receivedAt": _text(at),
        "context": {
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "traits": {"email": email},
            "consent": "granted",
        },
    }


def _written(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _email(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{DOMAIN}"


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
