"""What a message tells beside the brief, as sentences: when it is due, what is new, what a clock set off.

Belongs here: the sentences of updates, reminders, escalations and digests. Does not belong here: the brief
(``brief_facts``), which messages there are (``sla_messages``, ``digest``, ``outbox``), or what one looks like
(``reports``).

Facts have the shape of a brief's: ``{"title": sentence, "sections": [{"name", "sentences"}]}``. Only words of
a sentence are outside text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from mqa_platform.core.brief_facts import Sentence, say
from mqa_platform.core.brief_words import counted, shown, spoken_day, words

Row = Mapping[str, Any]
Facts = dict[str, Any]
# So many lines of a kind are told one by one, the others are counted.
MOST: Final = 15
_EVENTS: Final = {
    "reminder": "Reminder: {account} waits for a first touch",
    "breach": "{account} was not touched in time",
    "escalation": "{account} still waits, and its time is up",
    "unaccepted": "{account} was neither accepted nor refused in time",
    "reassignment": "{account} was taken away, because nobody answered",
}
_MOMENTS: Final = {
    "unaccepted": "It was to be accepted or refused by {at}.",
    "reassignment": "It was taken away {at}.",
}
_SECTIONS: Final = ("due", "told", "held", "news")
_HELD: Final = {
    "handoff": "{account}, tier {tier}: waits for its turn.",
    "update": "{account}: has new activity.",
}


def spoken_moment(at: datetime, zone: str | None = None) -> str:
    """A moment as one says it where somebody works: ``3 December 2025, 15:00 (Europe/Berlin)``."""
    try:
        there, name = ZoneInfo(zone or "UTC"), zone or "UTC"
    except (KeyError, ValueError, OSError):
        there, name = ZoneInfo("UTC"), "UTC"
    local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(there)
    return f"{spoken_day(local.date())}, {local:%H:%M} ({name})"


def standing(handoff: Row, holder: str, zone: str | None, now: datetime) -> Iterator[Sentence]:
    """Whose it is and by when the first touch is due, or was."""
    yield say("With {rep}.", rep=shown(holder))
    due = handoff["due_at"]
    if due is not None and handoff["first_touch_at"] is None:
        verb = "is" if due > now else "was"
        yield say(f"The first touch {verb} due by {spoken_moment(due, zone)}.")


def update_facts(
    handoff: Row, account: str, holder: str, news: Iterable[Row], zone: str | None, now: datetime
) -> Facts:
    """What happened on an open handoff since its rep was told last.

    Args:
        handoff: as published.
        account: its name.
        holder: the name of who has it.
        news: rows of signal_type, count, people and since (day), a row a type.
        zone: of the reader.
        now: the moment of the update.
    """
    told = sorted(news, key=lambda r: (-r["count"], r["signal_type"]))
    lines = [_happened(row) for row in told[:MOST]]
    lines = lines or [say("There is new activity; the account page shows it.")]
    title = say("New activity on {account}", account=shown(account))
    return _facts(title, standing=list(standing(handoff, holder, zone, now)), news=lines)


def _happened(row: Row) -> Sentence:
    by = f" by {counted(row['people'], 'known person', 'known people')}" if row["people"] else ""
    since = f" since {spoken_day(row['since'])}" if row.get("since") else ""
    return say(f"{words(row['signal_type'])}: {counted(row['count'], 'time')}{by}{since}.")


def sla_facts(
    event: str, at: datetime, handoff: Row, account: str, holder: str, zone: str | None
) -> Facts:
    """A reminder, a breach, an escalation: what the clock of a handoff set off at a moment."""
    lines = list(standing(handoff, holder, zone, at))
    if handoff["delivered_at"] is not None:
        lines.append(say(f"It has waited since {spoken_moment(handoff['delivered_at'], zone)}."))
    if event in _MOMENTS:
        lines.append(say(_MOMENTS[event].replace("{at}", spoken_moment(at, zone))))
    lines.append(say(f"Tier {words(handoff['tier'])}, {words(handoff['motion'])}."))
    return _facts(say(_EVENTS[event], account=shown(account)), standing=lines)


def digest_facts(
    lines: Iterable[Row], zone: str | None, now: datetime, notes: Iterable[str] = ()
) -> Facts:
    """One digest: what is due, what a clock set off, what waits, what is new, and what holds for everybody.

    Args:
        lines: of one reader, as ``digest.digest_lines`` gives them.
        zone: of the reader.
        now: the moment of the digest.
        notes: what every reader is told, as sentences.
    """
    found = sorted(lines, key=lambda r: (r["rank"], str(r["at"]), r["handoff_id"]))
    parts = {}
    for section in _SECTIONS:
        mine = [row for row in found if row["section"] == section]
        parts[section] = [_line(row, zone, now) for row in mine[:MOST]]
        if len(mine) > MOST:
            parts[section].append(say(f"{len(mine) - MOST:,} more are on the worklist."))
    parts["programme"] = [say("{note}", note=note) for note in notes]
    return _facts(say(f"Your accounts on {spoken_day(now.date())}"), **parts)


def _line(row: Row, zone: str | None, now: datetime) -> Sentence:
    account = shown(row["name"], row["account_id"])
    tier = words(row["tier"] or "unknown")
    if row["section"] == "due":
        verb = "due" if row["at"] > now else "was due"
        text = f"{{account}}, tier {tier}: {verb} {spoken_moment(row['at'], zone)}."
        return say(text, account=account)
    if row["section"] == "told":
        when = spoken_moment(row["at"], zone)
        return say(f"{_EVENTS[row['reason']]} ({when}).", account=account)
    text = _HELD["update" if row["section"] == "news" else "handoff"].replace("{tier}", tier)
    return say(text, account=account)


def _facts(title: Sentence, **sections: list[Sentence]) -> Facts:
    told = [{"name": name, "sentences": lines} for name, lines in sections.items() if lines]
    return {"title": title, "sections": told}
