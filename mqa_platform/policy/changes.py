"""What differs between two policies, setting by setting.

Belongs here: a policy as flat settings, and which of them decide who qualifies or how an event is read.
Does not belong here: what a difference does to accounts (``policy_replay``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mqa_platform.policy.models import Policy

# How data is read is no part of what a policy means.
_LEFT_OUT = ("sources", "mapping", "delivery", "write_back")
_THRESHOLD = re.compile(
    r"^([a-z_]+/)?stages\.(tiers\.[a-z]+\.threshold|mql_threshold|engaged_ratio|exit_ratio)$"
)
# Used before a signal is scored. A replay takes what came of them from the published touchpoints.
_READING = re.compile(
    r"^identity\.|^signals\.(seniority|(career_)?page_types|consent_default|unknown_consent"
    r"_counts_as_anonymous)(\.|$)"
)
Changes = dict[str, tuple[Any, Any]]


def settings(policy: Policy) -> dict[str, Any]:
    """Every setting of every motion: ``stages.tiers.scaled.threshold``, ``expansion/icp.grade_a``."""
    leading, *others = policy.motions()
    found = dict(_flat(_plain(leading), ""))
    for other in others:
        own = _flat(_plain(other), f"{other.program.motion}/")
        found |= {
            name: value
            for name, value in own
            if name.partition("/")[2].partition(".")[0] in ("icp", "signals", "stages", "routing")
        }
    return found


def changes(before: Policy, after: Policy) -> Changes:
    """Setting → (before, after) of all that differ; None is a setting that one side does not have."""
    one, other = settings(before), settings(after)
    return {
        name: (one.get(name), other.get(name))
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }


def thresholds(found: Changes) -> Changes:
    """The changes that move a threshold, of whichever motion."""
    return {name: pair for name, pair in found.items() if _THRESHOLD.match(name)}


def readings(found: Changes) -> list[str]:
    """The settings that say how an event is read: they have no days, and a replay does not cover them."""
    return [name for name in found if _READING.match(name)]


def as_json(found: Changes) -> str:
    """The changes as canonical JSON."""
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def said(found: Changes) -> list[str]:
    """The changes as lines: ``stages.exit_days: 5 → 6``."""
    return [f"{name}: {_word(before)} → {_word(after)}" for name, (before, after) in found.items()]


def _plain(policy: Policy) -> dict[str, Any]:
    values = policy.model_dump(mode="json", exclude={"other_motions", *_LEFT_OUT})
    # Decimals as numbers, so that 80 and 80.0 are the same.
    for tier in values["stages"]["tiers"].values():
        tier["threshold"] = float(tier["threshold"])
    values["stages"]["mql_threshold"] = float(values["stages"]["mql_threshold"])
    return values


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            separator = "" if prefix == "" or prefix.endswith("/") else "."
            yield from _flat(item, f"{prefix}{separator}{key}")
    else:
        yield prefix, value


def _word(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
