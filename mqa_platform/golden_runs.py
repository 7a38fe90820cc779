"""Golden accounts through the stages that score everybody, in a warehouse that is thrown away.

Belongs here: running them and saying what came out otherwise. Does not belong here: the rows that they
are made of (``golden_landing``), or the screen (``cli_policy``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from mqa_platform.assets import (
    accounts,
    handoffs,
    reps,
    scores,
    sessions,
    signals,
    sources,
    stages,
)
from mqa_platform.assets.platform import Step
from mqa_platform.core.window import Window
from mqa_platform.evaluation.scratch import land_rows, scratch_home, session_of
from mqa_platform.golden_landing import SOURCE, START, GoldenError, day_of, landed
from mqa_platform.policy.folder import golden_files
from mqa_platform.policy.golden import Expected, GoldenAccount, read_golden
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Sources

_WORK = (
    sources.crm, reps.reps, signals.signals, sessions.sessions, accounts.accounts, scores.scores, stages.stages,
    handoffs.handoffs,
)  # fmt: skip
_SEEN = ("stage", "reason", "suppression", "episode", "evidence", "rep_id", "handoffs", "people")


@dataclass(frozen=True)
class Difference:
    """One expectation that does not hold; ``detail`` is the score with its components."""

    golden: str
    day: int
    motion: str
    what: str
    expected: str
    got: str
    detail: str

    def __str__(self) -> str:
        return (
            f"golden/{self.golden}.yaml, day {self.day}, {self.motion}: {self.what} is {self.got}, "
            f"expected {self.expected}" + (f" ({self.detail})" if self.detail else "")
        )


@dataclass(frozen=True)
class GoldenResult:
    """How many golden accounts and expectations there were, and what does not hold."""

    version: str
    accounts: int
    expectations: int
    differences: list[Difference]


def run_golden(folder: Path | None) -> GoldenResult:
    """The golden accounts of a policy folder under its policy.

    Raises:
        PolicyError: the policy or a golden file is not valid.
        GoldenError: there is none, or one asks for something that cannot happen.
    """
    golden = read_golden(golden_files(folder))
    policy = load_policy(folder)
    version = policy_version(policy)
    if not golden:
        raise GoldenError("there is no golden account, so nothing is tested")
    facts = _Facts(_scratch(policy), golden)
    with scratch_home() as home, session_of(home) as session:
        step = Step(session, home, facts.policy, version, "golden")
        users = sorted({c.account.owner_id for c in golden.values() if c.account.owner_id})
        land_rows(session, SOURCE, landed(golden, users), START)
        window = Window.of(START, day_of(max(c.last_day for c in golden.values())))
        for work in _WORK:
            work(step, window)
        facts.read(step)
    differences = [d for name, case in golden.items() for d in facts.differences(name, case)]
    asked = sum(len(c.expect) for c in golden.values())
    return GoldenResult(version, len(golden), asked, differences)


def failures(folder: Path) -> list[str]:
    """What the golden accounts of a folder get otherwise, one line each."""
    return [str(d) for d in run_golden(folder).differences]


def _scratch(policy: Policy) -> Policy:
    """The policy over the days of the golden accounts; no source is late, because there is none."""
    program = policy.program.model_copy(update={"history_starts_on": START})
    return policy.model_copy(update={"program": program, "sources": Sources()})


class _Facts:
    """What came out, by account, motion and date."""

    def __init__(self, policy: Policy, golden: dict[str, GoldenAccount]) -> None:
        self.policy, self.leading = policy, policy.program.motion
        self.names = set(golden)
        self.scores: dict[tuple[str, str, date], dict[str, Any]] = {}
        self.stages: dict[tuple[str, str, date], dict[str, Any]] = {}
        self.parts: dict[tuple[str, str, date], list[tuple[str, Decimal]]] = {}
        self.entries: list[dict[str, Any]] = []
        self.made: list[dict[str, Any]] = []

    def read(self, step: Step) -> None:
        """Take it out of the warehouse before that is gone."""
        for table, day, into in (
            ("scores", "score_date", self.scores),
            ("stages", "stage_date", self.stages),
        ):
            for row in step.session.rows(step.table(table)):
                into[row["account_id"], row["motion"], row[day]] = row
        receipts = step.table("score_receipts")
        for row in step.session.rows(receipts.filter(receipts["points"] != 0)):
            key = row["account_id"], row["motion"], row["score_date"]
            self.parts.setdefault(key, []).append((row["component"], row["points"]))
        moves = step.table("stage_transitions")
        moves = moves.filter(moves["to_stage"] == "mqa").order_by("changed_on")
        self.entries = step.session.rows(moves)
        self.made = step.session.rows(step.table("handoffs"))

    def differences(self, name: str, case: GoldenAccount) -> list[Difference]:
        """What an account's expectations get otherwise."""
        return [d for expected in case.expect for d in self._judged(name, expected)]

    def _judged(self, name: str, expected: Expected) -> list[Difference]:
        motion = expected.motion or self.leading
        key = name, motion, day_of(expected.day)
        got = self._got(key)
        detail = self._detail(key)
        wanted = [(what, getattr(expected, what), got[what]) for what in ("scored", *_SEEN)]
        found = [
            (what, str(value), str(seen))
            for what, value, seen in wanted
            if value is not None and value != seen
        ]
        found += _score(expected, got["score"])
        return [Difference(name, expected.day, motion, *each, detail) for each in found]

    def _got(self, key: tuple[str, str, date]) -> dict[str, Any]:
        name, motion, day = key
        score, stage = self.scores.get(key), self.stages.get(key) or {}
        mine = {"account_id": name, "motion": motion}.items()
        entries = [e for e in self.entries if mine <= e.items() and e["changed_on"] <= day]
        made = [h for h in self.made if mine <= h.items() and h["created_on"] <= day]
        made.sort(key=lambda h: h["episode"])
        return {
            "scored": score is not None,
            "score": score["engagement_score"] if score else None,
            "people": score["eligible_people"] if score else 0,
            "stage": stage.get("stage"),
            "reason": stage.get("reason"),
            "suppression": stage.get("suppression_reason"),
            "episode": stage.get("episode"),
            "evidence": entries[-1]["reason"] if entries else None,
            "rep_id": made[-1]["rep_id"] if made else None,
            "handoffs": len(made),
        }

    def _detail(self, key: tuple[str, str, date]) -> str:
        score = self.scores.get(key)
        if score is None:
            return "no score"
        parts = sorted(self.parts.get(key, []), key=lambda p: -abs(p[1]))
        told = ", ".join(f"{name} {points}" for name, points in parts)
        return f"score {score['engagement_score']} of {score['threshold']}: {told or 'nothing'}"


def _score(expected: Expected, got: Decimal | None) -> list[tuple[str, str, str]]:
    shown, value = str(got), got if got is not None else Decimal("-Infinity")
    found = []
    if expected.score is not None and value != expected.score:
        found.append(("score", f"{expected.score:.4f}", shown))
    if expected.score_at_least is not None and value < expected.score_at_least:
        found.append(("score", f"at least {expected.score_at_least}", shown))
    if expected.score_below is not None and value >= expected.score_below:
        found.append(("score", f"below {expected.score_below}", shown))
    return found
