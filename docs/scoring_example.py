"""The account that docs/scoring.md works by hand, computed by the code that scores everybody.

``python docs/scoring_example.py`` prints the blocks of the page. Belongs here: one account's touchpoints
and how the answers are printed. Does not belong here: any arithmetic.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mqa_platform.core import receipts
from mqa_platform.core.decay import score_kernel
from mqa_platform.core.differences import Side, differences
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.policy.loader import load_policy

BEFORE, AS_OF = date(2026, 3, 24), date(2026, 3, 31)
POLICY = load_policy(None)


def touch(day: str, signal_type: str, **more: Any) -> dict[str, Any]:
    """One touchpoint of the account: inbound, of full strength, surely of the account."""
    on = date.fromisoformat(day)
    return {
        "account_id": "acme", "touchpoint_date": on, "occurred_at": datetime.combine(on, time(12), UTC),
        "signal_id": f"{day} {signal_type} {more.get('number', '')}".strip(), "signal_type": signal_type,
        "direction": "inbound", "person_id": None, "anonymous_id": None, "session_id": None,
        "strength": 1.0, "seniority": 1.0, "share": 1.0, "match_confidence": 1.0, "intent_score": None,
        "page_type": None, "topic": None, "resolution_rule": "crm_contact",
        **{k: v for k, v in more.items() if k != "number"},
    }  # fmt: skip


TOUCHPOINTS = [
    touch("2025-09-20", "trigger_event"),
    touch("2026-02-14", "trigger_event"),
    *[
        touch("2026-03-01", "pricing_view", person_id="Vera", seniority=1.5, number=n)
        for n in (1, 2, 3)
    ],
    touch("2026-03-20", "outbound_email", direction="outbound", person_id="Vera"),
    touch("2026-03-16", "content_download", person_id="Finn", seniority=0.75),
    touch("2026-03-24", "intent_surge", strength=0.6, intent_score=80.0, match_confidence=0.9),
    touch("2026-03-25", "high_intent_view", person_id="Ida", match_confidence=0.8),
    touch("2026-03-26", "high_intent_view", anonymous_id="office", match_confidence=0.75),
    touch("2026-03-28", "negative_company_event", match_confidence=0.9),
]


def table() -> pa.Table:
    """The touchpoints."""
    rows = pa.Table.from_pylist(TOUCHPOINTS)
    for name in ("anonymous_id", "session_id", "page_type", "topic"):
        rows = rows.set_column(
            rows.schema.get_field_index(name), name, rows[name].cast(pa.string())
        )
    return rows


def lines(day: date) -> dict[str, dict[str, Any]]:
    """Component → its line of the receipt, and the total."""
    found = score_kernel(POLICY, [day]).fn(table()).to_pylist()
    return {line["component"]: line for line in found}


def receipt() -> None:
    """Print the receipt."""
    found = lines(AS_OF)
    whole = found.pop(TOTAL)
    columns = ("raw_points", "lost_to_cap", "decayed_points", "lost_to_ceiling", "points")
    print(f"{'component':24}" + "".join(f"{c.removesuffix('_points'):>17}" for c in columns))
    for name, line in found.items():
        print(f"{name:24}" + "".join(f"{line[c]:>17}" for c in columns))
    print(f"{'score':24}{whole['points']:>85}")


def evidence() -> None:
    """Print what each touchpoint adds."""
    for line in receipts.lines(table(), POLICY, AS_OF):
        print(
            f"{line.component:24}{line.occurred_at:%m-%d}  {line.points:>6.2f} × {line.kept:.4f} × "
            f"2^(−{line.age_days}/{line.half_life_days:g}) = {line.contribution:.4f}"
        )


def change() -> None:
    """Print why the score is another one than a week before."""
    points = [{c: line["points"] for c, line in lines(d).items()} for d in (BEFORE, AS_OF)]
    scores = [p.pop(TOTAL) for p in points]
    sides = [Side(d, POLICY, table(), p) for d, p in zip((BEFORE, AS_OF), points, strict=True)]
    causes = differences(*sides)
    for cause in causes:
        print(f"{cause.component:24}{cause.cause:10}{cause.points:>+10}")
    total = sum((c.points for c in causes), Decimal(0))
    print(f"{'sum':34}{total:>+10}  = {scores[1]} − {scores[0]}")


def main() -> None:
    """Print the three blocks of the page."""
    for block in (receipt, evidence, change):
        block()
        print()


if __name__ == "__main__":
    main()
