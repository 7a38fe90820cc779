"""A record of ours in the CRM's fields: names from the allow-list, values in a form that every CRM reads.

Belongs here: the one translation. Does not belong here: which records there are (``core.crm_records``), or
how a service wants them (``salesforce_writer``, ``hubspot_writer``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from mqa_platform.policy.write_back import WriteBack

# What a text field of either CRM surely holds.
_MOST: Final = 255
Fields = dict[str, Any]


def told(row: Mapping[str, Any], policy: WriteBack) -> Fields:
    """Their field → its value, of one account and motion; only what is on the allow-list.

    Args:
        row: as ``core.crm_records.RECORD`` or what was written last.
        policy: the allow-list and the labels of stages.
    """
    values = {
        "stage": policy.stage_labels.get(row["stage"], row["stage"]),
        "since": _day(row["since"]),
        "score": round(float(row["score"]), 1),
        "top_reasons": _words(row["top_reasons"]),
        "evidence_url": row["evidence_url"] or None,
        "policy_version": row["policy_version"],
        "validity": row["validity"],
        "as_of": _day(row["as_of"]),
    }
    allowed = policy.fields.get(row["motion"], {})
    return {theirs: values[ours] for ours, theirs in allowed.items()}


def fingerprints(policy: WriteBack) -> dict[str, str]:
    """A text for each motion that changes with the CRM, its allow-list and labels."""
    labels = "".join(f" {stage}>{label}" for stage, label in sorted(policy.stage_labels.items()))
    return {
        motion: place(policy)
        + " ".join(f"{ours}={theirs}" for ours, theirs in sorted(fields.items()))
        + labels
        for motion, fields in policy.fields.items()
    }


def place(policy: WriteBack) -> str:
    """The CRM and its object, by which what was written to a sandbox is told from the org itself."""
    return f"{policy.crm} {(policy.url or '').rstrip('/')} {policy.object_name}: "


def same(one: Any, other: Any) -> bool:
    """Whether a value that was read back is the one that was written.

    Blank and none are one; numbers are compared as such; a day may come back as its midnight.
    """
    if one in (None, "") or other in (None, ""):
        return one in (None, "") and other in (None, "")
    if isinstance(one, (int, float)) and not isinstance(one, bool):
        try:
            return abs(float(one) - float(other)) < 0.05
        except (TypeError, ValueError):
            return False
    ours, theirs = str(one), str(other)
    return ours == theirs or (_is_day(ours) and theirs.startswith(f"{ours}T00:00:00"))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _words(reasons: str) -> str | None:
    named = ", ".join(r.replace("_", " ") for r in reasons.split(", ") if r)
    return (named[:1].upper() + named[1:])[:_MOST] or None


def _day(value: date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value
