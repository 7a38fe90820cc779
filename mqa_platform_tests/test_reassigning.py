"""Orders to reassign: what is refused because it would move nothing."""

from __future__ import annotations

import pytest

from mqa_platform.reassigning import ReassignmentError, must_be_their_queue
from mqa_platform_tests.core.engine import default_policy


def test_an_order_to_the_queue_of_another_motion_is_refused() -> None:
    policy = default_policy()
    leading, other = (p.routing.fallback_queue for p in policy.motions()[:2])
    motion = policy.motions()[0].program.motion
    must_be_their_queue(policy, leading, {motion})
    with pytest.raises(ReassignmentError, match=f"{other} is no queue of {motion}"):
        must_be_their_queue(policy, other, {motion})
