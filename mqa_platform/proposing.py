"""A proposal as a policy folder that somebody can look at, try and promote.

Belongs here: writing the folder below ``proposals`` of the home, and the commands that come next. Does not belong
here: making the proposal (``calibrating``) or promoting it (``promoting``); nothing is in force by this.
"""

from __future__ import annotations

import os
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

from mqa_platform.calibrating import Proposed
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy
from mqa_platform.policy.thresholds import write_thresholds
from mqa_platform.promotions import folder_now

PROPOSALS = "proposals"


def write_proposal(home: Home, found: Proposed) -> Path | None:
    """The policy in force today with the thresholds proposed; None where they are those in force.

    A proposal of the same day is replaced. The folder passes the policy's check before it is there.

    Raises:
        PolicyError: the check refuses it, or stages.yaml does not state a threshold on a line of its own.
    """
    moved = {
        r["tier"]: r["threshold_proposed"]
        for r in found.tiers
        if r["threshold_proposed"] != r["threshold_now"]
    }
    if not moved:
        return None
    folder = home.root / PROPOSALS / f"{found.as_of.isoformat()}-{found.motion}"
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        copy_policy(folder_now(home), partial)
        write_thresholds(partial / "stages.yaml", moved, found.tiers[0]["mql_threshold_needed"])
        load_policy(partial)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def commands(folder: Path, found: Proposed) -> list[str]:
    """What to call next: a replay of the quarter, and the promotion with what it has to bring."""
    first = found.as_of - timedelta(days=90)
    effective = found.as_of + timedelta(days=1)
    evidence, named = f"threshold_proposals of {found.as_of.isoformat()}", shlex.quote(str(folder))
    return [
        f"mqa policy diff live {named} --from {first} --to {found.as_of}",
        f'mqa policy promote {named} --effective {effective} --rationale "…" --evidence "{evidence}" '
        "--approved-by-marketing NAME --approved-by-sales NAME",
    ]
