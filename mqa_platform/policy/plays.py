"""plays.yaml: what is done with an account, by tier, score type, stage and evidence; and what is said.

Belongs here: the shape of the section, its checks, and which plays a combination has. Does not belong here:
who is in a play on which day (``core.plays``), or the words around these texts (``core.briefs``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, model_validator

from mqa_platform.policy.fields import Days, Model, Name
from mqa_platform.policy.patterns import Pattern
from mqa_platform.policy.transitions import Stage

PlayKind = Literal[
    "sales_sequence", "nurture_track", "ad_audience", "direct_mail", "executive_event", "marketing"
]
TierName = Literal["strategic", "scaled", "programmatic"]
# "none": without a score, or with one that is neither high nor of a good fit.
ScoreType = Literal["balanced", "intent_heavy", "fit_heavy", "none"]
# Of the episode that is open; "none" outside of one.
Evidence = Literal["hand_raise", "people", "anonymous_only", "override", "none"]
NONE: Final = "none"
_AXES: Final = {
    "tiers": get_args(TierName),
    "score_types": get_args(ScoreType),
    "stages": get_args(Stage),
    "evidence": get_args(Evidence),
}
_SHOWN = 3
Said = Annotated[str, Field(min_length=10, max_length=600)]


class FollowUp(Model):
    """The least that has to happen after a handoff: so many touches, to so many people, in so many days."""

    touches: Annotated[int, Field(ge=1, le=100)]
    people: Annotated[int, Field(ge=1, le=50)]
    days: Annotated[int, Field(ge=1, le=365)]

    @model_validator(mode="after")
    def _each_person_takes_a_touch(self) -> FollowUp:
        if self.people > self.touches:
            raise ValueError(f"{self.people} people take more than {self.touches} touches")
        return self


class Play(Model):
    """One play: its kind, the action that the brief recommends, the opening, and the follow-up it asks for."""

    kind: PlayKind
    next_action: Said
    talk_track: Said
    follow_up: FollowUp | None = None
    # How often a week one person may see it, for what is shown rather than sent.
    frequency_per_week: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _what_is_shown_has_a_frequency(self) -> Play:
        if (self.kind == "ad_audience") != (self.frequency_per_week is not None):
            raise ValueError(
                "frequency_per_week is for kind ad_audience, and an ad_audience needs one"
            )
        return self


class PlayRule(Model):
    """A row of the table: the combinations it is for (an empty list is any), and their plays, best first."""

    name: Name
    tiers: list[TierName] = []
    score_types: list[ScoreType] = []
    stages: list[Stage] = []
    evidence: list[Evidence] = []
    plays: list[Name]

    def fits(self, tier: str, score_type: str, stage: str, evidence: str) -> bool:
        """Whether the rule is for a combination."""
        asked = {"tiers": tier, "score_types": score_type, "stages": stage, "evidence": evidence}
        return all(not getattr(self, axis) or said in getattr(self, axis)
                   for axis, said in asked.items())  # fmt: skip


class CommitteeRole(Model):
    """A role of the buying committee: which titles have it, and how the CRM's contact roles call it."""

    name: Name
    title_pattern: Pattern
    crm_roles: list[Annotated[str, Field(min_length=1, max_length=100)]] = []


class Plays(Model):
    """plays.yaml: the plays, the table that chooses them, the buying committee, and what topics stand for."""

    plays: dict[Name, Play] = {}
    rules: Annotated[list[PlayRule], Field(min_length=1)] = [PlayRule(name="nothing", plays=[])]
    committee: list[CommitteeRole] = []
    # Topic of an intent feed, or page type → what people who read about it usually suffer from.
    pain_points: dict[Annotated[str, Field(min_length=1, max_length=100)], Said] = {}
    # How far back the brief tells what people did, read and researched.
    activity_days: Days = 90

    @model_validator(mode="after")
    def _table_is_whole(self) -> Plays:
        """Every play of a rule is one, and every combination has an answer."""
        found = list(_problems(self))
        if found:
            raise ValueError("; ".join(found[:5]))
        return self

    def rule_for(self, tier: str, score_type: str, stage: str, evidence: str) -> PlayRule:
        """The first rule for a combination; there always is one.

        Raises:
            KeyError: a word that the table does not know.
        """
        for rule in self.rules:
            if rule.fits(tier, score_type, stage, evidence):
                return rule
        raise KeyError((tier, score_type, stage, evidence))

    def play_for(self, tier: str, score_type: str, stage: str, evidence: str) -> str | None:
        """The leading play of a combination; None where the table says none."""
        plays = self.rule_for(tier, score_type, stage, evidence).plays
        return plays[0] if plays else None


def _problems(plays: Plays) -> Iterator[str]:
    yield from _twice("rules", [rule.name for rule in plays.rules])
    yield from _twice("committee", [role.name for role in plays.committee])
    yield from _twice("pain_points", [topic.casefold() for topic in plays.pain_points])
    for rule in plays.rules:
        for play in dict.fromkeys(rule.plays):
            if play not in plays.plays:
                known = ", ".join(sorted(plays.plays)) or "none"
                yield f"rules: {rule.name} names the play {play}, which is not under plays ({known})"
        if len(set(rule.plays)) < len(rule.plays):
            yield f"rules: {rule.name} names a play twice"
    yield from _gaps(plays)


def _twice(key: str, names: list[str]) -> Iterator[str]:
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"{key}: {name} is there twice"


def _gaps(plays: Plays) -> Iterator[str]:
    """Combinations that no rule answers, and rules that answer none."""
    unanswered, used = [], set()
    for combination in product(*_AXES.values()):
        first = next((i for i, r in enumerate(plays.rules) if r.fits(*combination)), None)
        if first is None:
            unanswered.append(", ".join(combination))
        used.add(first)
    if unanswered:
        yield (
            f"rules: {len(unanswered)} combinations have no rule, such as "
            f"{'; '.join(unanswered[:_SHOWN])}; say plays: [] where nothing is to be done"
        )
    for i, rule in enumerate(plays.rules):
        if i not in used:
            yield f"rules: {rule.name} is never reached; the rules before it answer all that it is for"
