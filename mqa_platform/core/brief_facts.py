"""The facts of a brief as sentences, each with the touchpoints that it rests on.

Belongs here: which sentences a handoff has, in which order, and what they cite. Does not belong here: where
the rows come from (``briefs``), who did what (``brief_people``) or what a sentence looks like (``reports``).

A sentence is a text of ours with the words of others beside it: ``{"text": "{who} asked for us.", "words":
{"who": …}, "cites": [signal ids], "records": [CRM ids]}``. Only words need escaping; a text never holds one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from mqa_platform.core.brief_words import counted, listed, shown, spoken_day, words
from mqa_platform.policy.models import Policy

Row = dict[str, Any]
Sentence = dict[str, Any]
SECTIONS: Final = (
    "why_now", "insight", "score", "people", "committee", "anonymous", "intent", "triggers", "pages",
    "pain_points", "history", "next",
)  # fmt: skip
_PARTS: Final = {
    "multi_contact": "Several people",
    "committee_on_high_intent": "Several people on buying pages",
    "floor": "Lifted to zero",
}
# So many of a kind are told one by one, the others are counted.
MOST: Final = 5
_RULES: Final = {
    "crm_contact": "a contact of the CRM", "email_domain": "a mail domain",
    "stitched_cookie": "a browser known from before", "company_domain": "the company's domain",
    "company_name": "the company's name", "host_domain": "the name of the network",
    "office_ip": "the address of an office", "asn_org": "the owner of the network",
}  # fmt: skip


@dataclass
class Case:
    """One handoff with all that was known of its account at the end of the day of entry.

    ``items`` are rows by kind: ``part`` (receipt), ``touch`` (inbound, oldest first), ``contact``,
    ``opportunity``, ``episode``.
    """

    head: Row
    policy: Policy
    items: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The day of the entry."""
        return self.head["on_day"]

    def touches(self, days: int | None = None) -> list[Row]:
        """The inbound touchpoints of the last days, of the whole look-back without a number."""
        all_ = self.items.get("touch", [])
        if days is None:
            return all_
        since = self.day - timedelta(days=days)
        return [t for t in all_ if t["on_day"] > since]

    def contact(self, person_id: str | None) -> Row | None:
        """The contact of a person, where the CRM has one."""
        for row in self.items.get("contact", []):
            if row["ref"] == person_id:
                return row
        return None


def say(
    text: str, cites: Sequence[Row] | Sequence[str] = (), records: Sequence[str] = (), **words_: str
) -> Sentence:
    """A sentence; touchpoints may be given as rows."""
    ids = sorted({c if isinstance(c, str) else c["ref"] for c in cites})
    return {"text": text, "words": words_, "cites": ids, "records": sorted(set(records))}


def score(case: Case) -> Iterator[Sentence]:
    """The score, what it had to reach, and every part of the receipt with its touchpoints."""
    head, parts = case.head, case.items.get("part", [])
    cited = {p["ref"]: _behind(p["ref"], case) for p in parts}
    if head["points"] is None:
        yield say("No score was published for that day.")
    else:
        text = f"Score {head['points']:.1f} against a threshold of {head['threshold'] or 0:.0f}"
        text += f" for tier {words(head['tier'])}"
        if head["fit_grade"]:
            text += f", fit grade {head['fit_grade']}"
        if head["momentum"] is not None:
            text += f", momentum {head['momentum']:+.1f} against the four weeks before"
        yield say(f"{text}.", [t for ts in cited.values() for t in ts])
    below = [t for t in case.touches(case.policy.signals.lookback_days) if t["is_below"]]
    if below:
        yield say(
            "The score and all that follows count what the accounts below it did as well.", below
        )
    for p in sorted(parts, key=lambda p: (-p["points"], p["ref"])):
        label = _PARTS.get(p["ref"], words(p["ref"]).capitalize())
        text = f"{label}: {p['points']:.1f} points"
        if p["count"]:
            text += f" from {counted(p['count'], 'touchpoint')}"
        if p["people"]:
            text += f" of {counted(p['people'], 'known person', 'known people')}"
        yield say(f"{text}.", cited[p["ref"]])


def _behind(component: str, case: Case) -> list[Row]:
    """The touchpoints of a part: those of the signal, or of the people who make the breadth."""
    signals = case.policy.signals
    if component in signals.signals:
        reach = signals.signals[component].reach_days(signals.lookback_days)
        return [t for t in case.touches(reach) if t["signal_type"] == component]
    if component == "multi_contact":
        return eligible(case, signals.multi_contact.window_days)
    if component == "committee_on_high_intent":
        near = eligible(case, signals.committee_on_high_intent.window_days)
        return [t for t in near if signals.signals[t["signal_type"]].high_intent]
    return []


def eligible(case: Case, days: int) -> list[Row]:
    """The touchpoints of the last days by which a person is an eligible one."""
    signals = case.policy.signals
    found = []
    for t in case.touches(days):
        rule = signals.signals.get(t["signal_type"] or "")
        sure = (t["weight"] or 0.0) >= signals.eligible_confidence
        if t["person_id"] and rule and rule.kind == "engagement" and rule.weight > 0 and sure:
            found.append(t)
    return found


