"""How often a near name is the right company, and how often a right one is found.

Belongs here: counting answers against a truth. Does not belong here: where the truth comes from, or
printing it (``evaluation``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mqa_platform.core.name_matching import SAME, matches
from mqa_platform.policy.identity import Names


@dataclass(frozen=True)
class NameQuality:
    """Counts over distinct names that are not an account's by the letter.

    asked: names · belonging: of those, names of a known company · matched, right: answered without a
    person, and with the right company · listed: whose right company a person is shown.
    """

    asked: int
    belonging: int
    matched: int
    right: int
    listed: int

    @property
    def precision(self) -> float | None:
        """Right among the matched; None where nothing was matched."""
        return self.right / self.matched if self.matched else None

    @property
    def recall(self) -> float | None:
        """Right among all that belong to a known company; None where there are none."""
        return self.right / self.belonging if self.belonging else None


def name_quality(
    truth: Mapping[str, str | None], known: Iterable[str], names: Names
) -> NameQuality:
    """Asks every name that no account carries.

    Args:
        truth: cleaned name to the cleaned name of the account it is; None is a company without one.
        known: the cleaned names of all accounts.
        names: the policy's section.
    """
    accounts = set(known)
    asked = {key: of for key, of in truth.items() if key and key not in accounts}
    matched = right = 0
    listed: set[str] = set()
    for row in matches(sorted(asked), sorted(accounts), names):
        is_right = row["matched_key"] == asked[str(row["name_key"])]
        if row["verdict"] == SAME:
            matched += 1
            right += is_right
        elif is_right:
            listed.add(str(row["name_key"]))
    belonging = sum(of in accounts for of in asked.values())
    return NameQuality(len(asked), belonging, matched, right, len(listed))
