"""The experiment: which qualified accounts are kept from sales, by a draw that is the same every time.

Belongs here: who takes part, and the draw. Does not belong here: what is done with a drawn account
(``routing_fold``), how many are needed (``experiment_power``) or what came of it (``experiment_results``).

The draw reads the name of the experiment, the account, the motion and the number of the episode, and nothing
else: neither the order of the handoffs, nor who could have got them, nor what came later moves an arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mqa_platform.core.routing_steps import fraction
from mqa_platform.policy.routing import Experiment

HELD_OUT, HANDED_OFF = "held_out", "handed_off"
# The rule that a handoff was routed by.
HOLDOUT: Final = "holdout"
# Who asks to be called is called, a person's word is kept, and whom nobody knows no rep is given anyway.
_EVIDENCE: Final = "people"


@dataclass(frozen=True)
class Drawn:
    """What was drawn for a handoff.

    Attributes:
        experiment: its name.
        arm: ``held_out`` or ``handed_off``.
        share: of the handoffs that are held out.
        number: of (0, 1); held out below the share.
        queue: where a handoff stands that is held out.
    """

    experiment: str
    arm: str
    share: float
    number: float
    queue: str

    @property
    def is_held_out(self) -> bool:
        """Whether it was drawn to be kept from sales."""
        return self.arm == HELD_OUT


def drawn(experiment: Experiment | None, entry: Mapping[str, Any]) -> Drawn | None:
    """The arm of a handoff; None where no experiment runs, or where it may not be held out.

    Args:
        experiment: of the policy that the account qualified under.
        entry: account_id, motion, episode, tier and evidence_rule.
    """
    if experiment is None or entry["evidence_rule"] != _EVIDENCE:
        return None
    if experiment.tiers and (entry["tier"] or "programmatic") not in experiment.tiers:
        return None
    number = fraction(experiment.name, entry["account_id"], entry["motion"], str(entry["episode"]))
    arm = HELD_OUT if number < experiment.holdout_share else HANDED_OFF
    return Drawn(experiment.name, arm, experiment.holdout_share, number, experiment.holdout_queue)