def anonymous(case: Case) -> Iterator[Sentence]:
    """Visits without a name, by what led them to the account, with the confidence of that."""
    window = case.policy.stages.anonymous_research.window_days
    visits: dict[tuple[str, str], list[Row]] = {}
    for t in case.touches(window):
        if t["person_id"] is None and t["session_id"] is not None:
            visits.setdefault((t["resolution_rule"] or "", t["session_id"]), []).append(t)
    by_rule: dict[str, list[list[Row]]] = {}
    for (rule, _), touches in sorted(visits.items()):
        by_rule.setdefault(rule, []).append(touches)
    for rule, sessions in sorted(by_rule.items(), key=lambda x: (-len(x[1]), x[0])):
        cited = [t for s in sessions for t in s]
        sure = sorted({round(t["confidence"] or 0.0, 2) for t in cited})
        span = f"{sure[0]:.2f}" if len(sure) == 1 else f"{sure[0]:.2f} to {sure[-1]:.2f}"
        known = _RULES.get(rule, words(rule) or "no rule")
        yield say(
            f"{counted(len(sessions), 'visit')} without a name in {window} days, taken for this account "
            f"by {known} with a confidence of {span}; {counted(len(cited), 'act')}, the last on "
            f"{spoken_day(max(t['on_day'] for t in cited))}.",
            cited,
        )


def intent(case: Case) -> Iterator[Sentence]:
    """The topics of intent feeds, the strongest first."""
    signals = case.policy.signals.signals
    topics: dict[str, list[Row]] = {}
    for t in case.touches(case.policy.plays.activity_days):
        rule = signals.get(t["signal_type"] or "")
        if rule and rule.kind == "intent":
            topics.setdefault(shown(t["topic"], "a topic without a name"), []).append(t)
    ranked = sorted(topics.items(), key=lambda x: (-max(_intent(t) for t in x[1]), x[0]))
    for topic, touches in ranked[:MOST]:
        score = max(_intent(t) for t in touches)
        strength = f", up to {score:.0f} of 100" if score > 0 else ""
        last = spoken_day(max(t["on_day"] for t in touches))
        yield say(f"Intent on {{topic}}{strength}, last on {last}.", touches, topic=topic)
    rest = [t for _, touches in ranked[MOST:] for t in touches]
    if rest:
        yield say(f"Intent on {counted(len(ranked) - MOST, 'further topic')}.", rest)


def _intent(touch: Row) -> float:
    return touch["intent_score"] or 0.0


def triggers(case: Case) -> Iterator[Sentence]:
    """News about the company that still counts, the latest first."""
    signals = case.policy.signals
    news = []
    for t in case.touches():
        rule = signals.signals.get(t["signal_type"] or "")
        age = (case.day - t["on_day"]).days
        if rule and rule.kind == "trigger" and age < rule.reach_days(signals.lookback_days):
            news.append(t)
    news.sort(key=lambda t: (-t["on_day"].toordinal(), t["ref"]))
    for t in news[:MOST]:
        what = shown(words(t["event"] or t["signal_type"]), "something")
        yield say(f"News: {{what}} on {spoken_day(t['on_day'])}.", [t], what=what)
    if news[MOST:]:
        yield say(f"News: {len(news) - MOST} more.", news[MOST:])


def pages(case: Case) -> Iterator[Sentence]:
    """The pages and the topics that were looked at most."""
    near = case.touches(case.policy.plays.activity_days)
    signals = case.policy.signals.signals
    read = [t for t in near if t["page_path"]]
    told = [t for t in near if t["topic"] and not _is_kind(signals, t, "intent")]
    for label, rows, column in (("Most read", read, "page_path"), ("Topics", told, "topic")):
        names = {t["ref"]: shown(t[column]) for t in rows}
        top = sorted(Counter(names.values()).items(), key=lambda x: (-x[1], x[0]))[:MOST]
        if not top:
            continue
        said = {f"p{i}": name for i, (name, _) in enumerate(top)}
        parts = [f"{{p{i}}} ({n})" for i, (_, n) in enumerate(top)]
        chosen = {name for name, _ in top}
        cited = [t for t in rows if names[t["ref"]] in chosen]
        yield say(f"{label}: {listed(parts)}.", cited, **said)


def _is_kind(signals: Any, touch: Row, kind: str) -> bool:
    rule = signals.get(touch["signal_type"] or "")
    return bool(rule and rule.kind == kind)


def pain_points(case: Case) -> Iterator[Sentence]:
    """What people who read about these things usually suffer from: the policy's words, chosen by them."""
    known = {topic.casefold(): text for topic, text in case.policy.plays.pain_points.items()}
    chosen: dict[str, list[Row]] = {}
    for t in case.touches(case.policy.plays.activity_days):
        for said in (t["topic"], t["page_type"]):
            if said and said.casefold() in known:
                chosen.setdefault(said.casefold(), []).append(t)
    ranked = sorted(chosen.items(), key=lambda x: (-len(x[1]), x[0]))
    for topic, touches in ranked[:3]:
        yield say("Likely, from {topic}: {point}", touches, topic=words(topic), point=known[topic])
