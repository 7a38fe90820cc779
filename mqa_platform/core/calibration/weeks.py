"""The numbers of a programme's weeks, as the weekly watch is given them.

Belongs here: which weeks were seen, and which of them lie behind a week and under the same rules. Does not belong here:
counting them (``weekly_numbers``), or whether they have changed (``drift``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

MONDAY: Final = timedelta(days=7)


@dataclass(frozen=True)
class Weeks:
    """Numbers of weeks by their Monday; a week that is not there was not seen, and 0 was.

    Attributes:
        first: the first whole week that was seen.
        last: the last whole week.
        entries: accounts that became MQAs.
        for_reps: of these the ones that a rep was to take; a marketing play or a holdout fills no room.
        room: what the reps could take; a week without any rep is not there.
        conversions: (hits, trials) of MQAs whose window closed in the week.
        matches: (with an account, all) of the week's signals.
        scores: accounts by the bins of ``weekly_numbers``, on the week's last day.
        signals: by signal, how many came.
        promoted: days on which a promotion changed what qualifies an account.
    """

    first: date
    last: date
    entries: Mapping[date, int] = field(default_factory=dict)
    for_reps: Mapping[date, int] = field(default_factory=dict)
    room: Mapping[date, float] = field(default_factory=dict)
    conversions: Mapping[date, tuple[int, int]] = field(default_factory=dict)
    matches: Mapping[date, tuple[int, int]] = field(default_factory=dict)
    scores: Mapping[date, Sequence[int]] = field(default_factory=dict)
    signals: Mapping[str, Mapping[date, int]] = field(default_factory=dict)
    promoted: Sequence[date] = ()

    def behind(self, week: date, recent: int, before: int) -> tuple[list[date], list[date]]:
        """The last weeks up to one, and the weeks before them, as far as they were seen; oldest first."""
        found = [week - MONDAY * k for k in range(recent + before)]
        late = [w for w in found[:recent] if w >= self.first]
        early = [w for w in found[recent:] if w >= self.first]
        return late[::-1], early[::-1]

    def rules_begin(self, week: date) -> date:
        """The first whole week under the rules by which accounts qualify at the end of a week.

        The week of a promotion is of neither: whoever stands above on its day enters as backlog.
        """
        days = [d for d in self.promoted if d < week + MONDAY]
        return max((d - timedelta(days=d.weekday()) + MONDAY for d in days), default=date.min)
