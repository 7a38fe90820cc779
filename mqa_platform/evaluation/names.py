"""Company names: how many find their account without a person, and how many of those rightly.

Belongs here: asking the production kernels, and counting. Does not belong here: the names and their truth
(``name_lists``), or how near is near enough (``core.name_matching``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.core.name_matching import REVIEW, SAME, name_matches
from mqa_platform.evaluation.measures import Facts, share
from mqa_platform.evaluation.name_lists import NameList, name_lists, read_names
from mqa_platform.policy.identity import Names

_SHOWN = 20


@dataclass
class Tally:
    """Counts over names: asked, those of an account, answered, rightly, and shown to a person."""

    asked: int = 0
    belonging: int = 0
    matches: int = 0
    right: int = 0
    near: int = 0
    near_right: int = 0
    review: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take the counts of another tally in."""
        for name in ("asked", "belonging", "matches", "right", "near", "near_right", "review"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.kinds += other.kinds

    def facts(self) -> Facts:
        """As figures."""
        return {
            "asked": self.asked,
            "belonging": self.belonging,
            "automatic": {
                "precision": share(self.right, self.matches),
                "coverage": share(self.right, self.belonging),
                "matches": self.matches,
                "near": {"matches": self.near, "precision": share(self.near_right, self.near)},
            },
            "review_share": share(self.review, self.asked),
        }


def evaluate_names(root: Path, names: Names, seed: int, given: Path | None = None) -> Facts:
    """The figures of all lists together and of each; of the given file alone if there is one.

    Raises:
        EvaluationError: the given file is of another form.
    """
    lists, missing = ([read_names(given)], []) if given else name_lists(root, seed)
    whole, each = Tally(), []
    wrong: list[str] = []
    for listed in lists:
        tally, errors = judged(listed, names)
        whole.add(tally)
        wrong += errors
        each.append({"list": listed.title, "accounts": len(listed.accounts), **tally.facts()})
    return {
        **whole.facts(),
        "wrong_by_kind": dict(sorted(whole.kinds.items())),
        "wrong": wrong[:_SHOWN],
        "lists": each,
        "without": missing,
    }


def judged(listed: NameList, names: Names) -> tuple[Tally, list[str]]:
    """The counts of a list, and its wrong answers as ``written → account``."""
    found, reviewed, near = answers(listed.accounts, [text for text, *_ in listed.asked], names)
    tally, errors = Tally(), []
    for text, company, kind in listed.asked:
        said = found.get(text)
        tally.asked += 1
        tally.belonging += company is not None
        tally.review += text in reviewed
        if said is None:
            continue
        is_right = said == company
        tally.matches += 1
        tally.right += is_right
        tally.near += text in near
        tally.near_right += is_right and text in near
        if not is_right:
            tally.kinds[kind] += 1
            errors.append(f"{text} → {said}")
    return tally, errors


def answers(
    accounts: Sequence[str], asked: Sequence[str], names: Names
) -> tuple[dict[str, str], set[str], set[str]]:
    """What the kernels say: written name → account; the names for a person; the near ones among the answers.

    As identity does, a cleaned name that several accounts carry answers nothing, nor does one of one
    word with which another account's name begins; both are for a person.
    """
    told = NAME_KEYS.fn(pa.table({"name": [*accounts, *asked]})).to_pylist()
    key: dict[str, str] = {row["name"]: row["name_key"] or "" for row in told}
    carriers: defaultdict[str, set[str]] = defaultdict(set)
    for name in accounts:
        if key[name]:
            carriers[key[name]].add(name)
    keys = list({key[name]: None for name in asked if key[name]} | dict.fromkeys(carriers))
    table = pa.table({"name_key": keys, "is_account": [k in carriers for k in keys]})
    rows = name_matches(names).fn(table).to_pylist()
    same = {r["name_key"]: r["matched_key"] for r in rows if r["verdict"] == SAME}
    doubtful = {r["name_key"] for r in rows if r["verdict"] == REVIEW}
    longer = {k.partition(" ")[0] for k in carriers if " " in k}
    tied = {k for k, own in carriers.items() if len(own) > 1 or k in longer}
    found, reviewed, near = {}, set(), set()
    for text in asked:
        carried = same.get(key[text], key[text])
        if carried in tied or key[text] in doubtful:
            reviewed.add(text)
        if carried in carriers and carried not in tied:
            found[text] = next(iter(carriers[carried]))
            near |= {text} if key[text] in same else set()
    return found, reviewed, near
