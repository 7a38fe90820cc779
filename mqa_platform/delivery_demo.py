"""The demo's loop: from a trigger event to an accepted handoff, in real time and on this machine alone.

Belongs here: the steps and what each of them shows. Does not belong here: the account, its home and its policy
(``loop_home``), the servers (``local_services``), or how steps are printed (``cli``).

Every step is what happens in production: the same job, the same clients, a signed press, the receiver, and
the CRM read back. Only the services behind the addresses run here, so no credentials are needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mqa_platform import loop_home
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.local_services.desks import SalesforceDesk
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.local_services.slack_presses import sent_to
from mqa_platform.marts import open_marts
from mqa_platform.policy.loader import load_policy
from mqa_platform.receiver.serving import in_background
from mqa_platform.receiver.settings import SLACK_ENDPOINT, Settings
from mqa_platform.runs import deliver_on, forgotten_instance, refresh_and_deliver_on

if TYPE_CHECKING:
    from mqa_platform.loop_home import Rep

_ACCEPT: Final = "mqa_accept"
# A proxy knows nothing of what listens on this machine.
_PROXIES: Final = frozenset(("http_proxy", "https_proxy", "all_proxy"))
Told = Callable[["Step"], None]


class LoopFailedError(Exception):
    """A step of the loop did not bring about what it should; the message names it."""


@dataclass(frozen=True)
class Step:
    """One step as it is shown: what happened, when, and the lines that prove it."""

    title: str
    at: datetime
    lines: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"title": self.title, "at": self.at.isoformat(), "lines": self.lines}


def run_loop(home: Home, told: Told) -> list[Step]:
    """Goes once round the loop in a home of its own below ``home``.

    Args:
        home: of the demo.
        told: is given each step as soon as it has happened.

    Raises:
        LoopHomeError: the folder ``loop`` is somebody else's.
        LoopFailedError: a step did not bring about what it should.
        RunFailedError: a run failed.
    """
    steps: list[Step] = []

    def tell(title: str, *lines: str) -> None:
        steps.append(Step(title, datetime.now(UTC), list(lines)))
        told(steps[-1])

    here = loop_home.new_home(home)
    with ExitStack() as open_:
        loop = _Loop(here, open_.enter_context(SalesforceDesk()))
        loop.prepare(open_)
        tell(
            f"{loop_home.NAME} is one of {len(loop.org.rows['Account'])} accounts of a CRM that runs here",
            f"CRM {loop.org.url}, Slack {loop.slack.url}, receiver {loop.receiver}",
        )
        files = loop_home.raise_hand(here, datetime.now(UTC))
        names = ", ".join(str(path.relative_to(here.root)) for path in files)
        tell("A funding round and a demo request land", names)
        loop.refresh()
        tell("The run finds that it is qualified, and tells sales", *loop.qualified())
        tell("The rep's brief", *loop.brief().splitlines())
        tell("The rep presses Accept in Slack", *loop.accept())
        loop.deliver()
        tell("The answer is in the CRM", *loop.answered())
        loop.refresh()
        tell("It is read back as a fact", *loop.read_back())
    return steps


class _Loop:
    """The services, the home and the day of one loop."""

    def __init__(self, home: Home, org: SalesforceDesk) -> None:
        self.home, self.org = home, org
        self.today = datetime.now(UTC).date()
        self.slack = LocalSlack()
        self.receiver = ""
        self.instance: Any = None
        self.rep: Rep | None = None

    def prepare(self, open_: ExitStack) -> None:
        """Fill the market and the CRM, start the services."""
        loop_home.fill_market(self.home, self.today)
        self.rep = loop_home.fill_crm(self.home, self.org, self.today)
        self.slack.users[self.rep.email] = self.rep.slack_id
        open_.enter_context(self.slack)
        loop_home.write_policy(self.home, self.org.url, self.slack.url, self.today)
        secrets = {**self.org.environment(), **self.slack.environment()}
        open_.enter_context(_environment({**secrets, "MQA_HOME": str(self.home.root)}))
        declared = load_policy(self.home.policy_folder()).sources.sources
        settings = Settings.of(self.home, declared, os.environ, only=(SLACK_ENDPOINT,))
        self.receiver = open_.enter_context(in_background(settings))
        self.instance = open_.enter_context(forgotten_instance())

    def refresh(self) -> None:
        """The job that a sensor starts: every stage up to today, then what is to be sent."""
        # The first run has the history to do; afterwards only today is new.
        first = self.today if self.home.snapshot.exists() else loop_home.first_day(self.today)
        # An answer shortly after midnight is one of the new day.
        window = Window.of(first, max(self.today, datetime.now(UTC).date()))
        refresh_and_deliver_on(self.instance, self.home, window)

    def deliver(self) -> None:
        """The job that sends what has not been sent."""
        deliver_on(self.instance, self.home)

    def qualified(self) -> list[str]:
        """Stage, handoff, and what each service got."""
        handoff = self._handoff()
        message = self._message()
        task = next((t for t in self.org.rows["Task"] if t.get("WhatId") == loop_home.ACCOUNT), {})
        return [
            *self._stages(),
            f"handoff {handoff['handoff_id']}: {handoff['evidence_rule']}, to {self._rep.name}, "
            f"within {handoff['sla_hours']} h",
            *self._fields(),
            f"CRM task: {_expected(task.get('Subject'), 'a task for the owner')}",
            f"Slack {message['channel']}: {message['text']}",
        ]

    def brief(self) -> str:
        """The brief of the handoff as Markdown."""
        return str(_expected(self._handoff()["brief"], "a brief"))

    def accept(self) -> list[str]:
        """Press the button: Slack signs it and sends it to the receiver."""
        before = set(self._received())
        body, headers = self.slack.press(self._message(), _ACCEPT, self._rep.slack_id)
        status = sent_to(f"{self.receiver}/slack/actions", body, headers)
        kept = [path for path in self._received() if path not in before]
        if status != 200 or not kept:
            raise LoopFailedError(f"the receiver answered {status} to a signed press")
        return [f"receiver: {status}, kept as {kept[0]} before it answered"]

    def answered(self) -> list[str]:
        """What the CRM and Slack say of the answer."""
        status = self._record()[loop_home.STATUS]
        if status != "Accepted":
            raise LoopFailedError(f"the account's {loop_home.STATUS} is {status!r}")
        last = self._message()["blocks"][-1]
        said = " ".join(str(e.get("text", "")) for e in last.get("elements", []))
        return [f"CRM {loop_home.STATUS}: {status}", f"Slack: {said}"]

    def read_back(self) -> list[str]:
        """The stage after the answer was read from the CRM."""
        stages = self._stages()
        if not stages[-1].endswith("sales_accepted"):
            raise LoopFailedError(f"the account is not accepted: {stages[-1]}")
        handoff = self._handoff()
        return [
            *stages[-1:],
            f"handoff {handoff['handoff_id']}: {handoff['status']}",
            *self._fields(),
        ]

    @property
    def _rep(self) -> Rep:
        found: Rep = _expected(self.rep, "an owner")
        return found

    def _record(self) -> dict[str, Any]:
        found: dict[str, Any] = _expected(
            self.org.record("Account", loop_home.ACCOUNT), "the account in the CRM"
        )
        return found

    def _fields(self) -> list[str]:
        record = self._record()
        told = {name: record[name] for name in loop_home.FIELDS.values()}
        _expected(told[loop_home.FIELDS["stage"]], "a stage in the CRM")
        return [f"CRM {name}: {value}" for name, value in told.items() if value is not None]

    def _message(self) -> dict[str, Any]:
        """The message about the handoff; the rep may have been sent others."""
        key = str(self._handoff()["handoff_id"])
        found = [m for m in self.slack.messages() if key in str(m.get("metadata"))]
        return dict(_expected(next(iter(found), None), "a message in Slack about the handoff"))

    def _received(self) -> list[str]:
        folder = self.home.inbox / "received"
        return sorted(str(p.relative_to(self.home.root)) for p in folder.rglob("*.json"))

    def _stages(self) -> list[str]:
        """Yesterday's stage and today's."""
        with open_marts(self.home) as marts:
            stages = marts.table("stages")
            mine = stages.filter(
                (stages["account_id"] == loop_home.ACCOUNT) & (stages["motion"] == "new_business")
            )
            found = marts.rows(mine.order_by("stage_date").select("stage_date", "stage"))
        return [f"{row['stage_date']}: {row['stage']}" for row in found[-2:]]

    def _handoff(self) -> dict[str, Any]:
        with open_marts(self.home) as marts:
            handoffs = marts.table("handoffs")
            mine = handoffs.filter(handoffs["account_id"] == loop_home.ACCOUNT)
            found = marts.rows(mine.order_by(mine["created_on"].desc()))
        return dict(_expected(next(iter(found), None), "a handoff"))


def _expected(found: Any, what: str) -> Any:
    """What must be there.

    Raises:
        LoopFailedError: it is not.
    """
    if not found:
        raise LoopFailedError(f"there is not {what}")
    return found


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables and none of somebody's own: the loop must reach no service but the local ones."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("MQA_") or name.lower() in _PROXIES:
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
