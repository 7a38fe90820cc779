"""Entering and leaving with a memory: an account on the line is named once, not every other day.

Belongs here: the ladder's rule of exit and cool-down, over whole matrices of days. Does not belong here: the ladder
itself (``core.ladder``), which knows the CRM as well, or whose scores these are (``models``).
"""

from __future__ import annotations

import numpy as np

from mqa_platform.market.streams import Bools, Ints
from mqa_platform.policy.stages import Stages


def entered(enters: Bools, low: Bools, rules: Stages) -> tuple[Ints, Ints]:
    """(account, day) of every entry; row per account and column per day, without a gap.

    Who has entered stays until the score has been low on ``exit_days`` days in a row and ``min_dwell_days`` have
    passed, and may enter again after the cool-down. Who meets the rule on the first day is standing.

    Args:
        enters: whether the rule of entering holds.
        low: whether the score is below ``exit_ratio`` of the bar.
        rules: of the stages.
    """
    n, days = enters.shape
    inside, since = enters[:, 0].copy(), np.zeros(n, dtype=np.int64)
    run, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    rest = rules.cool_down_days.get("default", 0)
    account: list[Ints] = []
    at: list[Ints] = []
    for day in range(1, days):
        new = np.flatnonzero(~inside & enters[:, day] & (day >= free))
        account.append(new)
        at.append(np.full(len(new), day))
        inside[new], since[new] = True, day
        run = np.where(inside & low[:, day], run + 1, 0)
        out = inside & (run >= rules.exit_days) & (day - since >= rules.min_dwell_days)
        inside[out], free[out], run[out] = False, day + rest, 0
    none = [np.zeros(0, dtype=np.int64)]
    return np.concatenate(none + account), np.concatenate(none + at)
