"""Whether anybody has decided on the thresholds in force lately: a watch of every refresh.

Belongs here: the check's result. Does not belong here: what makes a threshold stale (``core.calibration.stale``), or
whether the numbers still agree with one (``drift``).
"""

from typing import Any

import dagster as dg

from mqa_platform.assets.platform import Step
from mqa_platform.assets.routing import last_day
from mqa_platform.assets.watches import THRESHOLDS_ARE_REVIEWED
from mqa_platform.core.calibration.stale import stale_line
from mqa_platform.threshold_reviews import ages


def reviewed(step: Step) -> tuple[dg.AssetCheckResult, dict[str, Any]]:
    """The watch over the thresholds' age, as of the last published day, and the oldest one's days."""
    found = ages(step.home, step.policies, last_day(step))
    stale = [age for age in found if age.is_stale]
    oldest = found[0].days if found else 0
    told = {"threshold_age_days": oldest, "thresholds_stale": len(stale)}
    result = THRESHOLDS_ARE_REVIEWED.result(
        len(stale), stale_line(found) or "", {**told, "each": [a.says for a in stale]}
    )
    return result, told
