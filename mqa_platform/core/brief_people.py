"""The people of a brief: why now, who did what in which role, and which roles nobody has.

Belongs here: the sentences about people, the recommended play, and all of a brief in order. Does not belong
here: the sentences about everything else (``brief_facts``), or who may be contacted (``reachable``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from mqa_platform.core import brief_facts as facts
from mqa_platform.core.brief_facts import Case, Row, Sentence, say
from mqa_platform.core.brief_history import history
from mqa_platform.core.brief_insight import insight
from mqa_platform.core.brief_words import counted, listed, shown, spoken_day, words

MOST_PEOPLE: Final = 8
_UNREACHABLE: Final = {
    "deleted": "no longer in the CRM",
    "do_not_contact": "may not be contacted",
    "consent_denied": "has refused consent",
    "unsubscribed": "has unsubscribed from mail",
    "no_address": "has no address in the CRM",
}


def brief(case: Case) -> dict[str, Any]:
    """All of a brief, as JSON has it: who, what is recommended, and the sentences section by section."""
    head, plays = case.head, case.policy.plays
    name = head["play"]
    play = plays.plays.get(name) if name else None
    told: dict[str, Callable[[Case], Iterator[Sentence]]] = {
        "why_now": why_now, "insight": insight, "score": facts.score, "people": people, "committee": committee,
        "anonymous": facts.anonymous, "intent": facts.intent, "triggers": facts.triggers,
        "pages": facts.pages, "pain_points": facts.pain_points, "history": history,
        "next": recommended,
    }  # fmt: skip
    sections = [{"name": s, "sentences": list(told[s](case))} for s in facts.SECTIONS]
    return {
        "handoff_id": head["handoff_id"],
        "account_id": head["ref"],
        "motion": head["motion"],
        "episode": head["count"],
        "name": shown(head["name"], head["ref"]),
        "domain": shown(head["domain"], ""),
        "tier": head["tier"],
        "created_on": head["on_day"].isoformat(),
        "evidence_rule": head["reason"] or "people",
        "play": name if play else None,
        "play_kind": play.kind if play else None,
        "sections": [s for s in sections if s["sentences"]],
    }


def why_now(case: Case) -> Iterator[Sentence]:
    """What qualified the account, and its latest act."""
    head = case.head
    rule = head["reason"] or "people"
    account = shown(head["name"], head["ref"])
    day = spoken_day(case.day)
    if rule == "hand_raise":
        yield _asked(case, account, day)
    elif rule == "anonymous_only":
        window = case.policy.stages.anonymous_research.window_days
        near = [t for t in case.touches(window) if t["person_id"] is None]
        yield say(
            f"{{account}} qualified on {day}: research from the company's network, confirmed by intent; "
            "nobody is known yet.",
            near,
            account=account,
        )
    elif rule == "override":
        yield say(f"{{account}} was made an MQA by hand on {day}.", account=account)
    else:
        window = case.policy.stages.evidence_window_days
        active = facts.eligible(case, window)
        n = len({t["person_id"] for t in active})
        where = "of the account"
        if any(t["is_below"] for t in active):
            where = "of the account and those below it"
        text = f"{{account}} qualified on {day}"
        if n:
            text += (
                f": {counted(n, 'person', 'people')} {where} {'was' if n == 1 else 'were'} active"
            )
            text += f" within {window} days"
        yield say(f"{text}.", active, account=account)
    if head["is_backlog"]:
        yield say(
            "It was above the bar already when the rules came into force, and waited for its turn."
        )
    touches = case.touches()
    if touches:
        last = max(touches, key=lambda t: (t["at"], t["ref"]))
        yield say(
            f"The latest act was on {spoken_day(last['on_day'])}: {{what}}.",
            [last],
            what=_act(last),
        )


def _asked(case: Case, account: str, day: str) -> Sentence:
    signals = case.policy.signals.signals
    window = case.policy.stages.hand_raise_kept_days or case.policy.stages.evidence_window_days
    near = [t for t in case.touches(max(window, 1)) if t["person_id"]]
    asked = [
        t for t in near if t["signal_type"] in signals and signals[t["signal_type"]].hand_raise
    ]
    if not asked:
        return say(f"{{account}} qualified on {day}: somebody asked for us.", account=account)
    last = max(asked, key=lambda t: (t["at"], t["ref"]))
    contact = case.contact(last["person_id"])
    who = (
        shown(contact["name"], "a known person")
        if contact
        else "a person who is not in the CRM yet"
    )
    when = "" if last["on_day"] == case.day else f" on {spoken_day(last['on_day'])}"
    return say(
        f"{{account}} qualified on {day}: {{who}} asked for us{when} ({{what}}).",
        [t for t in asked if t["person_id"] == last["person_id"]],
        who=who, account=account, what=_act(last),
    )  # fmt: skip


def _act(touch: Row) -> str:
    """What somebody did, in words: the type of the page, else the event."""
    if touch["event"] == "page_view" and touch["page_type"]:
        return shown(f"{words(touch['page_type'])} page")
    return shown(words(touch["event"] or touch["signal_type"] or ""), "something")


def people(case: Case) -> Iterator[Sentence]:
    """Each contact who acted, the most active first; then those the CRM does not have."""
    days = case.policy.plays.activity_days
    by_person: dict[str, list[Row]] = {}
    for t in case.touches(days):
        if t["person_id"]:
            by_person.setdefault(t["person_id"], []).append(t)
    ranked = sorted(by_person.items(), key=lambda x: (-len(x[1]), x[0]))
    known = [(case.contact(p), touches) for p, touches in ranked]
    named = [(c, t) for c, t in known if c is not None]
    for contact, touches in named[:MOST_PEOPLE]:
        yield _activity(contact, touches, days)
    if named[MOST_PEOPLE:]:
        rest = [t for _, touches in named[MOST_PEOPLE:] for t in touches]
        more = counted(len(named) - MOST_PEOPLE, "more contact")
        yield say(f"{more} acted as well.", rest)
    strangers = [touches for contact, touches in known if contact is None]
    if strangers:
        cited = [t for touches in strangers for t in touches]
        who = counted(len(strangers), "person who is", "people who are")
        yield say(
            f"{who} not in the CRM yet: {counted(len(cited), 'act')}, mostly {{what}}.",
            cited,
            what=_mostly(cited),
        )


def _activity(contact: Row, touches: list[Row], days: int) -> Sentence:
    said = {"who": shown(contact["name"]), "what": _mostly(touches)}
    title = ""
    if contact["title"]:
        said["title"] = shown(contact["title"])
        title = ", {title}"
    role = "" if contact["role"] in (None, "other") else f" ({words(contact['role'])})"
    barred = "" if contact["reason"] is None else f" {{who}} {_barred(contact['reason'])}."
    return say(
        f"{{who}}{title}{role}: {counted(len(touches), 'act')} in {days} days, mostly {{what}}; "
        f"last on {spoken_day(max(t['on_day'] for t in touches))}.{barred}",
        touches,
        [contact["ref"]],
        **said,
    )


def _barred(reason: str) -> str:
    return _UNREACHABLE.get(reason, words(reason))


def _mostly(touches: list[Row]) -> str:
    top = sorted(Counter(_act(t) for t in touches).items(), key=lambda x: (-x[1], x[0]))[:2]
    return listed([what for what, _ in top])


def committee(case: Case) -> Iterator[Sentence]:
    """Roles of the buying committee: who is known and silent, and which role nobody has."""
    contacts = case.items.get("contact", [])
    since = case.day - timedelta(days=case.policy.plays.activity_days)
    active = {t["person_id"] for t in case.touches() if t["on_day"] > since}
    roles = [role.name for role in case.policy.plays.committee]
    missing = [r for r in roles if not any(c["role"] == r for c in contacts)]
    if missing:
        yield say(f"Nobody is known as {_or([words(r) for r in missing])}.")
    for role in roles:
        own = [c for c in contacts if c["role"] == role]
        if not own or any(c["ref"] in active for c in own):
            continue
        free = sorted((c for c in own if c["reason"] is None), key=lambda c: c["ref"])
        ids = [c["ref"] for c in own]
        if not free:
            yield say(f"Known as {words(role)}, but not to be contacted: {len(own)}.", (), ids)
            continue
        said = {f"c{i}": _named(c) for i, c in enumerate(free[:3])}
        more = f" and {len(free) - 3} more" if len(free) > 3 else ""
        names = listed([f"{{{key}}}" for key in said]) if not more else ", ".join(
            f"{{{key}}}" for key in said
        )  # fmt: skip
        yield say(f"Known as {words(role)} and silent: {names}{more}.", (), ids, **said)


def _named(contact: Row) -> str:
    title = f", {shown(contact['title'])}" if contact["title"] else ""
    return f"{shown(contact['name'])}{title}"


def _or(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def recommended(case: Case) -> Iterator[Sentence]:
    """The next action, the opening and the follow-up of the play; all of it is the policy's."""
    play = case.policy.plays.plays.get(case.head["play"] or "")
    if play is None:
        yield say("The policy has no play for this; review the account.")
        return
    yield say("Next: {action}", action=play.next_action)
    yield say("To say: {track}", track=play.talk_track)
    if play.follow_up is not None:
        f = play.follow_up
        yield say(
            f"Follow-up: at least {counted(f.touches, 'touch', 'touches')} to "
            f"{counted(f.people, 'person', 'people')} in {counted(f.days, 'day')}."
        )
