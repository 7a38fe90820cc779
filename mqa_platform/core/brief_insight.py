"""Why an account spikes: what is new about it, beside the time before.

Belongs here: the sentences that set the last weeks of an account against its own weeks before: how much it does,
what it is about, who is new, and who came back. Does not belong here: what stands in the score (``brief_facts``),
or who did what (``brief_people``).

Only what the buyer did of his own accord counts: our own mail makes every account we write to look awake. The time
before begins with the first act of the look-back, not with the look-back itself: history may be younger, and a rate
over days of which nobody knows anything would make every rise look steep.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from mqa_platform.core.brief_facts import Case, Row, Sentence, say
from mqa_platform.core.brief_words import counted, listed, shown, spoken_day, words
from mqa_platform.core.calibration.outreach import CAUSED_CHANNELS, CAUSED_EVENTS, is_caused_by_us

# Fewer acts than these are no pattern, however quiet the time before was.
FEWEST_ACTS: Final = 3
# So many times its own rate before, and more, is a rise worth a sentence.
RISE: Final = 2.0
MOST_TOPICS: Final = 2
MOST_NAMES: Final = 5


def insight(case: Case) -> Iterator[Sentence]:
    """How the last weeks differ from the account's own weeks before; nothing where they do not."""
    window = case.policy.stages.evidence_window_days
    since = case.day - timedelta(days=window)
    acts = [t for t in case.touches() if _own_accord(case, t)]
    recent = [t for t in acts if t["on_day"] > since]
    before = [t for t in acts if t["on_day"] <= since]
    if len(recent) < FEWEST_ACTS:
        return
    share = _share(before, since, window)
    if share is not None and len(recent) > RISE * share * len(before):
        yield _rise(recent, before, share, window)
        yield from _topics(recent, before, share)
    yield from _newcomers(case, recent, before, window)
    yield from _returning(case, recent, window)


def _share(before: list[Row], since: date, window: int) -> float | None:
    """The window as a share of the days before it; None where those are fewer than the window's."""
    if not before:
        return 0.0
    days = (since - min(t["on_day"] for t in before)).days + 1
    return window / days if days >= window else None


def _own_accord(case: Case, touch: Row) -> bool:
    """Whether a touchpoint speaks for the account, and nothing of ours caused it."""
    rule = case.policy.signals.signals.get(touch["signal_type"] or "")
    if rule is None or rule.weight <= 0 or rule.kind not in ("engagement", "intent"):
        return False
    way = (touch["channel"] or "").lower()
    return not (
        is_caused_by_us(rule)
        or touch["signal_type"] == "unsubscribe"
        or touch["event"] in CAUSED_EVENTS
        or way in CAUSED_CHANNELS
    )


def _rise(recent: list[Row], before: list[Row], share: float, window: int) -> Sentence:
    text = f"{counted(len(recent), 'act')} of its own accord in {window} days"
    if before:
        first = spoken_day(min(t["on_day"] for t in before))
        times = len(recent) / (share * len(before))
        text += f", {times:.1f} times its rate from {first}, when it was first seen, until then"
    else:
        text += "; nothing was seen of it before"
    return say(f"{text}.", [*recent, *before])


def _topics(recent: list[Row], before: list[Row], share: float) -> Iterator[Sentence]:
    """What the rise is about: topics and types of pages that more than doubled, the largest gain first."""
    now, then = _by_topic(recent), _by_topic(before)
    usual = {topic: share * len(then.get(topic, [])) for topic in now}
    risen = [
        topic
        for topic, touches in now.items()
        if len(touches) >= FEWEST_ACTS and len(touches) > RISE * usual[topic]
    ]
    for topic in sorted(risen, key=lambda t: (usual[t] - len(now[t]), t))[:MOST_TOPICS]:
        touches, older = now[topic], then.get(topic, [])
        days = len({t["on_day"] for t in touches})
        text = f"{len(touches)} of these acts are about {{topic}}, on {counted(days, 'day')}"
        people = len({t["person_id"] for t in touches if t["person_id"]})
        if people:
            text += f", by {counted(people, 'known person', 'known people')}"
        text += f"; {len(older) or 'none'} before that."
        yield say(text, [*touches, *older], topic=topic)


def _by_topic(touches: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for t in touches:
        if name := t["topic"] or (words(t["page_type"]) if t["page_type"] else None):
            found.setdefault(shown(name).casefold(), []).append(t)
    return found


def _newcomers(case: Case, recent: list[Row], before: list[Row], window: int) -> Iterator[Sentence]:
    """Who was not seen before; of an account that nobody was seen of, everybody is new and nobody is told."""
    known = {t["person_id"] for t in before if t["person_id"]}
    active = {t["person_id"] for t in recent if t["person_id"]}
    new = sorted(active - known)
    if not known or not new:
        return
    contacts = [c for c in map(case.contact, new) if c is not None]
    named = contacts[:MOST_NAMES]
    said = {f"n{i}": _who(c) for i, c in enumerate(named)}
    parts = [f"{{n{i}}}" for i in range(len(named))]
    if rest := len(new) - len(named):
        parts.append(f"{rest} more" if named else counted(rest, "person", "people") + " unnamed")
    verb = "is" if len(new) == 1 else "are"
    yield say(
        f"{len(new)} of the {counted(len(active), 'person', 'people')} active in {window} days {verb} new, "
        f"first seen after {spoken_day(case.day - timedelta(days=window))}: {listed(parts)}.",
        [t for t in recent if t["person_id"] in new],
        **said,
    )


def _who(contact: Row) -> str:
    name = shown(contact["name"])
    return f"{name} ({shown(contact['title'])})" if contact["title"] else name


def _returning(case: Case, recent: list[Row], window: int) -> Iterator[Sentence]:
    """Visits on several days, of the same people or browsers: research, and not one afternoon."""
    visits = [t for t in recent if t["session_id"]]
    days_of: dict[str, set[object]] = {}
    for t in visits:
        if t["person_id"]:
            days_of.setdefault(t["person_id"], set()).add(t["on_day"])
    again = {p for p, days in days_of.items() if len(days) > 1}
    if not again:
        return
    theirs = [t for t in visits if t["person_id"] in again]
    sessions = len({t["session_id"] for t in theirs})
    days = len({t["on_day"] for t in theirs})
    who = counted(len(again), "person", "people")
    yield say(
        f"{who} came back: {counted(sessions, 'visit')} on {counted(days, 'day')} within {window} days.",
        theirs,
    )
