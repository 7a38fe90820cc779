"""calibration.yaml: how a threshold is proposed, and when one is stale.

Belongs here: the shape of the section. Does not belong here: solving (``core.calibration``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mqa_platform.policy.fields import Days, Model, Ratio


class Calibration(Model):
    """What the threshold solver aims at, what it may not do, and how much it has to have seen."""

    # MQAs at or above a threshold have to become opportunities at least this often, by the lower end of
    # the Wilson interval of the score band.
    precision_floor: Ratio = 0.1
    # Fewer mature episodes than these in a band, and nothing is said of its precision.
    enough_episodes: Annotated[int, Field(ge=5, le=10_000)] = 20
    # Weeks of scores from which volumes are taken, and for which they are forecast.
    weeks: Annotated[int, Field(ge=4, le=52)] = 13
    # The share of the reps' capacity that MQAs may fill; the rest is for what they find themselves.
    share_of_capacity: Annotated[float, Field(gt=0, le=1)] = 1.0
    # A threshold that nobody has looked at for longer is flagged.
    review_days: Days = 91
    # The population stability index of a quarter's scores from which on they have shifted.
    psi_limit: Annotated[float, Field(gt=0, le=5)] = 0.25
    # Fewer accounts that won than these, and no weight is asked of them.
    enough_wins: Annotated[int, Field(ge=10, le=100_000)] = 30
    # A weight whose interval is wider than this share of it is not proposed.
    widest_interval: Annotated[float, Field(gt=0, le=10)] = 1.0
    # MQAs a rep and quarter that practitioners call usual; shown beside the load, never aimed at.
    usual_low: Annotated[int, Field(ge=0)] = 30
    usual_high: Annotated[int, Field(ge=1)] = 100
