"""How much of a batch may be unreadable before the batch is held back.

Belongs here: the limits of a source and the verdict over one batch. Does not belong here: what makes
a row unreadable (connectors), or what becomes of a held batch (``landing``).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import Landed, SourceError


@dataclass(frozen=True)
class Limits:
    """A batch may hold ``at_least`` unreadable rows, or ``ratio`` of its rows if that is more."""

    ratio: float
    at_least: int

    def allowed(self, rows: int) -> int:
        """How many of so many rows may be unreadable."""
        return max(self.at_least, floor(self.ratio * rows + 1e-9))


def limits(source: Source, policy: Policy) -> Limits:
    """The limits of a source: its own where it declares them, else those of the programme."""
    own, common = source.max_quarantine_ratio, policy.program.max_quarantine_ratio
    own_count, common_count = source.quarantine_at_least, policy.program.quarantine_at_least
    return Limits(common if own is None else own, common_count if own_count is None else own_count)


def held_reason(landed: Landed, limit: Limits) -> str | None:
    """Why a batch may not land, with its counts by reason and what to do; None if it may."""
    bad = len(landed.defects)
    if bad <= limit.allowed(landed.rows):
        return None
    reasons = sorted(landed.reasons().items(), key=lambda r: (-r[1], r[0]))
    told = ", ".join(f"{count} {reason}" for reason, count in reasons[:10])
    more = f" and {len(reasons) - 10} more reasons" if len(reasons) > 10 else ""
    return (
        f"{bad} of {landed.rows} rows cannot be read ({bad / landed.rows:.1%}; the limit is "
        f"{limit.ratio:.1%}, at least {limit.at_least} rows): {told}{more}. None of its rows is used. "
        "Correct the file or the mapping, remove the file, or raise max_quarantine_ratio or "
        "quarantine_at_least of the source in sources.yaml, and run again."
    )


def unreadable_reason(problem: Exception) -> str:
    """Why a file could not be read at all, with what to do."""
    if isinstance(problem, SourceError):
        return f"{problem.reason}. {problem.remedy}"
    first = (str(problem).strip().splitlines() or [""])[0][:300]
    return (
        f"the connector failed on it: {type(problem).__name__}: {first}. Check that sources.yaml names "
        "the right connector for this file; if it does, report this, and remove the file meanwhile."
    )
