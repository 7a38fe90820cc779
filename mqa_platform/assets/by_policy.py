"""Rows with the policy that they were made under: one motion, one policy at a time.

Belongs here: splitting the rows of a table by ``policy_version``. Does not belong here: which policy is in
force on which day (``core.history``).
"""

from collections.abc import Iterator

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.core.expressions import one_of
from mqa_platform.policy.models import Policy


def by_policy(step: Step, rows: ir.Table) -> Iterator[tuple[ir.Table, Policy]]:
    """The rows of each motion with the policy under which they were made; every row is in one part.

    A row whose policy is not kept, as of a folder that was edited since, goes by the one of now.

    Args:
        step: of the run.
        rows: with the columns motion and policy_version.
    """
    known = {v: p for v, p in step.policies.versions().items() if v != step.version}
    version = rows["policy_version"]
    for motion in step.policies.motions:
        mine = rows["motion"] == motion
        for name, policy in known.items():
            if motion in {p.program.motion for p in policy.motions()}:
                yield rows.filter(mine & (version == name)), policy.of_motion(motion)
        if motion in {p.program.motion for p in step.policy.motions()}:
            yield rows.filter(mine & ~one_of(version, known)), step.policy.of_motion(motion)
