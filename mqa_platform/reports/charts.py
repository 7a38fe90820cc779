"""Charts as pictures inside a page: SVG as a data address, drawn without a browser and without a network.

Belongs here: how a chart looks, and the text for who cannot see it. Does not belong here: its rows.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

WIDTH, HEIGHT = 760, 260
# Told apart without colour as well: the score is a line, the threshold is dashed.
_SCORE, _THRESHOLD, _ENTRY = "#0b4a8f", "#8a3c00", "#1d1d1f"
_FONT: Final = "sans-serif"


def score_chart(rows: Sequence[dict[str, Any]], entries: Sequence[date]) -> str:
    """The score over time with its threshold and the days of entry, as ``data:image/svg+xml;base64,…``.

    Args:
        rows: day (date), score and threshold (floats), oldest first; at least one.
        entries: days on which the account entered mqa.
    """
    # Slow to import, and only pages need it.
    import altair as alt

    told = [{**r, "day": r["day"].isoformat()} for r in rows]
    # In UTC: in the zone of the machine a day would begin on the evening before.
    axis = alt.Axis(format="%d %b %Y", labelAngle=0, tickCount=8)
    day = alt.X("day:T", title=None, axis=axis, scale=alt.Scale(type="utc"))
    base = alt.Chart(alt.Data(values=told))
    layers: list[Any] = [
        base.mark_line(color=_SCORE, strokeWidth=2).encode(
            x=day, y=alt.Y("score:Q", title="points")
        ),
        base.mark_line(color=_THRESHOLD, strokeDash=[6, 4]).encode(x=day, y="threshold:Q"),
    ]
    if len(told) == 1:
        layers.append(base.mark_point(color=_SCORE, filled=True).encode(x=day, y="score:Q"))
    first, last = rows[0]["day"], rows[-1]["day"]
    marks = [{"day": e.isoformat()} for e in sorted(set(entries)) if first <= e <= last]
    if marks:
        rule = alt.Chart(alt.Data(values=marks)).mark_rule(color=_ENTRY, strokeDash=[2, 2])
        layers.append(rule.encode(x=day))
    return as_picture(alt.layer(*layers), WIDTH, HEIGHT)


def as_picture(chart: Any, width: int, height: int) -> str:
    """A chart of altair as ``data:image/svg+xml;base64,…``, of so many points."""
    import vl_convert

    told = chart.properties(width=width, height=height).configure(font=_FONT).to_dict()
    svg = vl_convert.vegalite_to_svg(told, allowed_base_urls=[])
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def score_text(rows: Sequence[dict[str, Any]], entries: Sequence[date]) -> str:
    """What the chart shows, in one sentence."""
    last = rows[-1]
    highest = max(rows, key=lambda r: (r["score"], r["day"]))
    text = (
        f"Score from {rows[0]['day']} to {last['day']}: {last['score']:.1f} at the end against a threshold "
        f"of {last['threshold']:.0f}, highest {highest['score']:.1f} on {highest['day']}."
    )
    if entries:
        text += f" Entered mqa on {', '.join(str(e) for e in sorted(set(entries)))}."
    return text
