"""Which published days have to be read again because another policy comes into force.

Belongs here: telling what has no days (who somebody is, what a page is about) from what has, and asking for the
days. Does not belong here: whether a promotion is allowed (``promoting``), or reading the days (the assets).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.home import Home
from mqa_platform.policy.changes import changes, readings
from mqa_platform.policy.loader import policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_history
from mqa_platform.sources.lateness import IDENTITY, SIGNALS
from mqa_platform.warehouse import Session


class CannotWaitError(Exception):
    """A change of what has no days is to come into force on a later day."""


@dataclass(frozen=True)
class Rereading:
    """What a policy that comes into force changes in how events are read.

    ``names`` are the settings without days that change, ``pages`` whether signals have to be read again on all
    days, ``people`` whether accounts and people have to be found again on all days, ``signals`` whether other
    events are other signals from its first day on.
    """

    names: list[str]
    pages: bool
    people: bool
    signals: bool


def rereading(home: Home, effective: date, policy: Policy) -> Rereading:
    """What changes in how events are read once the policy is in the log.

    Raises:
        CannotWaitError: what has no days would change on a day to come.
    """
    before, today = load_history(home), datetime.now(UTC).date()
    new = Effective(effective, policy, policy_version(policy))
    after = PolicyHistory((*before.entries, new))
    one, other = before.effective_on(today).policy, after.effective_on(today).policy
    for later in after.entries:
        differ = readings(changes(other, later.policy))
        if later.effective_from > today and differ:
            raise CannotWaitError(
                f"{', '.join(differ)} would change on {later.effective_from}, and without days holds on all at "
                "once: promote it on its day"
            )
    former = before.effective_on(effective).policy
    return Rereading(
        names=readings(changes(one, other)),
        pages=_pages(one) != _pages(other),
        people=_people(one) != _people(other),
        signals=_signals(former) != _signals(policy),
    )


def reopen(session: Session, effective: date, found: Rereading) -> list[date]:
    """Asks for the published days: all where something without days changes, else from the first on."""
    published, known = session.days("scores"), session.days("signals")
    days = [d for d in published if d >= effective]
    if days:
        # First of all: a kill in between asks in vain, and never leaves a day unasked.
        for consumer in ("scores", "stages"):
            session.reopen(consumer, days[0])
    if found.pages and known:
        session.reopen(SIGNALS, known[0])
    elif found.signals and [d for d in known if d >= effective]:
        session.reopen(SIGNALS, effective)
    if found.people and known:
        session.reopen(IDENTITY, known[0])
    return published if found.pages or found.people else days


def _pages(policy: Policy) -> object:
    """What an event is about, and whether it may be used; the first pattern that matches counts."""
    return list(policy.signals.page_types.items()), policy.signals.consent_default


def _people(policy: Policy) -> object:
    """Who somebody is, and what a visit is about."""
    s = policy.signals
    unknown = s.unknown_consent_counts_as_anonymous
    return policy.identity, s.seniority, s.career_page_types, unknown


def _signals(policy: Policy) -> object:
    """Which events and pages are which signal; the first one counts."""
    made_of = [
        (name, s.events, s.page_types, s.hand_raise, s.high_intent)
        for name, s in policy.signals.signals.items()
    ]
    return made_of, policy.signals.unscored_page_types
