"""How the figures of ``mqa evaluate model`` are shown.

Belongs here: its tables and sentences. Does not belong here: computing them (``evaluation``).
"""

from __future__ import annotations

from typing import Any

from mqa_platform import console
from mqa_platform.evaluation.models import MODELS


def shown(found: dict[str, Any]) -> None:
    """Both parts, as far as they were asked for."""
    if "mqa" in found:
        _quality(found)
    if "capacity" in found:
        _capacity(found)


def _number(value: float | None, form: str = ".2f") -> str:
    return "–" if value is None else format(value, form)


def _with(facts: dict[str, Any], name: str, form: str = ".2f") -> str:
    ends = (_number(facts[f"{name}_low"], form), _number(facts[f"{name}_high"], form))
    return f"{_number(facts[name], form)} ({ends[0]}–{ends[1]})"


def _quality(found: dict[str, Any]) -> None:
    rows = [
        [name.replace("_", " "), str(f["named"]), _with(f, "precision"), _with(f, "recall"),
         _with(f, "lift_top_decile", ".1f"), _with(f, "lead_days", ".0f")]
        for name in MODELS for f in [found[name]]
    ]  # fmt: skip
    chance = found["shuffled"]
    rows.append(["mqa, truth shuffled", "", "", "", _with(chance, "lift", ".1f"), ""])
    title = (
        f"World {found['world']}: {len(found['seeds'])} markets of {found['accounts']:,} accounts, "
    )
    title += f"{found['days']} days, {found['mqa']['episodes']} buying episodes"
    heads = [
        "model",
        "named",
        "precision",
        "recall",
        "lift of the top tenth",
        "days before the deal",
    ]
    console.table(title, heads, rows)
    for line in found["says"]:
        console.out.print(line, markup=False, soft_wrap=True)


def _capacity(found: dict[str, Any]) -> None:
    c, s = found["capacity"], found["stale_alarm"]
    rows = []
    for name, f in (
        ("all accounts", c),
        (f"{c['halves']['programmes']} random halves", c["halves"]),
    ):
        rows.append([name, _number(f["room_per_week"], ".1f"), str(f["quarters"]),
                     _number(f["within_share"]), _number(f["within_share_quiet"]),
                     _number(f["within_share_drifting"]), _number(f["within_share_by_chance"]),
                     _number(f["weeks_outside_share"], ".3f"),
                     _number(f["quarters_with_a_week_outside_share"])])  # fmt: skip
    heads = ["programme", "room a week", "quarters", "within ±10 %", "quiet", "drifting", "best possible",
             "weeks outside 95 %", "quarters with a week outside, all 13 together"]  # fmt: skip
    title = f"Thresholds solved every quarter while intent falls by half in {found['drift_weeks']} weeks"
    console.table(title, heads, rows)
    console.out.print(
        f"Stale threshold: {s['heard']} of {s['stale']} heard, {_number(s['weeks'], 'g')} weeks after it was stale "
        f"(most {_number(s['weeks_most'], 'g')}); {_number(s['false_alarms_in_52_quiet_weeks'])} false alarms in 52 "
        f"quiet weeks (most {_number(s['false_alarms_most'], 'g')}).", markup=False, soft_wrap=True,
    )  # fmt: skip
    untouched = ", ".join(f"{r:.2f}" for r in c["untouched"]["ratios"] or [])
    solved = ", ".join(f"{r:.2f}" for r in c["ratios"] or [])
    console.out.print(
        f"Volume ÷ room, quarter by quarter: {solved}; had nobody touched the first thresholds: {untouched}.",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    for line in c["says"]:
        console.out.print(line, markup=False, soft_wrap=True)
