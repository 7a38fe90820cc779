"""Shadows: a day range replayed under another policy, beside the live tables and never in them.

Belongs here: the shadow's home and the days it needs. Does not belong here: comparing it with what is live.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.runs import Progress, RunResult, run_unrecorded
from mqa_platform.sources.landing import LIVE_LANDING


def shadow_home(home: Home, policy_folder: Path) -> Home:
    """The home of a policy's shadow: its own warehouse, the live landing and inbox.

    Raises:
        PolicyError: the policy is not valid; nothing is made.
    """
    version = policy_version(load_policy(policy_folder))
    root = home.shadows / version
    if not (root / "policy").exists():
        root.mkdir(parents=True, exist_ok=True)
        copy_policy(policy_folder, root / "policy")
    # The live landing is read, never written: what the shadow lands itself goes to its own.
    for link, target in ((root / "inbox", home.inbox), (root / LIVE_LANDING, home.landing)):
        target.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(target, target_is_directory=True)
    return Home(root, home.data)


def run_shadow(
    home: Home, policy_folder: Path, window: Window, progress: Progress | None = None
) -> tuple[Home, RunResult]:
    """Runs the window, and the look-back before it that its scores need, under another policy.

    The run is not recorded in the live Dagster instance: it made none of the live tables.
    """
    shadow = shadow_home(home, policy_folder)
    policy = load_policy(shadow.policy)
    first = window.lo - timedelta(days=policy.signals.lookback_days)
    wide = Window(max(first, policy.program.history_starts_on), window.hi)
    return shadow, run_unrecorded(shadow, wide, progress)
